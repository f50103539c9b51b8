//! CSV: one row per image (`image,<landmark>_x,<landmark>_y,…`) or per point (`image,landmark,x,y`).
//!
//! Empty cells are missing points.

use std::path::Path;

use csv::StringRecord;
use fiducia::Error;

use super::annotations::Annotations;
use super::unreadable;
use crate::data::parse_px;

/// Reads either form; the header decides which one it is.
pub(super) fn parse(path: &Path) -> Result<Annotations, Error> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|e| unreadable(path, e))?;
    let header = reader.headers().map_err(|e| unreadable(path, e))?.clone();
    let columns = columns(&header).map_err(|e| unreadable(path, format!("line 1: {e}")))?;
    let mut annotations = Annotations::default();
    if let Columns::Wide { landmarks, .. } = &columns {
        landmarks.iter().for_each(|(name, _)| annotations.landmark(name));
    }
    for row in reader.records() {
        let row = row.map_err(|e| unreadable(path, e))?;
        let line = row.position().map_or(0, csv::Position::line);
        add(&mut annotations, &columns, &row)
            .map_err(|e| unreadable(path, format!("line {line}: {e}")))?;
    }
    Ok(annotations)
}

/// The meaning of the columns.
enum Columns {
    /// One row per image: landmark names with the columns of x and y.
    Wide { image: usize, landmarks: Vec<(String, [usize; 2])> },
    /// One row per point.
    Long { image: usize, landmark: usize, x: usize, y: usize },
}

fn columns(header: &StringRecord) -> Result<Columns, String> {
    let find = |name: &str| header.iter().position(|h| h == name);
    let image = find("image").ok_or("column `image` is missing")?;
    if let (Some(landmark), Some(x), Some(y)) = (find("landmark"), find("x"), find("y")) {
        return Ok(Columns::Long { image, landmark, x, y });
    }
    let mut landmarks = Vec::new();
    for (i, name) in header.iter().enumerate().filter(|&(i, _)| i != image) {
        if let Some(landmark) = name.strip_suffix("_x") {
            let y = find(&format!("{landmark}_y"));
            let y = y.ok_or_else(|| format!("column `{landmark}_y` is missing"))?;
            landmarks.push((landmark.to_owned(), [i, y]));
        } else if name.strip_suffix("_y").and_then(|l| find(&format!("{l}_x"))).is_none() {
            return Err(format!("column `{name}` is neither `<landmark>_x` nor `<landmark>_y`"));
        }
    }
    match landmarks.is_empty() {
        true => {
            Err("expected `image,<landmark>_x,<landmark>_y,…` or `image,landmark,x,y`".to_owned())
        }
        false => Ok(Columns::Wide { image, landmarks }),
    }
}

fn add(annotations: &mut Annotations, columns: &Columns, row: &StringRecord) -> Result<(), String> {
    let mut point = |image: usize, landmark: &str, x: usize, y: usize| match (&row[x], &row[y]) {
        ("", "") => {
            annotations.landmark(landmark);
            Ok(())
        }
        (x, y) => {
            let px =
                [parse_px(x), parse_px(y)].map(|v| v.map_err(|e| format!("`{landmark}`: {e}")));
            let [x, y] = px;
            annotations.add(&row[image], landmark, [x?, y?])
        }
    };
    match columns {
        Columns::Long { image, landmark, x, y } => point(*image, &row[*landmark], *x, *y),
        Columns::Wide { image, landmarks } => {
            landmarks.iter().try_for_each(|(name, [x, y])| point(*image, name, *x, *y))
        }
    }
}

//! `mean.csv`: the points of every labelled image, one row per image.

use std::{collections::BTreeSet, path::Path};

use fiducia::{Error, ErrorKind};

use super::check_image_name;

/// Largest plausible coordinate, px; larger numbers mean a damaged file.
const MAX_COORDINATE_PX: f64 = 1e6;

/// Calls `each(image, points_px)` for every row of `path`, points in the order of `landmarks`.
///
/// Columns are found by name (`<landmark>_x`, `<landmark>_y`); others are ignored.
pub(crate) fn read_points(
    path: &Path,
    landmarks: &[String],
    mut each: impl FnMut(&str, Vec<[f64; 2]>),
) -> Result<(), Error> {
    let unreadable =
        |what: String| Error::new(ErrorKind::Unreadable, format!("{}: {what}", path.display()));
    if landmarks.is_empty() {
        return Err(unreadable("the set names no landmarks in its set.json".to_owned()));
    }
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|e| unreadable(e.to_string()))?;
    let headers = reader.headers().map_err(|e| unreadable(e.to_string()))?.clone();
    let column = |name: &str| {
        headers
            .iter()
            .position(|h| h == name)
            .ok_or_else(|| unreadable(format!("line 1: column `{name}` is missing")))
    };
    let image_column = column("image")?;
    let columns: Vec<[usize; 2]> = landmarks
        .iter()
        .map(|l| Ok([column(&format!("{l}_x"))?, column(&format!("{l}_y"))?]))
        .collect::<Result<_, Error>>()?;
    let mut seen = BTreeSet::new();
    for row in reader.records() {
        let row = row.map_err(|e| unreadable(e.to_string()))?;
        let line = row.position().map_or(0, csv::Position::line);
        let place = |what: String| unreadable(format!("line {line}: {what}"));
        let image = row[image_column].to_owned();
        check_image_name(&image).map_err(place)?;
        let mut points = Vec::with_capacity(columns.len());
        for (&[x, y], landmark) in columns.iter().zip(landmarks) {
            let of = |what| place(format!("landmark `{landmark}`: {what}"));
            points.push([parse_px(&row[x]).map_err(of)?, parse_px(&row[y]).map_err(of)?]);
        }
        if !seen.insert(image.clone()) {
            return Err(place(format!("`{image}` appears twice")));
        }
        each(&image, points);
    }
    Ok(())
}

/// One coordinate, px.
pub(crate) fn parse_px(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(v) if v.abs() <= MAX_COORDINATE_PX => Ok(v),
        _ => Err(format!("`{}` is not a position in px", text.escape_debug())),
    }
}

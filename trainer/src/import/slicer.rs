//! 3D Slicer markups: one `.mrk.json` file per image, named like the image (`001.mrk.json`, `001.jpg`).
//!
//! Slicer places a flat image in space with the centre of its top-left pixel at the origin, columns along the
//! patient's left (L) and rows along the patient's posterior (P) axis, whatever the image shows. Therefore
//!
//! ```text
//! coordinateSystem LPS (the usual one):  x_px =  position[0] / spacing_x,  y_px =  position[1] / spacing_y
//! coordinateSystem RAS:                  x_px = -position[0] / spacing_x,  y_px = -position[1] / spacing_y
//! ```
//! The spacing is that of the image inside Slicer: 1 mm for a PNG or JPEG unless it was changed.

use std::path::{Path, PathBuf};

use fiducia::Error;
use serde::Deserialize;

use super::annotations::Annotations;
use super::{read_json, unreadable};

#[derive(Deserialize)]
struct File {
    markups: Vec<Markup>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Markup {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    coordinate_system: Option<String>,
    #[serde(default)]
    coordinate_units: Option<serde_json::Value>,
    #[serde(default)]
    control_points: Vec<ControlPoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ControlPoint {
    label: String,
    #[serde(default)]
    position: Option<Vec<f64>>,
    #[serde(default)]
    position_status: Option<String>,
}

/// Reads the point lists; `images` are the names of the image files, `spacing_mm` the mm per px inside
/// Slicer.
pub(super) fn parse(
    files: &[PathBuf],
    images: &[String],
    spacing_mm: [f64; 2],
) -> Result<Annotations, Error> {
    let mut annotations = Annotations::default();
    for path in files {
        let file: File = read_json(path)?;
        let image = image_of(path, images).map_err(|e| unreadable(path, e))?;
        for markup in file.markups.iter().filter(|m| m.kind == "Fiducial") {
            add(&mut annotations, image, markup, spacing_mm).map_err(|e| unreadable(path, e))?;
        }
    }
    Ok(annotations)
}

fn add(
    annotations: &mut Annotations,
    image: &str,
    markup: &Markup,
    spacing_mm: [f64; 2],
) -> Result<(), String> {
    let sign = match markup.coordinate_system.as_deref() {
        None | Some("LPS") => 1.0,
        Some("RAS") => -1.0,
        Some(other) => return Err(format!("coordinate system `{other}`, expected LPS or RAS")),
    };
    match &markup.coordinate_units {
        None => {}
        Some(units) if units == "mm" || units[0] == "mm" => {}
        Some(units) => return Err(format!("coordinate units {units}, expected mm")),
    }
    for point in &markup.control_points {
        let label = point.label.trim();
        annotations.landmark(label);
        if point.position_status.as_deref().is_some_and(|s| s != "defined") {
            continue;
        }
        match point.position.as_deref() {
            None | Some([]) => {}
            Some(&[x, y, ..]) => {
                let px = [sign * x / spacing_mm[0], sign * y / spacing_mm[1]];
                annotations.add(image, label, px)?;
            }
            Some(_) => return Err(format!("point `{label}` does not have three coordinates")),
        }
    }
    Ok(())
}

/// The image with the same name before the extension.
fn image_of<'a>(path: &Path, images: &'a [String]) -> Result<&'a str, String> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.strip_suffix(".mrk.json").unwrap_or(&name);
    let same = |i: &&String| Path::new(i).file_stem().is_some_and(|s| s == stem);
    let found: Vec<&String> = images.iter().filter(same).collect();
    match found.as_slice() {
        [image] => Ok(image),
        [] => Err(format!(
            "no image is named `{stem}.…`; name the file like its image or give --images"
        )),
        _ => Err(format!("{} images are named `{stem}.…`", found.len())),
    }
}

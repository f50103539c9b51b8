//! LabelMe: one JSON file per image, shapes of type `point`.
//!
//! LabelMe draws the image with its corner at the origin and stores mouse positions, so that the centre of
//! the top-left pixel is (0.5, 0.5): [`super::Origin::Corner`].

use std::path::PathBuf;

use fiducia::Error;
use serde::Deserialize;

use super::annotations::{Annotations, file_name};
use super::{read_json, unreadable};

#[derive(Deserialize)]
struct File {
    #[serde(rename = "imagePath")]
    image_path: String,
    shapes: Vec<Shape>,
}

#[derive(Deserialize)]
struct Shape {
    label: String,
    /// Optional, because files before version 3 hold polygons only and have no such field.
    #[serde(default)]
    shape_type: Option<String>,
    points: Vec<Vec<f64>>,
}

/// Reads point shapes; other shapes are ignored.
pub(super) fn parse(files: &[PathBuf]) -> Result<Annotations, Error> {
    let mut annotations = Annotations::default();
    for path in files {
        let file: File = read_json(path)?;
        let image = file_name(&file.image_path);
        for shape in file.shapes {
            if shape.shape_type.as_deref() != Some("point") {
                continue;
            }
            let label = shape.label.trim();
            let [point] = shape.points.as_slice() else {
                return Err(unreadable(
                    path,
                    format!("point `{label}` does not have exactly one position"),
                ));
            };
            let &[x, y] = point.as_slice() else {
                return Err(unreadable(
                    path,
                    format!("point `{label}` does not have two coordinates"),
                ));
            };
            annotations.add(image, label, [x, y]).map_err(|e| unreadable(path, e))?;
        }
    }
    Ok(annotations)
}

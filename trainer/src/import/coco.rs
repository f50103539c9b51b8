//! COCO keypoints: one JSON file for all images.
//!
//! Keypoints are `x, y, v`; x and y count pixels from 0, so that an integer is the centre of a pixel:
//! [`super::Origin::Centre`]. `v` = 0 means not labelled.

use std::{collections::BTreeMap, path::Path};

use fiducia::Error;
use serde::Deserialize;

use super::annotations::{Annotations, file_name};
use super::{read_json, unreadable};

#[derive(Deserialize)]
struct File {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct Image {
    id: i64,
    file_name: String,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: i64,
    category_id: i64,
    #[serde(default)]
    keypoints: Vec<f64>,
}

#[derive(Deserialize)]
struct Category {
    id: i64,
    #[serde(default)]
    keypoints: Vec<String>,
}

/// Reads the keypoints of the only category that has any; annotations without keypoints are ignored.
pub(super) fn parse(path: &Path) -> Result<Annotations, Error> {
    let file: File = read_json(path)?;
    collect(&file).map_err(|e| unreadable(path, e))
}

fn collect(file: &File) -> Result<Annotations, String> {
    let images: BTreeMap<i64, &str> =
        file.images.iter().map(|i| (i.id, file_name(&i.file_name))).collect();
    let with_points: Vec<&Category> =
        file.categories.iter().filter(|c| !c.keypoints.is_empty()).collect();
    let [category] = with_points.as_slice() else {
        let count = with_points.len();
        return Err(format!("{count} categories define keypoints, expected one"));
    };
    let mut annotations = Annotations::default();
    category.keypoints.iter().for_each(|name| annotations.landmark(name));
    for annotation in file.annotations.iter().filter(|a| !a.keypoints.is_empty()) {
        let id = annotation.image_id;
        let image = images
            .get(&id)
            .ok_or_else(|| format!("an annotation names image {id}, which is not listed"))?;
        let expected = 3 * category.keypoints.len();
        if annotation.category_id != category.id || annotation.keypoints.len() != expected {
            return Err(format!(
                "`{image}` has {} keypoint numbers of category {}, expected {expected} of category {}",
                annotation.keypoints.len(),
                annotation.category_id,
                category.id
            ));
        }
        for (name, point) in category.keypoints.iter().zip(annotation.keypoints.chunks_exact(3)) {
            if point[2] > 0.0 {
                annotations.add(image, name, [point[0], point[1]])?;
            }
        }
    }
    Ok(annotations)
}

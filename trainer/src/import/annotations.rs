//! The common form of all annotations: named points on named images.

use std::collections::BTreeMap;

use crate::data::check_image_name;

/// Named points of images, px of the image file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Annotations {
    /// Landmark names in order of first occurrence.
    pub(super) landmarks: Vec<String>,
    /// Image name → landmark → `[x, y]`, px.
    pub(super) points: BTreeMap<String, BTreeMap<String, [f64; 2]>>,
}

impl Annotations {
    /// Adds a landmark to the set, even if no image has it.
    pub(super) fn landmark(&mut self, name: &str) {
        if !self.landmarks.iter().any(|l| l == name) {
            self.landmarks.push(name.to_owned());
        }
    }

    /// Adds one point; rejects a second one of the same name on the same image.
    pub(super) fn add(
        &mut self,
        image: &str,
        landmark: &str,
        point_px: [f64; 2],
    ) -> Result<(), String> {
        check_image_name(image)?;
        if !point_px.iter().all(|v| v.is_finite()) {
            return Err(format!("`{landmark}` of `{image}` has no finite position"));
        }
        self.landmark(landmark);
        let points = self.points.entry(image.to_owned()).or_default();
        match points.insert(landmark.to_owned(), point_px) {
            None => Ok(()),
            Some(_) => Err(format!("`{image}` has two points named `{landmark}`")),
        }
    }

    /// Translates every point by `by`, px.
    pub(super) fn shift(&mut self, by_px: [f64; 2]) {
        for point in self.points.values_mut().flat_map(BTreeMap::values_mut) {
            *point = [point[0] + by_px[0], point[1] + by_px[1]];
        }
    }

    /// The points of `image` in the order of the landmarks, or the first missing landmark.
    pub(super) fn complete(&self, image: &str) -> Result<Vec<[f64; 2]>, &str> {
        let points = &self.points[image];
        self.landmarks.iter().map(|l| points.get(l).copied().ok_or(l.as_str())).collect()
    }
}

/// The last component of a path of any operating system.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

//! The metrics of one kind of images.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{ImageOutcome, Kind};
use crate::statistics::mean;

/// The metrics of one kind of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Number of images.
    pub images: usize,
    /// How many of them were refused.
    pub refused: usize,
    /// How many were refused with the right orientation issue; `None` for kinds without one.
    pub named: Option<usize>,
    /// Mean radial error of the landmarks inside the image, over all accepted images with ground truth.
    pub mre: Option<f64>,
    /// The largest mean radial error of one of these images.
    pub worst_mre: Option<f64>,
    /// Percentage of these landmarks that the runtime marks as low-confidence.
    pub low_confidence_percent: Option<f64>,
    /// Landmarks outside the image that the runtime reports as confident, in all accepted images.
    pub phantoms: usize,
}

impl Figures {
    /// Computes the metrics of `kind`.
    pub fn of(kind: &Kind) -> Self {
        let outcomes = &kind.outcomes;
        let count = |is: &dyn Fn(&ImageOutcome) -> bool| outcomes.iter().filter(|l| is(l)).count();
        let errors: Vec<f64> = outcomes.iter().flat_map(|l| &l.errors).copied().collect();
        let of_image = outcomes.iter().filter(|l| !l.errors.is_empty()).map(|l| mean(&l.errors));
        let low_confidence: usize = outcomes.iter().map(|l| l.low_confidence).sum();
        let measured = !errors.is_empty();
        Self {
            images: outcomes.len(),
            refused: count(&|l| l.refused),
            named: kind.presentation.map(|p| count(&|l| l.refused && l.presentation == Some(p))),
            mre: measured.then(|| mean(&errors)),
            worst_mre: of_image.max_by(f64::total_cmp),
            low_confidence_percent: measured
                .then(|| 100.0 * low_confidence as f64 / errors.len() as f64),
            phantoms: outcomes.iter().map(|l| l.phantoms).sum(),
        }
    }

    /// Percentage of the images that were refused; `None` without images.
    pub fn refused_percent(&self) -> Option<f64> {
        self.percent(self.refused)
    }

    /// Percentage of the images that were refused with the right orientation issue.
    pub fn named_percent(&self) -> Option<f64> {
        self.percent(self.named?)
    }

    fn percent(&self, count: usize) -> Option<f64> {
        (self.images > 0).then(|| 100.0 * count as f64 / self.images as f64)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let figures = Figures::of(self);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", &self.name)?;
        map.serialize_entry("images", &figures.images)?;
        map.serialize_entry("refused", &figures.refused)?;
        map.serialize_entry("refused_percent", &figures.refused_percent())?;
        map.serialize_entry("named_percent", &figures.named_percent())?;
        map.serialize_entry("mre", &figures.mre)?;
        map.serialize_entry("worst_mre", &figures.worst_mre)?;
        map.serialize_entry("doubtful_percent", &figures.low_confidence_percent)?;
        map.serialize_entry("phantoms", &figures.phantoms)?;
        map.serialize_entry("looks", &self.outcomes)?;
        map.end()
    }
}

//! Looks of one kind as figures.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Kind, Look};
use crate::evaluate::mean;

/// The figures of one kind of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Number of images.
    pub images: usize,
    /// How many of them were refused.
    pub refused: usize,
    /// How many were refused and called what they are; `None` for kinds without a name.
    pub named: Option<usize>,
    /// Mean radial error of the landmarks in the picture, over all accepted images with ground truth.
    pub mre: Option<f64>,
    /// The same of the worst of these images.
    pub worst_mre: Option<f64>,
    /// Share of these landmarks that the runtime marks as doubtful, percent.
    pub doubtful_percent: Option<f64>,
    /// Landmarks outside the picture that the runtime reports without a mark, in all accepted images.
    pub phantoms: usize,
}

impl Figures {
    /// The figures of `kind`.
    pub fn of(kind: &Kind) -> Self {
        let looks = &kind.looks;
        let count = |is: &dyn Fn(&Look) -> bool| looks.iter().filter(|l| is(l)).count();
        let errors: Vec<f64> = looks.iter().flat_map(|l| &l.errors).copied().collect();
        let of_image = looks.iter().filter(|l| !l.errors.is_empty()).map(|l| mean(&l.errors));
        let doubtful: usize = looks.iter().map(|l| l.doubtful).sum();
        let measured = !errors.is_empty();
        Self {
            images: looks.len(),
            refused: count(&|l| l.refused),
            named: kind.presentation.map(|p| count(&|l| l.refused && l.presentation == Some(p))),
            mre: measured.then(|| mean(&errors)),
            worst_mre: of_image.max_by(f64::total_cmp),
            doubtful_percent: measured.then(|| 100.0 * doubtful as f64 / errors.len() as f64),
            phantoms: looks.iter().map(|l| l.phantoms).sum(),
        }
    }

    /// Share of the images that was refused, percent; `None` without images.
    pub fn refused_percent(&self) -> Option<f64> {
        self.percent(self.refused)
    }

    /// Share of the images that was called what it is, percent.
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
        map.serialize_entry("doubtful_percent", &figures.doubtful_percent)?;
        map.serialize_entry("phantoms", &figures.phantoms)?;
        map.serialize_entry("looks", &self.looks)?;
        map.end()
    }
}

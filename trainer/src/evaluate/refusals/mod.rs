//! How reliably unsuitable images are refused: a split as it is and altered, and images of other anatomies.
//!
//! ```text
//! Subjects ─Alteration→ radiographs ─outcome→ ImageOutcomes, by kind ─figures→ table, JSON
//! ```

mod alteration;
mod outcome;
mod figures;
mod table;

pub use alteration::Alteration;
pub use figures::Figures;
pub use outcome::{ImageOutcome, Signals};
pub use table::refusal_table;

use fiducia::report::ModelInfo;
use fiducia::{Detector, Error, OrientationIssue};
use serde::Serialize;

use super::Unit;
use crate::data::Unlabelled;
use outcome::outcome;

/// An image of the split, with its ground truth if any.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The image.
    pub image: Unlabelled,
    /// `[x, y]` of each measured landmark, px of the image file; empty without ground truth.
    pub truth_px: Vec<[f64; 2]>,
}

/// A folder of images of another anatomy or modality.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// Name of the data set.
    pub name: String,
    /// Its images.
    pub images: Vec<Unlabelled>,
}

/// All images of one kind: altered in one way, or foreign.
#[derive(Clone, Debug)]
pub struct Kind {
    /// What the images are, for the table.
    pub name: String,
    /// The orientation issue that the runtime should report, if any.
    pub presentation: Option<OrientationIssue>,
    /// One entry per image.
    pub outcomes: Vec<ImageOutcome>,
}

/// The results of the measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Refusals {
    /// The model that was run.
    pub model: ModelInfo,
    /// Name of the data set.
    pub set: String,
    /// Name of the split.
    pub split: String,
    /// Unit of all errors: millimetres, or pixels where the set has no scale.
    pub unit: Unit,
    /// One entry per kind.
    pub kinds: Vec<Kind>,
}

/// Runs `detector` on every subject with every [`Alteration`], then on all foreign images.
///
/// `landmarks` are those of the subjects' ground truth. `done` is called after each image: `subjects ·
/// alterations + foreign images` times.
///
/// # Errors
/// As [`super::predict()`].
pub fn refusals(
    detector: &mut Detector,
    subjects: &[Subject],
    landmarks: &[String],
    unit: Unit,
    foreign: &[Foreign],
    done: impl Fn(),
) -> Result<Vec<Kind>, Error> {
    let mut kinds: Vec<Kind> = Alteration::ALL.map(Kind::altered).into();
    for (seed, subject) in subjects.iter().enumerate() {
        let radiograph = subject.image.read()?;
        for (alteration, kind) in Alteration::ALL.iter().zip(&mut kinds) {
            let altered = alteration.apply(&radiograph, &subject.truth_px, seed as u64);
            kind.outcomes.push(outcome(detector, &altered, landmarks, unit, kind.presentation)?);
            done();
        }
    }
    for folder in foreign {
        let mut kind = Kind::foreign(&folder.name);
        for image in &folder.images {
            let shown = alteration::Altered { radiograph: image.read()?, truth_px: Vec::new() };
            kind.outcomes.push(outcome(detector, &shown, &[], unit, None)?);
            done();
        }
        kinds.push(kind);
    }
    Ok(kinds)
}

impl Kind {
    fn altered(alteration: Alteration) -> Self {
        let (name, presentation) = (alteration.name().to_owned(), alteration.presentation());
        Self { name, presentation, outcomes: Vec::new() }
    }

    fn foreign(set: &str) -> Self {
        Self { name: format!("foreign: {set}"), presentation: None, outcomes: Vec::new() }
    }
}

#[cfg(test)]
mod tests;

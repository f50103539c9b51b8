//! How surely unsuitable images are refused, and named: a split as it is and altered, and foreign images.
//!
//! ```text
//! Subjects ─Alteration→ radiographs ─look→ Looks, by kind ─figures→ table, JSON
//! ```

mod alteration;
mod look;
mod figures;
mod table;

pub use alteration::Alteration;
pub use figures::Figures;
pub use look::{Look, Signals};
pub use table::refusal_table;

use fiducia::{Detector, Error, ModelInfo, Presentation};
use serde::Serialize;

use super::Unit;
use crate::data::Unlabelled;
use look::look;

/// An image of the split, with its ground truth where there is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The image.
    pub image: Unlabelled,
    /// `[x, y]` of each measured landmark, px of the image file; empty without ground truth.
    pub truth_px: Vec<[f64; 2]>,
}

/// A folder of images that the model was not made for.
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
    /// What the runtime should call them, where it has a name for it.
    pub presentation: Option<Presentation>,
    /// One per image.
    pub looks: Vec<Look>,
}

/// What was measured.
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
    /// One per kind.
    pub kinds: Vec<Kind>,
}

/// Runs `detector` on every subject in every [`Alteration`], then on all foreign images.
///
/// `landmarks` are those of the subjects' ground truth. `done` is called after each look, of which
/// there are `subjects · alterations + foreign images`.
///
/// # Errors
/// As [`super::predict`].
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
            kind.looks.push(look(detector, &altered, landmarks, unit, kind.presentation)?);
            done();
        }
    }
    for folder in foreign {
        let mut kind = Kind::foreign(&folder.name);
        for image in &folder.images {
            let shown = alteration::Altered { radiograph: image.read()?, truth_px: Vec::new() };
            kind.looks.push(look(detector, &shown, &[], unit, None)?);
            done();
        }
        kinds.push(kind);
    }
    Ok(kinds)
}

impl Kind {
    fn altered(alteration: Alteration) -> Self {
        let (name, presentation) = (alteration.name().to_owned(), alteration.presentation());
        Self { name, presentation, looks: Vec::new() }
    }

    fn foreign(set: &str) -> Self {
        Self { name: format!("foreign: {set}"), presentation: None, looks: Vec::new() }
    }
}

#[cfg(test)]
mod tests;

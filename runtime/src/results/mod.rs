//! Results as DICOM objects that any archive keeps and any viewer shows beside the film.
//!
//! ```text
//! film ─Source→ patient, study, image ┐
//! Radiograph, Report ─────────────────┴─results→ Objects: structured report, presentation state, picture
//! ```

mod identity;
mod source;
mod charset;
mod data_set;
mod codes;
mod task;
mod place;
mod content;
mod landmark;
mod document;
mod presentation;
mod capture;

use std::time::SystemTime;

use dicom_dictionary_std::uids;

use crate::error::Error;
use crate::radiograph::Radiograph;
use crate::report::Report;
use task::Task;

pub use source::Source;

/// Forms of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Structured report of the class that IHE's AI Results profile asks for: Comprehensive 3D SR.
    Report3d,
    /// The same report as Comprehensive SR, for archives that do not take the newer class.
    Report,
    /// Points and names as a viewer draws them over the film: Grayscale Softcopy Presentation State.
    Presentation,
    /// The film with the points burned in: Secondary Capture.
    Capture,
}

/// One DICOM object, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// SOP Class UID.
    pub sop_class: &'static str,
    /// SOP Instance UID.
    pub sop_instance: String,
    /// A file (Part 10) in explicit VR little endian.
    pub bytes: Vec<u8>,
}

/// Makes the objects that say what `report` says of the film `source`.
///
/// UIDs follow from study, image, model, kind and the question (landmarks, scale, inversion), not from the time: a
/// second run makes objects of the same identity, and with the same `made` the same bytes. A refused film gives
/// reports that say why, without points, and neither presentation state nor picture.
///
/// # Errors
/// [`crate::error::ErrorKind::Engine`] where an object cannot be written, which would be a fault of fiducia.
pub fn results(
    source: &Source,
    radiograph: &Radiograph,
    report: &Report,
    made: SystemTime,
    kinds: &[Kind],
) -> Result<Vec<Object>, Error> {
    let task = Task::new(source, radiograph, report, made);
    let kinds = kinds.iter().filter(|kind| report.plausible || kind.is_report());
    kinds.map(|kind| object(&task, *kind)).collect()
}

fn object(task: &Task<'_>, kind: Kind) -> Result<Object, Error> {
    let (data_set, sop_class) = match kind {
        Kind::Report3d | Kind::Report => {
            (document::document(task, kind), document::sop_class(kind))
        }
        Kind::Presentation => {
            (presentation::presentation(task), uids::GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE)
        }
        Kind::Capture => (capture::capture(task), uids::SECONDARY_CAPTURE_IMAGE_STORAGE),
    };
    let sop_instance = task.instance(kind);
    let bytes = data_set.file(sop_class, &sop_instance)?;
    Ok(Object { kind, sop_class, sop_instance, bytes })
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Report3d, Self::Report, Self::Presentation, Self::Capture];

    /// Short name: `sr3d`, `sr`, `gsps`, `sc`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Report3d => "sr3d",
            Self::Report => "sr",
            Self::Presentation => "gsps",
            Self::Capture => "sc",
        }
    }

    /// Whether it is a structured report, the kind that a refused film gets too.
    pub fn is_report(self) -> bool {
        matches!(self, Self::Report3d | Self::Report)
    }
}

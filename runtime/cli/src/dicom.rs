//! Results as DICOM objects: which are written, and to which files.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, builder::PossibleValuesParser, builder::TypedValueParser};
use fiducia::atomic::Staged;
use fiducia::radiograph::{file_start, is_dicom};
use fiducia::results::{Kind, Source, results};
use fiducia::{Error, ErrorKind, Radiograph, Report};

use super::images::RESULT_MARK;

/// Options for DICOM objects.
#[derive(Args)]
pub(super) struct DicomArguments {
    /// Write the results of DICOM images as DICOM objects into this existing folder; for a refused image a report with
    /// the reason.
    #[arg(long, value_name = "FOLDER")]
    pub(super) dicom: Option<PathBuf>,
    /// Which objects, separated by commas: sr3d (structured report, Comprehensive 3D SR), sr (the same as
    /// Comprehensive SR, for older archives), gsps (presentation state, which viewers draw over the image), sc
    /// (secondary capture: the image with the landmarks burned in).
    #[arg(
        long,
        value_name = "KINDS",
        value_delimiter = ',',
        default_value = "sr3d",
        requires = "dicom",
        value_parser = PossibleValuesParser::new(Kind::ALL.map(Kind::name)).map(kind)
    )]
    pub(super) dicom_kinds: Vec<Kind>,
}

impl DicomArguments {
    /// Checks that `image` is a DICOM file, if DICOM objects are requested.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if it is not. A file that cannot be read is reported later, when it is opened.
    pub(super) fn check(&self, image: &Path) -> Result<(), Error> {
        let is_other = file_start(image).is_ok_and(|start| !is_dicom(&start));
        if self.dicom.is_none() || !is_other {
            return Ok(());
        }
        let what = "is not a DICOM file, and --dicom needs its patient and study; omit --dicom";
        Err(Error::new(ErrorKind::Usage, format!("{} {what}", image.display())))
    }

    /// The files of the objects of `image`, if they are requested.
    pub(super) fn destinations(&self, image: &Path) -> Vec<PathBuf> {
        let Some(folder) = &self.dicom else { return Vec::new() };
        self.kinds().map(|kind| destination(folder, image, kind)).collect()
    }

    /// Writes the objects of one image under temporary names, if they are requested.
    ///
    /// # Errors
    /// If the image cannot be read again, or a result cannot be written.
    pub(super) fn stage(
        &self,
        image: &Path,
        radiograph: &Radiograph,
        report: &Report,
    ) -> Result<Vec<Staged>, Error> {
        let Some(folder) = &self.dicom else { return Ok(Vec::new()) };
        let kinds: Vec<Kind> = self.kinds().collect();
        let objects =
            results(&Source::open(image)?, radiograph, report, SystemTime::now(), &kinds)?;
        let staged = objects
            .iter()
            .map(|object| Staged::new(&destination(folder, image, object.kind), &object.bytes));
        staged.filter_map(Result::transpose).collect()
    }

    /// Each kind once.
    fn kinds(&self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(|kind| self.dicom_kinds.contains(kind))
    }
}

fn destination(folder: &Path, image: &Path, kind: Kind) -> PathBuf {
    let stem = image.file_stem().unwrap_or_default().to_string_lossy();
    folder.join(format!("{stem}{RESULT_MARK}{}.dcm", kind.name()))
}

/// `clap` accepts only known names.
fn kind(name: String) -> Kind {
    Kind::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(Kind::Report3d)
}

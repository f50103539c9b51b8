//! Results as DICOM objects: which, and where they go.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, builder::PossibleValuesParser, builder::TypedValueParser};
use fiducia::results::{Kind, Source, results};
use fiducia::{Error, ErrorKind, Radiograph, Report, Staged, is_dicom};

use super::images::{DICOM_START, RESULT_MARK};

/// Which DICOM objects are written.
#[derive(Args)]
pub(super) struct DicomArguments {
    /// Write the result as DICOM objects into this existing folder, for DICOM images; of a refused image a report
    /// that says why.
    #[arg(long, value_name = "FOLDER")]
    pub(super) dicom: Option<PathBuf>,
    /// Which objects, separated by commas: sr3d (structured report, Comprehensive 3D SR), sr (the same as
    /// Comprehensive SR, for older archives), gsps (presentation state, drawn over the image by viewers), sc (picture
    /// with the landmarks burned in, secondary capture).
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
    /// Checks that DICOM objects can refer to `image`, where they are asked for.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] where it is another file. One that cannot be read is left to those who read it.
    pub(super) fn check(&self, image: &Path) -> Result<(), Error> {
        let mut start = Vec::new();
        let read = File::open(image).and_then(|f| f.take(DICOM_START).read_to_end(&mut start));
        if self.dicom.is_none() || read.is_err() || is_dicom(&start) {
            return Ok(());
        }
        let what = "is no DICOM file, and --dicom needs the patient and the study of one; leave --dicom out";
        Err(Error::new(ErrorKind::Usage, format!("{} {what}", image.display())))
    }

    /// Where the objects of `image` go, where they are asked for.
    pub(super) fn destinations(&self, image: &Path) -> Vec<PathBuf> {
        let Some(folder) = &self.dicom else { return Vec::new() };
        self.kinds().map(|kind| destination(folder, image, kind)).collect()
    }

    /// Makes the objects of one image, where they are asked for.
    ///
    /// # Errors
    /// Where the film cannot be read again, or a result not be written.
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

/// The parser has let known names through only.
fn kind(name: String) -> Kind {
    Kind::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(Kind::Report3d)
}

//! One image with its result, in all forms that the page offers.

use std::io::Cursor;
use std::time::SystemTime;

use fiducia::results::{Kind, Source, results};
use fiducia::{Error, ErrorKind, Radiograph, Report, csv, is_dicom, measures_csv, overlay};

/// The forms of a result.
pub(super) struct Shown {
    report: Report,
    /// The image with the landmarks drawn, or without them where it was refused: PNG.
    picture: Vec<u8>,
    /// A structured report, of DICOM files: name and file.
    object: Option<Vec<u8>>,
}

impl Shown {
    /// Draws and writes what is cheap to keep; `file` is what `radiograph` was read from.
    pub(super) fn new(radiograph: &Radiograph, report: Report, file: &[u8]) -> Result<Self, Error> {
        let drawn = match report.plausible {
            true => overlay(radiograph, &report),
            false => overlay(radiograph, &Report { landmarks: vec![], ..report.clone() }),
        };
        let mut picture = Cursor::new(Vec::new());
        drawn
            .write_to(&mut picture, image::ImageFormat::Png)
            .map_err(|e| Error::new(ErrorKind::Engine, format!("cannot draw the result: {e}")))?;
        let object = match is_dicom(file) {
            true => {
                let source = Source::read(file)?;
                let kinds = [Kind::Report3d];
                results(&source, radiograph, &report, SystemTime::now(), &kinds)?.pop()
            }
            false => None,
        };
        let object = object.map(|object| object.bytes);
        Ok(Self { report, picture: picture.into_inner(), object })
    }

    /// What the page is told: its number, the report, whether there is a DICOM object.
    pub(super) fn answer(&self, number: usize) -> Result<Vec<u8>, Error> {
        let landmarks = if self.report.plausible { &self.report.landmarks[..] } else { &[] };
        let answer = serde_json::json!({
            "number": number,
            "dicom": self.object.is_some(),
            "image": self.report.image,
            "size_px": self.report.size_px,
            "spacing_mm": self.report.spacing_mm,
            "mm_source": self.report.mm_source,
            "model": self.report.model,
            "device": self.report.backend.device,
            "total_ms": self.report.timings_ms.total,
            "plausible": self.report.plausible,
            "reasons": self.report.reasons,
            "landmarks": landmarks,
            "measures": if self.report.plausible { &self.report.measures[..] } else { &[] },
        });
        serde_json::to_vec(&answer)
            .map_err(|e| Error::new(ErrorKind::Engine, format!("cannot write the answer: {e}")))
    }

    /// Type and bytes of a part by its file name. Of a refused image there are only the picture, the JSON, which says
    /// why, and the DICOM report, which does too.
    pub(super) fn part(&self, name: &str) -> Option<(&'static str, Vec<u8>)> {
        let reports = std::slice::from_ref(&self.report);
        match name {
            "overlay.png" => Some(("image/png", self.picture.clone())),
            "report.json" => Some(("application/json", self.report.json().ok()?.into_bytes())),
            "report.dcm" => Some(("application/dicom", self.object.clone()?)),
            "landmarks.csv" if self.report.plausible => {
                Some(("text/csv", csv(reports).into_bytes()))
            }
            "measures.csv" if self.report.plausible && !self.report.measures.is_empty() => {
                Some(("text/csv", measures_csv(reports).into_bytes()))
            }
            _ => None,
        }
    }
}

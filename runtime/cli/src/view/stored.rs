//! The result of one image and its exports.

use std::io::Cursor;
use std::time::SystemTime;

use fiducia::radiograph::is_dicom;
use fiducia::report::{csv, measures_csv};
use fiducia::results::{Kind, Source, results};
use fiducia::{Error, ErrorKind, Radiograph, Report, overlay};

/// A result in memory.
pub(super) struct StoredResult {
    report: Report,
    /// The image with its landmarks, without them if it was refused; PNG.
    overlay: Vec<u8>,
    /// The DICOM structured report, for DICOM files.
    object: Option<Vec<u8>>,
}

impl StoredResult {
    /// Draws the overlay and writes the structured report; `file` is the file of `radiograph`.
    pub(super) fn new(radiograph: &Radiograph, report: Report, file: &[u8]) -> Result<Self, Error> {
        let drawn = match report.plausible {
            true => overlay(radiograph, &report),
            false => overlay(radiograph, &Report { landmarks: vec![], ..report.clone() }),
        };
        let mut png = Cursor::new(Vec::new());
        drawn
            .write_to(&mut png, image::ImageFormat::Png)
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
        Ok(Self { report, overlay: png.into_inner(), object })
    }

    /// The response to the page: number, report, and whether there is a DICOM object.
    pub(super) fn json(&self, number: usize) -> Result<Vec<u8>, Error> {
        let landmarks = if self.report.plausible { &self.report.landmarks[..] } else { &[] };
        let result = serde_json::json!({
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
        serde_json::to_vec(&result)
            .map_err(|e| Error::new(ErrorKind::Engine, format!("cannot write the result: {e}")))
    }

    /// Content type and bytes of the export with this file name. A refused image has only the overlay, and the JSON and
    /// DICOM reports with the reason.
    pub(super) fn export(&self, name: &str) -> Option<(&'static str, Vec<u8>)> {
        let reports = std::slice::from_ref(&self.report);
        match name {
            "overlay.png" => Some(("image/png", self.overlay.clone())),
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

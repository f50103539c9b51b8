//! Reports and landmarks as Python objects.

use pyo3::prelude::*;

use crate::error::raised;

/// One landmark. The origin is the centre of the top-left pixel, x to the right, y down.
#[pyclass(frozen, get_all, module = "fiducia")]
#[derive(Clone)]
pub(crate) struct Landmark {
    /// Name of the landmark in the model.
    name: String,
    /// Position, px.
    x_px: f64,
    /// Position, px.
    y_px: f64,
    /// Position, mm; None if the spacing is unknown.
    x_mm: Option<f64>,
    /// Position, mm; None if the spacing is unknown.
    y_mm: Option<f64>,
    /// Expected distance to the true position, px.
    expected_error_px: f64,
    /// Expected distance to the true position, mm; None if the spacing is unknown.
    expected_error_mm: Option<f64>,
    /// Covariance of the position (xx, xy, yy), px².
    covariance_px2: (f64, f64, f64),
    /// False: low confidence, verify the position by eye.
    confident: bool,
}

#[pymethods]
impl Landmark {
    fn __repr__(&self) -> String {
        let Self { name, x_px, y_px, expected_error_px, confident, .. } = self;
        let mark = if *confident { "" } else { ", low confidence" };
        format!("<Landmark {name} ({x_px:.1}, {y_px:.1}) px ± {expected_error_px:.1}{mark}>")
    }
}

impl From<&fiducia::Landmark> for Landmark {
    fn from(l: &fiducia::Landmark) -> Self {
        Self {
            name: l.name.clone(),
            x_px: l.x_px,
            y_px: l.y_px,
            x_mm: l.x_mm,
            y_mm: l.y_mm,
            expected_error_px: l.expected_error_px,
            expected_error_mm: l.expected_error_mm,
            covariance_px2: l.covariance_px2.into(),
            confident: l.confident,
        }
    }
}

/// The landmarks of one image, and the model and device that detected them.
#[pyclass(frozen, module = "fiducia")]
pub(crate) struct Report(pub(crate) fiducia::Report);

#[pymethods]
impl Report {
    /// One entry per landmark, in the order of the model.
    #[getter]
    fn landmarks(&self) -> Vec<Landmark> {
        self.0.landmarks.iter().map(Landmark::from).collect()
    }

    /// Width and height of the image, px.
    #[getter]
    fn size_px(&self) -> (usize, usize) {
        self.0.size_px.into()
    }

    /// Pixel spacing (x, y), mm; None if it is unknown.
    #[getter]
    fn spacing_mm(&self) -> Option<(f64, f64)> {
        self.0.spacing_mm.map(Into::into)
    }

    /// Name of the model.
    #[getter]
    fn model_name(&self) -> &str {
        &self.0.model.name
    }

    /// SHA-256 of the model file, hexadecimal.
    #[getter]
    fn model_sha256(&self) -> &str {
        &self.0.model.sha256
    }

    /// `cpu` or `gpu`: the processor that ran the networks.
    #[getter]
    fn backend(&self) -> &str {
        self.0.backend.kind
    }

    /// Name of the processor or adapter that ran the networks.
    #[getter]
    fn device(&self) -> &str {
        &self.0.backend.device
    }

    /// Wall-clock time of the detection, ms.
    #[getter]
    fn total_ms(&self) -> f64 {
        self.0.timings_ms.total
    }

    /// The report as JSON, schema `fiducia.report/1`.
    fn to_json(&self) -> PyResult<String> {
        self.0.json().map_err(|e| raised(&e))
    }

    fn __repr__(&self) -> String {
        let fiducia::Report { landmarks, image, model, backend, .. } = &self.0;
        let count = landmarks.len();
        format!("<Report of {image}: {count} landmarks by {} on {}>", model.name, backend.device)
    }
}

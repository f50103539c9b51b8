//! A model on a device, shared by any number of threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use fiducia::report::ModelInfo;
use fiducia::{Backend, BackendInfo, ErrorKind, Pack, PublicKey};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error::{Error, raised, refused};
use crate::image::{Spacing, radiograph};
use crate::report::Report;

/// A model that is ready to run.
#[pyclass(frozen, module = "fiducia")]
pub(crate) struct Detector {
    /// Detections run one at a time.
    detector: Mutex<fiducia::Detector>,
    landmarks: Vec<String>,
    backend: BackendInfo,
    model: ModelInfo,
}

/// Message of an internal error.
const INTERNAL_ERROR: &str = "internal error; create a new detector, and please report it";

#[pymethods]
impl Detector {
    /// Reads the model file and prepares it on a device.
    #[new]
    #[pyo3(signature = (model, *, backend="auto", adapter=None, landmarks=None, signer=None))]
    fn new(
        py: Python<'_>,
        model: PathBuf,
        backend: &str,
        adapter: Option<&str>,
        landmarks: Option<Vec<String>>,
        signer: Option<PathBuf>,
    ) -> PyResult<Self> {
        let backend = match backend {
            "auto" => Backend::Auto,
            "cpu" => Backend::Cpu,
            "gpu" => Backend::Gpu,
            other => {
                let message = format!("invalid backend {other:?}, expected auto, cpu or gpu");
                return Err(PyValueError::new_err(message));
            }
        };
        py.detach(|| {
            catch_panic(|| Self::open(&model, signer.as_deref(), backend, adapter, landmarks))
        })?
        .map_err(|e| raised(&e))
    }

    /// Detects the landmarks on `image`, an array [height, width] of uint8 or uint16.
    #[pyo3(signature = (image, spacing=None, *, invert=false, name="image"))]
    fn detect(
        &self,
        image: &Bound<'_, PyAny>,
        spacing: Option<Spacing>,
        invert: bool,
        name: &str,
    ) -> PyResult<Report> {
        let py = image.py();
        let mut radiograph = radiograph(image, spacing.as_ref(), name)?;
        let found = py.detach(|| {
            catch_panic(|| {
                if invert {
                    radiograph = radiograph.inverted();
                }
                let Ok(mut detector) = self.detector.lock() else {
                    return Err(fiducia::Error::new(ErrorKind::Engine, INTERNAL_ERROR));
                };
                detector.detect(&radiograph)
            })
        })?;
        match found {
            Ok(report) => match report.refusal() {
                None => Ok(Report(report)),
                Some(refusal) => Err(refused(py, refusal.to_string(), &report.reasons)),
            },
            Err(error) if error.kind() == ErrorKind::Implausible => {
                Err(refused(py, error.to_string(), &[error.to_string()]))
            }
            Err(error) => Err(raised(&error)),
        }
    }

    /// Names of the landmarks to detect.
    #[getter]
    fn landmarks(&self) -> Vec<String> {
        self.landmarks.clone()
    }

    /// Name of the model.
    #[getter]
    fn model_name(&self) -> &str {
        &self.model.name
    }

    /// SHA-256 of the model file, hexadecimal.
    #[getter]
    fn model_sha256(&self) -> &str {
        &self.model.sha256
    }

    /// `cpu` or `gpu`: the processor that runs the networks.
    #[getter]
    fn backend(&self) -> &str {
        self.backend.kind
    }

    /// Name of the processor or adapter that runs the networks.
    #[getter]
    fn device(&self) -> &str {
        &self.backend.device
    }

    fn __repr__(&self) -> String {
        format!("<Detector {} on {}>", self.model.name, self.backend.device)
    }
}

impl Detector {
    fn open(
        model: &Path,
        signer: Option<&Path>,
        backend: Backend,
        adapter: Option<&str>,
        landmarks: Option<Vec<String>>,
    ) -> Result<Self, fiducia::Error> {
        let pack = Pack::open(model)?;
        if let Some(signer) = signer {
            pack.verify(&PublicKey::open(signer)?).map_err(|e| e.at(model.display()))?;
        }
        let landmarks = landmarks.unwrap_or_else(|| pack.manifest().landmarks.clone());
        let adapter = adapter.map(str::to_owned);
        let wanted =
            fiducia::DetectorOptions { backend, adapter, ..fiducia::DetectorOptions::default() };
        let detector = fiducia::Detector::on(&pack, &wanted, &landmarks)?;
        Ok(Self {
            backend: detector.backend().clone(),
            detector: Mutex::new(detector),
            landmarks,
            model: ModelInfo {
                name: pack.manifest().name.clone(),
                sha256: pack.sha256().to_owned(),
            },
        })
    }
}

/// Runs `call`; a panic becomes an [`Error`] instead of pyo3's `PanicException`, which is not an `Exception`. The panic
/// poisons the mutex of the detector, so that the detector cannot be used afterwards.
fn catch_panic<T>(call: impl FnOnce() -> T) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| Error::new_err(INTERNAL_ERROR))
}

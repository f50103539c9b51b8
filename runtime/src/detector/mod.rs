//! The main path: one radiograph in, one report out.
//!
//! A [`Detector`] hands images to the engine (CPU or GPU), calibrates what the networks found, decides whether it is
//! plausible and puts the report together.

mod calibrate;
#[cfg(feature = "gpu")]
mod gpu;
mod plausibility;
mod recognise;

use crate::engine::device::{Backend, BackendInfo, DetectorOptions};
use crate::engine::observation::{Observation, Timings};
use crate::engine::{Engine, Running};
use crate::error::Error;
use crate::landmark::Landmark;
use crate::pack::{Calibration, Manifest, Pack};
use crate::radiograph::{Radiograph, Reading};
use crate::report::{ModelInfo, Report};

use calibrate::{ImageScale, calibrated};

/// A loaded model with all its buffers, ready for one image after another.
///
/// ```
/// use std::path::Path;
///
/// use fiducia::{Backend, Detector, Pack, Radiograph};
///
/// # fn main() -> Result<(), fiducia::Error> {
/// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
/// let pack = Pack::open(&models.join("head.fid"))?;
/// let mut detector = Detector::new(&pack, Backend::Cpu)?;
/// // 0.2 mm per px in both directions.
/// let radiograph = Radiograph::open(&models.join("demo.png"), Some([0.2, 0.2]))?;
/// let report = detector.detect(&radiograph)?;
/// assert!(report.plausible);
/// assert_eq!(report.landmarks.len(), pack.manifest().landmarks.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Detector {
    manifest: Manifest,
    model: ModelInfo,
    backend: BackendInfo,
    engine: Engine,
    landmarks: Vec<LandmarkInfo>,
}

/// What the detector knows of each landmark.
#[derive(Debug)]
struct LandmarkInfo {
    name: String,
    calibration: Calibration,
    /// Whether the backbone finds it; false where a patch added it.
    is_model_landmark: bool,
}

/// An image between [`Detector::start`] and [`Detector::finish`].
#[derive(Debug)]
pub struct Started {
    radiograph: Radiograph,
    running: Running,
}

impl Started {
    /// Whether the networks have finished, so that waiting for another image first gains nothing.
    pub fn is_done(&self) -> bool {
        self.running.is_done()
    }
}

impl Detector {
    /// Compiles the graphs of `pack` for `backend`.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`](crate::error::ErrorKind::Unreadable) where a graph does not fit the manifest,
    /// [`ErrorKind::NoGpu`](crate::error::ErrorKind::NoGpu) where a GPU is asked for and there is none, or none that
    /// can run the graphs.
    pub fn new(pack: &Pack, backend: Backend) -> Result<Self, Error> {
        Self::for_landmarks(pack, backend, &pack.manifest().landmarks)
    }

    /// As [`Detector::new`], but runs the refine network on the landmarks `names` only. All landmarks of the model
    /// still give the pose, so the positions are unchanged.
    ///
    /// ```
    /// # use std::path::Path;
    /// use fiducia::{Backend, Detector, Pack, Radiograph};
    ///
    /// # fn main() -> Result<(), fiducia::Error> {
    /// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
    /// # let pack = Pack::open(&models.join("head.fid"))?;
    /// let names = ["sella".to_owned(), "nasion".to_owned()];
    /// let mut detector = Detector::for_landmarks(&pack, Backend::Cpu, &names)?;
    /// let report = detector.detect(&Radiograph::open(&models.join("demo.png"), None)?)?;
    /// assert_eq!(report.landmarks.len(), 2);
    /// assert_eq!(report.landmarks[1].name, "nasion");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Detector::new`]; [`ErrorKind::Usage`](crate::error::ErrorKind::Usage) for a name that the pack does not
    /// have.
    pub fn for_landmarks(pack: &Pack, backend: Backend, names: &[String]) -> Result<Self, Error> {
        Self::on(pack, &DetectorOptions { backend, ..DetectorOptions::default() }, names)
    }

    /// As [`Detector::new`], on the first adapter whose name contains `adapter`, software rasterisers included;
    /// `fiducia devices` lists them.
    ///
    /// # Errors
    /// As [`Detector::new`].
    pub fn on_adapter(pack: &Pack, adapter: &str) -> Result<Self, Error> {
        Self::on_adapter_for(pack, adapter, &pack.manifest().landmarks)
    }

    /// As [`Detector::for_landmarks`], on the adapter that [`Detector::on_adapter`] finds.
    ///
    /// # Errors
    /// As [`Detector::for_landmarks`].
    pub fn on_adapter_for(pack: &Pack, adapter: &str, names: &[String]) -> Result<Self, Error> {
        let adapter = Some(adapter.to_owned());
        Self::on(pack, &DetectorOptions { adapter, ..DetectorOptions::default() }, names)
    }

    /// The landmarks `names` of `pack` on the device that `options` ask for.
    ///
    /// [`Backend::Auto`] falls back to the CPU where no GPU can be used, and the report says why.
    ///
    /// ```
    /// # use std::path::Path;
    /// use fiducia::{Backend, Detector, ErrorKind, Pack, DetectorOptions};
    ///
    /// # fn main() -> Result<(), fiducia::Error> {
    /// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
    /// # let pack = Pack::open(&models.join("head.fid"))?;
    /// let names = &pack.manifest().landmarks;
    /// let on_cpu = DetectorOptions { backend: Backend::Cpu, ..DetectorOptions::default() };
    /// assert_eq!(Detector::on(&pack, &on_cpu, names)?.backend().kind, "cpu");
    ///
    /// // An adapter is a GPU: with the CPU forced, it is refused.
    /// let both = DetectorOptions { adapter: Some("NVIDIA".to_owned()), ..on_cpu };
    /// let error = Detector::on(&pack, &both, names).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Usage);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Detector::for_landmarks`]; [`ErrorKind::Usage`](crate::error::ErrorKind::Usage) where the CPU is forced
    /// together with an adapter or a precision that only a GPU has.
    pub fn on(pack: &Pack, options: &DetectorOptions, names: &[String]) -> Result<Self, Error> {
        let chosen = pack.manifest().places(names)?;
        let mut manifest = pack.manifest().clone();
        if names != manifest.landmarks {
            manifest.model_landmarks = manifest.model_landmarks().to_vec();
            manifest.landmarks = names.to_vec();
        }
        let (engine, backend) = Engine::new(pack, &manifest, &chosen, options)?;
        let calibration = pack.calibration();
        let info = |(&number, name): (&usize, &String)| LandmarkInfo {
            name: name.clone(),
            calibration: calibration[number],
            is_model_landmark: pack.derived(number).is_none(),
        };
        Ok(Self {
            model: ModelInfo { name: manifest.name.clone(), sha256: pack.sha256().to_owned() },
            backend,
            engine,
            landmarks: chosen.iter().zip(names).map(info).collect(),
            manifest,
        })
    }

    /// The device that runs the networks, and why it was chosen.
    pub fn backend(&self) -> &BackendInfo {
        &self.backend
    }

    /// How to read images for this model, with this spacing or that of the file: for
    /// [`Radiograph::open_as`].
    pub fn reading(&self, spacing_mm: Option<[f64; 2]>) -> Reading {
        let grey_values = self.manifest.grey_values;
        Reading { spacing_mm, grey_values, ..Reading::default() }
    }

    /// Finds all landmarks on `radiograph`.
    ///
    /// An image unlike the training set gives a report with `plausible: false` and the reasons; its points must not be
    /// used. If it would be plausible inverted, mirrored or turned, that is one of the reasons. This search runs the
    /// networks six more times, for refused images only.
    ///
    /// ```
    /// # use std::path::Path;
    /// # use fiducia::{Backend, Detector, Pack};
    /// use fiducia::{OrientationIssue, Radiograph};
    ///
    /// # fn main() -> Result<(), fiducia::Error> {
    /// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
    /// # let pack = Pack::open(&models.join("head.fid"))?;
    /// # let mut detector = Detector::new(&pack, Backend::Cpu)?;
    /// let upside_down = Radiograph::open(&models.join("demo.png"), None)?.turned(2);
    /// let report = detector.detect(&upside_down)?;
    /// assert!(!report.plausible && !report.reasons.is_empty());
    /// assert_eq!(report.presentation, Some(OrientationIssue::Turned180));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Detector::observe`].
    pub fn detect(&mut self, radiograph: &Radiograph) -> Result<Report, Error> {
        let seen = self.observe(radiograph)?;
        self.report_with_orientation(radiograph, &seen)
    }

    /// Hands `radiograph` to the device. A GPU works on it while the next image is read and started; on the CPU the
    /// networks have finished when this returns.
    ///
    /// # Errors
    /// As [`Detector::observe`].
    pub fn start(&mut self, radiograph: Radiograph) -> Result<Started, Error> {
        let running = self.engine.start(&self.manifest, &radiograph)?;
        Ok(Started { radiograph, running })
    }

    /// Waits for an image that this detector started, and returns it with its report, which is that of
    /// [`Detector::detect`].
    ///
    /// # Errors
    /// As [`Detector::observe`].
    pub fn finish(&mut self, started: Started) -> Result<(Radiograph, Report), Error> {
        let Started { radiograph, running } = started;
        let seen = self.engine.finish(&self.manifest, &radiograph, running)?;
        let report = self.report_with_orientation(&radiograph, &seen)?;
        Ok((radiograph, report))
    }

    /// Runs the networks on `radiograph` and decodes their heat maps, without calibration or limits.
    ///
    /// # Errors
    /// [`ErrorKind::Implausible`](crate::error::ErrorKind::Implausible) for an image without size or contrast,
    /// [`ErrorKind::Usage`](crate::error::ErrorKind::Usage) for an impossible spacing,
    /// [`ErrorKind::Engine`](crate::error::ErrorKind::Engine) where inference fails.
    pub fn observe(&mut self, radiograph: &Radiograph) -> Result<Observation, Error> {
        let running = self.engine.start(&self.manifest, radiograph)?;
        self.engine.finish(&self.manifest, radiograph, running)
    }

    /// The report on `seen`, which [`Detector::observe`] gave for `radiograph`. Other orientations are not tried.
    pub fn report(&self, radiograph: &Radiograph, seen: &Observation) -> Report {
        let landmarks = self.calibrated(radiograph, seen);
        let own = landmarks.iter().zip(&self.landmarks).filter(|(_, info)| info.is_model_landmark);
        let confident: Vec<bool> = own.map(|(landmark, _)| landmark.confident).collect();
        let mut reasons = plausibility::reasons(&self.manifest.plausibility, seen);
        reasons.extend(plausibility::too_few_confident(&confident));
        let (model, backend) = (&self.model, &self.backend);
        Report::new(radiograph, model, backend, landmarks, reasons, seen.timings_ms)
    }

    /// The report on an image for which [`Detector::detect`] returned the error `why`, without landmarks: for callers
    /// that need a report for every image.
    pub fn failure_report(&self, radiograph: &Radiograph, why: &Error) -> Report {
        let reasons = vec![why.to_string()];
        let (model, backend) = (&self.model, &self.backend);
        Report::new(radiograph, model, backend, Vec::new(), reasons, Timings::default())
    }

    /// As [`Detector::report`]; other orientations of an implausible image are tried.
    fn report_with_orientation(
        &mut self,
        radiograph: &Radiograph,
        seen: &Observation,
    ) -> Result<Report, Error> {
        let mut report = self.report(radiograph, seen);
        if !report.plausible {
            report.presentation = self.recognise(radiograph)?;
            report.reasons.extend(report.presentation.map(|p| p.to_string()));
        }
        Ok(report)
    }

    /// The landmarks with expected errors, in the order of the pack.
    fn calibrated(&self, radiograph: &Radiograph, seen: &Observation) -> Vec<Landmark> {
        let spacing_mm = radiograph.spacing_mm;
        let unit_per_px = self.manifest.unit_per_px(radiograph.height, spacing_mm);
        let scale = ImageScale { spacing_mm, unit_per_px };
        let all = seen.found.iter().zip(&self.landmarks);
        all.map(|(found, info)| calibrated(&info.name, found, &info.calibration, scale)).collect()
    }

    /// The regions of interest `[landmarks, 1, size, size]` that [`Detector::observe`] cut last, as the refine network
    /// got them; empty on a GPU, which does not send them back.
    pub fn regions(&self) -> &[f32] {
        self.engine.regions()
    }
}

//! The types behind the opaque pointers of `fiducia.h`: fiducia's own types, with zero-terminated texts.

use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr;
use std::sync::{Mutex, OnceLock};

use fiducia::{
    Backend, BackendInfo, Detector, DetectorOptions, ErrorKind, Landmark, Pack, PublicKey,
    Radiograph, Report,
};

use crate::failure::Failure;
use crate::types::{DeviceInfo, LandmarkPoint, Summary};

/// A model that was read and checked. Opaque and immutable, so threads may share it.
#[derive(Debug)]
pub struct PackHandle {
    pack: Pack,
    name: CString,
    sha256: CString,
    landmarks: Vec<CString>,
}

/// A model ready to run on a device. Opaque; threads may share it, but detections run one at a time.
#[derive(Debug)]
pub struct DetectorHandle {
    detector: Mutex<Detector>,
    device: Device,
}

/// The result for one image. Opaque and immutable, so threads may share it.
#[derive(Debug)]
pub struct ReportHandle {
    report: Report,
    image: CString,
    model_name: CString,
    model_sha256: CString,
    device: Device,
    names: Vec<CString>,
    reasons: Vec<CString>,
    json: OnceLock<Option<CString>>,
}

#[derive(Debug)]
struct Device {
    kind: CString,
    name: CString,
    driver: CString,
    chosen_because: Option<CString>,
}

// What fiducia.h promises about threads.
const _: () = {
    const fn is_shareable<T: Send + Sync>() {}
    is_shareable::<PackHandle>();
    is_shareable::<DetectorHandle>();
    is_shareable::<ReportHandle>();
};

/// `text` for C. Zero bytes, which would end the text in C, become U+FFFD.
pub(crate) fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{FFFD}")).unwrap_or_default()
}

fn c_texts(texts: &[String]) -> Vec<CString> {
    texts.iter().map(|text| c_text(text)).collect()
}

impl PackHandle {
    /// The model file at `path`; if a `key` is given, the model must be signed with it.
    pub(crate) fn open(path: &Path, key: Option<&PublicKey>) -> Result<Self, Failure> {
        Self::checked(Pack::open(path)?, key)
    }

    /// Like [`PackHandle::open`], from the content of a model file.
    pub(crate) fn from_bytes(bytes: &[u8], key: Option<&PublicKey>) -> Result<Self, Failure> {
        Self::checked(Pack::from_bytes(bytes.to_vec())?, key)
    }

    fn checked(pack: Pack, key: Option<&PublicKey>) -> Result<Self, Failure> {
        key.map_or(Ok(()), |key| pack.verify(key))?;
        let manifest = pack.manifest();
        Ok(Self {
            name: c_text(&manifest.name),
            sha256: c_text(pack.sha256()),
            landmarks: c_texts(&manifest.landmarks),
            pack,
        })
    }

    pub(crate) fn name(&self) -> &CStr {
        &self.name
    }

    pub(crate) fn sha256(&self) -> &CStr {
        &self.sha256
    }

    pub(crate) fn landmarks(&self) -> &[CString] {
        &self.landmarks
    }
}

impl DetectorHandle {
    /// A detector of `landmarks` (`None`: all) of `pack`, on the device that `backend` and `adapter` select.
    pub(crate) fn new(
        pack: &PackHandle,
        backend: Backend,
        adapter: Option<&str>,
        landmarks: Option<&[String]>,
    ) -> Result<Self, Failure> {
        let pack = &pack.pack;
        let names = landmarks.unwrap_or(&pack.manifest().landmarks);
        let adapter = adapter.map(str::to_owned);
        let wanted = DetectorOptions { backend, adapter, ..DetectorOptions::default() };
        let detector = Detector::on(pack, &wanted, names)?;
        Ok(Self { device: Device::new(detector.backend()), detector: Mutex::new(detector) })
    }

    /// The device that runs the networks. The texts are valid as long as the handle.
    pub(crate) fn device(&self) -> DeviceInfo {
        let Device { kind, name, driver, chosen_because } = &self.device;
        DeviceInfo {
            struct_size: 0,
            kind: kind.as_ptr(),
            name: name.as_ptr(),
            driver: driver.as_ptr(),
            chosen_because: chosen_because.as_ref().map_or(ptr::null(), |text| text.as_ptr()),
        }
    }

    /// The report on `radiograph`; if the image is refused, with reasons and without landmarks.
    pub(crate) fn detect(&self, radiograph: &Radiograph) -> Result<ReportHandle, Failure> {
        let mut detector = self.detector.lock().map_err(|_| {
            Failure::internal(
                "an internal error made this detector unusable; free it and create a new one",
            )
        })?;
        #[cfg(test)]
        crate::guard::trap::fire(crate::guard::trap::Place::Detection);
        Ok(ReportHandle::new(detector.detect(radiograph)?))
    }
}

impl Device {
    fn new(backend: &BackendInfo) -> Self {
        Self {
            kind: c_text(backend.kind),
            name: c_text(&backend.device),
            driver: c_text(&backend.driver),
            chosen_because: backend.chosen_because.as_deref().map(c_text),
        }
    }
}

impl ReportHandle {
    fn new(mut report: Report) -> Self {
        if !report.plausible {
            // The positions are meaningless, so the caller does not get them.
            report.landmarks.clear();
        }
        Self {
            image: c_text(&report.image),
            model_name: c_text(&report.model.name),
            model_sha256: c_text(&report.model.sha256),
            device: Device::new(&report.backend),
            names: report.landmarks.iter().map(|l| c_text(&l.name)).collect(),
            reasons: c_texts(&report.reasons),
            json: OnceLock::new(),
            report,
        }
    }

    /// The failure to return if the image was refused.
    pub(crate) fn refusal(&self) -> Option<Failure> {
        let refusal = self.report.refusal()?;
        debug_assert_eq!(refusal.kind(), ErrorKind::Implausible);
        Some(refusal.into())
    }

    /// The report without landmarks and reasons. The texts are valid as long as the handle.
    pub(crate) fn summary(&self) -> Summary {
        let Report { size_px, spacing_mm, plausible, inverted, .. } = &self.report;
        let [spacing_x_mm, spacing_y_mm] = spacing_mm.unwrap_or([f64::NAN; 2]);
        Summary {
            struct_size: 0,
            // Image sides are limited to 16 bits.
            width: size_px[0] as u32,
            height: size_px[1] as u32,
            spacing_x_mm,
            spacing_y_mm,
            landmark_count: self.names.len(),
            reason_count: self.reasons.len(),
            plausible: (*plausible).into(),
            inverted: (*inverted).into(),
            total_ms: self.report.timings_ms.total,
            image: self.image.as_ptr(),
            model_name: self.model_name.as_ptr(),
            model_sha256: self.model_sha256.as_ptr(),
            device_kind: self.device.kind.as_ptr(),
            device_name: self.device.name.as_ptr(),
            device_driver: self.device.driver.as_ptr(),
        }
    }

    /// Landmark `index`. The name is valid as long as the handle.
    pub(crate) fn landmark(&self, index: usize) -> Option<LandmarkPoint> {
        let (landmark, name) = self.report.landmarks.get(index).zip(self.names.get(index))?;
        let Landmark { x_px, y_px, expected_error_px, covariance_px2, confident, .. } = *landmark;
        let or_nan = |mm: Option<f64>| mm.unwrap_or(f64::NAN);
        Some(LandmarkPoint {
            struct_size: 0,
            name: name.as_ptr(),
            x_px,
            y_px,
            x_mm: or_nan(landmark.x_mm),
            y_mm: or_nan(landmark.y_mm),
            expected_error_px,
            expected_error_mm: or_nan(landmark.expected_error_mm),
            covariance_px2,
            confident: confident.into(),
            reserved: 0,
        })
    }

    pub(crate) fn reasons(&self) -> &[CString] {
        &self.reasons
    }

    /// The report as JSON, written on the first call.
    pub(crate) fn json(&self) -> Option<&CStr> {
        self.json.get_or_init(|| Some(c_text(&self.report.json().ok()?))).as_deref()
    }
}

//! What all objects of one result have in common: whose film, which model, when, under which UIDs.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{Local, TimeZone};
use dicom_core::VR;
use dicom_dictionary_std::tags;

use super::Kind;
use super::charset::Charset;
use super::data_set::DataSet;
use super::identity::uid;
use super::source::{PATIENT_AND_STUDY, Source};
use crate::radiograph::Radiograph;
use crate::report::Report;

/// Who made the objects.
pub(super) const MAKER: &str = "The fiducia authors";
/// The last second that a date of four digits can name everywhere on earth.
const LAST_SECOND: u64 = 253_402_200_000;

/// A film, what was found on it, and when.
pub(super) struct Task<'a> {
    pub(super) source: &'a Source,
    pub(super) radiograph: &'a Radiograph,
    pub(super) report: &'a Report,
    pub(super) charset: Charset,
    /// Date and time in the machine's time zone, as DICOM has them where nothing else is said.
    pub(super) date: String,
    pub(super) time: String,
}

impl<'a> Task<'a> {
    pub(super) fn new(
        source: &'a Source,
        radiograph: &'a Radiograph,
        report: &'a Report,
        made: SystemTime,
    ) -> Self {
        let second = made.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs().min(LAST_SECOND));
        let local = Local.timestamp_opt(second as i64, 0).earliest().unwrap_or_default();
        let charset = Charset::of(source, report);
        let (date, time) = (local.format("%Y%m%d").to_string(), local.format("%H%M%S").to_string());
        Self { source, radiograph, report, charset, date, time }
    }

    /// SOP Instance UID: of study, image, model, kind and the question, so that the same question always has it.
    pub(super) fn instance(&self, kind: Kind) -> String {
        let Report { inverted, spacing_mm, landmarks, .. } = self.report;
        let scale = format!("{spacing_mm:?} {:?}", self.report.mm_source);
        let mut words = self.words("instance");
        words.push(kind.name().as_bytes());
        words.push(if *inverted { b"inverted" } else { b"as it is" });
        words.push(scale.as_bytes());
        words.extend(landmarks.iter().map(|l| l.name.as_bytes()));
        uid(&words)
    }

    /// UID under which one landmark of one image is followed, in whatever object it stands.
    pub(super) fn tracking(&self, landmark: &str) -> String {
        let mut words = self.words("landmark");
        words.push(landmark.as_bytes());
        uid(&words)
    }

    /// UID of the model as a device that observes.
    pub(super) fn device(&self) -> String {
        uid(&[b"device", self.report.model.sha256.as_bytes()])
    }

    fn words(&self, purpose: &'static str) -> Vec<&[u8]> {
        let texts =
            [purpose, self.source.study(), self.source.sop_instance(), &self.report.model.sha256];
        texts.into_iter().map(str::as_bytes).collect()
    }

    /// Patient, study, series, equipment and what every object has (PS3.3, C.7.1 to C.7.5 and C.12.1). One series
    /// holds what one model made in one form of one series of films.
    pub(super) fn head(&self, kind: Kind) -> DataSet {
        let Self { source, report, charset, .. } = self;
        let (model, series_number, modality) =
            (&report.model, kind.series_number(), kind.modality());
        let series = ["series", source.study(), source.series(), &model.sha256, kind.name()];
        let series = uid(&series.map(str::as_bytes));
        let mut head = DataSet::new();
        if let Some(declared) = &charset.declared {
            head = head.raw(tags::SPECIFIC_CHARACTER_SET, VR::CS, declared);
        }
        for (tag, vr) in PATIENT_AND_STUDY {
            head = match source.value(tag) {
                Some(value) => head.raw(tag, vr, value),
                None => head.empty(tag, vr),
            };
        }
        head.text(tags::MODALITY, VR::CS, modality)
            .text(tags::SERIES_INSTANCE_UID, VR::UI, &series)
            .text(tags::SERIES_NUMBER, VR::IS, series_number)
            .text(tags::SERIES_DESCRIPTION, VR::LO, "AI landmarks - not for diagnosis")
            .text(tags::INSTANCE_NUMBER, VR::IS, &self.instance_number())
            .text(tags::MANUFACTURER, VR::LO, MAKER)
            .text(tags::MANUFACTURER_MODEL_NAME, VR::LO, &self.model_name())
            // 64 hexadecimal digits, as many as fit.
            .text(tags::DEVICE_SERIAL_NUMBER, VR::LO, &charset.text(VR::LO, &model.sha256))
            .text(tags::SOFTWARE_VERSIONS, VR::LO, concat!("fiducia ", env!("CARGO_PKG_VERSION")))
    }

    /// [`Task::head`] of an object that shows the film, with which part of the body that is.
    pub(super) fn head_of_image(&self, kind: Kind) -> DataSet {
        let part = [(tags::BODY_PART_EXAMINED, VR::CS), (tags::LATERALITY, VR::CS)];
        let stated: Vec<_> = part
            .iter()
            .filter_map(|(tag, vr)| Some((*tag, *vr, self.source.value(*tag)?)))
            .collect();
        let head = self.head(kind);
        if stated.is_empty() {
            // Of a part that is not known it is not known either whether it has a side (PS3.3, C.7.3.1).
            return head.empty(tags::LATERALITY, VR::CS);
        }
        stated.into_iter().fold(head, |head, (tag, vr, value)| head.raw(tag, vr, value))
    }

    /// The model, as far as 64 characters hold its name.
    pub(super) fn model_name(&self) -> String {
        self.charset.text(VR::LO, &format!("fiducia {}", self.report.model.name))
    }

    /// That of the film, where it is a number.
    fn instance_number(&self) -> String {
        let value = self.source.value(tags::INSTANCE_NUMBER).unwrap_or_default();
        let text = std::str::from_utf8(value).unwrap_or_default();
        text.trim().parse::<i32>().unwrap_or(1).to_string()
    }

    /// The film, as an item that refers to it.
    pub(super) fn film(&self) -> DataSet {
        DataSet::new().text(tags::REFERENCED_SOP_CLASS_UID, VR::UI, self.source.sop_class()).text(
            tags::REFERENCED_SOP_INSTANCE_UID,
            VR::UI,
            self.source.sop_instance(),
        )
    }
}

impl Kind {
    /// Number of the series, high enough to stand behind those of the machine.
    fn series_number(self) -> &'static str {
        match self {
            Kind::Report3d => "9001",
            Kind::Report => "9002",
            Kind::Presentation => "9003",
            Kind::Capture => "9004",
        }
    }

    fn modality(self) -> &'static str {
        match self {
            Kind::Report3d | Kind::Report => "SR",
            Kind::Presentation => "PR",
            Kind::Capture => "OT",
        }
    }
}

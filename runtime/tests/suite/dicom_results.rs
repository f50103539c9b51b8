//! Results as DICOM objects: whose they are, what they repeat of the film, and that a second run does not double them.

use std::io::Cursor;
use std::time::{Duration, SystemTime};

use dicom_core::Tag;
use dicom_core::header::HasLength;
use dicom_object::{InMemDicomObject, from_reader};
use fiducia::engine::Timings;
use fiducia::report::ModelInfo;
use fiducia::results::{Kind, Object, Source, results};
use fiducia::{BackendInfo, ErrorKind, Landmark, MmSource, Radiograph, Report};

use fiducia_test_support::dicom_files::{SIZE, bare, picture, put, put_words, tags, uids, written};

/// Attributes of a film, with a value that stands nowhere else. All but those of [`REPEATED`] are nobody's business.
const FILM: [(u16, u16, &[u8; 2], &str); 42] = [
    (0x0008, 0x0005, b"CS", "ISO_IR 100"),
    (0x0008, 0x0018, b"UI", "2.25.10018"),
    (0x0008, 0x0020, b"DA", "19010820"),
    (0x0008, 0x0022, b"DA", "19010822"),
    (0x0008, 0x0030, b"TM", "010830"),
    (0x0008, 0x0050, b"SH", "m-0050"),
    (0x0008, 0x0070, b"LO", "m-0070"),
    (0x0008, 0x0080, b"LO", "m-0080"),
    (0x0008, 0x0081, b"ST", "m-0081"),
    (0x0008, 0x0090, b"PN", "m-0090"),
    (0x0008, 0x1010, b"SH", "m-1010"),
    (0x0008, 0x1030, b"LO", "m-1030"),
    (0x0008, 0x103E, b"LO", "m-103E"),
    (0x0008, 0x1050, b"PN", "m-1050"),
    (0x0008, 0x1070, b"PN", "m-1070"),
    (0x0008, 0x1090, b"LO", "m-1090"),
    (0x0010, 0x0010, b"PN", "m-name"),
    (0x0010, 0x0020, b"LO", "m-id"),
    (0x0010, 0x0021, b"LO", "m-issuer"),
    (0x0010, 0x0030, b"DA", "19011030"),
    (0x0010, 0x0032, b"TM", "011032"),
    (0x0010, 0x0040, b"CS", "M"),
    (0x0010, 0x1000, b"LO", "m-other-id"),
    (0x0010, 0x1001, b"PN", "m-other-name"),
    (0x0010, 0x1010, b"AS", "077Y"),
    (0x0010, 0x1030, b"DS", "77.7"),
    (0x0010, 0x1040, b"LO", "m-address"),
    (0x0010, 0x2154, b"SH", "m-phone"),
    (0x0010, 0x2160, b"SH", "m-group"),
    (0x0010, 0x21B0, b"LT", "m-history"),
    (0x0010, 0x4000, b"LT", "m-comment"),
    (0x0011, 0x0010, b"LO", "m-private"),
    (0x0018, 0x0015, b"CS", "HAND"),
    (0x0018, 0x1000, b"LO", "m-serial"),
    (0x0018, 0x1030, b"LO", "m-protocol"),
    (0x0020, 0x000D, b"UI", "2.25.2000"),
    (0x0020, 0x000E, b"UI", "2.25.2001"),
    (0x0020, 0x0010, b"SH", "m-study"),
    (0x0020, 0x0013, b"IS", "20013"),
    (0x0020, 0x4000, b"LT", "m-image"),
    (0x0032, 0x1032, b"PN", "m-wanted-by"),
    (0x0040, 0x0254, b"LO", "m-step"),
];
/// What a result repeats: of the patient four attributes, of the study six, and what refers to the image.
const REPEATED: [&str; 14] = [
    "ISO_IR 100",
    "2.25.10018",
    "19010820",
    "010830",
    "m-0050",
    "m-0090",
    "m-name",
    "m-id",
    "19011030",
    "M",
    "2.25.2000",
    "2.25.2001",
    "m-study",
    "20013",
];
/// What objects that show the film repeat besides.
const PART_OF_BODY: &str = "HAND";

/// A DICOM file with these attributes.
fn film(attributes: &[(u16, u16, &[u8; 2], &str)]) -> Vec<u8> {
    let mut object = bare(SIZE);
    put_words(&mut object, &picture());
    for (group, element, form, value) in attributes {
        put(&mut object, (*group, *element), form, value);
    }
    written(&object, uids::EXPLICIT_LITTLE)
}

fn landmark(name: &str, x_px: f64, confident: bool) -> Landmark {
    Landmark {
        name: name.into(),
        x_px,
        y_px: 7.25,
        x_mm: Some(x_px * 0.5),
        y_mm: Some(3.625),
        expected_error_mm: Some(1.25),
        expected_error_px: 2.5,
        covariance_px2: [2.0, 0.0, 2.0],
        confident,
    }
}

fn report() -> Report {
    Report {
        measures: vec![],
        schema: "fiducia.report/1",
        image: "film.dcm".into(),
        size_px: SIZE,
        spacing_mm: Some([0.5, 0.5]),
        mm_source: MmSource::Detector,
        inverted: false,
        model: ModelInfo { name: "toy".into(), sha256: "0123456789abcdef".repeat(4) },
        backend: BackendInfo {
            kind: "cpu",
            device: "two cores".into(),
            driver: "engine".into(),
            precision: "f32",
            chosen_because: None,
        },
        timings_ms: Timings::default(),
        plausible: true,
        reasons: vec![],
        presentation: None,
        dicom: None,
        landmarks: vec![landmark("sella", 12.5, true), landmark("nose tip", 30.0, false)],
    }
}

/// A second that a test can name: some day in 2023.
fn made() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn objects(file: &[u8], report: &Report, kinds: &[Kind]) -> Vec<Object> {
    let radiograph = Radiograph::decode("film.dcm".into(), file, None).unwrap();
    results(&Source::read(file).unwrap(), &radiograph, report, made(), kinds).unwrap()
}

fn data_set(object: &Object) -> InMemDicomObject {
    let file = from_reader(Cursor::new(&object.bytes[..])).unwrap();
    assert_eq!(file.meta().media_storage_sop_instance_uid(), object.sop_instance);
    assert_eq!(file.meta().media_storage_sop_class_uid(), object.sop_class);
    file.into_inner()
}

fn holds(bytes: &[u8], value: &str) -> bool {
    bytes.windows(value.len()).any(|w| w == value.as_bytes())
}

/// Content items of a report with this value type, wherever they stand.
fn items<'a>(of: &'a InMemDicomObject, value_type: &str) -> Vec<&'a InMemDicomObject> {
    let mut found = vec![];
    for item in of.get(Tag(0x0040, 0xA730)).and_then(|e| e.items()).unwrap_or_default() {
        if text(item, Tag(0x0040, 0xA040)) == value_type {
            found.push(item);
        }
        found.extend(items(item, value_type));
    }
    found
}

fn text(of: &InMemDicomObject, tag: Tag) -> String {
    of.get(tag).map_or_else(String::new, |e| e.to_str().unwrap().trim_end().to_owned())
}

#[test]
fn patient_and_study_are_repeated_and_nothing_else_of_the_film() {
    let mut report = report();
    report.landmarks.truncate(1);
    for object in objects(&film(&FILM), &report, &Kind::ALL) {
        let shows = !object.kind.is_report();
        let data = data_set(&object);
        for (group, element, _, value) in FILM {
            let tag = Tag(group, element);
            let repeated = REPEATED.contains(&value) || (shows && value == PART_OF_BODY);
            // A series of its own refers to the series of the film.
            let is_own = ["2.25.10018", "2.25.2001"].contains(&value);
            if repeated && !is_own {
                assert_eq!(text(&data, tag), value, "{tag} in {:?}", object.kind);
            } else if !repeated {
                let there = holds(&object.bytes, value) && !["077Y", "77.7"].contains(&value);
                assert!(!there, "{value} of {tag} is in {:?}", object.kind);
            }
        }
        let of_patient: Vec<Tag> = data.tags().filter(|tag| tag.0 == 0x0010).collect();
        let wanted = [0x0010, 0x0020, 0x0030, 0x0040].map(|element| Tag(0x0010, element));
        assert_eq!(of_patient, wanted, "{:?}", object.kind);
        assert!(holds(&object.bytes, "2.25.10018") && holds(&object.bytes, "not for diagnosis"));
        assert!(shows && object.kind == Kind::Capture || holds(&object.bytes, "2.25.2001"));
    }
}

#[test]
fn what_the_film_does_not_state_is_there_and_empty() {
    let file = film(&[(0x0020, 0x000D, b"UI", "2.25.2"), (0x0020, 0x000E, b"UI", "2.25.3")]);
    for object in objects(&file, &report(), &Kind::ALL) {
        let data = data_set(&object);
        for tag in [Tag(0x0010, 0x0010), Tag(0x0010, 0x0020), Tag(0x0008, 0x0050)] {
            assert!(data.get(tag).unwrap().is_empty(), "{tag} in {:?}", object.kind);
        }
        assert!(data.get(Tag(0x0008, 0x0005)).is_none(), "no character set is needed");
    }
}

#[test]
fn the_same_question_has_the_same_uids_whenever_it_is_asked() {
    let file = film(&FILM);
    let first = objects(&file, &report(), &Kind::ALL);
    assert_eq!(first, objects(&file, &report(), &Kind::ALL), "and at the same time the same bytes");
    let radiograph = Radiograph::decode("other name".into(), &file, None).unwrap();
    let later = made() + Duration::from_secs(86_400);
    let source = Source::read(&file).unwrap();
    let later = results(&source, &radiograph, &report(), later, &Kind::ALL).unwrap();
    for (one, other) in first.iter().zip(&later) {
        assert_eq!(one.sop_instance, other.sop_instance);
        assert_eq!(one.bytes.len(), other.bytes.len());
        assert_ne!(one.bytes, other.bytes, "the date is another");
    }
}

#[test]
fn another_question_has_other_uids() {
    let file = film(&FILM);
    let changes: [fn(&mut Report); 5] = [
        |_| (),
        |report| report.inverted = true,
        |report| report.spacing_mm = None,
        |report| report.landmarks.truncate(1),
        |report| report.model.sha256 = "f".repeat(64),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for change in changes {
        let mut report = report();
        change(&mut report);
        for object in objects(&file, &report, &Kind::ALL) {
            assert!(seen.insert(object.sop_instance.clone()), "{:?}", object.kind);
        }
    }
    let other = film(&[FILM[35], FILM[36], (0x0008, 0x0018, b"UI", "2.25.10019")]);
    for object in objects(&other, &report(), &Kind::ALL) {
        assert!(seen.insert(object.sop_instance));
    }
}

#[test]
fn points_stand_half_a_pixel_further_in_reports_and_states() {
    let file = film(&FILM);
    let graphic_data = Tag(0x0070, 0x0022);
    let places = |of: &[&InMemDicomObject]| -> Vec<Vec<f32>> {
        of.iter().map(|i| i.get(graphic_data).unwrap().to_multi_float32().unwrap()).collect()
    };
    for object in objects(&file, &report(), &Kind::ALL) {
        let data = data_set(&object);
        match object.kind {
            Kind::Report3d | Kind::Report => {
                // In the group, and once more under the first measurement.
                let wanted = [[13.0, 7.75], [13.0, 7.75], [30.5, 7.75], [30.5, 7.75]];
                assert_eq!(places(&items(&data, "SCOORD")), wanted);
                assert_eq!(items(&data, "NUM").len(), 4, "millimetres and pixels of each");
            }
            Kind::Presentation => {
                let note = &data.get(Tag(0x0070, 0x0001)).unwrap().items().unwrap()[0];
                let points = note.get(Tag(0x0070, 0x0009)).unwrap().items().unwrap();
                let points: Vec<&InMemDicomObject> = points.iter().collect();
                assert_eq!(places(&points), [[13.0, 7.75], [30.5, 7.75]]);
                let texts = note.get(Tag(0x0070, 0x0008)).unwrap().items().unwrap();
                let texts: Vec<String> =
                    texts.iter().map(|t| text(t, Tag(0x0070, 0x0006))).collect();
                assert_eq!(texts, ["sella", "nose tip ?"]);
            }
            Kind::Capture => assert!(data.get(graphic_data).is_none()),
        }
    }
}

#[test]
fn without_millimetres_there_are_pixels_only() {
    let mut report = report();
    report.spacing_mm = None;
    report.landmarks.iter_mut().for_each(|l| l.expected_error_mm = None);
    let objects = objects(&film(&FILM), &report, &[Kind::Report3d]);
    let data = data_set(&objects[0]);
    assert_eq!(items(&data, "NUM").len(), 2);
    assert_eq!(items(&data, "SCOORD").len(), 4, "the first measurement has the point all the same");
}

#[test]
fn a_landmark_of_another_maker_has_a_code_of_its_name_that_is_declared() {
    let object = &objects(&film(&FILM), &report(), &[Kind::Report3d])[0];
    let data = data_set(object);
    let schemes = data.get(Tag(0x0008, 0x0110)).unwrap().items().unwrap();
    let names: Vec<String> = schemes.iter().map(|s| text(s, Tag(0x0008, 0x0102))).collect();
    assert_eq!(names, ["99FIDUCIA", "99FIDUCIA-NAMES"]);
    assert!(holds(&object.bytes, "CEPH-S") && holds(&object.bytes, "nosetip~"));
    let mut known = report();
    known.landmarks.truncate(1);
    let known = objects(&film(&FILM), &known, &[Kind::Report3d]);
    assert!(!holds(&known[0].bytes, "99FIDUCIA-NAMES"));
}

#[test]
fn a_refused_film_has_a_report_that_says_why_and_no_points() {
    let mut report = report();
    report.plausible = false;
    report.reasons = vec!["too dark".into(), "mirrored".into()];
    let objects = objects(&film(&FILM), &report, &Kind::ALL);
    assert_eq!(objects.iter().map(|o| o.kind).collect::<Vec<_>>(), [Kind::Report3d, Kind::Report]);
    for object in &objects {
        let data = data_set(object);
        assert!(items(&data, "SCOORD").is_empty() && items(&data, "NUM").is_empty());
        assert!(!holds(&object.bytes, "sella"));
        let comments: Vec<String> =
            items(&data, "TEXT").iter().map(|item| text(item, Tag(0x0040, 0xA160))).collect();
        assert!(comments.contains(&"too dark".into()) && comments.contains(&"mirrored".into()));
        assert!(holds(&object.bytes, "Not Attempted"));
    }
}

/// `Müller` in ISO 8859-1, which is no UTF-8.
#[test]
fn names_are_repeated_byte_for_byte_in_the_character_set_of_the_film() {
    let mut bytes = film(&[FILM[35], FILM[36], FILM[0], (0x0010, 0x0010, b"PN", "M#ller")]);
    let at = bytes.windows(6).position(|w| w == b"M#ller").unwrap();
    bytes[at + 1] = 0xFC;
    let mut report = report();
    report.landmarks[0].name = "\u{9f3b}\u{5c16}".into();
    for object in objects(&bytes, &report, &Kind::ALL) {
        assert!(object.bytes.windows(6).any(|w| w == b"M\xFCller"), "{:?}", object.kind);
        assert_eq!(text(&data_set(&object), Tag(0x0008, 0x0005)), "ISO_IR 100");
        assert!(!holds(&object.bytes, "\u{9f3b}"), "Latin 1 has no such letter");
    }
}

#[test]
fn names_of_a_model_are_written_in_utf_8_where_the_film_leaves_that_open() {
    let mut report = report();
    report.landmarks[0].name = "\u{9f3b}\u{5c16}".into();
    let object = &objects(&film(&[FILM[35], FILM[36]]), &report, &[Kind::Report3d])[0];
    assert_eq!(text(&data_set(object), Tag(0x0008, 0x0005)), "ISO_IR 192");
    assert!(holds(&object.bytes, "\u{9f3b}\u{5c16}"));
}

#[test]
fn what_no_result_can_refer_to_is_refused_by_name() {
    let refusal = |bytes: &[u8]| {
        let error = Source::read(bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        error.to_string()
    };
    assert!(refusal(b"these are words").contains("no DICOM file"));
    assert!(refusal(&film(&[FILM[36]])).contains("StudyInstanceUID (0020,000D)"));
    assert!(refusal(&film(&[FILM[35]])).contains("SeriesInstanceUID (0020,000E)"));
    let words = film(&[FILM[36], (0x0020, 0x000D, b"UI", "../../evil")]);
    assert!(refusal(&words).contains("'../../evil', no UID"), "{}", refusal(&words));
    let long = "9".repeat(2049);
    let long = film(&[FILM[35], FILM[36], (0x0010, 0x0020, b"LO", &long)]);
    assert!(refusal(&long).contains("(0010,0020) is 2049 bytes long"), "{}", refusal(&long));
    let mut ct = bare(SIZE);
    put(&mut ct, tags::SOP_CLASS_UID, b"UI", uids::CT);
    assert!(refusal(&written(&ct, uids::EXPLICIT_LITTLE)).contains("no projection radiograph"));
}

#[test]
fn numbers_that_make_no_sense_are_left_out() {
    let mut report = report();
    report.landmarks[0].x_px = f64::NAN;
    report.landmarks[1].expected_error_mm = Some(f64::INFINITY);
    let strange = [
        FILM[35],
        FILM[36],
        (0x0028, 0x1050, b"DS", "words"),
        (0x0028, 0x1051, b"DS", "1e999"),
        (0x0020, 0x0013, b"IS", "many"),
        (0x0018, 0x1600, b"CS", "ROUND"),
        (0x0028, 0x0034, b"IS", "0\\0"),
    ];
    // The pixels are not read with such a window; what refers to the film is.
    let radiograph = Radiograph::decode("x".into(), &film(&strange[..2]), None).unwrap();
    let source = Source::read(&film(&strange)).unwrap();
    for object in results(&source, &radiograph, &report, made(), &Kind::ALL).unwrap() {
        let data = data_set(&object);
        assert_eq!(text(&data, Tag(0x0020, 0x0013)), "1");
        assert!(data.get(Tag(0x0018, 0x1600)).is_none() && data.get(Tag(0x0028, 0x3110)).is_none());
        if object.kind == Kind::Report3d {
            assert_eq!((items(&data, "SCOORD").len(), items(&data, "NUM").len()), (2, 1));
        }
    }
}

use super::*;
use crate::engine::device::BackendInfo;
use crate::engine::observation::Timings;
use crate::landmark::Landmark;
use crate::orientation::OrientationIssue;
use crate::radiograph::MmSource;

fn landmark(name: &str, confident: bool, mm: bool) -> Landmark {
    let known = |v| mm.then_some(v);
    Landmark {
        name: name.into(),
        x_px: 832.25,
        y_px: 99.5,
        x_mm: known(83.225),
        y_mm: known(9.95),
        expected_error_mm: known(0.8),
        expected_error_px: 8.0,
        covariance_px2: [40.0, 0.0, 24.0],
        confident,
    }
}

fn report(mm: bool) -> Report {
    Report {
        schema: "fiducia.report/1",
        image: "a.png".into(),
        size_px: [1935, 2400],
        spacing_mm: mm.then_some([0.1, 0.1]),
        mm_source: if mm { MmSource::User } else { MmSource::None },
        inverted: false,
        model: ModelInfo { name: "toy".into(), sha256: "0123456789abcdef".into() },
        backend: BackendInfo {
            kind: "cpu",
            device: "two cores".into(),
            driver: "engine 1".into(),
            precision: "f32",
            chosen_because: None,
        },
        timings_ms: Timings { total: 123.4, ..Timings::default() },
        plausible: true,
        reasons: vec![],
        presentation: None,
        dicom: None,
        landmarks: vec![landmark("sella", true, mm), landmark("gonion", false, mm)],
        measures: vec![],
    }
}

#[test]
fn table_with_millimetres() {
    let want = "\
image   a.png  1935 x 2400 px
model   toy  sha256 0123456789ab
device  cpu: two cores, engine 1  123 ms
scale   0.1 x 0.1 mm per px, given by the caller

landmark   x px  y px   x mm  y mm  expected error mm
sella     832.2  99.5  83.22  9.95               0.80
gonion    832.2  99.5  83.22  9.95               0.80  ?

? = low confidence, check by eye: 1 of 2
";
    assert_eq!(table(&report(true)), want);
}

#[test]
fn table_without_scale_speaks_of_pixels() {
    let text = table(&report(false));
    assert!(text.contains("scale   unknown; positions in px only"), "{text}");
    assert!(text.contains("landmark   x px  y px  expected error px\n"), "{text}");
}

#[test]
fn csv_is_long_and_quoted() {
    let mut one = report(true);
    one.image = "a \"b\", c.png".into();
    one.landmarks[0].name = "=1+1".into();
    let mut two = report(false);
    two.landmarks.truncate(1);
    let want = "\
image,landmark,x_px,y_px,x_mm,y_mm,expected_error_mm,expected_error_px,confident
\"a \"\"b\"\", c.png\",'=1+1,832.250,99.500,83.2250,9.9500,0.8000,8.000,true
\"a \"\"b\"\", c.png\",gonion,832.250,99.500,83.2250,9.9500,0.8000,8.000,false
a.png,sella,832.250,99.500,,,,8.000,true
";
    assert_eq!(csv(&[one, two]), want);
}

#[test]
fn json_has_the_documented_keys() {
    let json = serde_json::to_value(report(false)).unwrap();
    assert_eq!(json["schema"], "fiducia.report/1");
    assert_eq!(json["mm_source"], "none");
    assert_eq!(json["size_px"], serde_json::json!([1935, 2400]));
    assert!(json["spacing_mm"].is_null() && json["landmarks"][0]["x_mm"].is_null());
    assert_eq!(json["landmarks"][1]["confident"], false);
    assert_eq!((&json["inverted"], &json["presentation"]), (&false.into(), &().into()));
    let turned = Report { presentation: Some(OrientationIssue::Turned90), ..report(false) };
    assert_eq!(serde_json::to_value(turned).unwrap()["presentation"], "turned_90");
}

#[test]
fn inverted_grey_values_are_named_in_the_table() {
    let text = table(&Report { inverted: true, ..report(true) });
    assert!(text.starts_with("image   a.png  1935 x 2400 px, grey values inverted\n"), "{text}");
}

#[test]
fn a_name_cannot_break_the_table() {
    let mut report = report(true);
    report.landmarks[0].name = "a\nb\u{1b}[2J".into();
    let text = table(&report);
    assert!(text.contains("a\\nb\\u{1b}[2J"), "{text}");
}

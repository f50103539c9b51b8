//! `fiducia detect --dicom`: which files are written, and what is rejected before.

use image::GrayImage;

use crate::dicom_files::{bare, put, put_words, tags, uids, written};
use crate::toy;
use crate::workspace::Workspace;

/// A grey picture as a DICOM radiograph without a patient.
pub(crate) fn dicom(picture: &GrayImage, instance: &str) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let mut object = bare([width as usize, height as usize]);
    put(&mut object, tags::SOP_INSTANCE_UID, b"UI", instance);
    put(&mut object, (0x0020, 0x000D), b"UI", "2.25.2");
    put(&mut object, (0x0020, 0x000E), b"UI", "2.25.3");
    let pixels: Vec<u16> = picture.as_raw().iter().map(|v| u16::from(*v) * 16).collect();
    put_words(&mut object, &pixels);
    written(&object, uids::EXPLICIT_LITTLE)
}

fn dicom_workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("images/a.dcm", &dicom(&toy::picture(240, 300), "2.25.11"));
    workspace
}

#[test]
fn the_default_is_one_report_and_kinds_can_be_chosen() {
    let workspace = dicom_workspace();
    let outcome = workspace.detect(&["images/a.dcm", "--dicom", "out"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("middle"), "the table is printed as usual: {outcome:?}");
    assert_eq!(workspace.names("out"), ["a.fiducia-sr3d.dcm"]);
    let kinds = ["images/a.dcm", "--dicom", "out", "--dicom-kinds", "sc,gsps,sr,sc"];
    assert_eq!(workspace.detect(&kinds).code, 0);
    let all = ["gsps", "sc", "sr", "sr3d"].map(|kind| format!("a.fiducia-{kind}.dcm"));
    assert_eq!(workspace.names("out"), all);
}

#[test]
fn results_in_a_folder_are_not_input_images() {
    let workspace = dicom_workspace();
    workspace.write("images/b.dcm", &dicom(&toy::picture(240, 300), "2.25.12"));
    let all = ["images", "--dicom", "images", "--dicom-kinds", "sr3d,sc", "--json", "out/r.json"];
    for _ in 0..2 {
        assert_eq!(workspace.detect(&all).code, 0);
        assert_eq!(workspace.names("images").len(), 6);
        let json = std::fs::read_to_string(workspace.path("out/r.json")).unwrap();
        assert_eq!(json.matches("\"schema\"").count(), 2);
    }
}

#[test]
fn a_refused_image_gets_a_report() {
    let workspace = dicom_workspace();
    let grey = GrayImage::from_fn(240, 300, |x, y| image::Luma([((x * 7 + y * 3) % 251) as u8]));
    workspace.write("images/noise.dcm", &dicom(&grey, "2.25.13"));
    let arguments =
        ["images/noise.dcm", "--dicom", "out", "--dicom-kinds", "sr,gsps", "--json", "out/r.json"];
    let outcome = workspace.detect(&arguments);
    assert_eq!(outcome.code, 4, "{outcome:?}");
    assert_eq!(workspace.names("out"), ["noise.fiducia-sr.dcm"]);
}

#[test]
fn invalid_requests_are_rejected_before_any_work() {
    let workspace = dicom_workspace();
    let refused = |arguments: &[&str], words: &str| {
        let outcome = workspace.detect(arguments);
        assert_eq!((outcome.code, &*outcome.stdout), (2, ""), "{outcome:?}");
        assert!(outcome.stderr.contains(words), "{outcome:?}");
        assert_eq!(workspace.names("out"), [""; 0]);
    };
    let picture = ["images/a.dcm", "spots.png", "--dicom", "out"];
    refused(&picture, "spots.png is not a DICOM file, and --dicom needs");
    refused(&["images/a.dcm", "--dicom", "nowhere"], "there is no folder nowhere");
    workspace.write("more/a.dcm", &dicom(&toy::picture(240, 300), "2.25.14"));
    refused(&["images/a.dcm", "more/a.dcm", "--dicom", "out"], "two results have this path");
    refused(&["images/a.dcm", "--dicom-kinds", "sr"], "--dicom");
    refused(&["images/a.dcm", "--dicom", "out", "--dicom-kinds", "pdf"], "sr3d");
    let without_study = {
        let mut object = bare([240, 300]);
        let pixels =
            toy::picture(240, 300).as_raw().iter().map(|v| u16::from(*v)).collect::<Vec<_>>();
        put_words(&mut object, &pixels);
        written(&object, uids::EXPLICIT_LITTLE)
    };
    workspace.write("images/bare.dcm", &without_study);
    let outcome = workspace.detect(&["images/bare.dcm", "--dicom", "out"]);
    assert_eq!(outcome.code, 3, "{outcome:?}");
    assert!(
        outcome.stderr.contains("images/bare.dcm") && outcome.stderr.contains("StudyInstanceUID")
    );
    assert_eq!(workspace.names("out"), [""; 0]);
}

//! `fiducia detect --dicom`: what is written where, and what is refused before anything is.

use image::GrayImage;

use crate::cli::Bench;
use crate::dicom_files::{bare, put, put_words, tags, uids, written};
use crate::toy;

/// A grey picture as a DICOM film of nobody.
pub(crate) fn film(picture: &GrayImage, instance: &str) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let mut object = bare([width as usize, height as usize]);
    put(&mut object, tags::SOP_INSTANCE_UID, b"UI", instance);
    put(&mut object, (0x0020, 0x000D), b"UI", "2.25.2");
    put(&mut object, (0x0020, 0x000E), b"UI", "2.25.3");
    let pixels: Vec<u16> = picture.as_raw().iter().map(|v| u16::from(*v) * 16).collect();
    put_words(&mut object, &pixels);
    written(&object, uids::EXPLICIT_LITTLE)
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("films/a.dcm", &film(&toy::picture(240, 300), "2.25.11"));
    bench
}

#[test]
fn one_report_by_default_and_the_kinds_that_are_named() {
    let bench = bench();
    let outcome = bench.detect(&["films/a.dcm", "--dicom", "out"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("middle"), "the table is printed as ever: {outcome:?}");
    assert_eq!(bench.names("out"), ["a.fiducia-sr3d.dcm"]);
    let kinds = ["films/a.dcm", "--dicom", "out", "--dicom-kinds", "sc,gsps,sr,sc"];
    assert_eq!(bench.detect(&kinds).code, 0);
    let all = ["gsps", "sc", "sr", "sr3d"].map(|kind| format!("a.fiducia-{kind}.dcm"));
    assert_eq!(bench.names("out"), all);
}

#[test]
fn a_folder_that_holds_results_holds_no_further_films() {
    let bench = bench();
    bench.write("films/b.dcm", &film(&toy::picture(240, 300), "2.25.12"));
    let all = ["films", "--dicom", "films", "--dicom-kinds", "sr3d,sc", "--json", "out/r.json"];
    for _ in 0..2 {
        assert_eq!(bench.detect(&all).code, 0);
        assert_eq!(bench.names("films").len(), 6);
        let json = std::fs::read_to_string(bench.path("out/r.json")).unwrap();
        assert_eq!(json.matches("\"schema\"").count(), 2);
    }
}

#[test]
fn a_refused_film_leaves_a_report_of_it() {
    let bench = bench();
    let grey = GrayImage::from_fn(240, 300, |x, y| image::Luma([((x * 7 + y * 3) % 251) as u8]));
    bench.write("films/noise.dcm", &film(&grey, "2.25.13"));
    let arguments =
        ["films/noise.dcm", "--dicom", "out", "--dicom-kinds", "sr,gsps", "--json", "out/r.json"];
    let outcome = bench.detect(&arguments);
    assert_eq!(outcome.code, 4, "{outcome:?}");
    assert_eq!(bench.names("out"), ["noise.fiducia-sr.dcm"]);
}

#[test]
fn what_cannot_be_is_said_before_anything_is_done() {
    let bench = bench();
    let refused = |arguments: &[&str], words: &str| {
        let outcome = bench.detect(arguments);
        assert_eq!((outcome.code, &*outcome.stdout), (2, ""), "{outcome:?}");
        assert!(outcome.stderr.contains(words), "{outcome:?}");
        assert_eq!(bench.names("out"), [""; 0]);
    };
    let picture = ["films/a.dcm", "spots.png", "--dicom", "out"];
    refused(&picture, "spots.png is no DICOM file, and --dicom needs");
    refused(&["films/a.dcm", "--dicom", "nowhere"], "there is no folder nowhere");
    bench.write("more/a.dcm", &film(&toy::picture(240, 300), "2.25.14"));
    refused(&["films/a.dcm", "more/a.dcm", "--dicom", "out"], "two results would go there");
    refused(&["films/a.dcm", "--dicom-kinds", "sr"], "--dicom");
    refused(&["films/a.dcm", "--dicom", "out", "--dicom-kinds", "pdf"], "sr3d");
    let bare_film = {
        let mut object = bare([240, 300]);
        let pixels =
            toy::picture(240, 300).as_raw().iter().map(|v| u16::from(*v)).collect::<Vec<_>>();
        put_words(&mut object, &pixels);
        written(&object, uids::EXPLICIT_LITTLE)
    };
    bench.write("films/bare.dcm", &bare_film);
    let outcome = bench.detect(&["films/bare.dcm", "--dicom", "out"]);
    assert_eq!(outcome.code, 3, "{outcome:?}");
    assert!(
        outcome.stderr.contains("films/bare.dcm") && outcome.stderr.contains("StudyInstanceUID")
    );
    assert_eq!(bench.names("out"), [""; 0]);
}

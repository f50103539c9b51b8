//! The shipped models on films as DICOM files: what is found is what is found on the same film as PNG.

use std::path::{Path, PathBuf};
use std::process::Command;

use fiducia::{Backend, Detector, MmSource, Pack, Radiograph, Report};

use crate::dicom_files::{bare, put, put_bits, put_frame, put_words, tags, uids, written};

/// How far a landmark may lie from where it is on the PNG, px. Grey values are the same line of values on another
/// scale, so that only the rounding of the grey window differs.
const SAME_PX: f64 = 0.02;
/// The same where a lossy codestream or a window in between rounds grey values.
const ROUNDED_PX: f64 = 0.5;
/// The same on a film of 1955 px of height, at a point that is expected to be 34 px off.
const UNCERTAIN_PX: f64 = 1.2;

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name)
}

fn detector(model: &str) -> Detector {
    Detector::new(&Pack::open(&shipped(model)).unwrap(), Backend::Cpu).unwrap()
}

/// The film as 8, 12 and 16 bit, MONOCHROME1 and 2, with its spacing in the file.
fn as_dicom(film: &Radiograph, stored: u16, white_is_low: bool, spacing: &str) -> Vec<u8> {
    let top = ((1u32 << stored) - 1) as u16;
    let scale = |v: u16| match stored {
        8 => v,
        12 => v * 16,
        _ => v * 257,
    };
    let shown = |v: u16| if white_is_low { top - scale(v) } else { scale(v) };
    let pixels: Vec<u16> = film.pixels.iter().map(|&v| shown(v)).collect();
    let mut object = bare([film.width, film.height]);
    put_bits(&mut object, 16, stored);
    put(&mut object, tags::IMAGER_PIXEL_SPACING, b"DS", spacing);
    if white_is_low {
        put(&mut object, tags::PHOTOMETRIC_INTERPRETATION, b"CS", "MONOCHROME1");
    }
    put_words(&mut object, &pixels);
    written(&object, uids::EXPLICIT_LITTLE)
}

/// Largest distance of a landmark of one report to the same of the other, px.
fn apart(a: &Report, b: &Report) -> f64 {
    assert_eq!(a.landmarks.len(), b.landmarks.len());
    let pairs = a.landmarks.iter().zip(&b.landmarks);
    pairs.map(|(a, b)| (a.x_px - b.x_px).hypot(a.y_px - b.y_px)).fold(0.0, f64::max)
}

fn check_all_forms(model: &str, film: &Radiograph, spacing: &str) {
    let mut detector = detector(model);
    let plain = detector.detect(film).unwrap();
    assert!(plain.plausible);
    for stored in [8, 12, 16] {
        for white_is_low in [false, true] {
            let bytes = as_dicom(film, stored, white_is_low, spacing);
            let film = Radiograph::decode("film.dcm".into(), &bytes, None).unwrap();
            assert_eq!(film.mm_source, MmSource::Detector);
            let report = detector.detect(&film).unwrap();
            let off = apart(&plain, &report);
            println!("{model} {stored} bit, MONOCHROME1 {white_is_low}: {off:.4} px");
            assert!(report.plausible && off <= SAME_PX, "{stored} bit, {white_is_low}: {off} px");
        }
    }
}

#[test]
fn the_head_demo_is_the_same_as_dicom() {
    let film = Radiograph::open(&shipped("demo.png"), Some([0.2; 2])).unwrap();
    check_all_forms("head.fid", &film, "0.2\\0.2");
}

#[test]
fn the_chest_demo_is_the_same_as_dicom() {
    let film = Radiograph::open(&shipped("demo-chest.png"), Some([1.0; 2])).unwrap();
    check_all_forms("chest.fid", &film, "1\\1");
}

#[test]
fn a_head_film_of_the_data_is_the_same_as_dicom() {
    let path = std::env::var_os("FIDUCIA_DATA").map(|d| Path::new(&d).join("head/images/151.jpg"));
    let Some(path) = path.filter(|p| p.exists()) else {
        eprintln!("SKIPPED: a head film as DICOM: FIDUCIA_DATA is not set, or has no head film");
        return;
    };
    let film = Radiograph::open(&path, Some([0.1; 2])).unwrap();
    check_all_forms("head.fid", &film, "0.1\\0.1");
}

#[test]
fn compression_moves_no_landmark() {
    let film = Radiograph::open(&shipped("demo.png"), Some([0.2; 2])).unwrap();
    let mut detector = detector("head.fid");
    let plain = detector.detect(&film).unwrap();
    let [width, height] = [film.width, film.height];
    let deep: Vec<u16> = film.pixels.iter().map(|v| v * 16).collect();
    let signed: Vec<i16> = deep.iter().map(|&v| v as i16).collect();
    let sampling = libjpeg_turbo_rs::Subsampling::S444;
    let lossy =
        libjpeg_turbo_rs::precision::compress_12bit(&signed, width, height, 1, 90, sampling);
    let lossless =
        libjpeg_turbo_rs::precision::compress_lossless_arbitrary(&deep, width, height, 1, 12, 1, 0);
    let mut jpeg_ls = Vec::new();
    jpegls::encode(&deep, width as u32, height as u32, &mut jpeg_ls).unwrap();
    for (syntax, frame, most) in [
        (uids::JPEG_LOSSLESS, lossless.unwrap(), SAME_PX),
        (uids::JPEG_LS, jpeg_ls, SAME_PX),
        (uids::JPEG_EXTENDED, lossy.unwrap(), ROUNDED_PX),
    ] {
        let mut object = bare([width, height]);
        put(&mut object, tags::IMAGER_PIXEL_SPACING, b"DS", "0.2\\0.2");
        put_frame(&mut object, frame);
        let bytes = written(&object, syntax);
        let film = Radiograph::decode("film.dcm".into(), &bytes, None).unwrap();
        let off = apart(&plain, &detector.detect(&film).unwrap());
        println!("{syntax}: {off:.4} px");
        assert!(off <= most, "{syntax}: {off} px");
    }
}

/// The DICOM chest samples come out the same in every coding.
#[test]
fn a_chest_sample_is_the_same_in_every_coding() {
    let folder = std::env::var_os("FIDUCIA_DATA").map(|d| Path::new(&d).join("dicom"));
    let Some(folder) = folder.filter(|f| f.join("RG1_UNCR.dcm").exists()) else {
        eprintln!(
            "SKIPPED: chest sample in DICOM: FIDUCIA_DATA is not set, or has no dicom/RG1_UNCR.dcm"
        );
        return;
    };
    let mut detector = detector("chest.fid");
    let mut look = |name: &str| {
        let film = Radiograph::open(&folder.join(name), None).unwrap();
        // Its Pixel Spacing is 0\0: no millimetres come out of that.
        assert_eq!(film.mm_source, MmSource::None);
        detector.detect(&film).unwrap()
    };
    let [plain, lossy] = ["RG1_UNCR.dcm", "RG1_J2KI.dcm"].map(&mut look);
    let off = apart(&plain, &lossy);
    println!("{}: {:?}; lossy {off:.4} px apart", plain.plausible, plain.reasons);
    assert!(off <= UNCERTAIN_PX, "{off} px");
}

#[test]
fn the_command_takes_folders_of_dicom_and_other_images() {
    let folder = tempfile::tempdir().unwrap();
    let films = folder.path().join("films");
    std::fs::create_dir(&films).unwrap();
    let film = Radiograph::open(&shipped("demo.png"), None).unwrap();
    let dicom = as_dicom(&film, 12, true, "0.2\\0.2");
    std::fs::copy(shipped("demo.png"), films.join("a.png")).unwrap();
    std::fs::write(films.join("b.dcm"), &dicom).unwrap();
    // On media and in archives files have no ending; the contents of a medium are no image, nor are other files.
    std::fs::write(films.join("IM000001"), &dicom).unwrap();
    std::fs::write(films.join("DICOMDIR"), &dicom).unwrap();
    std::fs::write(films.join("notes"), "words").unwrap();
    let run = |more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_fiducia"))
            .args(["detect", "--backend", "cpu", "--quiet", "--json", "-", "--model"])
            .args([&shipped("head.fid"), &films])
            .args(more)
            .env_remove("RUST_LOG")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let reports = run(&[]);
    let sources: Vec<_> = reports.as_array().unwrap().iter().map(|r| &r["mm_source"]).collect();
    assert_eq!(sources, ["detector", "none", "detector"]);
    assert_eq!(reports[0]["spacing_mm"], serde_json::json!([0.2, 0.2]));
    assert_eq!(reports[0]["dicom"]["photometric_interpretation"], "MONOCHROME1");
    assert!(reports[1].get("dicom").is_none());
    let given = run(&["--spacing", "0.25"]);
    assert_eq!(given[0]["mm_source"], "user");
    assert_eq!(given[0]["dicom"]["mm_source"], "detector");
}

#[test]
fn the_command_refuses_what_is_no_radiograph() {
    let folder = tempfile::tempdir().unwrap();
    let mut object = bare([64, 64]);
    put(&mut object, tags::SOP_CLASS_UID, b"UI", uids::CT);
    put_words(&mut object, &[0; 64 * 64]);
    let path = folder.path().join("slice");
    std::fs::write(&path, written(&object, uids::EXPLICIT_LITTLE)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fiducia"))
        .args(["detect", "--backend", "cpu", "--model"])
        .args([&shipped("head.fid"), &path])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("SOPClassUID (0008,0016)") && said.contains("CT Image Storage"),
        "{said}"
    );
}

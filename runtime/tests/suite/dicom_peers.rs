//! DICOM files that pydicom and DCMTK wrote (`tests/dicom/generate.py`), and the samples, pixel for pixel as these
//! programs read them. Skipped by name where Python or pydicom is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use fiducia::radiograph::GreyValues;
use fiducia::{ErrorKind, Radiograph, Reading};
use fiducia_test_support::{record_skip, test_name};
use serde_json::Value;

/// Python that has pydicom: `FIDUCIA_PYTHON`, or `python3`.
fn python() -> Option<String> {
    let python = std::env::var("FIDUCIA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let check =
        "import pydicom, openjpeg, jpeg_ls, numpy; from pydicom.pixels import apply_voi_lut";
    let found = Command::new(&python).args(["-c", check]).output();
    found.is_ok_and(|output| output.status.success()).then_some(python)
}

/// The DICOM samples, where there are any.
fn samples() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("FIDUCIA_DATA").map(|d| PathBuf::from(d).join("dicom"))
    else {
        record_skip(test_name!(), "FIDUCIA_DATA is not set");
        return vec![];
    };
    let files =
        std::fs::read_dir(&folder).into_iter().flatten().filter_map(|e| Some(e.ok()?.path()));
    let mut files: Vec<PathBuf> =
        files.filter(|p| p.extension().is_some_and(|e| e == "dcm")).collect();
    files.sort();
    if files.is_empty() {
        record_skip(test_name!(), format!("no sample in {}", folder.display()));
    }
    files
}

/// What the script expects of its files.
fn cases(out: &Path) -> Option<Value> {
    let Some(python) = python() else {
        record_skip(test_name!(), "no Python with pydicom, pylibjpeg-openjpeg, pyjpegls");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dicom/generate.py");
    let made = Command::new(python)
        .args(["-W", "ignore"])
        .arg(script)
        .arg(out)
        .args(samples())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let cases: Value =
        serde_json::from_slice(&std::fs::read(out.join("cases.json")).unwrap()).unwrap();
    for what in cases["left_out"].as_array().unwrap() {
        record_skip(test_name!(), what.as_str().unwrap());
    }
    Some(cases)
}

/// Reads one case in both ways and compares every pixel.
fn check_pixels(case: &Value, out: &Path) -> Result<(), String> {
    let name = case["name"].as_str().unwrap();
    for (way, grey_values) in
        [("modality", GreyValues::Modality), ("presented", GreyValues::Presented)]
    {
        let reading = Reading { grey_values, ..Reading::default() };
        let read = Radiograph::open_as(Path::new(case["file"].as_str().unwrap()), &reading)
            .map_err(|e| e.to_string())?;
        assert_eq!(serde_json::json!([read.width, read.height]), case["size"], "{name}");
        let expected = std::fs::read(out.join(format!("{name}.{way}.u16"))).unwrap();
        let expected: Vec<u16> =
            expected.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
        if !case["padded"].is_null() {
            check_padding(&read.pixels, &expected)?;
            continue;
        }
        let apart = |(a, b): (&u16, &u16)| i64::from(a.abs_diff(*b));
        let worst = read.pixels.iter().zip(&expected).map(apart).max().unwrap();
        if read.pixels.len() != expected.len() || worst > case["tolerance"][way].as_i64().unwrap() {
            let differing = read.pixels.iter().zip(&expected).filter(|(a, b)| a != b).count();
            return Err(format!("{way}: {differing} pixels differ, by up to {worst}"));
        }
        check_scale(case, &read)?;
    }
    Ok(())
}

/// Padding has become dark and everything else is as it was.
fn check_padding(pixels: &[u16], expected: &[u16]) -> Result<(), String> {
    let changed: Vec<u16> =
        pixels.iter().zip(expected).filter(|(a, b)| a != b).map(|(a, _)| *a).collect();
    let mut others: Vec<u16> =
        pixels.iter().zip(expected).filter(|(a, b)| a == b).map(|(a, _)| *a).collect();
    others.sort();
    let dark = others[others.len() / 20];
    match changed.len() * 20 > pixels.len() && changed.iter().all(|&v| v <= dark) {
        true => Ok(()),
        false => Err(format!("{} pixels changed", changed.len())),
    }
}

fn check_scale(case: &Value, read: &Radiograph) -> Result<(), String> {
    let scale = &case["scale"];
    if scale.is_null() {
        return Ok(());
    }
    let found = serde_json::json!({"source": read.mm_source, "spacing": read.spacing_mm});
    if found == *scale { Ok(()) } else { Err(format!("scale {found}, expected {scale}")) }
}

fn check_refusal(case: &Value, words: &[Value]) -> Result<(), String> {
    let path = Path::new(case["file"].as_str().unwrap());
    match Radiograph::open(path, None) {
        Ok(_) => Err("was read".to_owned()),
        Err(error) => {
            let said = error.to_string();
            let good = error.kind() == ErrorKind::Unreadable
                && words.iter().all(|w| said.contains(w.as_str().unwrap()));
            if good { Ok(()) } else { Err(said) }
        }
    }
}

#[test]
fn pixels_and_scales_are_those_of_pydicom_and_dcmtk() {
    let folder = tempfile::tempdir().unwrap();
    let Some(cases) = cases(folder.path()) else { return };
    let cases = cases["cases"].as_array().unwrap();
    let outcome = |case: &Value| match case["refused"].as_array() {
        Some(words) => check_refusal(case, words),
        None => check_pixels(case, folder.path()),
    };
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| Some(format!("{}: {}", case["name"], outcome(case).err()?)))
        .collect();
    println!("{} cases", cases.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

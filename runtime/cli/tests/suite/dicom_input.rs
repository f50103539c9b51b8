//! `fiducia detect` on DICOM files and folders of them.

use std::process::Command;

use fiducia::Radiograph;
use fiducia_test_support::dicom_files::{as_dicom, bare, put, put_words, tags, uids, written};
use fiducia_test_support::shipped::shipped;

#[test]
fn folders_may_contain_dicom_and_other_images() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    std::fs::create_dir(&images).unwrap();
    let radiograph = Radiograph::open(&shipped("demo.png"), None).unwrap();
    let dicom = as_dicom(&radiograph, 12, true, "0.2\\0.2");
    std::fs::copy(shipped("demo.png"), images.join("a.png")).unwrap();
    std::fs::write(images.join("b.dcm"), &dicom).unwrap();
    // On media and in archives files have no extension. The directory file of a medium and other files are not images.
    std::fs::write(images.join("IM000001"), &dicom).unwrap();
    std::fs::write(images.join("DICOMDIR"), &dicom).unwrap();
    std::fs::write(images.join("notes"), "words").unwrap();
    let run = |more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_fiducia"))
            .args(["detect", "--backend", "cpu", "--quiet", "--json", "-", "--model"])
            .args([&shipped("head.fid"), &images])
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
fn other_dicom_images_are_refused() {
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
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains("SOPClassUID (0008,0016)") && stderr.contains("CT Image Storage"),
        "{stderr}"
    );
}

//! Failing runs of `fiducia`: the exit code, the message, and that nothing is written.

use image::{DynamicImage, GrayImage, ImageFormat};

use fiducia_test_support::toy::{self, claim_size, encode};

use crate::workspace::{Outcome, Workspace};

/// Runs on one image with all kinds of output, and checks that nothing is written.
fn refused(workspace: &Workspace, image: &str, model: &str) -> Outcome {
    let outcome = workspace.run(&[
        "detect",
        image,
        "--model",
        model,
        "--backend",
        "cpu",
        "--json",
        "out/r.json",
        "--csv",
        "out/r.csv",
        "--overlay",
        "out/r.png",
    ]);
    assert_eq!(outcome.stdout, "", "{outcome:?}");
    assert_eq!(workspace.names("out"), [""; 0]);
    outcome
}

/// As [`refused`]; the message must name the image and hold `words`.
fn assert_refused(workspace: &Workspace, image: &str, code: i32, words: &str) {
    let outcome = refused(workspace, image, "toy.fid");
    assert_eq!(outcome.code, code, "{outcome:?}");
    assert!(outcome.stderr.starts_with("fiducia: "), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert!(outcome.stderr.contains(image) && outcome.stderr.contains(words), "{outcome:?}");
}

fn png(picture: GrayImage) -> Vec<u8> {
    encode(&picture.into(), ImageFormat::Png)
}

#[test]
fn unreadable_images() {
    let workspace = Workspace::new();
    let jpeg = encode(&toy::picture(240, 300).into(), ImageFormat::Jpeg);
    workspace.write("empty.png", b"");
    workspace.write("words.png", b"Dear radiographer, the picture follows by post.");
    workspace.write("cut.jpg", &jpeg[..jpeg.len() / 2]);
    workspace.write("cut.png", &std::fs::read(workspace.path("spots.png")).unwrap()[..900]);
    workspace.write("huge.png", &claim_size(ImageFormat::Png, 20_000));
    workspace.write("huge.jpg", &claim_size(ImageFormat::Jpeg, 20_000));
    workspace.write("huge.tif", &claim_size(ImageFormat::Tiff, 20_000));
    assert_refused(&workspace, "empty.png", 3, "the file is empty");
    assert_refused(&workspace, "words.png", 3, "no DICOM, PNG, JPEG or TIFF");
    assert_refused(&workspace, "cut.jpg", 3, "cut short");
    assert_refused(&workspace, "cut.png", 3, "cut or damaged");
    for huge in ["huge.png", "huge.jpg", "huge.tif"] {
        assert_refused(&workspace, huge, 3, "too large");
    }
    assert_refused(&workspace, "missing.png", 3, "no such file");
}

#[test]
fn implausible_images() {
    let workspace = Workspace::new();
    let shade = |x: u32, y: u32| image::Luma([((x * 7919 + y * 104_729) % 251) as u8]);
    let turned = DynamicImage::from(toy::picture(240, 300)).rotate180();
    let dark = GrayImage::from_fn(240, 300, |x, y| image::Luma([((x + y) % 15) as u8]));
    workspace.write("dot.png", &png(GrayImage::from_pixel(1, 1, image::Luma([9]))));
    workspace.write("black.png", &png(GrayImage::new(240, 300)));
    workspace.write("noise.png", &png(GrayImage::from_fn(240, 300, shade)));
    workspace.write("turned.png", &encode(&turned, ImageFormat::Png));
    workspace.write("dark.png", &png(dark));
    assert_refused(&workspace, "dot.png", 4, "too small");
    assert_refused(&workspace, "black.png", 4, "no contrast");
    assert_refused(&workspace, "noise.png", 4, "does not look like");
    assert_refused(&workspace, "turned.png", 4, "rotated");
    assert_refused(&workspace, "turned.png", 4, "looks turned by 180 degrees: turn it back");
    assert_refused(&workspace, "dark.png", 4, "too few grey levels");
}

#[test]
fn a_negative_is_recognised_and_accepted_with_invert() {
    let workspace = Workspace::new();
    let mut negative = toy::picture(240, 300);
    image::imageops::invert(&mut negative);
    workspace.write("negative.png", &png(negative));
    assert_refused(
        &workspace,
        "negative.png",
        4,
        "looks inverted: bone is dark; invert the grey values: give --invert",
    );
    let outcome = workspace.detect(&["spots.png", "--invert"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (4, ""), "{outcome:?}");
    assert!(outcome.stderr.contains(": leave out --invert"), "{outcome:?}");
    let outcome = workspace.detect(&["negative.png", "--invert"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    assert!(
        outcome.stdout.starts_with("image   negative.png  240 x 300 px, grey values inverted\n")
    );
}

#[test]
fn unreadable_packs() {
    let workspace = Workspace::new();
    let mut damaged = toy::pack();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    workspace.write("damaged.fid", &damaged);
    let mut newer = toy::pack();
    newer[8] = 2;
    toy::seal(&mut newer, 8);
    workspace.write("newer.fid", &newer);
    workspace.write("empty.fid", b"");
    for (model, words) in [
        ("damaged.fid", "section BACK is damaged"),
        ("newer.fid", "update fiducia"),
        ("empty.fid", "too few for a pack"),
        ("missing.fid", "cannot read pack"),
        ("spots.png", "not a fiducia pack"),
    ] {
        let outcome = refused(&workspace, "spots.png", model);
        assert_eq!(outcome.code, 3, "{outcome:?}");
        assert!(outcome.stderr.contains(model) && outcome.stderr.contains(words), "{outcome:?}");
        let outcome = workspace.run(&["inspect", model]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (3, ""), "{outcome:?}");
        assert!(outcome.stderr.contains(model), "{outcome:?}");
    }
}

#[test]
fn unwritable_outputs_are_refused_before_any_work() {
    let workspace = Workspace::new();
    // With an unreadable image the error shows that outputs are checked first.
    workspace.write("empty.png", b"");
    for arguments in [
        ["--json", "nowhere/r.json"],
        ["--csv", "nowhere/r.csv"],
        ["--overlay", "nowhere/r.png"],
        // Not even root can make a file under a file.
        ["--json", "spots.png/r.json"],
        ["--csv", "out"],
    ] {
        let outcome = workspace.detect(&[&["empty.png"][..], &arguments].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
        assert!(outcome.stderr.contains(arguments[1]), "{outcome:?}");
    }
    assert_eq!(workspace.names("out"), [""; 0]);
    assert_eq!(workspace.names("."), ["empty.png", "out", "spots.png", "toy.fid"]);
}

#[cfg(target_os = "linux")]
#[test]
fn if_one_result_fails_none_is_written() {
    let workspace = Workspace::new();
    // A device without space passes every check and fails when it is written to.
    let arguments = ["spots.png", "--json", "out/r.json", "--csv", "/dev/full"];
    let outcome = workspace.detect(&[&arguments[..], &["--overlay", "out/r.png"]].concat());
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("/dev/full"), "{outcome:?}");
    assert_eq!(workspace.names("out"), [""; 0]);
}

#[test]
fn results_may_not_collide() {
    let workspace = Workspace::new();
    let before = std::fs::read(workspace.path("spots.png")).unwrap();
    workspace.write("in/x.png", &before);
    workspace.write("in/x.jpg", &before);
    for arguments in [
        &["spots.png", "--json", "out/r", "--csv", "out/r"][..],
        &["spots.png", "--json", "-", "--csv", "-"],
        &["spots.png", "--overlay", "spots.png"],
        &["spots.png", "--overlay", "-"],
        &["in", "--overlay", "out"],
        &["in", "--overlay", "out/one.png"],
    ] {
        let outcome = workspace.detect(arguments);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{arguments:?} {outcome:?}");
    }
    assert_eq!(workspace.names("out"), [""; 0]);
    assert_eq!(std::fs::read(workspace.path("spots.png")).unwrap(), before);
}

#[test]
fn wrong_usage() {
    let workspace = Workspace::new();
    for arguments in [
        &[][..],
        &["detect"],
        &["detect", "spots.png", "--spacing", "0"],
        &["detect", "spots.png", "--spacing", "1,2,3"],
        &["detect", "spots.png", "--backend", "abacus"],
        &["detect", "spots.png", "--no-such-flag"],
    ] {
        let outcome = workspace.run(arguments);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{arguments:?} {outcome:?}");
    }
}

#[test]
fn a_missing_gpu() {
    let workspace = Workspace::new();
    let outcome = workspace.run(&["detect", "spots.png", "--model", "toy.fid", "--backend", "gpu"]);
    // A machine with a GPU, and a version that can use it, may succeed.
    assert!(outcome.code == 5 || outcome.code == 0, "{outcome:?}");
}

#[test]
fn an_empty_folder_is_an_error() {
    let workspace = Workspace::new();
    let outcome = workspace.detect(&["out"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (3, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("folder out"), "{outcome:?}");
}

#[test]
fn in_a_batch_the_good_images_get_their_reports() {
    let workspace = Workspace::new();
    let good = std::fs::read(workspace.path("spots.png")).unwrap();
    workspace.write("in/a.png", &good);
    workspace.write("in/b.png", b"words");
    workspace.write("in/c.png", &png(GrayImage::new(240, 300)));
    workspace.write("in/d.png", &good);
    let outcome =
        workspace.detect(&["in", "--json", "-", "--csv", "out/r.csv", "--overlay", "out"]);
    // The first failure is the unreadable one.
    assert_eq!(outcome.code, 3, "{outcome:?}");
    let reports: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(reports.as_array().unwrap().len(), 2);
    assert_eq!(workspace.names("out"), ["a.overlay.png", "d.overlay.png", "r.csv"]);
    let complaints: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(complaints.len(), 3, "{outcome:?}");
    assert!(complaints[0].contains("b.png") && complaints[1].contains("c.png"), "{outcome:?}");
    assert_eq!(complaints[2], "fiducia: 2 of 4 images have no report");
}

#[cfg(unix)]
#[test]
fn no_permission() {
    use std::os::unix::fs::PermissionsExt;
    let workspace = Workspace::new();
    let lock = |name: &str, mode| {
        std::fs::set_permissions(workspace.path(name), std::fs::Permissions::from_mode(mode))
            .unwrap();
    };
    lock("spots.png", 0o000);
    if std::fs::read(workspace.path("spots.png")).is_ok() {
        fiducia_test_support::skip!("this user (root) may read and write everything");
    }
    assert_refused(&workspace, "spots.png", 3, "no permission");
    lock("spots.png", 0o644);
    lock("out", 0o555);
    let outcome = workspace.detect(&["spots.png", "--json", "out/r.json"]);
    lock("out", 0o755);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("out/r.json"), "{outcome:?}");
}

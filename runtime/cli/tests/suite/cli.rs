//! Successful runs of `fiducia`.

use std::path::{Path, PathBuf};
use std::process::Command;

use image::ImageFormat;
use serde_json::Value;

use fiducia_test_support::toy::{self, encode, worst_error};

use crate::workspace::{Outcome, Workspace};

/// As in `images.rs`, units.
const TOLERANCE_UNITS: f64 = 0.5;

fn points(report: &Value) -> Vec<[f64; 2]> {
    let landmarks = report["landmarks"].as_array().unwrap();
    landmarks.iter().map(|l| [l["x_px"].as_f64().unwrap(), l["y_px"].as_f64().unwrap()]).collect()
}

#[test]
fn the_table_is_on_standard_output() {
    let workspace = Workspace::new();
    let outcome = workspace.detect(&["spots.png"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines[0], "image   spots.png  240 x 300 px");
    assert!(lines[1].starts_with("model   toy  sha256 "), "{lines:?}");
    assert!(lines[2].starts_with("device  cpu: ") && lines[2].ends_with(" ms"), "{lines:?}");
    assert_eq!(lines[3], "scale   unknown; positions in px only (give --spacing for mm)");
    assert_eq!(lines[5], "landmark   x px   y px  expected error px");
    for (line, name) in lines[6..9].iter().zip(toy::NAMES) {
        assert!(line.starts_with(name), "{lines:?}");
    }
    assert_eq!(lines.len(), 9);
}

#[test]
fn json_on_standard_output_replaces_the_table() {
    let workspace = Workspace::new();
    let outcome = workspace.detect(&["spots.png", "--json", "-", "--spacing", "0.5,0.25"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["schema"], "fiducia.report/1");
    assert_eq!(report["image"], "spots.png");
    assert_eq!(report["model"]["name"], "toy");
    assert_eq!(report["mm_source"], "user");
    assert_eq!(report["plausible"], true);
    assert_eq!(report["backend"]["kind"], "cpu");
    assert!(worst_error(&points(&report), 300) < TOLERANCE_UNITS);
    let first = &report["landmarks"][0];
    let of = |key: &str| first[key].as_f64().unwrap();
    assert!((of("x_mm") - 0.5 * of("x_px")).abs() < 1e-9);
    assert!((of("y_mm") - 0.25 * of("y_px")).abs() < 1e-9);
}

#[test]
fn files_are_written_and_quiet_is_quiet() {
    let workspace = Workspace::new();
    let outcome = workspace.detect(&[
        "spots.png",
        "--json",
        "out/r.json",
        "--csv",
        "out/r.csv",
        "--overlay",
        "out/r.png",
        "-q",
    ]);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()),
        (0, "", ""),
        "{outcome:?}"
    );
    assert_eq!(workspace.names("out"), ["r.csv", "r.json", "r.png"]);
    let report: Value = serde_json::from_str(&workspace.text("out/r.json")).unwrap();
    assert!(worst_error(&points(&report), 300) < TOLERANCE_UNITS);
    assert!(report["landmarks"][0]["x_mm"].is_null());
    let csv = workspace.text("out/r.csv");
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!(
        rows[0],
        "image,landmark,x_px,y_px,x_mm,y_mm,expected_error_mm,expected_error_px,confident"
    );
    assert_eq!(rows.len(), 4);
    assert!(rows[1].starts_with("spots.png,small,") && rows[1].ends_with(",true"), "{rows:?}");
    // Enlarged by a whole factor, as it is small.
    assert_eq!(image::image_dimensions(workspace.path("out/r.png")).unwrap(), (720, 900));
}

#[test]
fn two_runs_print_the_same() {
    let workspace = Workspace::new();
    let run = || workspace.detect(&["spots.png", "--csv", "-"]).stdout;
    let first = run();
    assert!(!first.is_empty() && first == run());
}

#[test]
fn csv_on_standard_output_replaces_the_table() {
    let workspace = Workspace::new();
    let outcome = workspace.detect(&["spots.png", "--csv", "-"]);
    assert_eq!(outcome.stdout.lines().count(), 4, "{outcome:?}");
}

#[test]
fn a_folder_is_a_batch() {
    let workspace = Workspace::new();
    for (name, size) in [("b.png", [240, 300]), ("a.tif", [241, 301]), ("c.jpeg", [480, 600])] {
        let format = ImageFormat::from_path(name).unwrap();
        let picture = toy::picture(size[0], size[1]).into();
        workspace.write(&format!("in/{name}"), &encode(&picture, format));
    }
    workspace.write("in/notes.txt", b"not an image");
    workspace.write("in/b.overlay.png", b"an overlay of an earlier run");
    let outcome =
        workspace.detect(&["in", "--json", "out/r.json", "--csv", "out/r.csv", "--overlay", "out"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    let overlays = ["a.overlay.png", "b.overlay.png", "c.overlay.png"];
    assert_eq!(workspace.names("out"), [&overlays[..], &["r.csv", "r.json"]].concat());
    let reports: Value = serde_json::from_str(&workspace.text("out/r.json")).unwrap();
    let image = |i: usize| Path::new(reports[i]["image"].as_str().unwrap()).to_owned();
    assert_eq!([0, 1, 2].map(image), ["in/a.tif", "in/b.png", "in/c.jpeg"].map(PathBuf::from));
    for (i, height) in [(0, 301), (1, 300), (2, 600)] {
        assert!(worst_error(&points(&reports[i]), height) < TOLERANCE_UNITS, "{i}");
    }
    assert_eq!(workspace.text("out/r.csv").lines().count(), 10);
    assert_eq!(outcome.stdout.matches("model   toy").count(), 3);
}

#[test]
fn the_default_model_is_found_in_the_working_folder() {
    let workspace = Workspace::new();
    workspace.write("models/head.fid", &toy::pack());
    let outcome = workspace.run(&["detect", "spots.png"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    // `auto` prints its choice; drivers may have printed something before.
    assert!(outcome.stderr.contains("fiducia: running on "), "{outcome:?}");
}

#[cfg(unix)]
#[test]
fn an_installed_program_finds_its_model() {
    let workspace = Workspace::new();
    workspace.write("usr/share/fiducia/models/head.fid", &toy::pack());
    std::fs::create_dir_all(workspace.path("usr/bin")).unwrap();
    // Not copied by this process: a child of another test could inherit the open file, and a program that is open for
    // writing cannot be run.
    let program = env!("CARGO_BIN_EXE_fiducia");
    let copied = Command::new("cp").arg(program).arg(workspace.path("usr/bin")).status().unwrap();
    assert!(copied.success());
    let detect = || {
        let mut command = Command::new(workspace.path("usr/bin/fiducia"));
        command.args(["detect", "spots.png", "--backend", "cpu"]);
        command.current_dir(workspace.path(".")).env_remove("RUST_LOG");
        Outcome::new(command.output().unwrap())
    };
    assert!(detect().succeeds().contains("model   toy"));
    // Without any file the embedded model is used, and three spots are not a head.
    std::fs::remove_file(workspace.path("usr/share/fiducia/models/head.fid")).unwrap();
    detect().fails_with(4, "does not look like an image for the model head");
}

#[test]
fn sizes_in_inspect_add_up() {
    let workspace = Workspace::new();
    let outcome = workspace.run(&["inspect", "toy.fid", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let contents: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let landmarks = contents["landmarks"].as_array().unwrap();
    let private: u64 = landmarks.iter().map(|l| l["bytes"].as_u64().unwrap()).sum();
    assert_eq!(private, 3 * (4 + 16));
    let file = std::fs::metadata(workspace.path("toy.fid")).unwrap().len();
    assert_eq!(contents["bytes"], file);
    assert_eq!(contents["shared_bytes"].as_u64().unwrap() + private, file);
    assert_eq!(landmarks[2]["name"], "large");
    assert_eq!((&contents["name"], &contents["quantisation"]), (&"toy".into(), &"f32".into()));
    assert_eq!(contents["sections"].as_array().unwrap().len(), 8);
    assert_eq!(contents["provenance"]["seed"], 1);
    let text = workspace.run(&["inspect", "toy.fid"]).stdout;
    assert!(text.contains(contents["sha256"].as_str().unwrap()), "{text}");
    assert!(text.ends_with("# Toy\n\nThree spots.\n"), "{text}");
}

#[test]
fn help_names_the_exit_codes() {
    let workspace = Workspace::new();
    for arguments in [&["--help"][..], &["detect", "--help"], &["inspect", "--help"]] {
        let outcome = workspace.run(arguments);
        assert_eq!(outcome.code, 0);
        assert!(outcome.stdout.contains("4  the image is not plausible"), "{outcome:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_result_can_be_written_to_a_device_file() {
    let workspace = Workspace::new();
    let outcome = workspace.detect(&["spots.png", "--json", "/dev/null", "-q"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
}

/// The times themselves are not checked.
#[test]
fn bench_reports_stages_memory_and_missing_sensors() {
    let workspace = Workspace::new();
    let run = ["bench", "spots.png", "--model", "toy.fid", "--backend", "cpu", "--runs", "3"];
    let printed = workspace.run(&[&run[..], &["--json"]].concat()).succeeds();
    let timed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&timed["runs"], &timed["warm_up"]), (&3.into(), &5.into()));
    for stage in ["preprocess", "backbone", "crop", "refine", "decode", "total"] {
        let of = |key: &str| timed["stages_ms"][stage][key].as_f64().unwrap();
        let ascending = [of("p50"), of("p95"), of("p99"), of("max")];
        assert!(ascending.is_sorted() && ascending[0] >= 0.0, "{stage}: {timed}");
    }
    // On any board each quantity is either reported or named as absent.
    let board = &timed["board"];
    let reported = |key: &str| !board[key].is_null();
    let absent = |what: &str| board["absent"].as_array().is_some_and(|a| a.contains(&what.into()));
    for (key, what) in [
        ("power_mode", "power mode"),
        ("power_w", "power"),
        ("clocks_mhz", "clocks"),
        ("temperatures_c", "temperatures"),
    ] {
        assert!(reported(key) != absent(what), "{what}: {board}");
    }
    if cfg!(target_os = "linux") {
        let memory = |key: &str| timed["memory"][key].as_u64().unwrap();
        assert!(memory("peak_rss_bytes") >= memory("rss_bytes"), "{timed}");
        // A process with an image and a model needs more than this.
        assert!(memory("rss_bytes") > 1_000_000, "{timed}");
    }
    let table = workspace.run(&run).succeeds();
    for word in ["p50", "p99", "preprocess", "total", "of 3 runs after 5"] {
        assert!(table.contains(word), "{word}: {table}");
    }
}

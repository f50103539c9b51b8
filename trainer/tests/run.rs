//! A complete training on a small synthetic set: the labels are correct, and a killed run that is started
//! again ends with the same bytes as an uninterrupted one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use fiducia::{Backend, Detector, Pack, Patch, PublicKey};
use fiducia_kernels::Affine;
use fiducia_trainer::data::DataSet;
use fiducia_trainer::labels::Labels;
use fiducia_trainer::statistics::median;

const IMAGES: usize = 10;
const SIZE: [usize; 2] = [288, 360];
const SPACING_MM: f64 = 0.5;
/// Corners and tips of the figure, px of the upright figure.
const LANDMARKS: [(&str, [f64; 2]); 4] = [
    ("left", [84.0, 130.0]),
    ("right", [204.0, 130.0]),
    ("tip", [144.0, 280.0]),
    ("hole", [144.0, 170.0]),
];
/// Pixels per normalised unit: images are 240 units high.
const UNIT_PX: f64 = SIZE[1] as f64 / 240.0;
/// Allowed median error of matched labels, normalised units.
const MATCHED_WITHIN: f64 = 1.0;
/// Allowed error of an added landmark, normalised units: half a region of interest. The networks train for
/// seconds and the point lies on an edge, so its heat map is flat; a wrong frame would put it tens of units
/// away.
const NEW_WITHIN: f64 = 12.8;
/// Longest time until a checkpoint appears.
const PATIENCE: Duration = Duration::from_secs(300);

/// Grey value of the figure: a bright wedge with a hole on a textured ground.
fn figure(p: [f64; 2]) -> f64 {
    let wedge =
        p[1] > 130.0 && p[1] < 280.0 && (p[0] - 144.0).abs() < 60.0 * (280.0 - p[1]) / 150.0;
    let hole = (p[0] - 144.0).hypot(p[1] - 170.0) < 12.0;
    let ground = 60.0 + 12.0 * (p[0] * 0.031).sin() + 12.0 * (p[1] * 0.023).cos();
    if wedge && !hole { 180.0 } else { ground }
}

/// Pose of the figure in image number `n`.
fn place(n: usize) -> Affine {
    let k = n as f64;
    let angle = 0.02 * (k - 5.0) * (n.min(1) as f64);
    Affine::similarity(angle, 1.0 + 0.015 * k, [144.0, 180.0], [144.0 + 2.0 * k, 180.0 - 1.5 * k])
}

/// Writes the set; returns the ground truth of every image, normalised units.
fn make_set(dir: &Path) -> Vec<Vec<[f64; 2]>> {
    std::fs::create_dir_all(dir.join("images")).unwrap();
    let names: Vec<String> = LANDMARKS.iter().map(|(n, _)| format!("\"{n}\"")).collect();
    let json = format!(
        "{{\"name\": \"figure\", \"pixel_spacing_mm\": {SPACING_MM}, \"template\": \"00.png\", \"landmarks\": [{}]}}",
        names.join(",")
    );
    std::fs::write(dir.join("set.json"), json).unwrap();
    let header: Vec<String> = LANDMARKS.iter().map(|(n, _)| format!("{n}_x,{n}_y")).collect();
    let mut csv = format!("image,{}\n", header.join(","));
    let mut truth = Vec::new();
    for n in 0..IMAGES {
        let place = place(n);
        let back = place.inverse().unwrap();
        let picture = image::GrayImage::from_fn(SIZE[0] as u32, SIZE[1] as u32, |x, y| {
            let noise = ((x * 7919 + y * 104_729 + n as u32 * 31) % 23) as f64;
            image::Luma([(figure(back.apply([x.into(), y.into()])) + noise) as u8])
        });
        picture.save(dir.join(format!("images/{n:02}.png"))).unwrap();
        let points: Vec<[f64; 2]> = LANDMARKS.iter().map(|(_, p)| place.apply(*p)).collect();
        let row: Vec<String> = points.iter().map(|p| format!("{:.3},{:.3}", p[0], p[1])).collect();
        csv.push_str(&format!("{n:02}.png,{}\n", row.join(",")));
        truth.push(points.iter().map(|p| p.map(|v| v / UNIT_PX)).collect());
    }
    std::fs::write(dir.join("mean.csv"), csv).unwrap();
    truth
}

fn training(data: &Path, out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fiducia-train"));
    let weights =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../models/efficientnet-lite0-f16.safetensors");
    command.args([
        "run",
        "--quiet",
        "--preset",
        "full",
        "--coarse-steps",
        "30",
        "--joint-passes",
        "3",
        "--rounds",
        "2",
        "--bank",
        "3",
        "--fuse-passes",
        "3",
        "--weights",
        weights,
    ]);
    command.arg("--data").arg(data).arg("--out").arg(out);
    command
}

#[test]
fn trains_and_resumes_after_a_kill_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let [data, whole, killed] = ["data", "whole", "killed"].map(|n| folder.path().join(n));
    let truth = make_set(&data);
    assert!(training(&data, &whole).status().unwrap().success());

    let labels: Labels =
        serde_json::from_slice(&std::fs::read(whole.join("labels-matched.json")).unwrap()).unwrap();
    let pairs = labels.points.iter().flatten().zip(truth.iter().flatten());
    let apart = median(pairs.map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1])).collect());
    assert!(apart < MATCHED_WITHIN, "matched labels have an error of {apart} normalised units");

    for stage in ["coarse", "joint", "single/1", "single/3", "fuse"] {
        let mut child = training(&data, &killed).spawn().unwrap();
        let start = Instant::now();
        while !killed.join("checkpoints").join(stage).join("state.json").exists() {
            assert!(start.elapsed() < PATIENCE, "no checkpoint of {stage} appeared");
            assert!(child.try_wait().unwrap().is_none(), "the run ended before it was killed");
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!killed.join("model.fid").exists(), "the checkpoint of {stage} came too late");
    }
    assert!(training(&data, &killed).status().unwrap().success());
    let model = |run: &Path| std::fs::read(run.join("model.fid")).unwrap();
    assert!(model(&whole) == model(&killed), "the resumed run has a different result");

    let pack = Pack::open(&whole.join("model.fid")).unwrap();
    let image = &DataSet::open(&data).unwrap().unlabelled(None).unwrap()[3];
    let report =
        Detector::new(&pack, Backend::Cpu).unwrap().detect(&image.read().unwrap()).unwrap();
    assert_eq!(report.landmarks.len(), LANDMARKS.len());

    let small = quantises(&whole.join("model.fid"), &data, folder.path());
    for (model, most) in [(&whole.join("model.fid"), 8192), (&small, 4096)] {
        adds_a_landmark(model, &data, folder.path(), most);
    }

    let mut other = training(&data, &whole);
    let refused = other.args(["--seed", "5"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("another configuration"));
}

/// Quantises the trained model: the file is far smaller and the landmarks stay in place. Nothing is written
/// if they move farther than allowed, nor from a model that is already quantised. Returns the quantised
/// model.
fn quantises(model: &Path, data: &Path, folder: &Path) -> PathBuf {
    let small = folder.join("small.fid");
    let quantise = |model: &Path, out: &Path, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fiducia-train"));
        command.args(["quantise", "--quiet"]).args(more);
        command.arg("--model").arg(model).arg("--data").arg(data).arg("--out").arg(out);
        command.output().unwrap()
    };
    let none = folder.join("none.fid");
    let refused = quantise(model, &none, &["--deltas", "1", "--max-move", "0.00001"]);
    assert_eq!(refused.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("nothing was written"));
    assert!(!none.exists());

    let card = folder.join("card.md");
    std::fs::write(&card, "# small").unwrap();
    let card = card.to_str().unwrap();
    // A model trained for seconds has flat heat maps, whose peaks move easily.
    let done = quantise(model, &small, &["--deltas", "8", "--max-move", "60", "--card", card]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let [before, after] = [model, &small].map(|path| Pack::open(path).unwrap());
    assert!(after.file_len() * 3 < before.file_len());
    assert!(after.adapter_bytes(0) * 3 < before.adapter_bytes(0));
    assert_eq!(after.card(), "# small");
    assert!(after.provenance().contains(before.sha256()));

    let again = quantise(&small, &none, &[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("quantised already"));
    small
}

/// Middle of the figure's upper edge, px of the upright figure: a point that is not in the set.
const NEW: [f64; 2] = [144.0, 130.0];

/// Adds a landmark from one point: the signed patch is small, and the other landmarks do not change.
fn adds_a_landmark(model: &Path, data: &Path, folder: &Path, most_bytes: usize) {
    let train = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_fiducia-train")).args(arguments).output().unwrap()
    };
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let weights =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../models/efficientnet-lite0-f16.safetensors");
    let (model, data, out) = (model.to_str().unwrap(), data.to_str().unwrap(), path("new.fidp"));
    let add = |point: &str| {
        let what = ["--model", model, "--data", data, "--template", "00.png", "--point", point];
        let how = ["--out", &out, "--weights", weights, "--quiet"];
        train(&[&["add-landmark"], &what[..], &how].concat())
    };
    for (point, says) in [("tip=1,2", "knows `tip` already"), ("edge=-3,2", "outside the image")] {
        let refused = add(point);
        assert_eq!(refused.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&refused.stderr).contains(says));
    }
    let done = add(&format!("edge={},{}", NEW[0], NEW[1]));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let _ = std::fs::remove_file(path("maker.pem"));
    let _ = std::fs::remove_file(path("maker.pub.pem"));
    assert!(train(&["keygen", "--out", &path("maker")]).status.success());
    let signed = path("signed.fid");
    for arguments in [
        ["sign", model, "--key", &path("maker.pem"), "--out", &signed],
        ["sign", &out, "--key", &path("maker.pem"), "--out", &out],
    ] {
        assert!(train(&arguments).status.success());
    }
    let (pack, patch) = (Pack::open(signed.as_ref()).unwrap(), Patch::open(out.as_ref()).unwrap());
    assert!(patch.bytes().len() <= most_bytes, "{} bytes", patch.bytes().len());
    let patched = pack.with_patch(&patch).unwrap();
    patched.verify(&PublicKey::open(path("maker.pub.pem").as_ref()).unwrap()).unwrap();

    let image = &DataSet::open(data.as_ref()).unwrap().unlabelled(None).unwrap()[3];
    let detect = |pack: &Pack| {
        let image = image.read().unwrap();
        Detector::new(pack, Backend::Cpu).unwrap().detect(&image).unwrap().landmarks
    };
    let (before, after) = (detect(&pack), detect(&patched));
    assert_eq!(after[..before.len()], before[..]);
    let truth = place(3).apply(NEW);
    let found = &after[before.len()];
    let off = (found.x_px - truth[0]).hypot(found.y_px - truth[1]) / UNIT_PX;
    assert!(off < NEW_WITHIN, "{off} normalised units off");
}

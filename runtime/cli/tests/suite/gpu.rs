//! Commands on a GPU adapter of any kind, such as a software rasteriser.

use std::path::{Path, PathBuf};

use fiducia::{Adapter, adapters};
use fiducia_test_support::{gpu_or_skip, skip, toy};
use serde_json::Value;

use crate::workspace::Workspace;

/// Largest distance between a landmark's positions on GPU and CPU, px of the image.
const TOLERANCE_PX: f64 = 0.05;

#[test]
fn the_command_runs_on_a_named_adapter() {
    let workspace = Workspace::new();
    let adapter = gpu_or_skip!(adapter());
    let detect = ["detect", "spots.png", "--model", "toy.fid", "--json", "-", "--quiet"];
    let report = |more: &[&str]| -> Value {
        let outcome = workspace.run(&[&detect[..], more].concat());
        assert_eq!(outcome.code, 0, "{outcome:?}");
        serde_json::from_str(&outcome.stdout).unwrap()
    };
    let (gpu, cpu) = (report(&["--adapter", &adapter.name]), report(&["--backend", "cpu"]));
    assert_eq!(gpu["backend"]["kind"], "gpu");
    assert_eq!(gpu["backend"]["device"], adapter.name.as_str());
    for (a, b) in
        gpu["landmarks"].as_array().unwrap().iter().zip(cpu["landmarks"].as_array().unwrap())
    {
        for axis in ["x_px", "y_px"] {
            let off = a[axis].as_f64().unwrap() - b[axis].as_f64().unwrap();
            assert!(off.abs() < TOLERANCE_PX, "{a} {b}");
        }
    }

    let devices = workspace.run(&["devices", "--json"]);
    let listed: Value = serde_json::from_str(&devices.stdout).unwrap();
    let listed = listed.as_array().unwrap();
    assert!(listed.iter().any(|d| d["name"] == adapter.name.as_str()), "{devices:?}");
    assert_eq!(listed.last().unwrap()["kind"], "cpu");
    assert!(workspace.run(&["devices"]).stdout.contains(&adapter.name));

    let timed = ["bench", "spots.png", "--model", "toy.fid", "--runs", "2", "--json"];
    let profile = ["--adapter", adapter.name.as_str(), "--profile"];
    let outcome = workspace.run(&[&timed[..], &profile].concat());
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let timed: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert!(timed["stages_ms"]["total"]["p50"].as_f64().unwrap() > 0.0);
    assert!(timed["memory"]["device_bytes"].as_u64().unwrap() > 0);
    let steps = timed["steps"].as_array().unwrap();
    assert!(steps.len() > 10, "{timed}");
    // Steps add up to shaders and shaders to the total; each has a roofline bound.
    let shaders = timed["shaders"].as_array().unwrap();
    let counted: u64 = shaders.iter().map(|s| s["steps"].as_u64().unwrap()).sum();
    assert_eq!((counted, &timed["all"]["steps"]), (steps.len() as u64, &counted.into()), "{timed}");
    let bound = |of: &[Value]| of.iter().map(|s| s["bound_ms"].as_f64().unwrap()).sum::<f64>();
    let all = timed["all"]["bound_ms"].as_f64().unwrap();
    assert!(all > 0.0 && (bound(steps) - all).abs() < 1e-6 * all, "{timed}");
    assert!((bound(shaders) - all).abs() < 1e-6 * all, "{timed}");
    assert!(timed["peak"]["copy_bytes"].as_f64().unwrap() > 0.0, "{timed}");
}

/// The first adapter.
fn adapter() -> Result<Adapter, &'static str> {
    adapters().into_iter().next().ok_or("no adapter")
}

#[test]
fn a_folder_gives_the_same_results_as_its_images() {
    let adapter = gpu_or_skip!(adapter()).name;
    let workspace = Workspace::new();
    let spots = std::fs::read(workspace.path("spots.png")).unwrap();
    for name in ["a.png", "c.png", "e.png", "f.png"] {
        workspace.write(&format!("images/{name}"), &spots);
    }
    let small = image::imageops::crop_imm(&toy::picture(240, 300), 0, 0, 230, 290).to_image();
    small.save(workspace.path("images/b.png")).unwrap();
    image::GrayImage::new(90, 80).save(workspace.path("images/d.png")).unwrap();
    workspace.write("images/g.png", b"no image");
    let detect = |image: &str| {
        let rest = ["--model", "toy.fid", "--json", "-", "--quiet", "--adapter", &adapter];
        workspace.run_logged(&[&["detect", image], &rest[..]].concat())
    };
    let points = |report: &Value| -> Vec<Value> {
        let landmarks = report["landmarks"].as_array().unwrap().iter();
        landmarks.map(|l| Value::from(vec![l["x_px"].clone(), l["y_px"].clone()])).collect()
    };
    let all = detect("images");
    assert_eq!(all.code, 4, "{all:?}");
    assert!(all.stderr.contains("d.png") && all.stderr.contains("g.png"), "{all:?}");
    let reports: Vec<Value> = serde_json::from_str(&all.stdout).unwrap();
    let names: Vec<&str> = reports.iter().map(|r| r["image"].as_str().unwrap()).collect();
    let good = ["images/a.png", "images/b.png", "images/c.png", "images/e.png", "images/f.png"];
    assert_eq!(names, good);
    // All but the unreadable file ran on the device, each submitted before the result of the previous one was read.
    let ahead = "GPU: 6 runs, 5 of them submitted before";
    assert!(all.stderr.contains(ahead), "{all:?}");
    for (report, name) in reports.iter().zip(good) {
        let alone: Value = serde_json::from_str(&detect(name).stdout).unwrap();
        assert_eq!(points(report), points(&alone), "{name}");
    }
    assert_ne!(points(&reports[0]), points(&reports[1]), "two images are one");
}

#[test]
fn the_self_test_is_cached_on_disk() {
    let adapter = gpu_or_skip!(adapter()).name;
    let workspace = Workspace::new();
    let detect = |more: &[&str]| {
        let all = ["detect", "spots.png", "--model", "toy.fid", "--quiet", "--adapter", &adapter];
        workspace.run(&[&all[..], more].concat())
    };
    assert_eq!(detect(&["--cache", "cached"]).code, 0);
    let file = cached(&workspace, "self-test-").unwrap();
    let names = workspace.names("cached");
    let passed = std::fs::read_to_string(&file).unwrap();
    // The cached result is used: the shaders are not tested again.
    let failed = passed.replace("\"fault\": null", "\"fault\": \"shader peak is wrong\"");
    assert_ne!(passed, failed);
    std::fs::write(&file, &failed).unwrap();
    let refused = detect(&["--cache", "cached"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused.stderr.contains("peak") && refused.stderr.contains("--self-test"),
        "{refused:?}"
    );
    assert_eq!(detect(&["--cache", "cached", "--self-test"]).code, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), passed);
    std::fs::write(&file, &failed[..99]).unwrap();
    assert_eq!(detect(&["--cache", "cached"]).code, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), passed);
    // The default is the user's cache folder.
    assert_eq!(detect(&[]).code, 0);
    assert_eq!(workspace.names("cache/fiducia"), names);
}

/// The only file of this kind in the cache folder `cached`.
fn cached(workspace: &Workspace, kind: &str) -> Option<PathBuf> {
    let names = workspace.names("cached");
    let mut found = names.iter().filter(|name| name.starts_with(kind));
    let file = found.next().map(|name| workspace.path("cached").join(name));
    assert_eq!(found.next(), None, "{names:?}");
    file
}

/// The inode: it changes when the file is replaced.
#[cfg(unix)]
fn identity(file: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&std::fs::symlink_metadata(file).unwrap())
}

#[cfg(unix)]
#[test]
fn pipelines_are_cached_on_disk() {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    let adapter = gpu_or_skip!(adapter()).name;
    let workspace = Workspace::new();
    let detect = |more: &[&str]| {
        let all = ["detect", "spots.png", "--model", "toy.fid", "--quiet", "--adapter", &adapter];
        let outcome = workspace.run_logged(&[&all[..], &["--cache", "cached"], more].concat());
        assert_eq!(outcome.code, 0, "{outcome:?}");
        let mut lines = outcome.stderr.lines();
        let line = lines.find(|line| line.contains("bytes of an earlier run")).unwrap();
        let earlier = line.split_once("with ").unwrap().1.split(' ').next().unwrap();
        (earlier.parse::<usize>().unwrap(), outcome.stderr)
    };
    assert_eq!(detect(&[]).0, 0);
    let Some(file) = cached(&workspace, "pipelines-") else {
        let interface = &adapters()[0].interface;
        assert_ne!(interface, "vulkan", "no pipeline cache");
        skip!("{interface} has no pipeline cache");
    };
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&workspace.path("cached"))), (0o600, 0o700));
    let (whole, first) = (fs::read(&file).unwrap(), identity(&file));
    let bytes = whole.len() - 88;
    assert_eq!(detect(&[]).0, bytes);
    assert_eq!(identity(&file), first, "written although nothing changed");
    assert_eq!(detect(&["--self-test"]).0, 0);
    assert_ne!(identity(&file), first, "not written again");
    assert_eq!(detect(&[]).0, bytes);

    let elsewhere = workspace.path("elsewhere");
    fs::write(&elsewhere, &whole).unwrap();
    let remove = || fs::remove_file(&file).unwrap();
    let places: [(&str, &dyn Fn()); 5] = [
        ("damaged", &|| {
            let mut damaged = whole.clone();
            damaged[70] ^= 1;
            fs::write(&file, damaged).unwrap();
        }),
        ("cut", &|| fs::write(&file, &whole[..whole.len() / 2]).unwrap()),
        ("writable by all", &|| {
            fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        }),
        ("a link", &|| {
            remove();
            symlink(&elsewhere, &file).unwrap();
        }),
        ("a pipe", &|| {
            remove();
            let made = std::process::Command::new("mkfifo").arg(&file).status();
            assert!(made.unwrap().success());
        }),
    ];
    for (what, put) in places {
        put();
        let before = identity(&file);
        let (earlier, stderr) = detect(&[]);
        assert_eq!(earlier, 0, "{what}");
        assert!(stderr.contains("compiled again"), "{what}: {stderr}");
        assert_ne!(identity(&file), before, "{what}");
        assert_eq!((mode(&file), detect(&[]).0), (0o600, bytes), "{what}");
    }
    assert_eq!(fs::read(&elsewhere).unwrap(), whole, "no link was followed");

    remove();
    fs::create_dir(&file).unwrap();
    let (earlier, stderr) = detect(&[]);
    assert!(earlier == 0 && stderr.contains("not cached"), "a folder in its place: {stderr}");
    fs::remove_dir(&file).unwrap();
    fs::set_permissions(workspace.path("cached"), fs::Permissions::from_mode(0o770)).unwrap();
    let (earlier, stderr) = detect(&[]);
    assert!(earlier == 0 && stderr.contains("chmod go-w"), "{stderr}");
    assert_eq!(cached(&workspace, "pipelines-"), None, "a folder that others write");
}

#[test]
fn a_missing_adapter_is_exit_code_5() {
    let workspace = Workspace::new();
    let detect = ["detect", "spots.png", "--model", "toy.fid", "--adapter", "no such adapter"];
    let outcome = workspace.run(&detect);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (5, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("no such adapter"), "{outcome:?}");
    let outcome = workspace.run(&[&detect[..], &["--backend", "cpu"]].concat());
    assert_eq!(outcome.code, 2, "{outcome:?}");
    for form in ["f16", "int8"] {
        let other = [&detect[..4], &["--backend", "cpu", "--precision", form]].concat();
        let outcome = workspace.run(&other);
        assert_eq!(outcome.code, 2, "{outcome:?}");
        assert!(outcome.stderr.contains("--precision"), "{outcome:?}");
    }
    let profile = ["bench", "spots.png", "--model", "toy.fid", "--backend", "cpu", "--profile"];
    assert_eq!(workspace.run(&profile).code, 2);
}

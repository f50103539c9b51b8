//! Commands on a GPU adapter of any kind, a software rasteriser for one.

use std::path::{Path, PathBuf};

use fiducia::{Adapter, adapters};
use fiducia_test_support::{gpu_or_skip, skip, toy};
use serde_json::Value;

use crate::cli::Bench;

/// Largest distance of a landmark on the GPU to the same on the CPU, px of the image.
const TOLERANCE_PX: f64 = 0.05;

#[test]
fn the_command_runs_on_a_named_adapter() {
    let bench = Bench::new();
    let adapter = gpu_or_skip!(adapter());
    let detect = ["detect", "spots.png", "--model", "toy.fid", "--json", "-", "--quiet"];
    let report = |more: &[&str]| -> Value {
        let outcome = bench.run(&[&detect[..], more].concat());
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

    let devices = bench.run(&["devices", "--json"]);
    let listed: Value = serde_json::from_str(&devices.stdout).unwrap();
    let listed = listed.as_array().unwrap();
    assert!(listed.iter().any(|d| d["name"] == adapter.name.as_str()), "{devices:?}");
    assert_eq!(listed.last().unwrap()["kind"], "cpu");
    assert!(bench.run(&["devices"]).stdout.contains(&adapter.name));

    let timed = ["bench", "spots.png", "--model", "toy.fid", "--runs", "2", "--json"];
    let profile = ["--adapter", adapter.name.as_str(), "--profile"];
    let outcome = bench.run(&[&timed[..], &profile].concat());
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let timed: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert!(timed["stages_ms"]["total"]["p50"].as_f64().unwrap() > 0.0);
    assert!(timed["memory"]["device_bytes"].as_u64().unwrap() > 0);
    let steps = timed["steps"].as_array().unwrap();
    assert!(steps.len() > 10, "{timed}");
    // Every step is in the sum of its shader, and that in the sum of all; each has a floor.
    let shaders = timed["shaders"].as_array().unwrap();
    let counted: u64 = shaders.iter().map(|s| s["steps"].as_u64().unwrap()).sum();
    assert_eq!((counted, &timed["all"]["steps"]), (steps.len() as u64, &counted.into()), "{timed}");
    let floor = |of: &[Value]| of.iter().map(|s| s["floor_ms"].as_f64().unwrap()).sum::<f64>();
    let all = timed["all"]["floor_ms"].as_f64().unwrap();
    assert!(all > 0.0 && (floor(steps) - all).abs() < 1e-6 * all, "{timed}");
    assert!((floor(shaders) - all).abs() < 1e-6 * all, "{timed}");
    assert!(timed["reach"]["copy_bytes"].as_f64().unwrap() > 0.0, "{timed}");
}

/// The first adapter.
fn adapter() -> Result<Adapter, &'static str> {
    adapters().into_iter().next().ok_or("no adapter")
}

#[test]
fn a_folder_on_a_gpu_gives_what_its_images_give() {
    let adapter = gpu_or_skip!(adapter()).name;
    let bench = Bench::new();
    let spots = std::fs::read(bench.path("spots.png")).unwrap();
    for name in ["a.png", "c.png", "e.png", "f.png"] {
        bench.write(&format!("films/{name}"), &spots);
    }
    let small = image::imageops::crop_imm(&toy::picture(240, 300), 0, 0, 230, 290).to_image();
    small.save(bench.path("films/b.png")).unwrap();
    image::GrayImage::new(90, 80).save(bench.path("films/d.png")).unwrap();
    bench.write("films/g.png", b"no image");
    let detect = |image: &str| {
        let rest = ["--model", "toy.fid", "--json", "-", "--quiet", "--adapter", &adapter];
        bench.run_logged(&[&["detect", image], &rest[..]].concat())
    };
    let points = |report: &Value| -> Vec<Value> {
        let landmarks = report["landmarks"].as_array().unwrap().iter();
        landmarks.map(|l| Value::from(vec![l["x_px"].clone(), l["y_px"].clone()])).collect()
    };
    let all = detect("films");
    assert_eq!(all.code, 4, "{all:?}");
    assert!(all.stderr.contains("d.png") && all.stderr.contains("g.png"), "{all:?}");
    let reports: Vec<Value> = serde_json::from_str(&all.stdout).unwrap();
    let names: Vec<&str> = reports.iter().map(|r| r["image"].as_str().unwrap()).collect();
    let good = ["films/a.png", "films/b.png", "films/c.png", "films/e.png", "films/f.png"];
    assert_eq!(names, good);
    // All but the one that is no image went to the device, each while the one before it was under way.
    let ahead = "GPU: 6 runs, 5 of them submitted before";
    assert!(all.stderr.contains(ahead), "{all:?}");
    for (report, name) in reports.iter().zip(good) {
        let alone: Value = serde_json::from_str(&detect(name).stdout).unwrap();
        assert_eq!(points(report), points(&alone), "{name}");
    }
    assert_ne!(points(&reports[0]), points(&reports[1]), "two images are one");
}

#[test]
fn the_self_test_is_kept_on_disk() {
    let adapter = gpu_or_skip!(adapter()).name;
    let bench = Bench::new();
    let detect = |more: &[&str]| {
        let all = ["detect", "spots.png", "--model", "toy.fid", "--quiet", "--adapter", &adapter];
        bench.run(&[&all[..], more].concat())
    };
    assert_eq!(detect(&["--cache", "kept"]).code, 0);
    let file = kept(&bench, "self-test-").unwrap();
    let names = bench.names("kept");
    let passed = std::fs::read_to_string(&file).unwrap();
    // What an earlier run found decides: it was not tested again.
    let failed = passed.replace("\"fault\": null", "\"fault\": \"shader peak is wrong\"");
    assert_ne!(passed, failed);
    std::fs::write(&file, &failed).unwrap();
    let refused = detect(&["--cache", "kept"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused.stderr.contains("peak") && refused.stderr.contains("--self-test"),
        "{refused:?}"
    );
    assert_eq!(detect(&["--cache", "kept", "--self-test"]).code, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), passed);
    std::fs::write(&file, &failed[..99]).unwrap();
    assert_eq!(detect(&["--cache", "kept"]).code, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), passed);
    // Without the option it is the user's cache folder.
    assert_eq!(detect(&[]).code, 0);
    assert_eq!(bench.names("cache/fiducia"), names);
}

/// The one file of this kind in the cache folder `kept`.
fn kept(bench: &Bench, kind: &str) -> Option<PathBuf> {
    let names = bench.names("kept");
    let mut found = names.iter().filter(|name| name.starts_with(kind));
    let file = found.next().map(|name| bench.path("kept").join(name));
    assert_eq!(found.next(), None, "{names:?}");
    file
}

/// Which file it is: one that is written anew is another.
#[cfg(unix)]
fn identity(file: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&std::fs::symlink_metadata(file).unwrap())
}

#[cfg(unix)]
#[test]
fn pipelines_are_kept_on_disk() {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    let adapter = gpu_or_skip!(adapter()).name;
    let bench = Bench::new();
    let detect = |more: &[&str]| {
        let all = ["detect", "spots.png", "--model", "toy.fid", "--quiet", "--adapter", &adapter];
        let outcome = bench.run_logged(&[&all[..], &["--cache", "kept"], more].concat());
        assert_eq!(outcome.code, 0, "{outcome:?}");
        let mut lines = outcome.stderr.lines();
        let said = lines.find(|line| line.contains("bytes of an earlier run")).unwrap();
        let earlier = said.split_once("with ").unwrap().1.split(' ').next().unwrap();
        (earlier.parse::<usize>().unwrap(), outcome.stderr)
    };
    assert_eq!(detect(&[]).0, 0);
    let Some(file) = kept(&bench, "pipelines-") else {
        let interface = &adapters()[0].interface;
        assert_ne!(interface, "vulkan", "nothing is handed out");
        skip!("{interface} hands no pipelines out");
    };
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&bench.path("kept"))), (0o600, 0o700));
    let (whole, first) = (fs::read(&file).unwrap(), identity(&file));
    let bytes = whole.len() - 88;
    assert_eq!(detect(&[]).0, bytes);
    assert_eq!(identity(&file), first, "written although nothing changed");
    assert_eq!(detect(&["--self-test"]).0, 0);
    assert_ne!(identity(&file), first, "asked for anew");
    assert_eq!(detect(&[]).0, bytes);

    let elsewhere = bench.path("elsewhere");
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
        assert!(stderr.contains("made anew"), "{what}: {stderr}");
        assert_ne!(identity(&file), before, "{what}");
        assert_eq!((mode(&file), detect(&[]).0), (0o600, bytes), "{what}");
    }
    assert_eq!(fs::read(&elsewhere).unwrap(), whole, "no link was followed");

    remove();
    fs::create_dir(&file).unwrap();
    let (earlier, stderr) = detect(&[]);
    assert!(earlier == 0 && stderr.contains("not kept"), "a folder in its place: {stderr}");
    fs::remove_dir(&file).unwrap();
    fs::set_permissions(bench.path("kept"), fs::Permissions::from_mode(0o770)).unwrap();
    let (earlier, stderr) = detect(&[]);
    assert!(earlier == 0 && stderr.contains("chmod go-w"), "{stderr}");
    assert_eq!(kept(&bench, "pipelines-"), None, "a folder that others write");
}

#[test]
fn an_adapter_that_is_not_there_is_exit_code_5() {
    let bench = Bench::new();
    let detect = ["detect", "spots.png", "--model", "toy.fid", "--adapter", "no such adapter"];
    let outcome = bench.run(&detect);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (5, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("no such adapter"), "{outcome:?}");
    let outcome = bench.run(&[&detect[..], &["--backend", "cpu"]].concat());
    assert_eq!(outcome.code, 2, "{outcome:?}");
    for form in ["f16", "int8"] {
        let other = [&detect[..4], &["--backend", "cpu", "--precision", form]].concat();
        let outcome = bench.run(&other);
        assert_eq!(outcome.code, 2, "{outcome:?}");
        assert!(outcome.stderr.contains("--precision"), "{outcome:?}");
    }
    let profile = ["bench", "spots.png", "--model", "toy.fid", "--backend", "cpu", "--profile"];
    assert_eq!(bench.run(&profile).code, 2);
}

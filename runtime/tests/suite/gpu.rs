//! The GPU path against the CPU path, on whatever adapter there is.
//!
//! `FIDUCIA_GPU=required` makes a missing adapter a failure; without it these tests say that they were skipped.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::Bench;
use crate::toy;
use fiducia::{
    Backend, Detector, Error, ErrorKind, Pack, Patch, Precision, Radiograph, Report, StepTime,
    Wanted,
};

/// Largest distance of a landmark on the GPU to the same on the CPU, px of the image.
const TOLERANCE_PX: f64 = 0.05;
/// The same where the networks' numbers have 11 bits.
const HALF_TOLERANCE_PX: f64 = 0.2;
/// The same where large products are summed in 8 bits.
const INT8_TOLERANCE_PX: f64 = 0.3;
/// Largest relative difference of an expected error: it comes back as a half-precision float.
const SPREAD_TOLERANCE: f64 = 2e-3;
/// Covariances likewise, px² relative to the ellipse's larger axis.
const COVARIANCE_TOLERANCE: f64 = 5e-3;
/// Read back beside 16 bytes per landmark, at most.
const HEAD_BYTES: u64 = 256;

/// Pack, demo image, spacing.
const SHIPPED: [(&str, &str, Option<[f64; 2]>); 3] = [
    ("head.fid", "demo.png", Some([0.2; 2])),
    ("chest.fid", "demo-chest.png", Some([1.0; 2])),
    ("spine.fid", "demo-spine.png", None),
];

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name)
}

/// A detector on the first adapter of any kind.
fn on_gpu(pack: &Pack, test: &str) -> Option<Detector> {
    match Detector::on_adapter(pack, "") {
        Ok(detector) => Some(detector),
        Err(e) if e.kind() == ErrorKind::NoGpu && fiducia::adapters().is_empty() => {
            let required = std::env::var("FIDUCIA_GPU").is_ok_and(|v| v == "required");
            assert!(!required, "{e}");
            eprintln!("SKIPPED: {test}: {e}");
            None
        }
        Err(e) => panic!("{e}"),
    }
}

/// Where two reports differ by more than they may.
fn differences(gpu: &Report, cpu: &Report) -> Vec<String> {
    let mut found = vec![];
    for (a, b) in gpu.landmarks.iter().zip(&cpu.landmarks) {
        let off = (a.x_px - b.x_px).hypot(a.y_px - b.y_px);
        if off.is_nan() || off > TOLERANCE_PX {
            found.push(format!("{}: {off:.3} px apart", a.name));
        }
        let relative = (a.expected_error_px / b.expected_error_px - 1.0).abs();
        if relative.is_nan() || relative > SPREAD_TOLERANCE {
            found.push(format!("{}: expected error {relative:.4} apart", a.name));
        }
        let size = b.covariance_px2[0].max(b.covariance_px2[2]);
        let covariance = a.covariance_px2.iter().zip(&b.covariance_px2);
        if covariance
            .map(|(a, b)| (a - b).abs())
            .any(|d| d.is_nan() || d > COVARIANCE_TOLERANCE * size)
        {
            found.push(format!("{}: {:?} and {:?}", a.name, a.covariance_px2, b.covariance_px2));
        }
        if a.confident != b.confident {
            found.push(format!("{}: confident on one of them only", a.name));
        }
    }
    if (gpu.plausible, gpu.landmarks.len()) != (cpu.plausible, cpu.landmarks.len()) {
        found.push(format!("plausible {} and {}", gpu.plausible, cpu.plausible));
    }
    found
}

#[test]
fn all_shipped_models_agree() {
    for (model, image, spacing) in SHIPPED {
        let pack = Pack::open(&shipped(model)).unwrap();
        let film = Radiograph::open(&shipped(image), spacing).unwrap();
        let Some(mut gpu) = on_gpu(&pack, "all_shipped_models_agree") else { return };
        let mut cpu = Detector::new(&pack, Backend::Cpu).unwrap();
        let (on_gpu, on_cpu) = (gpu.detect(&film).unwrap(), cpu.detect(&film).unwrap());
        assert_eq!(differences(&on_gpu, &on_cpu), Vec::<String>::new(), "{model}");
        assert_eq!(on_gpu.backend.kind, "gpu");
        assert!(!on_gpu.backend.device.is_empty() && !on_gpu.backend.driver.is_empty());
        let (a, b) = (gpu.observe(&film).unwrap(), cpu.observe(&film).unwrap());
        assert_eq!((a.grey_levels, a.white_share), (b.grey_levels, b.white_share));
        for (what, a, b) in [
            ("coarse mass", a.coarse_mass, b.coarse_mass),
            ("pose residual", a.pose_residual, b.pose_residual),
            ("shape residual", a.shape_residual, b.shape_residual),
            ("scale", a.pose.scale, b.pose.scale),
            ("angle", a.pose.angle, b.pose.angle),
            ("side", a.side.unwrap_or(2.0), b.side.unwrap_or(2.0)),
        ] {
            assert!((a - b).abs() < 2e-3, "{model}: {what} {a} and {b}");
        }
        // The images of a batch, and one of them in another size and depth.
        let again = gpu.detect(&film).unwrap();
        assert_eq!(differences(&again, &on_gpu), Vec::<String>::new());
    }
}

#[test]
fn a_landmark_of_a_patch_agrees_too() {
    let model = Pack::from_bytes(toy::pack()).unwrap();
    let patch = Patch::from_bytes(toy::patch()).unwrap();
    let pack = model.with_patch(&patch).unwrap();
    let film = crate::patch::spots();
    let Some(mut gpu) = on_gpu(&pack, "a_landmark_of_a_patch_agrees_too") else { return };
    let mut cpu = Detector::new(&pack, Backend::Cpu).unwrap();
    let (on_gpu, on_cpu) = (gpu.detect(&film).unwrap(), cpu.detect(&film).unwrap());
    assert_eq!((on_gpu.landmarks.len(), &*on_gpu.landmarks[3].name), (4, toy::NEW));
    assert_eq!(differences(&on_gpu, &on_cpu), Vec::<String>::new());
}

/// Reports of all shipped models in `form` against those of the CPU, within `tolerance` px; gives the layers that ran
/// in this form and in f32, none where the device has no clock.
fn shipped_in(form: Precision, tolerance: f64) -> Vec<[Vec<StepTime>; 2]> {
    let mut ran = vec![];
    for (model, image, spacing) in SHIPPED {
        let pack = Pack::open(&shipped(model)).unwrap();
        let film = Radiograph::open(&shipped(image), spacing).unwrap();
        let Some(mut whole) = on_gpu(&pack, form.name()) else { return vec![] };
        let adapter = Some(String::new());
        let wanted = Wanted { adapter, precision: form, ..Wanted::default() };
        let mut other = match Detector::on(&pack, &wanted, &pack.manifest().landmarks) {
            Err(e) if e.kind() == ErrorKind::NoGpu => {
                println!("SKIPPED in {}: {e}", form.name());
                return vec![];
            }
            made => made.unwrap(),
        };
        let mut cpu = Detector::new(&pack, Backend::Cpu).unwrap();
        let [on_other, on_whole, on_cpu] =
            [&mut other, &mut whole, &mut cpu].map(|detector| detector.detect(&film).unwrap());
        let forms = (on_other.backend.precision, on_cpu.backend.precision);
        assert_eq!(forms, (form.name(), "f32"));
        assert!(on_other.plausible && on_other.landmarks.len() == on_cpu.landmarks.len());
        let apart = |a: &Report| -> Vec<f64> {
            let pairs = a.landmarks.iter().zip(&on_cpu.landmarks);
            pairs.map(|(a, b)| (a.x_px - b.x_px).hypot(a.y_px - b.y_px)).collect()
        };
        let (other_apart, whole_apart) = (apart(&on_other), apart(&on_whole));
        let beyond = other_apart.iter().zip(&on_cpu.landmarks);
        let beyond = beyond.filter(|(off, _)| off.is_nan() || **off > tolerance);
        let beyond: Vec<_> = beyond.map(|(off, l)| (off, &*l.name)).collect();
        assert!(beyond.is_empty(), "{model} in {}: {beyond:.2?}", form.name());
        // It is another form that ran.
        let largest = |all: &[f64]| all.iter().copied().fold(0.0, f64::max);
        let [a, b] = [largest(&other_apart), largest(&whole_apart)];
        println!("{model}: at most {a:.4} px apart in {}, {b:.4} px in f32", form.name());
        assert!(a > b, "{model}: {a} and {b} px");
        let layers = |d: &mut Detector| -> Vec<StepTime> {
            let mut steps = d.profile().unwrap().unwrap_or_default();
            let layers = ["conv", "depthwise", "matmul", "elementwise"];
            steps.retain(|s| layers.iter().any(|layer| s.kernel.starts_with(layer)));
            steps
        };
        ran.push([layers(&mut other), layers(&mut whole)]);
    }
    ran
}

#[test]
fn all_shipped_models_agree_in_f16() {
    for [half, whole] in shipped_in(Precision::F16, HALF_TOLERANCE_PX) {
        let [a, b] = [&half, &whole].map(|steps| steps.iter().map(|s| s.bytes).sum::<u64>());
        println!("layers move {a} bytes in f16, {b} in f32");
        assert!(b == 0 || 10 * a < 6 * b, "{a} bytes in f16, {b} in f32");
    }
}

#[test]
fn all_shipped_models_agree_in_int8() {
    for [int8, whole] in shipped_in(Precision::Int8, INT8_TOLERANCE_PX) {
        let flops = |steps: &[StepTime], kind: &str| -> u64 {
            steps.iter().filter(|s| s.kernel.ends_with(kind)).map(|s| s.flops).sum()
        };
        let (all, in_8_bits) = (flops(&whole, ""), flops(&int8, "_int8"));
        println!("{in_8_bits} of {all} operations in 8 bits");
        assert_eq!(flops(&whole, "_int8"), 0);
        assert!(in_8_bits >= all / 2, "{in_8_bits} of {all}");
    }
}

#[test]
fn a_moved_landmark_is_a_difference() {
    let pack = Pack::open(&shipped("head.fid")).unwrap();
    let film = Radiograph::open(&shipped("demo.png"), Some([0.2; 2])).unwrap();
    let report = Detector::new(&pack, Backend::Cpu).unwrap().detect(&film).unwrap();
    assert!(differences(&report, &report).is_empty());
    let spoilt = |spoil: fn(&mut Report)| {
        let mut other = report.clone();
        spoil(&mut other);
        differences(&other, &report).len()
    };
    assert_eq!(spoilt(|r| r.landmarks[3].x_px += 0.06), 1);
    assert_eq!(spoilt(|r| r.landmarks[3].y_px = f64::NAN), 1);
    assert_eq!(spoilt(|r| r.landmarks[0].expected_error_px *= 1.01), 1);
    assert_eq!(spoilt(|r| r.landmarks[0].covariance_px2[1] += 9.0), 1);
    assert_eq!(spoilt(|r| r.landmarks[1].confident ^= true), 1);
    assert_eq!(spoilt(|r| r.plausible = false), 1);
}

#[test]
fn other_films_agree_too() {
    let pack = Pack::open(&shipped("head.fid")).unwrap();
    let Some(mut gpu) = on_gpu(&pack, "other_films_agree_too") else { return };
    let mut cpu = Detector::new(&pack, Backend::Cpu).unwrap();
    let film = Radiograph::open(&shipped("demo.png"), Some([0.2; 2])).unwrap();
    let mut deep = film.clone();
    deep.pixels.iter_mut().for_each(|v| *v = 700 + 200 * *v);
    let mut coarse = film.clone();
    // Every second pixel of every second row.
    coarse.pixels = (0..film.height / 2)
        .flat_map(|y| (0..film.width / 2).map(move |x| (x, y)))
        .map(|(x, y)| film.pixels[2 * y * film.width + 2 * x])
        .collect();
    (coarse.width, coarse.height) = (film.width / 2, film.height / 2);
    coarse.spacing_mm = Some([0.4; 2]);
    let mut unequal = film.clone();
    unequal.spacing_mm = Some([0.2, 0.21]);
    let mut bare = film.clone();
    bare.spacing_mm = None;
    let foreign = Radiograph::open(&shipped("demo-chest.png"), Some([1.0; 2])).unwrap();
    let films = [deep, coarse, unequal, bare, film.mirrored(), film.turned(1), foreign, film];
    for (i, film) in films.iter().enumerate() {
        let seen = [&mut gpu, &mut cpu].map(|detector| {
            let seen = detector.observe(film).unwrap();
            detector.report(film, &seen)
        });
        // What is implausible shows flat heat maps, whose peaks may jump; it must be refused alike.
        let plausible = seen[1].plausible;
        assert_eq!(seen[0].plausible, plausible, "film {i}");
        if plausible {
            assert_eq!(differences(&seen[0], &seen[1]), Vec::<String>::new(), "film {i}");
        }
    }
    for bad in [|f: &mut Radiograph| f.pixels.fill(9), |f: &mut Radiograph| f.width = 3] {
        let mut film = films[7].clone();
        bad(&mut film);
        let [a, b] = [&mut gpu, &mut cpu].map(|detector| detector.observe(&film).unwrap_err());
        assert_eq!((a.kind(), a.to_string()), (b.kind(), b.to_string()));
    }
}

#[test]
fn some_landmarks_come_out_as_they_do_among_all() {
    let pack = Pack::open(&shipped("head.fid")).unwrap();
    let film = Radiograph::open(&shipped("demo.png"), Some([0.2; 2])).unwrap();
    let test = "some_landmarks_come_out_as_they_do_among_all";
    let Some(mut all) = on_gpu(&pack, test) else { return };
    let names = ["nasion", "gonion"].map(str::to_owned);
    let mut some = Detector::on_adapter_for(&pack, "", &names).unwrap();
    let (all, some) = (all.detect(&film).unwrap(), some.detect(&film).unwrap());
    for one in &some.landmarks {
        let same = all.landmarks.iter().find(|l| l.name == one.name).unwrap();
        assert!((one.x_px - same.x_px).hypot(one.y_px - same.y_px) < 1e-3, "{}", one.name);
    }
}

#[test]
fn an_image_is_one_upload_one_submit_and_one_small_read_back() {
    for (model, image, spacing) in SHIPPED {
        let pack = Pack::open(&shipped(model)).unwrap();
        let film = Radiograph::open(&shipped(image), spacing).unwrap();
        let Some(mut gpu) = on_gpu(&pack, "an_image_is_one_upload") else { return };
        gpu.observe(&film).unwrap();
        let before = gpu.gpu_counters().unwrap();
        for _ in 0..3 {
            gpu.observe(&film).unwrap();
        }
        let after = gpu.gpu_counters().unwrap();
        let landmarks = pack.manifest().landmarks.len() as u64;
        assert_eq!(after.submits - before.submits, 3);
        assert_eq!(after.uploads - before.uploads, 3);
        assert_eq!(after.read_backs - before.read_backs, 3);
        let bytes = (after.read_back_bytes - before.read_back_bytes) / 3;
        assert!(bytes <= 16 * landmarks + HEAD_BYTES, "{model}: {bytes} bytes");
        // 8-bit demo images: a byte per pixel and the header.
        let uploaded = (after.uploaded_bytes - before.uploaded_bytes) / 3;
        assert!(uploaded <= film.pixels.len() as u64 + 256 + 4, "{model}: {uploaded} bytes");
    }
}

#[test]
fn no_gpu_is_said() {
    let pack = Pack::open(&shipped("head.fid")).unwrap();
    let missing = Detector::on_adapter(&pack, "no such adapter").unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NoGpu);
    assert!(missing.to_string().contains("no such adapter"));
    let has_real = fiducia::adapters().iter().any(|adapter| !adapter.is_software());
    let auto = Detector::new(&pack, Backend::Auto).unwrap();
    let why = auto.backend().chosen_because.clone().unwrap();
    let asked: Result<Detector, Error> = Detector::new(&pack, Backend::Gpu);
    if has_real {
        assert_eq!(auto.backend().kind, "gpu");
        assert!(asked.is_ok());
    } else {
        assert_eq!(auto.backend().kind, "cpu");
        assert!(why.contains("no GPU"), "{why}");
        assert_eq!(asked.unwrap_err().kind(), ErrorKind::NoGpu);
    }
}

#[test]
fn the_command_runs_on_a_named_adapter() {
    let bench = Bench::new();
    let Some(adapter) = fiducia::adapters().into_iter().next() else {
        let required = std::env::var("FIDUCIA_GPU").is_ok_and(|v| v == "required");
        assert!(!required, "no adapter");
        eprintln!("SKIPPED: the_command_runs_on_a_named_adapter: no adapter");
        return;
    };
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

/// The name of the first adapter, for commands.
fn adapter(test: &str) -> Option<String> {
    let name = fiducia::adapters().into_iter().next().map(|adapter| adapter.name);
    if name.is_none() {
        let required = std::env::var("FIDUCIA_GPU").is_ok_and(|v| v == "required");
        assert!(!required, "no adapter");
        eprintln!("SKIPPED: {test}: no adapter");
    }
    name
}

#[test]
fn a_folder_on_a_gpu_gives_what_its_images_give() {
    let Some(adapter) = adapter("a_folder_on_a_gpu_gives_what_its_images_give") else { return };
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
fn two_images_are_under_way_at_once() {
    let pack = Pack::from_bytes(toy::pack()).unwrap();
    let Some(mut gpu) = on_gpu(&pack, "two_images_are_under_way_at_once") else { return };
    let film = crate::patch::spots();
    let mut other = film.clone();
    other.pixels.rotate_right(3);
    let [a, b] = [&film, &other].map(|film| gpu.detect(film).unwrap());
    let before = gpu.gpu_counters().unwrap();
    let first = gpu.start(film.clone()).unwrap();
    let second = gpu.start(other.clone()).unwrap();
    assert!(!first.is_done());
    assert_eq!(gpu.gpu_counters().unwrap().submits - before.submits, 2);
    assert_eq!(gpu.gpu_counters().unwrap().read_backs, before.read_backs);
    assert_eq!(gpu.gpu_counters().unwrap().ahead - before.ahead, 1);
    let points = |report: &Report| -> Vec<[f64; 2]> {
        report.landmarks.iter().map(|l| [l.x_px, l.y_px]).collect()
    };
    for (started, alone) in [(first, &a), (second, &b)] {
        assert_eq!(points(&gpu.finish(started).unwrap().1), points(alone));
    }
    assert_ne!(points(&a), points(&b));
    // One that nobody waits for is no obstacle.
    drop(gpu.start(film.clone()).unwrap());
    let ahead = gpu.gpu_counters().unwrap().ahead;
    assert_eq!(points(&gpu.detect(&film).unwrap()), points(&a));
    assert_eq!(gpu.gpu_counters().unwrap().ahead, ahead, "one after the other");
}

#[test]
fn the_self_test_is_kept_on_disk() {
    let Some(adapter) = adapter("the_self_test_is_kept_on_disk") else { return };
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
    let Some(adapter) = adapter("pipelines_are_kept_on_disk") else { return };
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
        let interface = &fiducia::adapters()[0].interface;
        assert_ne!(interface, "vulkan", "nothing is handed out");
        eprintln!("SKIPPED: pipelines_are_kept_on_disk: {interface} hands nothing out");
        return;
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

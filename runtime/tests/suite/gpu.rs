//! The GPU path against the CPU path, on whatever adapter there is.
//!
//! `FIDUCIA_GPU=required` makes a missing adapter a failure; without it these tests are recorded as skipped.

use fiducia::engine::gpu::StepTime;
use fiducia::{
    Backend, Detector, DetectorOptions, Error, ErrorKind, Pack, Patch, Precision, Radiograph,
    Report,
};
use fiducia_test_support::shipped::shipped;
use fiducia_test_support::{gpu_or_skip, skip, toy};

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

/// A detector on the first adapter of any kind; an error only where the machine has none.
fn on_gpu(pack: &Pack) -> Result<Detector, Error> {
    match Detector::on_adapter(pack, "") {
        Err(e) if e.kind() == ErrorKind::NoGpu && fiducia::adapters().is_empty() => Err(e),
        opened => Ok(opened.unwrap()),
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
        let mut gpu = gpu_or_skip!(on_gpu(&pack));
        let mut cpu = Detector::new(&pack, Backend::Cpu).unwrap();
        let (on_gpu, on_cpu) = (gpu.detect(&film).unwrap(), cpu.detect(&film).unwrap());
        assert_eq!(differences(&on_gpu, &on_cpu), Vec::<String>::new(), "{model}");
        assert_eq!(on_gpu.backend.kind, "gpu");
        assert!(!on_gpu.backend.device.is_empty() && !on_gpu.backend.driver.is_empty());
        let (a, b) = (gpu.observe(&film).unwrap(), cpu.observe(&film).unwrap());
        assert_eq!((a.grey_levels, a.white_fraction), (b.grey_levels, b.white_fraction));
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
    let film = toy::spots();
    let mut gpu = gpu_or_skip!(on_gpu(&pack));
    let mut cpu = Detector::new(&pack, Backend::Cpu).unwrap();
    let (on_gpu, on_cpu) = (gpu.detect(&film).unwrap(), cpu.detect(&film).unwrap());
    assert_eq!((on_gpu.landmarks.len(), &*on_gpu.landmarks[3].name), (4, toy::NEW));
    assert_eq!(differences(&on_gpu, &on_cpu), Vec::<String>::new());
}

/// Reports of all shipped models in `form` against those of the CPU, within `tolerance` px; gives the layers that ran
/// in this form and in f32, none where the device has no clock.
fn shipped_in(form: Precision, tolerance: f64) -> Result<Vec<[Vec<StepTime>; 2]>, Error> {
    let mut ran = vec![];
    for (model, image, spacing) in SHIPPED {
        let pack = Pack::open(&shipped(model)).unwrap();
        let film = Radiograph::open(&shipped(image), spacing).unwrap();
        let mut whole = on_gpu(&pack)?;
        let adapter = Some(String::new());
        let wanted = DetectorOptions { adapter, precision: form, ..DetectorOptions::default() };
        let mut other = match Detector::on(&pack, &wanted, &pack.manifest().landmarks) {
            // Not every adapter has 16-bit floats.
            Err(e) if e.kind() == ErrorKind::NoGpu => return Err(e),
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
    Ok(ran)
}

#[test]
fn all_shipped_models_agree_in_f16() {
    gpu_or_skip!(fiducia::adapters().into_iter().next().ok_or("no adapter"));
    let ran = match shipped_in(Precision::F16, HALF_TOLERANCE_PX) {
        Ok(ran) => ran,
        Err(e) => skip!("{e}"),
    };
    for [half, whole] in ran {
        let [a, b] = [&half, &whole].map(|steps| steps.iter().map(|s| s.bytes).sum::<u64>());
        println!("layers move {a} bytes in f16, {b} in f32");
        assert!(b == 0 || 10 * a < 6 * b, "{a} bytes in f16, {b} in f32");
    }
}

#[test]
fn all_shipped_models_agree_in_int8() {
    for [int8, whole] in gpu_or_skip!(shipped_in(Precision::Int8, INT8_TOLERANCE_PX)) {
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
    let mut gpu = gpu_or_skip!(on_gpu(&pack));
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
    let mut all = gpu_or_skip!(on_gpu(&pack));
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
        let mut gpu = gpu_or_skip!(on_gpu(&pack));
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
fn two_images_are_under_way_at_once() {
    let pack = Pack::from_bytes(toy::pack()).unwrap();
    let mut gpu = gpu_or_skip!(on_gpu(&pack));
    let film = toy::spots();
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

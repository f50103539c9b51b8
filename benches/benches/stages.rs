//! The stages of a detection with the shipped models on each device, named `stage/backend/size`. A stage is
//! measured inside a complete detection, whose results are read back before the clock stops; on a GPU by
//! device timestamps.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use fiducia::engine::Timings;
use fiducia::engine::cpu::Refine;
use fiducia::{Detector, Pack, Radiograph};
use fiducia_benches::{Kind, Measured, backends, demo, heat_map, model, plane, shipped_pack};
use fiducia_kernels::simd::peak;

const SEED: u64 = 1;
/// A software rasteriser takes seconds per image.
const SLOW_SAMPLES: usize = 10;

/// A stage of a detection: name, and function that reads its time, ms.
type Stage = (&'static str, fn(&Timings) -> f64);
const STAGES: [Stage; 6] = [
    ("preprocess", |t| t.preprocess),
    ("backbone", |t| t.backbone),
    ("crop", |t| t.crop),
    ("refine", |t| t.refine),
    ("decode", |t| t.decode),
    ("observe", |t| t.total),
];

fn stages(criterion: &mut Criterion) {
    let Some(pack) = shipped_pack().expect("the shipped pack is sound") else {
        println!("SKIPPED all stages: the shipped pack is missing");
        return;
    };
    let radiograph = demo(SEED).expect("the demo image is sound");
    for backend in backends() {
        let names = &pack.manifest().landmarks;
        match Detector::on(&pack, &backend.options, names) {
            Ok(mut detector) => on(criterion, &backend, &mut detector, &pack, &radiograph),
            Err(e) => println!("SKIPPED all stages on {}: {e}", backend.name),
        }
    }
    adapters(criterion);
    peaks(criterion, &pack);
}

fn on(
    criterion: &mut Criterion,
    backend: &Measured,
    detector: &mut Detector,
    pack: &Pack,
    radiograph: &Radiograph,
) {
    let mut group = criterion.benchmark_group("stages");
    if backend.name == "software-gpu" {
        group.sample_size(SLOW_SAMPLES).sampling_mode(SamplingMode::Flat);
    }
    for (stage, time) in STAGES {
        let size = size(stage, pack, radiograph);
        group.bench_function(format!("{stage}/{}/{size}", backend.name), |b| {
            b.iter_custom(|runs| {
                let run = |_| {
                    time(
                        &detector
                            .observe(radiograph)
                            .expect("the image can be analysed")
                            .timings_ms,
                    )
                };
                Duration::from_secs_f64((0..runs).map(run).sum::<f64>() * 1e-3)
            });
        });
    }
    // From pixels in memory to the report.
    group.bench_function(
        format!("detect/{}/{}", backend.name, size("detect", pack, radiograph)),
        |b| b.iter(|| detector.detect(radiograph).expect("the image can be analysed")),
    );
    group.finish();
}

/// Input size of a stage.
fn size(stage: &str, pack: &Pack, radiograph: &Radiograph) -> String {
    let (manifest, landmarks) = (pack.manifest(), pack.manifest().landmarks.len());
    let (whole, side) = (manifest.whole, manifest.refine.size);
    match stage {
        "backbone" => format!("{}x{}", whole.width, whole.height),
        "crop" | "refine" => format!("{landmarks}x{side}x{side}"),
        "decode" => format!("{landmarks}"),
        _ => format!("{}x{}", radiograph.width, radiograph.height),
    }
}

/// Cost of the private values: the refine network with those of the shipped models, and with heads only.
/// Private values are graph inputs, so they have no time of their own.
fn adapters(criterion: &mut Criterion) {
    const LANDMARKS: usize = 19;
    let mut group = criterion.benchmark_group("stages");
    for (name, kind) in [("of-rank-8", Kind::Fused), ("heads-alone", Kind::Joint)] {
        let pack = model(kind, LANDMARKS, SEED).expect("a model can be drawn");
        let side = pack.manifest().refine.size;
        let all: Vec<usize> = (0..LANDMARKS).collect();
        let mut net = Refine::new(&pack, &all).expect("the graph compiles");
        let mut regions = plane(SEED, [side, LANDMARKS * side]);
        regions.chunks_exact_mut(side * side).for_each(fiducia::preprocess::normalise_crop);
        group.bench_function(format!("adapters/cpu/{LANDMARKS}-{name}"), |b| {
            b.iter(|| net.run(black_box(&regions)).expect("inference works"));
        });
    }
    group.finish();
}

/// Total size of the copied heat maps, larger than any cache, bytes.
const BEYOND_CACHES: usize = 128 << 20;

/// The peaks of all fine heat maps, and copies of the heat maps as a bound for cache and main memory.
fn peaks(criterion: &mut Criterion, pack: &Pack) {
    let (refine, landmarks) = (pack.manifest().refine, pack.manifest().landmarks.len());
    let cells = refine.size / refine.stride;
    let maps: Vec<f32> =
        (0..landmarks as u64).flat_map(|seed| heat_map(seed, [cells; 2])).collect();
    let size = format!("{landmarks}x{cells}x{cells}");
    let mut group = criterion.benchmark_group("stages");
    group.bench_function(format!("peaks/cpu/{size}"), |b| {
        let each = |map| peak(map, cells, cells, refine.peak_radius);
        b.iter(|| black_box(&maps).chunks_exact(cells * cells).filter_map(each).count());
    });
    let mut copy = maps.clone();
    group.bench_function(format!("copy-of-the-maps/cpu/{size}"), |b| {
        b.iter(|| black_box(&mut copy).copy_from_slice(black_box(&maps)));
    });
    let many = maps.repeat(BEYOND_CACHES / size_of_val(&maps[..]));
    let mut far = many.chunks_exact(maps.len()).cycle();
    group.bench_function(format!("copy-from-main-memory/cpu/{size}"), |b| {
        b.iter(|| far.by_ref().take(1).for_each(|from| black_box(&mut copy).copy_from_slice(from)));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = stages
}
criterion_main!(benches);

//! The stages of a detection on the shipped pack, named `stage/backend/size`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fiducia::{
    Backbone, Backend, Detector, Grey, Pack, Plane, Refine, normalise_crop, normalise_whole,
    whole_frame, whole_input,
};
use fiducia_benches::{CEPHALOGRAM_PX, plane, radiograph, shipped_pack, shipped_pack_path};

const SEED: u64 = 1;

fn stages(criterion: &mut Criterion) {
    match shipped_pack().expect("the shipped pack is sound") {
        Some(pack) => {
            preprocess(criterion, &pack);
            backbone(criterion, &pack);
            refine(criterion, &pack);
            detect(criterion, &pack);
        }
        None => println!("SKIPPED all stages: {} is missing", shipped_pack_path().display()),
    }
}

/// From the pixels of the file to the input of the backbone, grey window included.
fn preprocess(criterion: &mut Criterion, pack: &Pack) {
    let film = radiograph(SEED, CEPHALOGRAM_PX);
    let whole = pack.manifest().whole;
    let unit_per_px = pack.manifest().unit_per_px(film.height, film.spacing_mm);
    let frame = whole_frame(&whole, [film.width, film.height], unit_per_px);
    let (mut reduced, mut scratch) = (Plane::default(), Vec::new());
    let mut input = vec![0.0; whole.width * whole.height];
    criterion.bench_function(&format!("preprocess/cpu/{}", size(CEPHALOGRAM_PX)), |b| {
        b.iter(|| {
            let grey = Grey::new(black_box(&film)).expect("the film has contrast");
            grey.reduce(whole.unit_per_px, unit_per_px, &mut reduced);
            whole_input(&whole, &reduced, &frame, &mut input, &mut scratch);
            black_box(&input);
        });
    });
}

fn backbone(criterion: &mut Criterion, pack: &Pack) {
    let whole = pack.manifest().whole;
    let mut net = Backbone::new(pack).expect("the shipped backbone compiles");
    let mut input = plane(SEED, [whole.width, whole.height]);
    normalise_whole(&whole, &mut input, &mut Vec::new());
    criterion.bench_function(&format!("backbone/cpu/{}", size([whole.width, whole.height])), |b| {
        b.iter(|| net.run(black_box(&input)).expect("inference works"));
    });
}

/// All regions of interest at once; the size is landmarks x width x height.
fn refine(criterion: &mut Criterion, pack: &Pack) {
    let landmarks = pack.manifest().landmarks.len();
    let side = pack.manifest().refine.size;
    let all: Vec<usize> = (0..landmarks).collect();
    let mut net = Refine::new(pack, &all).expect("the shipped refine network compiles");
    let mut regions = plane(SEED, [side, landmarks * side]);
    regions.chunks_exact_mut(side * side).for_each(normalise_crop);
    criterion.bench_function(&format!("refine/cpu/{landmarks}x{side}x{side}"), |b| {
        b.iter(|| net.run(black_box(&regions)).expect("inference works"));
    });
}

/// From pixels in memory to the report.
fn detect(criterion: &mut Criterion, pack: &Pack) {
    let film = radiograph(SEED, CEPHALOGRAM_PX);
    let mut detector = Detector::new(pack, Backend::Cpu).expect("the shipped pack compiles");
    criterion.bench_function(&format!("detect/cpu/{}", size(CEPHALOGRAM_PX)), |b| {
        b.iter(|| detector.detect(black_box(&film)).expect("the film can be looked at"));
    });
}

fn size([width, height]: [usize; 2]) -> String {
    format!("{width}x{height}")
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = stages
}
criterion_main!(benches);

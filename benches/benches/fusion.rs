//! The fused model against one model per landmark of the same network, size and decode, in one run; named
//! `detect/what/landmarks`. The models' sizes are printed beside.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fiducia::{Backend, Detector, Pack, SectionKind};
use fiducia_benches::{CEPHALOGRAM_PX, radiograph, shipped_pack, shipped_pack_path};

const SEED: u64 = 1;
/// Numbers of landmarks in the fused model; the step from the first to the last is what further ones cost.
const FUSED: [usize; 4] = [1, 2, 6, 19];

fn fusion(criterion: &mut Criterion) {
    let Some(pack) = shipped_pack().expect("the shipped pack is sound") else {
        println!("SKIPPED fusion: {} is missing", shipped_pack_path().display());
        return;
    };
    let film = radiograph(SEED, CEPHALOGRAM_PX);
    let names = &pack.manifest().landmarks;
    let detector = |names: &[String]| {
        Detector::for_landmarks(&pack, Backend::Cpu, names).expect("the shipped pack compiles")
    };
    for count in FUSED.into_iter().filter(|&n| n <= names.len()) {
        let mut fused = detector(&names[..count]);
        criterion.bench_function(&format!("detect/fused/{count}"), |b| {
            b.iter(|| fused.observe(black_box(&film)).expect("the film can be looked at"));
        });
    }
    let mut singles: Vec<Detector> =
        names.iter().map(|name| detector(std::slice::from_ref(name))).collect();
    criterion.bench_function(&format!("detect/one-model-per-landmark/{}", names.len()), |b| {
        b.iter(|| {
            for single in &mut singles {
                single.observe(black_box(&film)).expect("the film can be looked at");
            }
        });
    });
    sizes(&pack);
}

/// Bytes of weights: the fused model holds the shared ones once, dedicated models once each.
fn sizes(pack: &Pack) {
    let landmarks = pack.manifest().landmarks.len();
    let private = landmarks * pack.adapter_bytes(0);
    let shared =
        pack.section(SectionKind::Backbone).len() + pack.section(SectionKind::Refine).len();
    let (fused, singles) = (shared + private, landmarks * shared + private);
    let saved = 100.0 * (1.0 - fused as f64 / singles as f64);
    println!(
        "weights: fused {fused} bytes, one model per landmark {singles} bytes, {saved:.1} % less"
    );
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = fusion
}
criterion_main!(benches);

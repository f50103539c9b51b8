//! One model for all landmarks against one model for each, from pixels in memory to landmarks: the same
//! trunk, networks and decoding. Benchmarks are named `what/backend/landmarks`; the size of the models is
//! printed too.

use std::hint::black_box;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use fiducia::{Backend, Detector};
use fiducia_benches::{CEPHALOGRAM_PX, Kind, model, radiograph};

const SEED: u64 = 1;
const LANDMARKS: [usize; 5] = [1, 6, 19, 37, 68];
const SAMPLES: usize = 20;

fn fusion(criterion: &mut Criterion) {
    let image = radiograph(SEED, CEPHALOGRAM_PX);
    let mut group = criterion.benchmark_group("fusion");
    for landmarks in LANDMARKS {
        for kind in Kind::ALL {
            group.sample_size(SAMPLES).sampling_mode(SamplingMode::Auto);
            let [models, each] = kind.models(landmarks);
            let pack = model(kind, each, SEED).expect("a model can be drawn");
            let mut detectors: Vec<Detector> = (0..models)
                .map(|_| Detector::new(&pack, Backend::Cpu).expect("the graphs compile"))
                .collect();
            if models > 1 {
                group.sample_size(10).sampling_mode(SamplingMode::Flat);
            }
            let name = format!("{}/cpu/{landmarks}", kind.name());
            group.bench_function(&name, |b| {
                b.iter(|| {
                    for detector in &mut detectors {
                        detector.observe(black_box(&image)).expect("the image can be analysed");
                    }
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default();
    targets = fusion
}
criterion_main!(benches);

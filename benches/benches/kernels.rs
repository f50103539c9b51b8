//! The CPU twins of the kernels at the sizes of the head model, named `kernel/backend/size`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fiducia_benches::{CEPHALOGRAM_PX, heat_map, plane, radiograph};
use fiducia_kernels::{Affine, BoxMean, LocalNorm, box_mean, local_norm, peak, warp};

const SEED: u64 = 1;
/// Input of the backbone, px.
const WHOLE_PX: [usize; 2] = [192, 240];
/// A region of interest, px.
const REGION_PX: [usize; 2] = [96, 96];

/// One coarse and one fine heat map.
fn bench_peak(criterion: &mut Criterion) {
    for ([width, height], radius) in [([48, 60], 2), (REGION_PX, 5)] {
        let map = heat_map(SEED, [width, height]);
        criterion.bench_function(&format!("peak/cpu/{width}x{height}"), |b| {
            b.iter(|| peak(black_box(&map), width, height, radius));
        });
    }
}

/// The two reductions of a cephalogram: to 1 mm for the whole image, to 0.3 mm for the regions.
fn bench_box_mean(criterion: &mut Criterion) {
    let [width, height] = CEPHALOGRAM_PX;
    let film = radiograph(SEED, CEPHALOGRAM_PX);
    for factor in [10, 3] {
        let params = BoxMean { width, height, factor_x: factor, factor_y: factor };
        let mut out = vec![0.0; params.output().iter().product()];
        criterion.bench_function(&format!("box_mean/cpu/{width}x{height}by{factor}"), |b| {
            b.iter(|| box_mean(&params, black_box(&film.pixels), 1.0, 0.0, &mut out));
        });
    }
}

/// One region of interest, turned a little, out of the reduced cephalogram.
fn bench_warp(criterion: &mut Criterion) {
    let source_px = CEPHALOGRAM_PX.map(|edge| edge / 3);
    let source = plane(SEED, source_px);
    let to_source = Affine::similarity(0.1, 1.05, [47.5, 47.5], [300.0, 400.0]);
    let [width, height] = REGION_PX;
    let mut out = vec![0.0; width * height];
    criterion.bench_function(&format!("warp/cpu/{width}x{height}"), |b| {
        b.iter(|| warp(black_box(&source), source_px, &to_source, &mut out, REGION_PX));
    });
}

/// The input of the backbone; the copy of the plane, which is changed in place, is timed with it.
fn bench_local_norm(criterion: &mut Criterion) {
    let [width, height] = WHOLE_PX;
    let params = LocalNorm { width, height, radius: 40, floor: 6.0, gain: 0.5 };
    let source = plane(SEED, WHOLE_PX);
    let (mut out, mut scratch) = (source.clone(), vec![0.0; params.scratch()]);
    criterion.bench_function(&format!("local_norm/cpu/{width}x{height}"), |b| {
        b.iter(|| {
            out.copy_from_slice(black_box(&source));
            local_norm(&params, &mut out, &mut scratch);
        });
    });
}

criterion_group!(benches, bench_peak, bench_box_mean, bench_warp, bench_local_norm);
criterion_main!(benches);

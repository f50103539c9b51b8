//! The CPU twins of the kernels, and their vector forms, at the sizes of the head model, named `kernel/backend/size`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fiducia_benches::{CEPHALOGRAM_PX, heat_map, noise_values, plane, radiograph};
use fiducia_kernels::simd::Convolution;
use fiducia_kernels::{
    Activation, Affine, BoxMean, Conv, Epilogue, LocalNorm, Skip, box_mean, conv, local_norm, peak,
    warp,
};

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

/// Layers of the head model, by the twin and by the processor's vector instructions.
fn bench_convolution(criterion: &mut Criterion) {
    for (name, sizes) in layers() {
        let area = |channels: u32, [height, width]: [u32; 2]| (channels * height * width) as usize;
        let input = [sizes.in_height, sizes.in_width];
        let input = noise_values(1, area(sizes.in_channels, input));
        let taps =
            area(sizes.in_channels / sizes.groups, [sizes.kernel_height, sizes.kernel_width]);
        let weights = noise_values(2, sizes.out_channels as usize * taps);
        let bias = noise_values(3, sizes.out_channels as usize);
        let mut out = vec![0.0; area(sizes.out_channels, [sizes.out_height, sizes.out_width])];
        criterion.bench_function(&format!("convolution/twin/{name}"), |b| {
            b.iter(|| conv(&sizes, black_box(&input), &weights, &bias, &[], &mut out));
        });
        let fast = Convolution::new(&sizes, &weights, &bias).expect("dense or depthwise");
        criterion.bench_function(&format!("convolution/simd/{name}"), |b| {
            b.iter(|| fast.run(black_box(&input), &[], &mut out));
        });
    }
}

/// A layer of the refine network, one tap and five taps of the backbone.
fn layers() -> [(&'static str, Conv); 3] {
    let layer =
        |[inputs, outputs]: [u32; 2], [height, width]: [u32; 2], kernel: u32, groups| Conv {
            in_channels: inputs,
            out_channels: outputs,
            in_height: height,
            in_width: width,
            out_height: height,
            out_width: width,
            kernel_height: kernel,
            kernel_width: kernel,
            stride_y: 1,
            stride_x: 1,
            pad_y: kernel / 2,
            pad_x: kernel / 2,
            dilation_y: 1,
            dilation_x: 1,
            groups,
            epilogue: Epilogue::new(Activation::Clamp(0.0, 6.0), Skip::None),
            ..Conv::default()
        };
    [
        ("16to16x64x64by3", layer([16, 16], [64, 64], 3, 1)),
        ("96to24x60x48by1", layer([96, 24], [60, 48], 1, 1)),
        ("672x15x12by5", layer([672, 672], [15, 12], 5, 672)),
    ]
}

criterion_group!(
    benches,
    bench_peak,
    bench_box_mean,
    bench_warp,
    bench_local_norm,
    bench_convolution
);
criterion_main!(benches);

//! The kernels at the sizes of the head model, named `kernel/backend/size`: reference implementations, SIMD
//! versions, tract's layers, and GPU shaders from upload to read-back. (`fiducia bench --profile` measures
//! each step on the device.)

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fiducia_benches::{CEPHALOGRAM_PX, backends, heat_map, noise_values, plane, radiograph};
use fiducia_kernels::gpu::steps::{self, At};
use fiducia_kernels::gpu::{Choice, Gpu, Plan, Program, ReadBack, Slot, Stage};
use fiducia_kernels::simd::{self, Convolution};
use fiducia_kernels::{
    Activation, Affine, BoxMean, Conv, Epilogue, LocalNorm, Precision, Skip, box_mean, conv,
    local_norm, peak, warp,
};
use tract_core::internal::*;
use tract_core::ops::cnn::{self, KernelFormat, PaddingSpec, PoolSpec};
use tract_core::ops::nn::DataFormat;

const SEED: u64 = 1;
/// Input of the backbone, px.
const WHOLE_PX: [usize; 2] = [192, 240];
/// Bytes uploaded and read back so that the host waits for the GPU; timestamps are read back with them.
const SYNCHRONISED: usize = 16;
const TICKS: usize = 16 * Stage::ALL.len();
/// Size of the output buffer: as much as any step here writes, bytes.
const OUT_BYTES: usize = 4 * 672 * 15 * 12;
/// A region of interest, px.
const REGION_PX: [usize; 2] = [96, 96];

/// One coarse and one fine heat map.
fn bench_peak(criterion: &mut Criterion) {
    for ([width, height], radius) in [([48, 60], 2), (REGION_PX, 5)] {
        let map = heat_map(SEED, [width, height]);
        criterion.bench_function(&format!("peak/reference/{width}x{height}"), |b| {
            b.iter(|| peak(black_box(&map), width, height, radius));
        });
        criterion.bench_function(&format!("peak/simd/{width}x{height}"), |b| {
            b.iter(|| simd::peak(black_box(&map), width, height, radius));
        });
        on_gpu(criterion, &format!("peak/{{}}/{width}x{height}"), |plan, out| {
            let maps = plan.constant(&map);
            let at = At::new(Stage::Decode, "peak");
            steps::peak(plan, at, [width, height], radius, 1, maps, out);
        });
    }
}

/// The two reductions of a cephalogram: to 1 mm for the whole image, to 0.3 mm for the regions.
fn bench_box_mean(criterion: &mut Criterion) {
    let [width, height] = CEPHALOGRAM_PX;
    let image = radiograph(SEED, CEPHALOGRAM_PX);
    for factor in [10, 3] {
        let params = BoxMean { width, height, factor_x: factor, factor_y: factor };
        let mut out = vec![0.0; params.output().iter().product()];
        criterion.bench_function(&format!("box_mean/cpu/{width}x{height}by{factor}"), |b| {
            b.iter(|| box_mean(&params, black_box(&image.pixels), 1.0, 0.0, &mut out));
        });
    }
}

/// One region of interest, slightly rotated, resampled from the reduced cephalogram.
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

/// The normalisation of the backbone's input; includes the copy of the plane, which is changed in place.
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
    on_gpu(criterion, &format!("local_norm/{{}}/{width}x{height}"), |plan, out| {
        let plane = plan.constant(&source);
        steps::local_norm(plan, &params, plane, out);
    });
}

/// Benchmarks `steps`, which write to a buffer, on the available GPU; `{}` in the name is replaced by the
/// backend's name.
fn on_gpu(criterion: &mut Criterion, name: &str, steps: impl FnOnce(&mut Plan, Slot)) {
    let found =
        backends().into_iter().find_map(|backend| Some((backend.name, backend.options.adapter?)));
    let Some((backend, adapter)) = found else { return };
    let gpu = Gpu::open(&Choice::Named(adapter)).expect("the adapter opens");
    let mut plan = gpu.plan(Precision::F32);
    let upload = plan.buffer("upload", SYNCHRONISED);
    let out = plan.buffer("out", OUT_BYTES);
    steps(&mut plan, Slot::Buffer(out));
    let bytes = SYNCHRONISED + TICKS;
    let read_back = ReadBack { buffer: out, bytes, ticks_at: SYNCHRONISED };
    let mut program = Program::new(gpu, plan, read_back).expect("the steps run");
    criterion.bench_function(&name.replace("{}", backend), |b| {
        b.iter(|| program.run(upload, &[0; SYNCHRONISED], |read| read[0]).expect("it runs"));
    });
}

/// The layer `sizes` in tract.
fn by_tract(sizes: &Conv, weights: &[f32], bias: &[f32]) -> TractResult<TypedSimpleState> {
    let of = |y: u32, x: u32| tvec![y as usize, x as usize];
    let [inputs, outputs, groups] =
        [sizes.in_channels, sizes.out_channels, sizes.groups].map(|v| v as usize);
    let [height, width] = [sizes.in_height, sizes.in_width].map(|v| v as usize);
    let kernel = of(sizes.kernel_height, sizes.kernel_width);
    let pad = of(sizes.pad_y, sizes.pad_x);
    let op = cnn::Conv {
        pool_spec: PoolSpec {
            data_format: DataFormat::NCHW,
            kernel_shape: kernel.clone(),
            padding: PaddingSpec::Explicit(pad.clone(), pad),
            dilations: None,
            strides: Some(of(sizes.stride_y, sizes.stride_x)),
            input_channels: inputs,
            output_channels: outputs,
        },
        kernel_fmt: KernelFormat::OIHW,
        group: groups,
        q_params: None,
    };
    let mut model = TypedModel::default();
    let source = model.add_source("image", f32::fact([1, inputs, height, width]))?;
    let shape = [outputs, inputs / groups, kernel[0], kernel[1]];
    let weights = model.add_const("weights", Tensor::from_shape(&shape, weights)?)?;
    let bias = model.add_const("bias", Tensor::from_shape(&[outputs], bias)?)?;
    let out = model.wire_node("convolution", op, &[source, weights, bias])?;
    model.select_output_outlets(&out)?;
    model.into_optimized()?.into_runnable()?.spawn()
}

/// Layers of the head model: reference implementation, SIMD and tract.
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
        let mut tract = by_tract(&sizes, &weights, &bias).expect("tract knows convolutions");
        let [height, width] = [sizes.in_height, sizes.in_width].map(|v| v as usize);
        let shape = [1, sizes.in_channels as usize, height, width];
        let image = Tensor::from_shape(&shape, &input).expect("as many values").into_tvalue();
        criterion.bench_function(&format!("convolution/tract/{name}"), |b| {
            b.iter(|| tract.run(tvec![black_box(&image).clone()]).expect("it runs"));
        });
        criterion.bench_function(&format!("convolution/reference/{name}"), |b| {
            b.iter(|| conv(&sizes, black_box(&input), &weights, &bias, &[], &mut out));
        });
        let fast = Convolution::new(&sizes, &weights, &bias).expect("dense or depthwise");
        criterion.bench_function(&format!("convolution/simd/{name}"), |b| {
            b.iter(|| fast.run(black_box(&input), &[], &mut out));
        });
        on_gpu(criterion, &format!("convolution/{{}}/{name}"), |plan, to| {
            let input = plan.constant(&input);
            let layer = steps::Layer {
                at: At::new(Stage::Backbone, name),
                batch: 1,
                input,
                weights: &weights,
                bias: &bias,
                skip: None,
                out: to,
            };
            steps::conv(plan, sizes, layer);
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

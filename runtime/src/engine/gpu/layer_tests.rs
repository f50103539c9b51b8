//! Small graphs of all supported layers, on the GPU against tract.

use fiducia_kernels::gpu::steps::{self, At};
use fiducia_kernels::gpu::{Gpu, Plan, Program, ReadBack, Slot, Stage};
use fiducia_kernels::{Elementwise, Epilogue, MAX_AXES, Operation, Precision};
use fiducia_test_support::{Rng, gpu_or_skip, skip};
use tract_core::internal::*;
use tract_core::ops::array::{Pad, PadMode, Slice, TypedConcat};
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::cnn::{Conv, Deconv, KernelFormat, MaxPool, PaddingSpec, PoolSpec, SumPool};
use tract_core::ops::nn::{
    DataFormat, NearestUpsample, Reduce, Reducer, Resize, Softmax, SoftmaxKind,
    resize::{CoordTransformer, Interpolator, Nearest},
};
use tract_core::ops::{math, nn};

use super::lower::lower;
use super::tests::device;

/// Layers behind each other, relative to the largest value.
const TOLERANCE: f32 = 5e-5;
/// The same where numbers have 11 bits between layers.
const HALF_TOLERANCE: f32 = 1e-2;
/// The same where large products are summed in 8 bits: a 127th of what each of a few layers reads.
const INT8_TOLERANCE: f32 = 4e-2;

/// A graph at work.
struct Graph {
    model: TypedModel,
    rng: Rng,
    count: usize,
}

impl Graph {
    fn tensor(&mut self, shape: &[usize]) -> Arc<Tensor> {
        // From −1 to 1.
        let mut real = || (self.rng.next() >> 40) as f32 / (1u32 << 23) as f32 - 1.0;
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| real()).collect();
        Arc::new(Tensor::from_shape(shape, &values).unwrap())
    }

    fn constant(&mut self, shape: &[usize]) -> OutletId {
        let tensor = self.tensor(shape);
        self.count += 1;
        self.model.add_const(format!("constant{}", self.count), tensor).unwrap()
    }

    fn wire(&mut self, op: impl Into<Box<dyn TypedOp>>, inputs: &[OutletId]) -> OutletId {
        self.count += 1;
        self.model.wire_node(format!("node{}", self.count), op, inputs).unwrap()[0]
    }

    fn shape(&self, x: OutletId) -> Vec<usize> {
        self.model.outlet_fact(x).unwrap().shape.as_concrete().unwrap().to_vec()
    }

    /// A window of `k` x `k` with padding that keeps the size.
    fn spec(&self, x: OutletId, out: usize, k: usize, stride: usize) -> PoolSpec {
        let inputs = self.shape(x)[1];
        let pad: TVec<usize> = tvec![k / 2, k / 2];
        PoolSpec {
            data_format: DataFormat::NCHW,
            kernel_shape: tvec![k, k],
            padding: PaddingSpec::Explicit(pad.clone(), pad),
            dilations: None,
            strides: Some(tvec![stride, stride]),
            input_channels: inputs,
            output_channels: out,
        }
    }

    fn conv(&mut self, x: OutletId, out: usize, k: usize, stride: usize, group: usize) -> OutletId {
        let pool_spec = self.spec(x, out, k, stride);
        let weights = self.constant(&[out, pool_spec.input_channels / group, k, k]);
        let bias = self.constant(&[out]);
        let op = Conv { pool_spec, kernel_fmt: KernelFormat::OIHW, group, q_params: None };
        self.wire(op, &[x, weights, bias])
    }

    fn transposed(
        &mut self,
        x: OutletId,
        out: usize,
        kernel: [usize; 2],
        stride: [usize; 2],
        group: usize,
    ) -> OutletId {
        let input_channels = self.shape(x)[1];
        let pool_spec = PoolSpec {
            data_format: DataFormat::NCHW,
            kernel_shape: kernel.iter().copied().collect(),
            padding: PaddingSpec::Explicit(tvec![1, 0], tvec![0, 1]),
            dilations: None,
            strides: Some(stride.iter().copied().collect()),
            input_channels,
            output_channels: out,
        };
        let weights = self.constant(&[out, input_channels / group, kernel[0], kernel[1]]);
        let bias = self.constant(&[out]);
        let (kernel_format, adjustments) = (KernelFormat::OIHW, tvec![1, 0]);
        self.wire(Deconv { pool_spec, kernel_format, adjustments, group }, &[x, weights, bias])
    }

    /// The last two axes at another size.
    fn resized(
        &mut self,
        x: OutletId,
        interpolator: Interpolator,
        coord_transformer: CoordTransformer,
        size: [i64; 2],
    ) -> OutletId {
        let shape = self.shape(x);
        let sizes = tensor1(&[shape[0] as i64, shape[1] as i64, size[0], size[1]]);
        self.count += 1;
        let sizes = self.model.add_const(format!("sizes{}", self.count), sizes).unwrap();
        let resize = Resize {
            coord_transformer,
            interpolator,
            nearest: Nearest::Floor,
            optional_scales_input: None,
            optional_sizes_input: Some(1),
        };
        self.wire(resize, &[x, sizes])
    }

    fn scalar(&mut self, value: f32, like: OutletId) -> OutletId {
        let shape = vec![1; self.shape(like).len()];
        let tensor = Arc::new(Tensor::from_shape(&shape, &[value]).unwrap());
        self.count += 1;
        self.model.add_const(format!("scalar{}", self.count), tensor).unwrap()
    }

    fn clip(&mut self, x: OutletId, low: f32, high: f32) -> OutletId {
        let (low, high) = (self.scalar(low, x), self.scalar(high, x));
        let x = self.wire(math::max(), &[x, low]);
        self.wire(math::min(), &[x, high])
    }
}

type Build = fn(&mut Graph, OutletId) -> OutletId;

/// Name, input shape, layers.
const GRAPHS: &[(&str, &[usize], Build)] = &[
    ("inverted residual", &[1, 12, 13, 16], |g, x| {
        let y = g.conv(x, 36, 1, 1, 1);
        let y = g.clip(y, 0.0, 6.0);
        let y = g.conv(y, 36, 3, 1, 36);
        let y = g.clip(y, 0.0, 6.0);
        let y = g.conv(y, 12, 1, 1, 1);
        g.wire(math::add(), &[x, y])
    }),
    ("residual block", &[2, 16, 11, 12], |g, x| {
        let y = g.conv(x, 16, 3, 1, 1);
        let y = g.clip(y, 0.0, 9.0);
        let y = g.conv(y, 16, 3, 1, 1);
        let y = g.wire(math::add(), &[y, x]);
        let y = g.clip(y, -1.0, 4.0);
        g.conv(y, 20, 3, 2, 4)
    }),
    ("fire module", &[3, 9, 14, 15], |g, x| {
        let spec = g.spec(x, 9, 3, 2);
        let x = g.wire(MaxPool { pool_spec: spec, with_index_outputs: None }, &[x]);
        let (a, b) = (g.conv(x, 10, 1, 1, 1), g.conv(x, 7, 3, 1, 1));
        let b = g.clip(b, 0.0, 2.0);
        let y = g.wire(TypedConcat { axis: 1 }, &[a, b, x]);
        g.conv(y, 5, 1, 1, 1)
    }),
    ("squeeze and excite", &[2, 8, 10, 12], |g, x| {
        let x = g.conv(x, 16, 5, 1, 1);
        let x = g.wire(nn::silu::silu(), &[x]);
        let s = g.wire(Reduce { axes: tvec![2, 3], reducer: Reducer::Sum }, &[x]);
        let part = g.scalar(1.0 / 120.0, s);
        let s = g.wire(math::mul(), &[s, part]);
        let s = g.conv(s, 4, 1, 1, 1);
        let s = g.clip(s, 0.0, 8.0);
        let s = g.conv(s, 16, 1, 1, 1);
        let s = g.wire(nn::sigmoid(), &[s]);
        g.wire(math::mul(), &[x, s])
    }),
    ("activations", &[1, 4, 9, 9], |g, x| {
        let y = g.wire(nn::hard_swish(), &[x]);
        let y = g.wire(nn::leaky_relu(0.1), &[y]);
        let y = g.wire(math::tanh(), &[y]);
        let one = g.scalar(3.0, y);
        let y = g.wire(math::exp(), &[y]);
        let z = g.wire(math::add(), &[one, y]);
        let z = g.wire(math::abs(), &[z]);
        let z = g.wire(math::sqrt(), &[z]);
        let z = g.wire(math::square(), &[z]);
        g.wire(math::div(), &[y, z])
    }),
    ("mean of windows", &[2, 5, 12, 11], |g, x| {
        let pool = |g: &Graph, x, include| SumPool {
            pool_spec: g.spec(x, 5, 3, 2),
            count_include_pad: include,
            normalize: true,
        };
        let (a, b) = (pool(g, x, true), pool(g, x, false));
        let (a, b) = (g.wire(a, &[x]), g.wire(b, &[x]));
        g.wire(math::sub(), &[a, b])
    }),
    ("up and across", &[1, 6, 5, 7], |g, x| {
        let a = g.conv(x, 8, 1, 1, 1);
        let a = g.wire(NearestUpsample { scales: tvec![1, 1, 2, 3] }, &[a]);
        let b = g.conv(x, 8, 3, 1, 2);
        let b = g.wire(NearestUpsample { scales: tvec![1, 1, 2, 3] }, &[b]);
        let y = g.wire(math::add(), &[a, b]);
        let y = g.wire(Slice { axis: 3, start: 2.into(), end: 13.into() }, &[y]);
        let y = g.wire(AxisOp::Move(1, 3), &[y]);
        let shape = g.shape(y);
        let c = g.constant(&[1, shape[1], 1, shape[3]]);
        g.wire(math::mul(), &[y, c])
    }),
    ("depth to space", &[2, 12, 4, 5], |g, x| {
        let y = g.conv(x, 8, 1, 1, 1);
        let dims = |v: &[usize]| v.iter().map(|d| d.to_dim()).collect::<TVec<TDim>>();
        let y = g.wire(AxisOp::Reshape(1, dims(&[8]), dims(&[2, 2, 2])), &[y]);
        let y = g.wire(AxisOp::Move(3, 5), &[y]);
        let y = g.wire(AxisOp::Move(2, 3), &[y]);
        let y = g.wire(AxisOp::Reshape(2, dims(&[4, 2, 5, 2]), dims(&[8, 10])), &[y]);
        g.conv(y, 3, 3, 1, 1)
    }),
    ("normalised", &[2, 6, 7, 9], |g, x| {
        let y = g.conv(x, 8, 3, 1, 1);
        let (scale, shift) = (g.constant(&[1, 8, 1, 1]), g.constant(&[1, 8, 1, 1]));
        let y = g.wire(math::mul(), &[y, scale]);
        let y = g.wire(math::add(), &[y, shift]);
        let y = g.conv(y, 8, 1, 1, 1);
        let y = g.wire(math::mul(), &[scale, y]);
        g.clip(y, -0.4, 0.6)
    }),
    ("transposed", &[2, 6, 5, 7], |g, x| {
        let y = g.transposed(x, 9, [3, 2], [2, 3], 3);
        let y = g.clip(y, -1.0, 2.0);
        g.transposed(y, 4, [2, 2], [2, 2], 1)
    }),
    ("shares", &[2, 5, 6, 7], |g, x| {
        let share = |g: &mut Graph, x, axes| {
            let (quant_output_dt, kind) = (None, SoftmaxKind::Softmax);
            g.wire(Softmax { axes, quant_output_dt, kind }, &[x])
        };
        let (a, b) = (share(g, x, tvec![1]), share(g, x, tvec![3, 2]));
        g.wire(math::sub(), &[a, b])
    }),
    ("over other axes", &[2, 5, 6, 7], |g, x| {
        let reduce = |reducer, axes| Reduce { axes, reducer };
        let a = g.wire(reduce(Reducer::Max, tvec![1, 2]), &[x]);
        let b = g.wire(reduce(Reducer::Sum, tvec![0, 3]), &[x]);
        g.wire(math::mul(), &[a, b])
    }),
    ("resized", &[1, 3, 7, 6], |g, x| {
        let a = g.resized(x, Interpolator::Linear, CoordTransformer::HalfPixel, [13, 17]);
        let b = g.resized(x, Interpolator::Linear, CoordTransformer::AlignCorners, [13, 17]);
        let c = g.resized(x, Interpolator::Cubic, CoordTransformer::HalfPixel, [13, 17]);
        let d = g.resized(x, Interpolator::Nearest, CoordTransformer::Asymmetric, [13, 17]);
        let a = g.wire(math::sub(), &[a, b]);
        let c = g.wire(math::mul(), &[c, d]);
        g.wire(math::add(), &[a, c])
    }),
    ("padded", &[1, 3, 5, 6], |g, x| {
        let pad = |mode| Pad { pads: vec![(0, 0), (0, 0), (2, 3), (4, 1)], mode };
        let a = g.wire(pad(PadMode::Edge), &[x]);
        let b = g.wire(pad(PadMode::Reflect), &[x]);
        let c = g.wire(pad(PadMode::default()), &[x]);
        let a = g.wire(math::sub(), &[a, b]);
        g.wire(math::add(), &[a, c])
    }),
    ("channel shuffle", &[2, 6, 5, 7], |g, x| {
        let y = g.conv(x, 12, 1, 1, 3);
        let dims = |v: &[usize]| v.iter().map(|d| d.to_dim()).collect::<TVec<TDim>>();
        let y = g.wire(AxisOp::Reshape(1, dims(&[12]), dims(&[3, 4])), &[y]);
        let y = g.wire(AxisOp::Move(1, 2), &[y]);
        let y = g.wire(AxisOp::Reshape(1, dims(&[4, 3]), dims(&[12])), &[y]);
        g.conv(y, 12, 3, 1, 12)
    }),
    ("read twice", &[1, 8, 9, 10], |g, x| {
        let a = g.conv(x, 8, 3, 1, 1);
        let b = g.clip(a, 0.0, 1.0);
        let c = g.wire(math::add(), &[a, b]);
        let d = g.conv(c, 8, 1, 1, 1);
        let d = g.wire(math::add(), &[d, a]);
        let e = g.conv(b, 8, 3, 1, 8);
        g.wire(math::add(), &[e, d])
    }),
];

/// The result of `model` for `input` on the device.
pub(super) fn on_device(
    gpu: &Gpu,
    precision: Precision,
    model: &TypedModel,
    input: &[f32],
) -> Vec<f32> {
    let mut plan = Plan::new(precision);
    let slot = plan.constant(input);
    let result = lower(model, &mut plan, Stage::Backbone, slot, &[]).unwrap()[0];
    let len = model.output_fact(0).unwrap().shape.as_concrete().unwrap().iter().product::<usize>();
    let bytes = (4 * len).next_multiple_of(8);
    let buffer = plan.buffer("out", bytes + 128);
    let upload = plan.buffer("upload", 16);
    let mut sizes = [1; MAX_AXES];
    sizes[MAX_AXES - 1] = len as u32;
    let copy = Elementwise::new(Operation::Copy, sizes, Epilogue::default());
    let at = At::new(Stage::Decode, "copy");
    steps::elementwise(&mut plan, at, &copy, result, None, Slot::Buffer(buffer));
    let read_back = ReadBack { buffer, bytes: bytes + 128, ticks_at: bytes };
    let mut program = Program::new(gpu.clone(), plan, read_back).unwrap();
    let mut got: Vec<f32> =
        program.run(upload, &[0; 16], bytemuck::pod_collect_to_vec::<u8, f32>).unwrap();
    got.truncate(len);
    got
}

/// The largest difference of two results; NaN where one holds it.
pub(super) fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |m, d| if d > m || d.is_nan() { d } else { m })
}

#[test]
fn small_graphs_equal_tract() {
    let gpu = gpu_or_skip!(device());
    graphs_equal_tract(&gpu, Precision::F32, TOLERANCE);
    graphs_equal_tract(&gpu, Precision::Int8, INT8_TOLERANCE);
    if !gpu.runs(Precision::F16) {
        skip!("the device does not compute in f16");
    }
    graphs_equal_tract(&gpu, Precision::F16, HALF_TOLERANCE);
}

fn graphs_equal_tract(gpu: &Gpu, precision: Precision, tolerance: f32) {
    for (name, shape, build) in GRAPHS {
        let mut g = Graph { model: TypedModel::default(), rng: Rng::new(41), count: 0 };
        let source = g.model.add_source("input", f32::fact(*shape)).unwrap();
        let out = build(&mut g, source);
        g.model.select_output_outlets(&[out]).unwrap();
        let input = g.tensor(shape);
        let values = |t: &Tensor| t.try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec();
        let plan = g.model.clone().into_runnable().unwrap();
        let wanted = values(&plan.run(tvec![input.clone().into_tvalue()]).unwrap()[0]);

        let model = g.model.into_decluttered().unwrap();
        let got = on_device(gpu, precision, &model, &values(&input));

        let largest = wanted.iter().fold(0f32, |m, v| m.max(v.abs()));
        let worst = largest_difference(&got, &wanted);
        println!("{}, {name}: {worst} of {largest}", precision.name());
        assert!(worst <= tolerance * largest, "{name}: {worst} of {largest}");
        // A comparison of the same values in another order fails.
        let turned =
            got.iter().zip(wanted.iter().rev()).any(|(a, b)| (a - b).abs() > tolerance * largest);
        assert!(turned && largest > 0.01, "{name} proves nothing");
    }
}

//! Depthwise convolution and pointwise product, fused in one step and in two steps, at the sizes of the head
//! model's backbone.

use std::time::Instant;

use fiducia::{Adapter, Error, Precision};
use fiducia_benches::{Row, Times, noise_values};
use fiducia_kernels::gpu::steps::{self, At, Depthwise};
use fiducia_kernels::gpu::{BufferId, Gpu, Plan, Program, ReadBack, Slot, Stage};
use fiducia_kernels::{Activation, Conv, Elementwise, Epilogue, MAX_AXES, Matmul, Operation, Skip};

use crate::SHORT_SPAN;
use crate::device::open;

const SEED: u64 = 1;
/// Repetitions of the layer in one run, each dependent on the one before: a single one is shorter than some
/// timestamp ticks.
const TIMES: usize = 8;
/// Bytes uploaded and read back; device timestamps follow them.
const SYNCHRONISED: usize = 16;
const TICKS: usize = 16 * Stage::ALL.len();

/// A depthwise convolution followed by a pointwise product.
#[derive(Clone, Copy)]
pub(crate) struct Layer {
    channels: u32,
    /// Width and height of the input, px.
    size: [u32; 2],
    kernel: u32,
    stride: u32,
    /// Channels of the product.
    out: u32,
}

const fn layer(channels: u32, size: [u32; 2], kernel: u32, stride: u32, out: u32) -> Layer {
    Layer { channels, size, kernel, stride, out }
}

/// The layers of the backbone, in order.
const LAYERS: [Layer; 9] = [
    layer(32, [96, 120], 3, 1, 16),
    layer(96, [96, 120], 3, 2, 24),
    layer(144, [48, 60], 3, 1, 24),
    layer(144, [48, 60], 5, 2, 40),
    layer(240, [24, 30], 5, 1, 40),
    layer(240, [24, 30], 3, 2, 80),
    layer(480, [12, 15], 3, 1, 80),
    layer(480, [12, 15], 5, 1, 112),
    layer(672, [12, 15], 5, 1, 112),
];

impl Layer {
    /// Dimensions `[m, n, k]` of the product.
    fn product(&self) -> [usize; 3] {
        let [width, height] = self.output();
        [self.out, width * height, self.channels].map(|v| v as usize)
    }

    fn output(&self) -> [u32; 2] {
        self.size.map(|edge| edge.div_ceil(self.stride))
    }

    fn convolution(&self) -> Conv {
        let [out_width, out_height] = self.output();
        let pad = (self.kernel - self.stride) / 2;
        Conv {
            in_channels: self.channels,
            in_width: self.size[0],
            in_height: self.size[1],
            out_channels: self.channels,
            out_width,
            out_height,
            kernel_height: self.kernel,
            kernel_width: self.kernel,
            stride_y: self.stride,
            stride_x: self.stride,
            pad_y: pad,
            pad_x: pad,
            dilation_y: 1,
            dilation_x: 1,
            groups: self.channels,
            padded_out: self.channels,
            epilogue: Epilogue::new(Activation::Clamp(0.0, 6.0), Skip::None),
        }
    }

    fn name(&self) -> String {
        let Self { channels, size: [w, h], kernel, stride, out } = self;
        format!("{channels}x{h}x{w} {kernel}x{kernel} by {stride} to {out}")
    }
}

pub(crate) fn rows(name: &str, adapter: &Adapter) -> Result<(Vec<Row>, ()), Error> {
    let gpu = open(&adapter.name)?;
    let mut rows = Vec::new();
    for form in [Precision::F32, Precision::F16].into_iter().filter(|&form| gpu.runs(form)) {
        for layer in LAYERS {
            let at = format!("{name}/depthwise/{}/{}", form.name(), layer.name());
            for (figure, in_one) in [("one step", true), ("two steps", false)] {
                let ms = time(&gpu, form, &layer, in_one)?;
                rows.push(Row::number(&at, figure, ms, "ms"));
            }
        }
    }
    Ok((rows, ()))
}

/// Median time of the layer, ms; wall time of the whole run divided by the repetitions where the device has
/// no timestamps.
fn time(gpu: &Gpu, form: Precision, layer: &Layer, in_one: bool) -> Result<f64, Error> {
    let (plan, upload, read_back) = plan(gpu.plan(form), layer, in_one);
    let mut program = Program::new(gpu.clone(), plan, read_back)?;
    let times = Times::of(SHORT_SPAN, || {
        let start = Instant::now();
        let read = program.run(upload, &[0; SYNCHRONISED], <[u8]>::to_vec)?;
        let wall = start.elapsed().as_secs_f64() * 1e3;
        let stages = program.stage_ms(&read);
        Ok::<_, Error>(stages.map_or(wall, |ms| ms[Stage::Backbone as usize]))
    })?;
    Ok(times.quantile(0.5) / TIMES as f64)
}

fn plan(mut plan: Plan, layer: &Layer, in_one: bool) -> (Plan, BufferId, ReadBack) {
    let upload = plan.buffer("upload", SYNCHRONISED);
    let end = plan.buffer("end", SYNCHRONISED + TICKS);
    let (sizes, [m, n, k]) = (layer.convolution(), layer.product());
    let input = input(&mut plan, layer);
    let taps = noise_values(SEED, k * (layer.kernel * layer.kernel) as usize);
    let (taps_bias, weights) = (noise_values(SEED, k), noise_values(SEED, m * k));
    let bias = noise_values(SEED, m);
    let p = Matmul::new([m, n, k], false, Epilogue::new(Activation::None, Skip::None));
    let mut last = input;
    for _ in 0..TIMES {
        let out = plan.values(m * n);
        if in_one {
            let (weights_before, bias_before) = (taps.clone(), taps_bias.clone());
            let before = Depthwise { sizes, weights: weights_before, bias: bias_before };
            let product = operands("one step", input, &weights, &bias, out);
            steps::matmul_depthwise(&mut plan, &p, &before, product);
        } else {
            let between = plan.values(k * n);
            let convolution = operands("convolution", input, &taps, &taps_bias, between);
            steps::conv(&mut plan, sizes, convolution);
            let product = operands("product", between, &weights, &bias, out);
            steps::matmul(&mut plan, &p, product);
        }
        last = out;
    }
    let copy = values(4);
    let at = At::new(Stage::Decode, "end");
    steps::elementwise(&mut plan, at, &copy, last, None, Slot::Buffer(end));
    let bytes = SYNCHRONISED + TICKS;
    (plan, upload, ReadBack { buffer: end, bytes, ticks_at: SYNCHRONISED })
}

/// The operands of one step of the layer.
fn operands<'a>(
    label: &str,
    input: Slot,
    weights: &'a [f32],
    bias: &'a [f32],
    out: Slot,
) -> steps::Layer<'a> {
    let at = At::new(Stage::Backbone, label);
    steps::Layer { at, batch: 1, input, weights, bias, skip: None, out }
}

/// Noise in the number format of the network.
fn input(plan: &mut Plan, layer: &Layer) -> Slot {
    let len = (layer.channels * layer.size[0] * layer.size[1]) as usize;
    let noise = plan.constant(&noise_values(SEED, len));
    let input = plan.values(len);
    let at = At::new(Stage::Preprocess, "input");
    steps::elementwise(plan, at, &values(len), noise, None, input);
    input
}

/// A buffer for so many values.
fn values(len: usize) -> Elementwise {
    let mut shape = [1; MAX_AXES];
    shape[MAX_AXES - 1] = len as u32;
    Elementwise::new(Operation::Copy, shape, Epilogue::new(Activation::None, Skip::None))
}

#[cfg(test)]
mod tests {
    use fiducia::{Detector, Pack, Radiograph, adapters};
    use fiducia_benches::{DEMO_MM, shipped};
    use fiducia_test_support::{gpu_or_skip, skip};

    use super::*;
    use crate::detect::options;

    #[test]
    fn one_step_or_two_do_the_same_work() {
        for layer in LAYERS {
            let of = |in_one| plan(Plan::new(Precision::F32), &layer, in_one).0;
            let timed = |plan: &Plan| {
                let steps = plan.steps().iter().filter(|step| step.stage == Stage::Backbone);
                steps.map(|step| step.kernel.name).collect::<Vec<_>>()
            };
            let (one, two) = (timed(&of(true)), timed(&of(false)));
            assert_eq!(one, vec!["matmul_depthwise"; TIMES], "{}", layer.name());
            assert_eq!(two.len(), 2 * TIMES, "{}", layer.name());
            assert!(two.iter().step_by(2).all(|kernel| *kernel == "depthwise"), "{two:?}");
        }
    }

    /// The fused steps of the shipped head model have the operations and bytes of these layers.
    #[test]
    fn the_layers_are_those_of_the_head() {
        let adapter = gpu_or_skip!(adapters().into_iter().next().ok_or("no adapter"));
        let pack = Pack::open(&shipped("head.fid")).unwrap();
        let options = options(&adapter.name, Precision::F32);
        let mut head = Detector::on(&pack, &options, &pack.manifest().landmarks).unwrap();
        let radiograph = Radiograph::open(&shipped("demo.png"), Some([DEMO_MM; 2])).unwrap();
        head.observe(&radiograph).unwrap();
        let Some(steps) = head.profile().unwrap() else {
            skip!("{} has no timestamps", adapter.name);
        };
        let known: Vec<u64> = LAYERS
            .iter()
            .map(|layer| {
                let (plan, ..) = plan(Plan::new(Precision::F32), layer, true);
                plan.steps().iter().map(|step| step.flops).max().unwrap_or(0)
            })
            .collect();
        let fused: Vec<_> = steps.iter().filter(|s| s.kernel == "matmul_depthwise").collect();
        assert!(fused.len() >= 3, "{}", fused.len());
        for step in fused {
            assert!(known.contains(&step.flops), "{step:?} is none of {known:?}");
        }
    }
}

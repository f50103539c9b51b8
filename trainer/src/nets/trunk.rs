//! The frozen trunk: EfficientNet-Lite0 to stride 16 with its ImageNet weights (Apache-2.0).
//!
//! It is never trained: its features are used by the matcher, the coarse decoder and the shipped backbone. It
//! runs in tract, outside the training loop.

use std::{path::Path, sync::Arc};

use fiducia::{Error, ErrorKind};
use safetensors::SafeTensors;
use tract_onnx::prelude::*;

use crate::nets::onnx::{ConvShape, GraphBuilder, Weights};

/// Blocks to stride 16: repeats, kernel, stride, expansion, input maps, output maps (Tan and Le 2019).
const STAGES: [(usize, usize, usize, usize, usize, usize); 5] = [
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
];
/// Last blocks of strides 4, 8 and 16.
const TAPS: [usize; 3] = [2, 4, 10];
/// Batch norm epsilon of the published weights.
const EPSILON: f32 = 1e-3;

/// The weights of the trunk, batch norm folded.
#[derive(Clone, Debug)]
pub struct Trunk {
    stem: Layer,
    blocks: Vec<Block>,
}

/// Features of one image at strides 4, 8 and 16.
#[derive(Clone, Debug)]
pub struct TrunkFeatures {
    /// `[channels, height, width]` per level.
    pub shape: [[usize; 3]; 3],
    /// Values per level, row-major.
    pub maps: [Vec<f32>; 3],
}

/// A trunk compiled for one input size; cheap to clone, one clone per thread.
#[derive(Clone, Debug)]
pub struct TrunkRunner {
    plan: Arc<TypedSimplePlan>,
    height: usize,
    width: usize,
}

#[derive(Clone, Debug)]
struct Layer {
    weight: Weights,
    bias: Vec<f32>,
}

#[derive(Clone, Debug)]
struct Block {
    kernel: usize,
    stride: usize,
    expand: Option<Layer>,
    depthwise: Layer,
    project: Layer,
    skip: bool,
}

impl Trunk {
    /// Feature maps at strides 4, 8 and 16.
    pub const CHANNELS: [usize; 3] = [24, 40, 112];
    /// Width and height of inputs must be multiples of this, px.
    pub const MULTIPLE: usize = 16;

    /// Reads the published weights, a safetensors file of `f16` or `f32`.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where the file or a tensor is missing or has another shape.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let fail = |e: String| {
            Error::new(ErrorKind::Unreadable, format!("initial weights {}: {e}", path.display()))
        };
        let bytes = std::fs::read(path).map_err(|e| fail(e.to_string()))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|e| fail(e.to_string()))?;
        Self::from_tensors(&tensors).map_err(fail)
    }

    fn from_tensors(tensors: &SafeTensors<'_>) -> Result<Self, String> {
        let mut stem = folded(tensors, "_conv_stem", "_bn0")?;
        stem.weight = sum_input_channels(&stem.weight);
        let mut blocks = Vec::new();
        for (repeats, kernel, stride, expansion, from, to) in STAGES {
            for repeat in 0..repeats {
                let at = |layer: &str| format!("_blocks.{}.{layer}", blocks.len());
                let stride = if repeat == 0 { stride } else { 1 };
                blocks.push(Block {
                    kernel,
                    stride,
                    expand: if expansion == 1 {
                        None
                    } else {
                        Some(folded(tensors, &at("_expand_conv"), &at("_bn0"))?)
                    },
                    depthwise: folded(tensors, &at("_depthwise_conv"), &at("_bn1"))?,
                    project: folded(tensors, &at("_project_conv"), &at("_bn2"))?,
                    skip: stride == 1 && (repeat > 0 || from == to),
                });
            }
        }
        Ok(Self { stem, blocks })
    }

    /// Adds the trunk to `graph` on a one-channel image; returns the features at strides 4, 8 and 16.
    pub fn export(&self, g: &mut GraphBuilder, image: &str) -> [String; 3] {
        let x = g.conv(
            image,
            self.stem.weight.clone(),
            self.stem.bias.clone(),
            tensorflow_same(3, 2, 1),
        );
        let mut x = g.relu6(&x);
        let mut taps = Vec::new();
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.export(g, &x);
            if TAPS.contains(&index) {
                taps.push(x.clone());
            }
        }
        taps.try_into().expect("three taps among the blocks")
    }

    /// Compiles the trunk for images of this size, px, multiples of [`Trunk::MULTIPLE`].
    ///
    /// # Errors
    /// [`ErrorKind::Engine`] where the graph cannot be compiled.
    pub fn runner(&self, width: usize, height: usize) -> Result<TrunkRunner, Error> {
        let mut g = GraphBuilder::new("trunk");
        let x = g.input("image", &[Some(1), Some(1), Some(height), Some(width)]);
        for (level, tap) in self.export(&mut g, &x).iter().enumerate() {
            let stride = 4 << level;
            let shape =
                [Some(1), Some(Self::CHANNELS[level]), Some(height / stride), Some(width / stride)];
            g.output(tap, &format!("stride{stride}"), &shape);
        }
        let onnx = g.finish();
        let plan =
            || tract_onnx::onnx().model_for_read(&mut &onnx[..])?.into_optimized()?.into_runnable();
        let plan = plan().map_err(|e| Error::new(ErrorKind::Engine, format!("trunk: {e:#}")))?;
        Ok(TrunkRunner { plan, height, width })
    }
}

impl TrunkRunner {
    /// Features of one normalised image `[height, width]`.
    ///
    /// # Errors
    /// [`ErrorKind::Engine`] where inference fails.
    pub fn run(&self, image: &[f32]) -> Result<TrunkFeatures, Error> {
        let outputs = || -> TractResult<_> {
            let input = Tensor::from_shape(&[1, 1, self.height, self.width], image)?;
            let outputs = self.plan.run(tvec![input.into()])?;
            let map = |level: usize| {
                outputs[level].try_as_plain_ram().and_then(|t| Ok(t.as_slice::<f32>()?.to_vec()))
            };
            Ok([map(0)?, map(1)?, map(2)?])
        };
        let maps = outputs().map_err(|e| Error::new(ErrorKind::Engine, format!("trunk: {e:#}")))?;
        let shape =
            [0, 1, 2].map(|l| [Trunk::CHANNELS[l], self.height / (4 << l), self.width / (4 << l)]);
        Ok(TrunkFeatures { shape, maps })
    }
}

impl Block {
    fn export(&self, g: &mut GraphBuilder, x: &str) -> String {
        let mut y = x.to_owned();
        if let Some(expand) = &self.expand {
            y = g.conv(&y, expand.weight.clone(), expand.bias.clone(), ConvShape::same(1, 1));
            y = g.relu6(&y);
        }
        let shape = tensorflow_same(self.kernel, self.stride, self.depthwise.bias.len());
        y = g.conv(&y, self.depthwise.weight.clone(), self.depthwise.bias.clone(), shape);
        y = g.relu6(&y);
        y = g.conv(
            &y,
            self.project.weight.clone(),
            self.project.bias.clone(),
            ConvShape::same(1, 1),
        );
        if self.skip { g.add(x, &y) } else { y }
    }
}

/// TensorFlow's "SAME" padding for even inputs: the odd pixel is added at the bottom and right.
fn tensorflow_same(kernel: usize, stride: usize, groups: usize) -> ConvShape {
    let total = kernel - stride;
    let (before, after) = (total / 2, total - total / 2);
    ConvShape { stride, padding: [before, before, after, after], groups }
}

/// A convolution with its batch norm folded in.
fn folded(tensors: &SafeTensors<'_>, conv: &str, norm: &str) -> Result<Layer, String> {
    let mut weight = read(tensors, &format!("{conv}.weight"))?;
    let part = |name: &str| read(tensors, &format!("{norm}.{name}")).map(|w| w.values);
    let [gamma, beta] = [part("weight")?, part("bias")?];
    let [mean, variance] = [part("running_mean")?, part("running_var")?];
    let maps = weight.shape[0];
    if weight.shape.len() != 4 || [&gamma, &beta, &mean, &variance].iter().any(|v| v.len() != maps)
    {
        return Err(format!("{conv} and {norm} have different numbers of channels"));
    }
    let per_map = weight.values.len() / maps;
    let mut bias = Vec::with_capacity(maps);
    for (c, kernel) in weight.values.chunks_exact_mut(per_map).enumerate() {
        let scale = gamma[c] / (variance[c] + EPSILON).sqrt();
        kernel.iter_mut().for_each(|w| *w *= scale);
        bias.push(beta[c] - mean[c] * scale);
    }
    Ok(Layer { weight, bias })
}

/// The equivalent layer for a grey image, whose three colour channels are equal.
fn sum_input_channels(weight: &Weights) -> Weights {
    let [maps, channels, h, w] = [0, 1, 2, 3].map(|axis: usize| weight.shape[axis]);
    let at = |m: usize, c: usize, i: usize| weight.values[(m * channels + c) * h * w + i];
    let sum = |m: usize, i: usize| (0..channels).map(|c| at(m, c, i)).sum::<f32>();
    let values =
        (0..maps).flat_map(|m| (0..h * w).map(move |i| (m, i))).map(|(m, i)| sum(m, i)).collect();
    Weights { shape: vec![maps, 1, h, w], values }
}

fn read(tensors: &SafeTensors<'_>, name: &str) -> Result<Weights, String> {
    let tensor = tensors.tensor(name).map_err(|e| format!("{name}: {e}"))?;
    let values = match tensor.dtype() {
        safetensors::Dtype::F16 => tensor
            .data()
            .chunks_exact(2)
            .map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect(),
        safetensors::Dtype::F32 => tensor
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect(),
        other => return Err(format!("{name}: {other:?} weights, expected F16 or F32")),
    };
    Ok(Weights { shape: tensor.shape().to_vec(), values })
}

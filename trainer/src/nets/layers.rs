//! Building blocks that train in burn and export themselves to ONNX with batch norm folded in.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor, TensorData};

use crate::nets::onnx::{ConvShape, GraphBuilder, Weights};
use crate::nets::onnx_read::Convolution;

/// Convolution, batch norm, ReLU; odd kernel, "same" zero padding.
#[derive(Module, Debug)]
pub struct ConvBn {
    conv: Conv2d,
    norm: BatchNorm,
}

impl ConvBn {
    /// A layer from `channels[0]` to `channels[1]` feature maps.
    pub fn new(channels: [usize; 2], kernel: usize, stride: usize, device: &Device) -> Self {
        let pad = kernel / 2;
        let conv = Conv2dConfig::new(channels, [kernel, kernel])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
            .with_bias(false)
            .with_initializer(burn::module::Initializer::KaimingNormal {
                gain: std::f64::consts::SQRT_2,
                fan_out_only: false,
            })
            .init(device);
        Self { conv, norm: BatchNormConfig::new(channels[1]).init(device) }
    }

    /// The layer with the weights of an exported one, excluded from training.
    pub(super) fn frozen(self, from: &Convolution) -> Result<Self, String> {
        let device = self.conv.weight.device();
        let channels = [from.bias.len()];
        // The norm is already folded into the exported weights: here it must be the identity.
        let neutral = (1.0 + self.norm.epsilon as f32).sqrt();
        let gamma = vec![neutral; from.bias.len()];
        let norm = BatchNorm {
            gamma: Param::from_data(TensorData::new(gamma, channels), &device),
            beta: Param::from_data(TensorData::new(from.bias.clone(), channels), &device),
            ..self.norm
        };
        let conv = Conv2d { weight: checked(&self.conv, from)?, ..self.conv };
        Ok(Self { conv, norm }.freeze())
    }

    /// `[n, c_in, h, w]` to `[n, c_out, h / stride, w / stride]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        relu(self.norm.forward(self.conv.forward(x)))
    }

    /// Adds the layer to `graph`, the norm folded into the convolution.
    pub fn export(&self, graph: &mut GraphBuilder, x: &str) -> String {
        let mut weight = weights(&self.conv.weight.val());
        let [gamma, beta] = [values(&self.norm.gamma.val()), values(&self.norm.beta.val())];
        let [mean, var] = [
            values(&self.norm.running_mean.value_sync()),
            values(&self.norm.running_var.value_sync()),
        ];
        let per_channel = weight.values.len() / gamma.len();
        let mut bias = Vec::with_capacity(gamma.len());
        for (c, kernel) in weight.values.chunks_exact_mut(per_channel).enumerate() {
            let scale = gamma[c] / (var[c] + self.norm.epsilon as f32).sqrt();
            kernel.iter_mut().for_each(|w| *w *= scale);
            bias.push(beta[c] - mean[c] * scale);
        }
        let shape = ConvShape::same(self.conv.kernel_size[0], self.conv.stride[0]);
        let y = graph.conv(x, weight, bias, shape);
        graph.relu(&y)
    }
}

/// `x + ConvBn(x)`.
#[derive(Module, Debug)]
pub struct Residual {
    body: ConvBn,
}

impl Residual {
    /// A 3 × 3 block on `channels` maps.
    pub fn new(channels: usize, device: &Device) -> Self {
        Self { body: ConvBn::new([channels, channels], 3, 1, device) }
    }

    /// As [`ConvBn::frozen`].
    pub(super) fn frozen(self, from: &Convolution) -> Result<Self, String> {
        Ok(Self { body: self.body.frozen(from)? })
    }

    /// `[n, c, h, w]` to the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        x.clone() + self.body.forward(x)
    }

    /// Adds the block to `graph`.
    pub fn export(&self, graph: &mut GraphBuilder, x: &str) -> String {
        let y = self.body.export(graph, x);
        graph.add(x, &y)
    }
}

/// A 1 × 1 convolution with bias.
pub(super) fn pointwise(channels: [usize; 2], device: &Device) -> Conv2d {
    Conv2dConfig::new(channels, [1, 1]).init(device)
}

/// The 1 × 1 convolution `conv` with the weights of an exported one, excluded from training.
pub(super) fn frozen_pointwise(conv: Conv2d, from: &Convolution) -> Result<Conv2d, String> {
    let device = conv.weight.device();
    let bias = TensorData::new(from.bias.clone(), [from.bias.len()]);
    let bias = Some(Param::from_data(bias, &device));
    Ok(Conv2d { weight: checked(&conv, from)?, bias, ..conv }.freeze())
}

/// Exported weights as a parameter of `conv`; their shapes must agree.
fn checked(conv: &Conv2d, from: &Convolution) -> Result<Param<Tensor<4>>, String> {
    let (shape, found) = (conv.weight.dims(), &from.weight.shape);
    if found[..] != shape || from.bias.len() != shape[0] {
        return Err(format!("a convolution of shape {found:?}, expected {shape:?}"));
    }
    let data = TensorData::new(from.weight.values.clone(), shape);
    Ok(Param::from_data(data, &conv.weight.device()))
}

/// Adds a 1 × 1 convolution to `graph`.
pub(super) fn export_pointwise(conv: &Conv2d, graph: &mut GraphBuilder, x: &str) -> String {
    let bias =
        conv.bias.as_ref().map_or_else(|| vec![0.0; conv.weight.dims()[0]], |b| values(&b.val()));
    graph.conv(x, weights(&conv.weight.val()), bias, ConvShape::same(1, 1))
}

/// Doubles height and width by repeating each pixel (nearest neighbour).
pub(super) fn upsample2(x: Tensor<4>) -> Tensor<4> {
    interpolate(x, InterpolateOptions::new(InterpolateMode::Nearest).with_scale_factor([2.0, 2.0]))
}

/// Copies the values of a tensor to host memory.
pub fn values<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    tensor.clone().into_data().try_to_vec().expect("networks hold f32")
}

fn weights<const D: usize>(tensor: &Tensor<D>) -> Weights {
    Weights { shape: tensor.dims().to_vec(), values: values(tensor) }
}

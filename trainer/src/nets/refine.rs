//! The refine network: a small U-Net on regions of interest, shared by all landmarks, with a private
//! gate at its bottleneck and a private head at its end for each landmark.

use burn::module::{Initializer, Module, Param};
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Int, Tensor};

use super::layers::{ConvBn, Residual, export_pointwise, pointwise, upsample2, values};
use crate::nets::onnx::GraphBuilder;
use fiducia::AdapterInput;

/// Feature maps at strides 2, 4 and 8.
const CHANNELS: [usize; 3] = [16, 32, 64];

/// Shared weights and the adapters of all landmarks.
#[derive(Module, Debug)]
pub struct RefineNet {
    stem: ConvBn,
    at2: Residual,
    down4: ConvBn,
    at4: Residual,
    down8: ConvBn,
    at8: Residual,
    deep8: Residual,
    up4: Conv2d,
    merge4: Residual,
    up2: Conv2d,
    merge2: Residual,
    last2: Residual,
    /// Private scale of the bottleneck maps, minus 1: `[landmarks, c8]`.
    gate_scale: Param<Tensor<2>>,
    /// Private shift of the bottleneck maps: `[landmarks, c8]`.
    gate_shift: Param<Tensor<2>>,
    /// Private head: `[landmarks, 4, c2]`, one row per sub-pixel of a stride-2 cell.
    head_weight: Param<Tensor<3>>,
    /// Private head bias: `[landmarks, 4]`.
    head_bias: Param<Tensor<2>>,
}

impl RefineNet {
    /// A network for this many landmarks.
    pub fn new(landmarks: usize, device: &Device) -> Self {
        let [c2, c4, c8] = CHANNELS;
        let spread = Initializer::Normal { mean: 0.0, std: 0.1 };
        Self {
            stem: ConvBn::new([1, c2], 5, 2, device),
            at2: Residual::new(c2, device),
            down4: ConvBn::new([c2, c4], 3, 2, device),
            at4: Residual::new(c4, device),
            down8: ConvBn::new([c4, c8], 3, 2, device),
            at8: Residual::new(c8, device),
            deep8: Residual::new(c8, device),
            up4: pointwise([c8, c4], device),
            merge4: Residual::new(c4, device),
            up2: pointwise([c4, c2], device),
            merge2: Residual::new(c2, device),
            last2: Residual::new(c2, device),
            gate_scale: spread.init([landmarks, c8], device),
            gate_shift: spread.init([landmarks, c8], device),
            head_weight: spread.init([landmarks, 4, c2], device),
            head_bias: Initializer::Zeros.init([landmarks, 4], device),
        }
    }

    /// Regions `[n, 1, size, size]`, each of landmark `which[n]`, to logits `[n, size · size]`.
    pub fn forward(&self, regions: Tensor<4>, which: Tensor<1, Int>) -> Tensor<2> {
        let pick = |p: &Param<Tensor<2>>| {
            let rows = p.val().select(0, which.clone());
            let [n, c] = rows.dims();
            rows.reshape([n, c, 1, 1])
        };
        let at2 = self.at2.forward(self.stem.forward(regions));
        let at4 = self.at4.forward(self.down4.forward(at2.clone()));
        let at8 = self.down8.forward(at4.clone());
        let at8 = at8.clone() * pick(&self.gate_scale) + pick(&self.gate_shift) + at8;
        let at8 = self.deep8.forward(self.at8.forward(at8));
        let at4 = self.merge4.forward(at4 + upsample2(self.up4.forward(at8)));
        let at2 = self.merge2.forward(at2 + upsample2(self.up2.forward(at4)));
        let at2 = self.last2.forward(at2);
        let [n, c2, h, w] = at2.dims();
        let head = self.head_weight.val().select(0, which.clone());
        let bias = self.head_bias.val().select(0, which).reshape([n, 4, 1]);
        let cells = head.matmul(at2.reshape([n, c2, h * w])) + bias;
        cells.reshape([n, 2, 2, h, w]).permute([0, 3, 1, 4, 2]).reshape([n, 4 * h * w])
    }

    /// The shared weights as an ONNX graph whose further inputs are the adapters.
    ///
    /// Inputs `regions [n, 1, size, size]`, `gate_scale [n, c8, 1, 1]`, `gate_shift [n, c8, 1, 1]`,
    /// `head_weight [n, 4, c2]`, `head_bias [n, 4, 1]`; output `heatmaps [n, 1, size, size]`.
    pub fn export(&self, size: usize) -> Vec<u8> {
        let mut g = GraphBuilder::new("refine");
        let [c2, _, _] = CHANNELS;
        let half = size / 2;
        let x = g.input("regions", &[None, Some(1), Some(size), Some(size)]);
        let mut adapters = Vec::new();
        for input in Self::adapter_inputs() {
            let shape: Vec<Option<usize>> =
                std::iter::once(None).chain(input.shape.into_iter().map(Some)).collect();
            adapters.push(g.input(&input.input, &shape));
        }
        let [scale, shift, head, bias] = [0, 1, 2, 3].map(|i: usize| adapters[i].clone());
        let stem = self.stem.export(&mut g, &x);
        let at2 = self.at2.export(&mut g, &stem);
        let at4 = self.down4.export(&mut g, &at2);
        let at4 = self.at4.export(&mut g, &at4);
        let at8 = self.down8.export(&mut g, &at4);
        let at8 = g.mul(&at8, &scale);
        let at8 = g.add(&at8, &shift);
        let at8 = self.at8.export(&mut g, &at8);
        let at8 = self.deep8.export(&mut g, &at8);
        let up4 = export_pointwise(&self.up4, &mut g, &at8);
        let up4 = g.upsample2(&up4);
        let at4 = g.add(&at4, &up4);
        let at4 = self.merge4.export(&mut g, &at4);
        let up2 = export_pointwise(&self.up2, &mut g, &at4);
        let up2 = g.upsample2(&up2);
        let at2 = g.add(&at2, &up2);
        let at2 = self.merge2.export(&mut g, &at2);
        let at2 = self.last2.export(&mut g, &at2);
        let flat = g.reshape(&at2, &[0, c2 as i64, (half * half) as i64]);
        let cells = g.matmul(&head, &flat);
        let cells = g.add(&cells, &bias);
        let cells = g.reshape(&cells, &[0, 4, half as i64, half as i64]);
        let maps = g.depth_to_space(&cells, 2);
        g.output(&maps, "heatmaps", &[None, Some(1), Some(size), Some(size)]);
        g.finish()
    }

    /// The adapter inputs of the exported graph, in slice order.
    pub fn adapter_inputs() -> Vec<AdapterInput> {
        let [c2, _, c8] = CHANNELS;
        let input = |name: &str, shape: &[usize]| AdapterInput {
            input: name.to_owned(),
            shape: shape.to_vec(),
        };
        vec![
            input("gate_scale", &[c8, 1, 1]),
            input("gate_shift", &[c8, 1, 1]),
            input("head_weight", &[4, c2]),
            input("head_bias", &[4, 1]),
        ]
    }

    /// The adapter slice of every landmark.
    pub fn adapters(&self) -> Vec<Vec<f32>> {
        let [c2, _, c8] = CHANNELS;
        let scale: Vec<f32> = values(&self.gate_scale.val()).iter().map(|v| v + 1.0).collect();
        let shift = values(&self.gate_shift.val());
        let [head, bias] = [values(&self.head_weight.val()), values(&self.head_bias.val())];
        let slice = |l: usize| {
            let parts = [(&scale, c8), (&shift, c8), (&head, 4 * c2), (&bias, 4)];
            parts.iter().flat_map(|(v, n)| v[l * n..(l + 1) * n].iter().copied()).collect()
        };
        (0..bias.len() / 4).map(slice).collect()
    }
}

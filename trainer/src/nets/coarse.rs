//! The coarse decoder: a feature pyramid on the frozen trunk, one heat map per landmark at stride 4.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};

use super::layers::{ConvBn, Residual, export_pointwise, pointwise, upsample2};
use super::side::Side;
use super::trunk::{Trunk, TrunkFeatures};
use crate::nets::onnx::GraphBuilder;
use fiducia::pack::FullImageInput;

/// Feature maps of the decoder at strides 16, 8 and 4.
const CHANNELS: [usize; 3] = [96, 64, 48];

/// Decoder from trunk features to the heat-map logits of all landmarks.
#[derive(Module, Debug)]
pub struct CoarseDecoder {
    lateral16: ConvBn,
    at16: Residual,
    deep16: Residual,
    lateral8: Conv2d,
    up8: Conv2d,
    at8: Residual,
    lateral4: Conv2d,
    up4: Conv2d,
    at4: Residual,
    last4: Residual,
    head: Conv2d,
}

impl CoarseDecoder {
    /// Pixels of the input per heat-map cell.
    pub const STRIDE: usize = 4;

    /// A decoder for this many landmarks.
    pub fn new(landmarks: usize, device: &Device) -> Self {
        let [c16, c8, c4] = CHANNELS;
        let [t4, t8, t16] = Trunk::CHANNELS;
        Self {
            lateral16: ConvBn::new([t16, c16], 1, 1, device),
            at16: Residual::new(c16, device),
            deep16: Residual::new(c16, device),
            lateral8: pointwise([t8, c8], device),
            up8: pointwise([c16, c8], device),
            at8: Residual::new(c8, device),
            lateral4: pointwise([t4, c4], device),
            up4: pointwise([c8, c4], device),
            at4: Residual::new(c4, device),
            last4: Residual::new(c4, device),
            head: pointwise([c4, landmarks], device),
        }
    }

    /// Trunk features at strides 4, 8, 16, each `[n, c, h, w]`, to logits `[n, landmarks, h4, w4]`.
    pub fn forward(&self, [f4, f8, f16]: [Tensor<4>; 3]) -> Tensor<4> {
        let at16 = self.deep16.forward(self.at16.forward(self.lateral16.forward(f16)));
        let at8 = self.at8.forward(self.lateral8.forward(f8) + upsample2(self.up8.forward(at16)));
        let at4 = self.at4.forward(self.lateral4.forward(f4) + upsample2(self.up4.forward(at8)));
        self.head.forward(self.last4.forward(at4))
    }

    /// Trunk and decoder as one ONNX graph, from `image [1, 1, height, width]` to `heatmaps [1, landmarks,
    /// height / 4, width / 4]` and, if given, `side [1, 1, 1, 1]`.
    pub fn export(&self, trunk: &Trunk, frame: &FullImageInput, side: Option<&Side>) -> Vec<u8> {
        let mut g = GraphBuilder::new("backbone");
        let x = g.input("image", &[Some(1), Some(1), Some(frame.height), Some(frame.width)]);
        let [f4, f8, f16] = trunk.export(&mut g, &x);
        let at16 = self.lateral16.export(&mut g, &f16);
        let at16 = self.at16.export(&mut g, &at16);
        let at16 = self.deep16.export(&mut g, &at16);
        let at8 = merge(&mut g, &self.lateral8, &f8, &self.up8, &at16);
        let at8 = self.at8.export(&mut g, &at8);
        let at4 = merge(&mut g, &self.lateral4, &f4, &self.up4, &at8);
        let at4 = self.at4.export(&mut g, &at4);
        let at4 = self.last4.export(&mut g, &at4);
        let maps = export_pointwise(&self.head, &mut g, &at4);
        let landmarks = self.head.weight.dims()[0];
        let [h, w] = [frame.height / Self::STRIDE, frame.width / Self::STRIDE];
        g.output(&maps, "heatmaps", &[Some(1), Some(landmarks), Some(h), Some(w)]);
        if let Some(side) = side {
            let value = side.export(&mut g, &f16);
            g.output(&value, "side", &[Some(1); 4]);
        }
        g.finish()
    }

    /// Copies the features of several images to `device`, one `[n, c, h, w]` tensor per level.
    pub fn tensors(batch: &[TrunkFeatures], device: &Device) -> [Tensor<4>; 3] {
        [0, 1, 2].map(|level| {
            let [c, h, w] = batch[0].shape[level];
            let values: Vec<f32> =
                batch.iter().flat_map(|f| f.maps[level].iter().copied()).collect();
            Tensor::from_data(burn::tensor::TensorData::new(values, [batch.len(), c, h, w]), device)
        })
    }
}

fn merge(g: &mut GraphBuilder, lateral: &Conv2d, skip: &str, up: &Conv2d, deep: &str) -> String {
    let lateral = export_pointwise(lateral, g, skip);
    let up = export_pointwise(up, g, deep);
    let up = g.upsample2(&up);
    g.add(&lateral, &up)
}

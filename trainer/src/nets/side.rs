//! Orientation classifier: one number that distinguishes an image from its mirror image, linear in the
//! trunk's coarsest features.

use super::onnx::{ConvShape, GraphBuilder, Weights};
use super::trunk::{Trunk, TrunkFeatures};

/// One weight for every mean over 3 × 3 cells of every feature map at stride 16.
#[derive(Clone, Debug)]
pub struct Side {
    /// `[channels, height, width]` of the means, row-major.
    pub weights: Vec<f32>,
    /// `[height, width]` of the grid of means.
    pub size: [usize; 2],
    /// Bias of the linear model.
    pub bias: f32,
}

impl Side {
    /// Edge of a pooling block, cells of the feature map.
    pub const POOL: usize = 3;

    /// `[height, width]` of the grid of means for an input of `width` × `height` px.
    pub fn size(width: usize, height: usize) -> [usize; 2] {
        [height, width].map(|edge| edge / Trunk::MULTIPLE / Self::POOL)
    }

    /// The pooled features of an image, in the order of `weights`.
    pub fn means(features: &TrunkFeatures) -> Vec<f64> {
        let [channels, height, width] = features.shape[2];
        let [h, w] = [height, width].map(|cells| cells / Self::POOL);
        let mean = |c: usize, y: usize, x: usize| {
            let cell = |i: usize| {
                let (y, x) = (y * Self::POOL + i / Self::POOL, x * Self::POOL + i % Self::POOL);
                f64::from(features.maps[2][(c * height + y) * width + x])
            };
            let cells = Self::POOL * Self::POOL;
            (0..cells).map(cell).sum::<f64>() / cells as f64
        };
        let places = (0..channels).flat_map(|c| (0..h * w).map(move |i| (c, i / w, i % w)));
        places.map(|(c, y, x)| mean(c, y, x)).collect()
    }

    /// Output for pooled features: about 1 for an image, about -1 for a mirror image.
    pub fn of(&self, means: &[f64]) -> f64 {
        let weighed = means.iter().zip(&self.weights).map(|(v, w)| v * f64::from(*w));
        weighed.sum::<f64>() + f64::from(self.bias)
    }

    /// Adds the classifier to `g`: features at stride 16 to `[1, 1, 1, 1]`.
    pub(super) fn export(&self, g: &mut GraphBuilder, features: &str) -> String {
        let means = g.mean_pool(features, Self::POOL);
        let [h, w] = self.size;
        let shape = vec![1, Trunk::CHANNELS[2], h, w];
        let weights = Weights { shape, values: self.weights.clone() };
        let plain = ConvShape { stride: 1, padding: [0; 4], groups: 1 };
        g.conv(&means, weights, vec![self.bias], plain)
    }
}

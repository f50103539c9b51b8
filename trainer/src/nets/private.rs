//! The private (per-landmark) parts of a refine network at its bottleneck.

use burn::module::{Initializer, Module, Param};
use burn::tensor::{Device, Int, Tensor};

use super::refine::CHANNELS;

/// Private scale and shift of the bottleneck maps.
#[derive(Module, Debug)]
pub(super) struct Gate {
    /// Scale minus 1: `[landmarks, c8]`.
    pub(super) scale: Param<Tensor<2>>,
    /// Shift: `[landmarks, c8]`.
    pub(super) shift: Param<Tensor<2>>,
}

/// Private low-rank path around the bottleneck.
#[derive(Module, Debug)]
pub(super) struct Path {
    /// `[landmarks, rank, c8]`.
    pub(super) down: Param<Tensor<3>>,
    /// `[landmarks, c8, rank]`.
    pub(super) up: Param<Tensor<3>>,
}

/// Private 3 × 3 depthwise convolution beside the bottleneck maps.
#[derive(Module, Debug)]
pub(super) struct Taps {
    /// `[landmarks, 9, c8]`, taps row by row.
    pub(super) taps: Param<Tensor<3>>,
}

/// A new trainable parameter with this value.
pub(super) fn leaf<const D: usize>(value: Tensor<D>) -> Param<Tensor<D>> {
    Param::from_tensor(value.detach())
}

impl Gate {
    /// Random initialisation near the identity.
    pub(super) fn new(landmarks: usize, device: &Device) -> Self {
        Self::start(Initializer::Normal { mean: 0.0, std: 0.1 }, landmarks, device)
    }

    /// The identity: maps pass unchanged.
    pub(super) fn neutral(landmarks: usize, device: &Device) -> Self {
        Self::start(Initializer::Zeros, landmarks, device)
    }

    fn start(init: Initializer, landmarks: usize, device: &Device) -> Self {
        let shape = [landmarks, CHANNELS[2]];
        Self { scale: init.init(shape, device), shift: init.init(shape, device) }
    }

    pub(super) fn forward(&self, maps: Tensor<4>, which: &Tensor<1, Int>) -> Tensor<4> {
        let pick = |p: &Param<Tensor<2>>| {
            let rows = p.val().select(0, which.clone());
            let [n, c] = rows.dims();
            rows.reshape([n, c, 1, 1])
        };
        maps.clone() * pick(&self.scale) + pick(&self.shift) + maps
    }
}

impl Path {
    pub(super) fn forward(&self, maps: Tensor<4>, which: &Tensor<1, Int>) -> Tensor<4> {
        let [n, c, h, w] = maps.dims();
        let flat = maps.clone().reshape([n, c, h * w]);
        let low = self.down.val().select(0, which.clone()).matmul(flat);
        let path = self.up.val().select(0, which.clone()).matmul(low);
        maps + path.reshape([n, c, h, w])
    }
}

impl Taps {
    /// Initialisation that contributes nothing.
    pub(super) fn neutral(landmarks: usize, device: &Device) -> Self {
        Self { taps: Initializer::Zeros.init([landmarks, 9, CHANNELS[2]], device) }
    }

    /// Computed as nine shifted and scaled copies, because no backend has a convolution whose weights differ
    /// between samples.
    pub(super) fn forward(&self, maps: Tensor<4>, which: &Tensor<1, Int>) -> Tensor<4> {
        let [n, c, h, w] = maps.dims();
        let taps = self.taps.val().select(0, which.clone());
        let padded = maps.clone().pad((1, 1, 1, 1), 0.0);
        (0..9).fold(maps, |sum, k| {
            let shifted = padded.clone().narrow(2, k / 3, h).narrow(3, k % 3, w);
            sum + shifted * taps.clone().narrow(1, k, 1).reshape([n, c, 1, 1])
        })
    }
}

//! One training step: loss, gradients, optimiser and moving average.

use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};

use super::average::update_average;
use super::heatmap::loss;
use super::regions::Batch;
use crate::nets::RefineNet;

/// A refine network in training.
pub(super) struct Learner {
    /// The current weights.
    pub(super) network: RefineNet,
    /// Their moving average, used for inference.
    pub(super) average: RefineNet,
    /// The optimiser and its state.
    pub(super) optimiser: ModuleOptimizer,
}

/// What a step computed before it changed the weights.
pub(super) struct Step {
    /// Loss of the batch.
    pub(super) loss: f64,
    /// Logits `[regions, size · size]`.
    pub(super) logits: Tensor<2>,
}

impl Learner {
    /// Takes step number `step` at the learning rate `rate` on `batch`, against target heat maps and their weights
    /// from [`Batch::targets`].
    pub(super) fn step(
        mut self,
        batch: &Batch,
        (targets, weights): (Vec<f32>, Vec<f32>),
        rate: f64,
        step: usize,
        device: &Device,
    ) -> (Self, Step) {
        let logits = self.network.forward(batch.tensor(device), batch.slots(device));
        let value = loss(logits.clone(), targets, &weights, device);
        let (network, loss) = descend(self.network, &mut self.optimiser, value, rate);
        let average = update_average(self.average, &network, step);
        (Self { network, average, ..self }, Step { loss: loss.into(), logits })
    }
}

/// One optimiser step on `loss`; returns the network and the value of the loss.
pub(super) fn descend<M: Module>(
    network: M,
    optimiser: &mut ModuleOptimizer,
    loss: Tensor<1>,
    rate: f64,
) -> (M, f32) {
    let gradients = GradientsParams::from_grads(loss.backward(), &network);
    let network = optimiser.step(rate, network, gradients);
    (network, loss.into_scalar::<f32>())
}

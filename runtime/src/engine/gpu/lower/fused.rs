//! Nodes that become part of the sum before them, as the fusion pass decides.

use fiducia_kernels::Activation;
use tract_core::internal::*;
use tract_core::ops::cnn;
use tract_core::ops::einsum::EinSum;

use super::{Lowering, Value, floats};
use crate::engine::fusion::{Abilities, Part, Step, constants};

/// Whether a node is lowered to a [`super::product::Product`].
pub(super) fn is_sum(node: &TypedNode) -> bool {
    node.op_is::<cnn::Conv>() || node.op_is::<cnn::Deconv>() || node.op_is::<EinSum>()
}

/// What the shaders can do behind a sum; the graph inputs `given` are constants.
pub(super) fn abilities(model: &TypedModel, given: &[OutletId]) -> TractResult<Abilities> {
    let constants = constants(model, given)?;
    Ok(Abilities { clamps: true, activations: true, reshapes: true, constants })
}

impl Lowering<'_> {
    /// Makes `node` part of the sum that the pass assigned it to; `None` where it is assigned to none, or where the
    /// sum cannot take it: a constant that differs from pixel to pixel, a skip connection in another order. The sum
    /// is then in the plan before `node`, and what follows does not reach it.
    pub(super) fn fused(&mut self, node: &TypedNode) -> TractResult<Option<Value>> {
        let Some(Part { own, step, .. }) = self.parts.get(&node.id).cloned() else {
            return Ok(None);
        };
        let Some(Value::Pending(product)) = self.values.get(&own) else { return Ok(None) };
        let mut product = product.clone();
        let done = match step {
            Step::Scale(factor) => {
                let tensor = self.constant(factor)?;
                product.scale(&floats(&tensor)?, tensor.shape())
            }
            Step::Bias(bias) => {
                let tensor = self.constant(bias)?;
                product.add_bias(&floats(&tensor)?, tensor.shape())
            }
            Step::Skip(other, place) => {
                let view = self.view(other)?;
                product.add_skip(&view, place)
            }
            Step::Activation(activation) => {
                product.activation = finite(activation);
                true
            }
            Step::Reshape => {
                product.shape = self.shape(node.id.into())?;
                true
            }
        };
        if done {
            self.values.remove(&own);
        }
        Ok(done.then_some(Value::Pending(product)))
    }
}

/// Limits that a shader can hold: it has no infinity.
fn finite(activation: Activation) -> Activation {
    match activation {
        Activation::Clamp(low, high) => Activation::Clamp(low.max(f32::MIN), high.min(f32::MAX)),
        other => other,
    }
}

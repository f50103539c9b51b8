//! Matrix products.

use fiducia_kernels::Activation;
use fiducia_kernels::gpu::Slot;
use tract_core::internal::*;
use tract_core::ops::einsum::EinSum;

use super::product::{Product, Sums};
use super::roles::Roles;
use super::{Lowering, Value, floats};

impl Lowering<'_> {
    /// A matrix product with constant weights on one side: pointwise convolutions and private adapters.
    pub(super) fn einsum(&mut self, node: &TypedNode, op: &EinSum) -> TractResult<Value> {
        ensure!(node.inputs.len() == 2 && op.q_params.is_none(), "more than two operands");
        let is_constant =
            |i: usize| matches!(self.values.get(&node.inputs[i]), Some(Value::Constant(_)));
        let w = match (is_constant(0), is_constant(1)) {
            (true, false) => 0,
            (false, true) => 1,
            _ => bail!("a product without constant weights"),
        };
        let x = 1 - w;
        let weights = self.constant(node.inputs[w])?;
        let x_shape = self.shape(node.inputs[x])?;
        let shape = self.shape(node.id.into())?;
        let roles = Roles::of(op, [w, x], weights.shape(), &x_shape)?;
        let values = roles.pack(&floats(&weights)?);
        let (sizes, bias) = ([roles.m, roles.n, roles.k], vec![0.0; roles.m]);
        let before = match self.values.get(&node.inputs[x]) {
            Some(Value::Pending(product)) if !roles.private => product.before(roles.batch, sizes),
            _ => None,
        };
        let (sums, input) = match before {
            Some((before, input)) => (Sums::AfterDepthwise { sizes, before }, input),
            None => {
                let input = self.plain(node.inputs[x], &node.name)?;
                (Sums::Matmul { sizes, private: roles.private }, input.slot)
            }
        };
        self.product(node, sums, roles.batch, input, [values, bias], shape)
    }

    /// A product without activation and skip connection: those of later nodes may become part of it.
    pub(super) fn product(
        &mut self,
        node: &TypedNode,
        sums: Sums,
        batch: usize,
        input: Slot,
        [weights, bias]: [Vec<f32>; 2],
        shape: Vec<usize>,
    ) -> TractResult<Value> {
        let at = self.at(&node.name);
        let (activation, skip) = (Activation::None, None);
        let product = Product { at, sums, batch, input, weights, bias, activation, skip, shape };
        Ok(Value::Pending(Box::new(product)))
    }
}

//! What is computed together with a sum: one rule for both backends.
//!
//! A sum is a convolution, a transposed convolution or a matrix product. Element-wise nodes that follow it cost no pass
//! over memory of their own if they are applied while its values are in registers. A kernel applies, in this order:
//!
//! ```text
//! sum ─ · scale ─ + bias ─ (+ skip) ─ activation ─ (+ skip) ─→
//! ```
//!
//! The skip connection is added at one of the two places. Scale and bias are constants, so they change the weights and
//! cost nothing. [`Fusion::of`] follows the graph from a sum as long as this order holds and the backend is able to.

use std::collections::BTreeSet;

use fiducia_kernels::{Activation, Skip};
use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::element_wise::ElementWiseOp;
use tract_core::ops::{math, nn};

use super::graph::floats;

/// What a backend can apply to a sum, beside a skip connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Abilities {
    /// `Max` and `Min` with a constant: ReLU, ReLU6, clip.
    pub(crate) clamps: bool,
    /// All other activations.
    pub(crate) activations: bool,
    /// Changes of shape that do not move values.
    pub(crate) reshapes: bool,
    /// Scale and bias by these values, which are known before the graph runs ([`constants`]).
    pub(crate) constants: BTreeSet<OutletId>,
}

/// A sum with the nodes that become part of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fusion {
    /// Number of the sum's node.
    pub(crate) sum: usize,
    pub(crate) parts: Vec<Part>,
    pub(crate) activation: Activation,
    /// What is added, and where.
    pub(crate) skip: Option<(OutletId, Skip)>,
}

/// One node that becomes part of a sum.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    /// Number of the node.
    pub(crate) node: usize,
    /// The operand that carries the sum.
    pub(crate) own: OutletId,
    pub(crate) step: Step,
}

/// What a node does to the sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    /// Multiplies by a constant.
    Scale(OutletId),
    /// Adds a constant.
    Bias(OutletId),
    /// Adds a value that is computed.
    Skip(OutletId, Skip),
    /// An activation, composed with the one before it.
    Activation(Activation),
    Reshape,
}

/// The fusions of all nodes of `model` that `is_sum` accepts. A node that follows two sums becomes part of the first.
#[cfg(feature = "gpu")]
pub(crate) fn fusions(
    model: &TypedModel,
    is_sum: impl Fn(&TypedNode) -> bool,
    abilities: &Abilities,
) -> TractResult<Vec<Fusion>> {
    let (mut all, mut taken) = (Vec::new(), BTreeSet::new());
    for id in model.eval_order()? {
        if is_sum(model.node(id)) {
            let fusion = Fusion::until(model, id, abilities, |node| taken.contains(&node))?;
            taken.extend(fusion.parts.iter().map(|part| part.node));
            all.push(fusion);
        }
    }
    Ok(all)
}

/// The parts of `fusions` by the number of their node.
#[cfg(feature = "gpu")]
pub(crate) fn by_node(fusions: Vec<Fusion>) -> std::collections::BTreeMap<usize, Part> {
    fusions.into_iter().flat_map(|f| f.parts).map(|part| (part.node, part)).collect()
}

/// The outlets of `model` whose values are known before it runs: constants, the inputs `given`, and changes of their
/// axes.
#[cfg(feature = "gpu")]
pub(crate) fn constants(model: &TypedModel, given: &[OutletId]) -> TractResult<BTreeSet<OutletId>> {
    let mut known: BTreeSet<OutletId> = given.iter().copied().collect();
    for id in model.eval_order()? {
        let node = model.node(id);
        let moved = node.op_is::<AxisOp>() && known.contains(&node.inputs[0]);
        if node.op_is::<tract_core::ops::konst::Const>() || moved {
            known.insert(id.into());
        }
    }
    Ok(known)
}

impl Fusion {
    /// Follows `model` from node `sum`.
    pub(crate) fn of(model: &TypedModel, sum: usize, abilities: &Abilities) -> TractResult<Self> {
        Self::until(model, sum, abilities, |_| false)
    }

    /// Number of the node whose value the sum with its parts has.
    pub(crate) fn last(&self) -> usize {
        self.parts.last().map_or(self.sum, |part| part.node)
    }

    /// As [`Fusion::of`], up to a node that is `taken`.
    fn until(
        model: &TypedModel,
        sum: usize,
        abilities: &Abilities,
        taken: impl Fn(usize) -> bool,
    ) -> TractResult<Self> {
        let mut fusion = Self { sum, parts: Vec::new(), activation: Activation::None, skip: None };
        loop {
            let own = OutletId::from(fusion.last());
            // What is an output, or read twice, is needed as it is.
            if model.output_outlets()?.contains(&own) {
                return Ok(fusion);
            }
            let Some(next) = model.single_succ(own.node)? else { return Ok(fusion) };
            if taken(next.id) {
                return Ok(fusion);
            }
            let step = candidate(model, own, next, abilities)?;
            let Some(step) = step.and_then(|step| fusion.in_order(step)) else { return Ok(fusion) };
            match step {
                Step::Activation(activation) => fusion.activation = activation,
                Step::Skip(other, place) => fusion.skip = Some((other, place)),
                Step::Scale(_) | Step::Bias(_) | Step::Reshape => {}
            }
            fusion.parts.push(Part { node: next.id, own, step });
        }
    }

    /// `step` as it follows the parts there are; `None` where the order of a kernel does not allow it.
    fn in_order(&self, step: Step) -> Option<Step> {
        let untouched = self.activation == Activation::None && self.skip.is_none();
        match step {
            Step::Scale(_) | Step::Bias(_) => untouched.then_some(step),
            Step::Skip(other, _) if self.skip.is_none() => {
                let before = self.activation == Activation::None;
                Some(Step::Skip(other, if before { Skip::Before } else { Skip::After }))
            }
            Step::Skip(..) => None,
            Step::Activation(next) if !matches!(self.skip, Some((_, Skip::After))) => {
                composed(self.activation, next).map(Step::Activation)
            }
            Step::Activation(_) => None,
            Step::Reshape => Some(step),
        }
    }
}

/// What `next` does to its operand `own`, as far as `abilities` go.
fn candidate(
    model: &TypedModel,
    own: OutletId,
    next: &TypedNode,
    abilities: &Abilities,
) -> TractResult<Option<Step>> {
    if let Some(op) = next.op_as::<AxisOp>() {
        // Only a move changes the order of values.
        let reshape = abilities.reshapes && !matches!(op, AxisOp::Move(..));
        return Ok(reshape.then_some(Step::Reshape));
    }
    if let Some(op) = next.op_as::<ElementWiseOp>() {
        let activation = activation(op).filter(|_| abilities.activations);
        return Ok(activation.map(Step::Activation));
    }
    let Some(TypedBinOp(op, ..)) = next.op_as::<TypedBinOp>() else { return Ok(None) };
    let Some(&other) = next.inputs.iter().find(|input| **input != own) else { return Ok(None) };
    let (shape, fact) = (&model.outlet_fact(own)?.shape, model.outlet_fact(other)?);
    if model.outlet_fact(next.id.into())?.shape != *shape {
        return Ok(None);
    }
    let constant = abilities.constants.contains(&other);
    if op.is::<math::Add>() {
        let skip = (fact.shape == *shape).then_some(Step::Skip(other, Skip::None));
        return Ok(if constant { Some(Step::Bias(other)) } else { skip });
    }
    if op.is::<math::Mul>() {
        return Ok(constant.then_some(Step::Scale(other)));
    }
    let limit = fact.konst.as_deref().or(fact.uniform.as_deref()).and_then(single);
    let clamp = match limit.filter(|_| abilities.clamps) {
        Some(limit) if op.is::<math::Max>() => Some(Activation::Clamp(limit, f32::INFINITY)),
        Some(limit) if op.is::<math::Min>() => Some(Activation::Clamp(f32::NEG_INFINITY, limit)),
        _ => None,
    };
    Ok(clamp.map(Step::Activation))
}

/// One activation that does what `first` and then `next` do.
fn composed(first: Activation, next: Activation) -> Option<Activation> {
    match (first, next) {
        (Activation::None, any) => Some(any),
        (Activation::Clamp(a, b), Activation::Clamp(low, high)) => {
            Some(Activation::Clamp(a.max(low).min(high), b.max(low).min(high)))
        }
        _ => None,
    }
}

/// The activation that an element-wise operation is.
pub(crate) fn activation(op: &ElementWiseOp) -> Option<Activation> {
    let op = &op.0;
    let activation = if op.is::<nn::Sigmoid>() {
        Activation::Sigmoid
    } else if op.is::<nn::Silu>() {
        Activation::Silu
    } else if op.is::<nn::HardSwish>() {
        Activation::HardSwish
    } else if let Some(op) = op.downcast_ref::<nn::LeakyRelu>() {
        Activation::Leaky(op.alpha)
    } else if op.is::<math::Tanh>() {
        Activation::Tanh
    } else if op.is::<math::Recip>() {
        Activation::Reciprocal
    } else if op.is::<math::Square>() {
        Activation::Square
    } else if op.is::<math::Abs>() {
        Activation::Abs
    } else if op.is::<math::Sqrt>() {
        Activation::Sqrt
    } else if op.is::<math::Exp>() {
        Activation::Exp
    } else {
        return None;
    };
    Some(activation)
}

/// The one value of a tensor.
fn single(tensor: &Tensor) -> Option<f32> {
    floats(tensor).filter(|values| values.len() == 1).map(|values| values[0])
}

#[cfg(test)]
mod tests;

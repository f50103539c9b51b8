//! tract's convolutions, done by the vector kernels of this project: the graph stays tract's, and so does every layer
//! that they cannot do.

use std::sync::Arc;

use fiducia_kernels::simd::Convolution;
use fiducia_kernels::{Activation, Conv, Epilogue, Skip};
use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::cnn::{self, KernelFormat, PoolSpec};
use tract_core::ops::konst::Const;
use tract_core::ops::math;

use super::layer::{Layer, Work};
use super::weights::Weights;

/// `model` with what is known computed once, and its convolutions, with the activations and additions right behind
/// them, done by the vector kernels. Inputs behind the first `inputs` are `weights`, by their names.
///
/// # Errors
/// Where the graph is malformed.
pub(super) fn convolved(
    mut model: TypedModel,
    inputs: usize,
    weights: &Weights,
) -> TractResult<TypedModel> {
    for id in model.eval_order()? {
        if let Some(patch) = known(&model, id)? {
            patch.apply(&mut model)?;
        }
    }
    for id in model.eval_order()? {
        if let Some(patch) = replacement(&model, id, weights)? {
            patch.apply(&mut model)?;
        }
    }
    for id in model.eval_order()? {
        if let Some(patch) = in_place(&model, id, weights)? {
            patch.apply(&mut model)?;
        }
    }
    model.inputs.truncate(inputs);
    model.compact()?;
    Ok(model)
}

/// The value of node `id` where its inputs never change, whatever its size.
fn known(model: &TypedModel, id: usize) -> TractResult<Option<TypedModelPatch>> {
    let node = model.node(id);
    let facts = model.node_input_facts(id)?;
    let inputs: Option<TVec<TValue>> =
        facts.iter().map(|fact| fact.konst.clone().map(IntoTValue::into_tvalue)).collect();
    let (false, false, Some(inputs)) = (facts.is_empty(), node.op_is::<Const>(), inputs) else {
        return Ok(None);
    };
    let Some(values) = node.op.eval_out_of_plan(inputs)? else { return Ok(None) };
    let mut patch = TypedModelPatch::default();
    for (slot, value) in values.into_iter().enumerate() {
        let known = patch.add_const(format!("{}.{slot}", node.name), value.into_arc_tensor())?;
        patch.shunt_outside(model, OutletId::new(id, slot), known)?;
    }
    Ok(Some(patch))
}

/// The weights themselves in place of node `id`, if it is an input that asks for some.
fn in_place(
    model: &TypedModel,
    id: usize,
    weights: &Weights,
) -> TractResult<Option<TypedModelPatch>> {
    let node = model.node(id);
    let Some(values) = weights.get(&node.name) else { return Ok(None) };
    let shape =
        model.outlet_fact(id.into())?.shape.as_concrete().context("weights have a shape")?;
    let tensor = Tensor::from_shape(shape, &values)?;
    let mut patch = TypedModelPatch::default();
    let known = patch.add_const(format!("{}.widened", node.name), tensor.into_arc_tensor())?;
    patch.shunt_outside(model, id.into(), known)?;
    Ok(Some(patch))
}

/// The vector kernels in place of node `id` and of what comes right behind it; `None` where it is no convolution
/// that they can do.
fn replacement(
    model: &TypedModel,
    id: usize,
    widened: &Weights,
) -> TractResult<Option<TypedModelPatch>> {
    let node = model.node(id);
    let Some(op) = node.op_as::<cnn::Conv>() else { return Ok(None) };
    let Some(mut sizes) = sizes(model, node, op)? else { return Ok(None) };
    let constant = |input: usize| -> TractResult<Option<Vec<f32>>> {
        Ok(model.outlet_fact(node.inputs[input])?.konst.as_deref().and_then(floats))
    };
    let weights = match widened.get(&model.node(node.inputs[1].node).name) {
        Some(weights) => Some(weights),
        None => constant(1)?,
    };
    let (Some(weights), Some(mut bias)) = (weights, constant(2)?) else { return Ok(None) };
    if bias.len() == 1 {
        bias = vec![bias[0]; sizes.out_channels as usize];
    }
    let behind = Behind::of(model, node)?;
    sizes.epilogue = Epilogue::new(behind.activation, behind.place);
    let Some(convolution) = Convolution::new(&sizes, &weights, &bias) else { return Ok(None) };
    let inputs: TVec<OutletId> = std::iter::once(node.inputs[0]).chain(behind.skip).collect();
    let work = Work::Convolution(Arc::new(convolution));
    Layer::replacing(model, id, behind.last, work, &inputs).map(Some)
}

/// Sizes of a convolution, without epilogue; `None` where it is not one of planes in `f32`.
fn sizes(model: &TypedModel, node: &TypedNode, op: &cnn::Conv) -> TractResult<Option<Conv>> {
    let spec = &op.pool_spec;
    let (input, output) = (model.outlet_fact(node.inputs[0])?, model.outlet_fact(node.id.into())?);
    let (Some(from), Some(to)) = (input.shape.as_concrete(), output.shape.as_concrete()) else {
        return Ok(None);
    };
    let usual = op.kernel_fmt == KernelFormat::OIHW
        && op.q_params.is_none()
        && output.datum_type == f32::datum_type()
        && spec.kernel_shape.len() == 2
        && !spec.data_format.c_is_last();
    let ([_, _, in_height, in_width], [_, _, out_height, out_width]) = (from, to) else {
        return Ok(None);
    };
    if !usual {
        return Ok(None);
    }
    Ok(Some(Conv {
        in_channels: spec.input_channels as u32,
        out_channels: spec.output_channels as u32,
        groups: op.group as u32,
        ..window(spec, [*in_height, *in_width], [*out_height, *out_width])
    }))
}

/// Sizes of a convolution or pooling of planes `[height, width]`, without channels.
pub(crate) fn window(spec: &PoolSpec, input: [usize; 2], output: [usize; 2]) -> Conv {
    let pads = spec.computed_padding(&input);
    Conv {
        in_height: input[0] as u32,
        in_width: input[1] as u32,
        out_height: output[0] as u32,
        out_width: output[1] as u32,
        kernel_height: spec.kernel_shape[0] as u32,
        kernel_width: spec.kernel_shape[1] as u32,
        stride_y: spec.stride(0) as u32,
        stride_x: spec.stride(1) as u32,
        pad_y: pads[0].pad_before as u32,
        pad_x: pads[1].pad_before as u32,
        dilation_y: spec.dilation(0) as u32,
        dilation_x: spec.dilation(1) as u32,
        ..Conv::default()
    }
}

/// What comes right behind a convolution and can be done with its sums at hand.
struct Behind {
    /// The last node of it.
    last: usize,
    activation: Activation,
    skip: Option<OutletId>,
    place: Skip,
}

impl Behind {
    /// Follows the graph as long as there is one way only.
    fn of(model: &TypedModel, node: &TypedNode) -> TractResult<Self> {
        let mut behind =
            Self { last: node.id, activation: Activation::None, skip: None, place: Skip::None };
        let shape = &model.outlet_fact(node.id.into())?.shape;
        loop {
            let own = OutletId::from(behind.last);
            if model.output_outlets()?.contains(&own) {
                return Ok(behind);
            }
            let Some(next) = model.single_succ(behind.last)? else { return Ok(behind) };
            let Some(TypedBinOp(op, ..)) = next.op_as::<TypedBinOp>() else { return Ok(behind) };
            let Some(&other) = next.inputs.iter().find(|input| **input != own) else {
                return Ok(behind);
            };
            if model.outlet_fact(next.id.into())?.shape != *shape {
                return Ok(behind);
            }
            let fact = model.outlet_fact(other)?;
            let limit = fact.konst.as_deref().or(fact.uniform.as_deref()).and_then(single);
            let done = match limit {
                Some(limit) if op.is::<math::Max>() => behind.clamp(limit, f32::INFINITY),
                Some(limit) if op.is::<math::Min>() => behind.clamp(f32::NEG_INFINITY, limit),
                None if op.is::<math::Add>() && fact.shape == *shape => behind.add(other),
                _ => false,
            };
            if !done {
                return Ok(behind);
            }
            behind.last = next.id;
        }
    }

    fn clamp(&mut self, low: f32, high: f32) -> bool {
        let (old_low, old_high) = match self.activation {
            Activation::Clamp(low, high) => (low, high),
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        };
        // A limit after an addition after a limit would be a third step.
        let possible = self.place != Skip::After && low <= old_high && high >= old_low;
        if possible {
            self.activation = Activation::Clamp(old_low.max(low), old_high.min(high));
        }
        possible
    }

    fn add(&mut self, other: OutletId) -> bool {
        let possible = self.skip.is_none();
        if possible {
            self.skip = Some(other);
            let plain = self.activation == Activation::None;
            self.place = if plain { Skip::Before } else { Skip::After };
        }
        possible
    }
}

/// The one value of a tensor.
fn single(tensor: &Tensor) -> Option<f32> {
    floats(tensor).filter(|values| values.len() == 1).map(|values| values[0])
}

fn floats(tensor: &Tensor) -> Option<Vec<f32>> {
    let values = tensor.try_as_plain_ram().ok()?;
    values.as_slice::<f32>().ok().map(<[f32]>::to_vec)
}

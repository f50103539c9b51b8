//! Replaces tract's convolutions by the vector kernels of this project. Convolutions that they do not support stay with
//! tract.

use std::sync::Arc;

use fiducia_kernels::simd::Convolution;
use fiducia_kernels::{Conv, Epilogue, Skip};
use tract_core::internal::*;
use tract_core::ops::cnn::{self, KernelFormat};
use tract_core::ops::konst::Const;

use super::layer::{Layer, Work};
use crate::engine::fusion::{Abilities, Fusion};
use crate::engine::graph::{Weights, floats, window};

/// `model` with its constant parts folded, and its convolutions replaced by vector kernels, each with the activations
/// and additions that follow it ([`Fusion`]). Inputs after the first `inputs` are `weights`, by their names.
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

/// The value of node `id` if all its inputs are constant.
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

/// The weights as a constant in place of node `id`, if it is an input for weights.
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

/// A vector kernel in place of node `id` and of the nodes fused with it; `None` if it is not a convolution that the
/// kernels support.
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
    let fusion = Fusion::of(model, id, &Abilities { clamps: true, ..Abilities::default() })?;
    let place = fusion.skip.map_or(Skip::None, |(_, place)| place);
    sizes.epilogue = Epilogue::new(fusion.activation, place);
    let Some(convolution) = Convolution::new(&sizes, &weights, &bias) else { return Ok(None) };
    let inputs: TVec<OutletId> =
        std::iter::once(node.inputs[0]).chain(fusion.skip.map(|(outlet, _)| outlet)).collect();
    let work = Work::Convolution(Arc::new(convolution));
    Layer::replacing(model, id, fusion.last(), work, &inputs).map(Some)
}

/// Sizes of a convolution, without epilogue; `None` if it is not one of `f32` planes.
fn sizes(model: &TypedModel, node: &TypedNode, op: &cnn::Conv) -> TractResult<Option<Conv>> {
    let spec = &op.pool_spec;
    let (input, output) = (model.outlet_fact(node.inputs[0])?, model.outlet_fact(node.id.into())?);
    let (Some(from), Some(to)) = (input.shape.as_concrete(), output.shape.as_concrete()) else {
        return Ok(None);
    };
    let supported = op.kernel_fmt == KernelFormat::OIHW
        && op.q_params.is_none()
        && output.datum_type == f32::datum_type()
        && spec.kernel_shape.len() == 2
        && !spec.data_format.c_is_last();
    let ([_, _, in_height, in_width], [_, _, out_height, out_width]) = (from, to) else {
        return Ok(None);
    };
    if !supported {
        return Ok(None);
    }
    Ok(Some(Conv {
        in_channels: spec.input_channels as u32,
        out_channels: spec.output_channels as u32,
        groups: op.group as u32,
        ..window(spec, [*in_height, *in_width], [*out_height, *out_width])
    }))
}

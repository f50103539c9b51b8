//! tract's upsampling of planes by whole factors, and the addition behind it, as one layer of this project.

use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::math;
use tract_core::ops::nn::NearestUpsample;

use super::layer::{Layer, Work};

/// `model` with layers of this project where planes are upsampled.
///
/// # Errors
/// Where the graph is malformed.
pub(super) fn upsampled(mut model: TypedModel) -> TractResult<TypedModel> {
    for id in model.eval_order()? {
        if let Some(patch) = replacement(&model, id)? {
            patch.apply(&mut model)?;
        }
    }
    model.compact()?;
    Ok(model)
}

fn replacement(model: &TypedModel, id: usize) -> TractResult<Option<TypedModelPatch>> {
    let node = model.node(id);
    let Some(NearestUpsample { scales }) = node.op_as() else { return Ok(None) };
    let fact = model.outlet_fact(node.inputs[0])?;
    let ([1, 1, down, across], Some([_, channels, height, width])) =
        (&scales[..], fact.shape.as_concrete())
    else {
        return Ok(None);
    };
    let plain = fact.datum_type == f32::datum_type() && height * width * channels > 0;
    if !plain {
        return Ok(None);
    }
    let upsampled =
        Upsampled { factors: [*down, *across], row: width * channels, channels: *channels };
    let (mut last, mut inputs) = (id, tvec!(node.inputs[0]));
    if let Some((next, skip)) = added(model, id)? {
        last = next;
        inputs.push(skip);
    }
    Layer::replacing(model, id, last, Work::Upsampled(upsampled), &inputs).map(Some)
}

/// The addition that alone reads node `id`, and what it adds.
fn added(model: &TypedModel, id: usize) -> TractResult<Option<(usize, OutletId)>> {
    let own = OutletId::from(id);
    if model.output_outlets()?.contains(&own) {
        return Ok(None);
    }
    let Some(next) = model.single_succ(id)? else { return Ok(None) };
    let add = next.op_as::<TypedBinOp>().is_some_and(|TypedBinOp(op, ..)| op.is::<math::Add>());
    let Some(&other) = next.inputs.iter().find(|input| **input != own) else { return Ok(None) };
    let same = model.outlet_fact(other)?.shape == model.outlet_fact(own)?.shape;
    Ok((add && same).then_some((next.id, other)))
}

/// Every value repeated down and across.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Upsampled {
    factors: [usize; 2],
    /// Values of a row of the input.
    row: usize,
    channels: usize,
}

impl Upsampled {
    /// Fills `out` `[batch, down · height, across · width, channels]` from `input` `[batch, height, width, channels]`; `skip` is
    /// added.
    pub(super) fn run(&self, input: &[f32], skip: Option<&[f32]>, out: &mut [f32]) {
        let [down, across] = self.factors;
        let rows = input.chunks_exact(self.row);
        for (from, to) in rows.zip(out.chunks_exact_mut(self.row * down * across)) {
            for to in to.chunks_exact_mut(self.row * across) {
                let values = from.chunks_exact(self.channels);
                for (from, to) in values.zip(to.chunks_exact_mut(self.channels * across)) {
                    to.chunks_exact_mut(self.channels).for_each(|to| to.copy_from_slice(from));
                }
            }
        }
        if let Some(skip) = skip {
            out.iter_mut().zip(skip).for_each(|(o, s)| *o += s);
        }
    }
}

//! Replaces tract's upsampling of planes by whole factors, with an addition that follows, by one layer of this project.

use tract_core::internal::*;
use tract_core::ops::nn::NearestUpsample;

use super::layer::{Layer, Work};
use crate::engine::fusion::{Abilities, Fusion};

/// `model` with its upsampling of planes replaced.
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
    // An addition, and nothing else.
    let fusion = Fusion::of(model, id, &Abilities::default())?;
    let skip = fusion.skip.map(|(outlet, _)| outlet);
    let inputs: TVec<OutletId> = std::iter::once(node.inputs[0]).chain(skip).collect();
    Layer::replacing(model, id, fusion.last(), Work::Upsampled(upsampled), &inputs).map(Some)
}

/// Repeats every value down and across.
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

//! A layer of this project as a node of a tract graph.

use std::sync::Arc;

use fiducia_kernels::simd::Convolution;
use tract_core::internal::*;

use super::upsample::Upsampled;

/// The layers work channels last, `[batch, height, width, channels]`. tract inserts the moves of axes and removes those
/// that cancel out.
const CHANNELS_LAST: AxisOp = AxisOp::Move(1, 3);

/// The operation of a layer.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// A second input is the skip connection of the epilogue.
    Convolution(Arc<Convolution>),
    /// A second input is added.
    Upsampled(Upsampled),
}

impl Work {
    /// Fills `out` from planes and an optional skip connection, which has the shape of `out`.
    pub(super) fn run(&self, inputs: &[&[f32]], out: &mut [f32]) {
        match self {
            Self::Convolution(convolution) => {
                convolution.run(inputs[0], inputs.get(1).unwrap_or(&&[][..]), out);
            }
            Self::Upsampled(upsampled) => upsampled.run(inputs[0], inputs.get(1).copied(), out),
        }
    }
}

/// Computes `f32` planes from planes and an optional skip connection. It runs in a [`super::plan::Plan`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) work: Work,
    fact: TypedFact,
}

impl Layer {
    /// `model` with `work` in place of node `id` up to `last`; `inputs` are planes, channels first like all in `model`.
    pub(super) fn replacing(
        model: &TypedModel,
        id: usize,
        last: usize,
        work: Work,
        inputs: &[OutletId],
    ) -> TractResult<TypedModelPatch> {
        let name = &model.node(id).name;
        let mut fact = model.outlet_fact(last.into())?.without_value();
        CHANNELS_LAST.change_shape(&mut fact.shape, false)?;
        let mut patch = TypedModelPatch::default();
        let mut planes = TVec::new();
        for (i, &outlet) in inputs.iter().enumerate() {
            let outlet = patch.tap_model(model, outlet)?;
            let name = format!("{name}.channels_last{i}");
            planes.push(patch.wire_node(name, CHANNELS_LAST, &[outlet])?[0]);
        }
        let out = patch.wire_node(name, Self { work, fact }, &planes)?[0];
        let name = format!("{name}.channels_first");
        let out = patch.wire_node(name, CHANNELS_LAST.recip(), &[out])?[0];
        patch.shunt_outside(model, last.into(), out)?;
        Ok(patch)
    }
}

impl PartialEq for Work {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Convolution(a), Self::Convolution(b)) => Arc::ptr_eq(a, b),
            (Self::Upsampled(a), Self::Upsampled(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Work {}

impl Op for Layer {
    fn name(&self) -> StaticName {
        "Layer".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Layer {
    not_out_of_plan!();
}

impl TypedOp for Layer {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(self.fact.clone()))
    }

    as_op!();
}

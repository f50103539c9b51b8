//! What lowering refuses.

use fiducia_kernels::gpu::{Choice, Gpu, GpuError, Plan, Stage};

/// A real GPU, else a software rasteriser.
pub(super) fn device() -> Result<Gpu, GpuError> {
    Gpu::open(&Choice::Named(String::new()))
}

#[test]
fn a_layer_that_is_not_supported_is_named() {
    use tract_core::internal::*;
    let mut model = TypedModel::default();
    let x = model.add_source("input", f32::fact([1, 4])).unwrap();
    let y = model.wire_node("logs", tract_core::ops::math::ln(), &[x]).unwrap();
    model.select_output_outlets(&y).unwrap();
    let mut plan = Plan::default();
    let input = plan.tensor(4);
    let error = super::lower::lower(&model, &mut plan, Stage::Backbone, input, &[]).unwrap_err();
    assert_eq!(error.kind(), crate::error::ErrorKind::NoGpu);
    assert!(error.to_string().contains("logs") && error.to_string().contains("Ln"), "{error}");
}

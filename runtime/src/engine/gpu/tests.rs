//! The step between the heat maps against the shape model that the CPU path uses, and what lowering refuses.

use fiducia_kernels::gpu::{Choice, Gpu, Plan, Stage};

use super::pose_probe::{Dice, POINT_UNITS, SIZE, disagreement, expected, on_device, scene};

pub(super) fn device(test: &str) -> Option<Gpu> {
    match Gpu::open(&Choice::Named(String::new())) {
        Ok(gpu) => Some(gpu),
        Err(e) => {
            let required = std::env::var("FIDUCIA_GPU").is_ok_and(|v| v == "required");
            assert!(!required, "{e}");
            eprintln!("SKIPPED: {test}: {e}");
            None
        }
    }
}

#[test]
fn the_pose_step_equals_the_shape_model() {
    let Some(gpu) = device("the_pose_step_equals_the_shape_model") else { return };
    let mut dice = Dice(21);
    for (guides, modes, all) in
        [(19, 8, true), (6, 3, true), (68, 12, true), (40, 20, false), (2, 0, true), (1, 0, true)]
    {
        let s = scene(&mut dice, guides, modes, all);
        let (head, rows) = on_device(&gpu, &s).unwrap();
        let (off, what) = disagreement(&s, &head, &rows);
        assert!(off < POINT_UNITS, "{guides} guides, {modes} modes: {off} {what}");
        let scale = expected(&s).1.scale.clamp(0.6, 1.6);
        for (row, peak) in rows.iter().zip(&s.fine).filter(|(_, peak)| peak.valid) {
            let fine = row.decode(SIZE, 32);
            let spread = f64::from(peak.spread) * 0.4 * scale * 2.0;
            assert!((fine.spread / spread - 1.0).abs() < 1e-3, "{} {spread}", fine.spread);
            for (a, b) in fine.covariance_cells2.iter().zip(peak.covariance) {
                assert!((a - f64::from(b)).abs() < 1e-3, "{a} {b}");
            }
        }
        // A weight that is another, a mode that is another: both show.
        let mut mutant = scene(&mut Dice(21), guides, modes, all);
        mutant.coarse = s.coarse.clone();
        mutant.shape = s.shape.clone();
        mutant.fine = s.fine.clone();
        if guides > 4 {
            mutant.coarse[1].mass *= 0.2;
            mutant.coarse[1].at[0] += 0.5;
            assert!(disagreement(&mutant, &head, &rows).0 > POINT_UNITS);
        }
    }
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

//! Every shader against its reference implementation on random shapes, and mutants of its text that the comparison must
//! catch.

extern crate std;
use std::{format, println, string::String, sync::OnceLock, vec, vec::Vec};

mod cached;
mod int8;
mod layers;
mod measured_peak;
mod picture;
mod pose;
mod reflect;

use fiducia_test_support::{gpu_or_skip, record_skip, required_gpu, skip};

use super::probes::{Probe, Rng, plan_for};
use super::*;
use crate::precision::Precision;

/// The device that tests share: a real GPU, else a software rasteriser.
fn device() -> Result<Gpu, GpuError> {
    static GPU: OnceLock<Result<Gpu, GpuError>> = OnceLock::new();
    GPU.get_or_init(fresh).clone()
}

/// A device of its own.
fn fresh() -> Result<Gpu, GpuError> {
    Gpu::open(&Choice::Named(String::new()))
}

const FORMS: [Precision; 2] = [Precision::F32, Precision::F16];

/// A change of a shader's text that must be noticed.
#[derive(Clone, Copy)]
struct Mutant {
    from: &'static str,
    to: &'static str,
}

const fn mutant(from: &'static str, to: &'static str) -> Mutant {
    Mutant { from, to }
}

/// The shader's text, with `mutant` where it changes it.
fn text(kernel: &Kernel, mutant: Option<&Mutant>) -> String {
    let text = kernel.pieces.concat();
    mutant.map_or(text.clone(), |m| text.replace(m.from, m.to))
}

/// All cases agree with their reference implementations, and of each mutant some case disagrees.
fn check(test: &str, cases: &[Probe], mutants: &[Mutant]) {
    let Some(gpu) = required_gpu(test, device()) else { return };
    if let Some(form) = cases.iter().map(|c| c.plan.precision()).find(|&form| !gpu.runs(form)) {
        return record_skip(test, format!("the device does not compute in {}", form.name()));
    }
    if cases.iter().any(|c| c.plan.subgroups()) && !gpu.has_subgroups() {
        return record_skip(test, "the device has no subgroup operations");
    }
    let complaint = |case: &Probe, mutant: Option<&Mutant>| {
        case.complaint(&case.run(&gpu, &|kernel| text(kernel, mutant)).unwrap())
    };
    for case in cases {
        assert_eq!(complaint(case, None), None, "{test}");
    }
    for mutant in mutants {
        let mut steps = cases.iter().flat_map(|case| case.plan.steps());
        let changes = steps.any(|s| s.kernel.pieces.concat().contains(mutant.from));
        assert!(changes, "{test}: no `{}`", mutant.from);
        let caught = cases.iter().any(|case| complaint(case, Some(mutant)).is_some());
        assert!(caught, "{test}: `{}` for `{}` went unnoticed", mutant.to, mutant.from);
    }
    println!("{test}: {} cases, {} mutants", cases.len(), mutants.len());
}

#[test]
fn kernels_have_different_names() {
    for kernel in KERNELS {
        let mut same = KERNELS.iter().filter(|other| other.name == kernel.name);
        assert_eq!((same.next(), same.next()), (Some(kernel), None));
    }
}

#[test]
fn tensors_that_live_together_lie_apart() {
    let mut plan = Plan::default();
    let mut rng = fiducia_test_support::Rng::new(5);
    let x = plan.constant(&[1.0; 64]);
    let mut tensors = vec![x];
    for i in 0..60 {
        let out = plan.tensor(1 + rng.below(399));
        let reads = (0..2).map(|b| (b + 1, tensors[rng.below(tensors.len())])).collect();
        plan.push(Step {
            kernel: &kernel::CONV,
            label: format!("{i}"),
            stage: Stage::Backbone,
            constants: vec![],
            params: vec![],
            reads,
            writes: vec![(3, out)],
            groups: [1; 3],
            flops: 0,
        });
        tensors.push(out);
    }
    let layout = arena::Layout::of(&plan);
    let lives = plan.lifetimes();
    let span = |t: usize| {
        let place = layout.places[t];
        (place.arena, place.offset, place.offset + plan.tensors[t])
    };
    for a in 0..lives.len() {
        for b in 0..a {
            let [a0, a1] = lives[a].unwrap();
            let [b0, b1] = lives[b].unwrap();
            let ((arena_a, from_a, to_a), (arena_b, from_b, to_b)) = (span(a), span(b));
            let together = a0 <= b1 && b0 <= a1;
            assert!(!together || arena_a != arena_b || to_a <= from_b || to_b <= from_a, "{a} {b}");
        }
    }
    for step in plan.steps() {
        for (_, write) in &step.writes {
            for (_, read) in &step.reads {
                if let (Slot::Tensor(TensorId(w)), Slot::Tensor(TensorId(r))) = (write, read) {
                    assert_ne!(layout.places[*w].arena, layout.places[*r].arena);
                }
            }
        }
    }
    let used: usize = layout.arenas.iter().sum();
    let apart: usize = plan.tensors.iter().map(|t| t.next_multiple_of(256)).sum();
    assert!(used < apart, "{used} of {apart} bytes");
}

#[test]
fn a_lost_device_is_an_error() {
    let gpu = gpu_or_skip!(fresh());
    let mut plan = Plan::default();
    let upload = plan.buffer("upload", 16);
    let read_back = ReadBack { buffer: upload, bytes: 256, ticks_at: 128 };
    plan.buffers[0].1 = 256;
    let mut program = Program::new(gpu.clone(), plan, read_back).unwrap();
    program.run(upload, &[0; 16], |_| ()).unwrap();
    gpu.lose();
    let error = program.run(upload, &[0; 16], |_| ()).unwrap_err();
    assert_eq!(error.kind(), GpuErrorKind::Lost, "{error}");
}

#[test]
fn a_buffer_that_is_too_large_is_an_error_that_names_it() {
    let gpu = gpu_or_skip!(device());
    let mut plan = Plan::default();
    let huge = usize::try_from(gpu.largest_binding()).unwrap() + 16;
    let buffer = plan.buffer("pixels", huge);
    let read_back = ReadBack { buffer, bytes: 256, ticks_at: 128 };
    let error = Program::new(gpu, plan, read_back).unwrap_err();
    assert_eq!(error.kind(), GpuErrorKind::TooLarge);
    assert!(format!("{error}").contains("pixels"), "{error}");
}

#[test]
fn an_adapter_that_is_not_there_is_named() {
    let error = Gpu::open(&Choice::Named("no such device".into())).unwrap_err();
    assert_eq!(error.kind(), GpuErrorKind::NoAdapter);
    assert!(format!("{error}").contains("no such device"));
}

#[test]
fn software_is_never_taken_unasked() {
    match Gpu::open(&Choice::Real) {
        Ok(gpu) => assert!(!gpu.adapter().is_software()),
        Err(error) => assert_eq!(error.kind(), GpuErrorKind::NoAdapter),
    }
}

#[test]
fn a_shader_that_computes_wrongly_is_refused_by_name() {
    let gpu = gpu_or_skip!(device());
    let forms = FORMS.into_iter().chain([Precision::Int8]);
    for form in forms.filter(|&form| gpu.runs(form)) {
        self_test(&gpu, form).unwrap();
    }
    for (form, shader, from, to) in [
        (Precision::F32, "depthwise", "sums += w *", "sums += 1.001 * w *"),
        (Precision::F32, "peak", "if (k > best)", "if (k >= best)"),
        (Precision::F32, "histogram", "i * bits", "0u"),
        (Precision::Int8, "conv_int8", "dot4I8Packed(w, v.z)", "dot4I8Packed(w, v.y)"),
    ] {
        let spoilt = |kernel: &Kernel| {
            let text = kernel.pieces.concat();
            if kernel.name == shader { text.replace(from, to) } else { text }
        };
        let error = self_test::self_test_with(&gpu, form, &spoilt).unwrap_err();
        assert_eq!(error.kind(), GpuErrorKind::Wrong);
        assert!(format!("{error}").contains(shader), "{error}");
    }
}

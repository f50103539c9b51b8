//! Every shader against its twin on random shapes, and mutants of its text that the comparison must catch.

extern crate std;
use std::{eprintln, format, println, string::String, sync::OnceLock, vec, vec::Vec};

mod layers;
mod picture;
mod reflect;

use super::*;

/// Sums of a few hundred products of values about 1, in another order: relative to the largest value.
const SUM_TOLERANCE: f32 = 2e-5;

/// The device that tests run on: a real GPU, else a software rasteriser. `FIDUCIA_GPU=required` makes its
/// absence a failure; without it the test says that it was skipped.
fn device(test: &str) -> Option<Gpu> {
    static GPU: OnceLock<Result<Gpu, GpuError>> = OnceLock::new();
    match GPU.get_or_init(|| Gpu::open(&Choice::Named(String::new()))) {
        Ok(gpu) => Some(gpu.clone()),
        Err(e) => {
            let required = std::env::var("FIDUCIA_GPU").is_ok_and(|v| v == "required");
            assert!(!required, "{e}");
            eprintln!("SKIPPED: {test}: {e}");
            None
        }
    }
}

/// A small generator of repeatable numbers.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// From `low` up to, not including, `high`.
    fn among(&mut self, low: usize, high: usize) -> usize {
        low + self.next() as usize % (high - low)
    }

    /// From −1 to 1.
    fn real(&mut self) -> f32 {
        self.next() as f32 / (1u32 << 30) as f32 - 1.0
    }

    fn reals(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.real()).collect()
    }
}

/// One run of a plan and what it should give.
struct Case {
    plan: Plan,
    /// What is compared, `f32` values.
    out: BufferId,
    want: Vec<f32>,
    /// Largest difference, relative to the largest wanted value.
    tolerance: f32,
    name: String,
}

/// A change of a shader's text that must be noticed.
struct Mutant {
    from: &'static str,
    to: &'static str,
}

const fn mutant(from: &'static str, to: &'static str) -> Mutant {
    Mutant { from, to }
}

/// A plan with a buffer for `len` results.
fn plan_for(len: usize) -> (Plan, BufferId) {
    let mut plan = Plan::default();
    // Device times are put behind the results.
    let out = plan.buffer("out", (4 * len).next_multiple_of(8) + 128);
    (plan, out)
}

impl Case {
    /// What the device gives, with `mutant` where it changes a shader.
    fn run(&self, gpu: &Gpu, mutant: Option<&Mutant>) -> Vec<f32> {
        let mut plan = self.plan.clone();
        let upload = plan.buffer("upload", 16);
        let bytes = 4 * self.want.len();
        let ticks_at = bytes.next_multiple_of(8);
        let read_back = ReadBack { buffer: self.out, bytes: ticks_at + 128, ticks_at };
        let text = |kernel: &Kernel| {
            let text = kernel.pieces.concat();
            mutant.map_or(text.clone(), |m| text.replace(m.from, m.to))
        };
        let mut program = Program::with_text(gpu.clone(), plan, read_back, &text).unwrap();
        let read = |bytes: &[u8]| bytemuck::pod_collect_to_vec::<u8, f32>(bytes);
        let mut got = program.run(upload, &[0; 16], read).unwrap();
        got.truncate(self.want.len());
        got
    }

    /// What is wrong with `got`.
    fn complaint(&self, got: &[f32]) -> Option<String> {
        let largest = self.want.iter().fold(1e-6f32, |m, v| m.max(v.abs()));
        let limit = self.tolerance * largest;
        let bad = |(a, b): &(&f32, &f32)| {
            let off = (*a - *b).abs();
            a.to_bits() != b.to_bits() && (off.is_nan() || off > limit)
        };
        let first = got.iter().zip(&self.want).position(|pair| bad(&pair))?;
        Some(format!(
            "{}: value {first} is {}, expected {} (limit {limit})",
            self.name, got[first], self.want[first]
        ))
    }
}

/// All cases agree with their twins, and of each mutant some case disagrees.
fn check(test: &str, cases: &[Case], mutants: &[Mutant]) {
    let Some(gpu) = device(test) else { return };
    for case in cases {
        let got = case.run(&gpu, None);
        assert_eq!(case.complaint(&got), None, "{test}");
    }
    for mutant in mutants {
        let kernels =
            || cases.iter().flat_map(|c| c.plan.steps()).map(|s| s.kernel.pieces.concat());
        assert!(kernels().any(|text| text.contains(mutant.from)), "no `{}`", mutant.from);
        let caught =
            cases.iter().any(|case| case.complaint(&case.run(&gpu, Some(mutant))).is_some());
        assert!(caught, "{test}: `{}` for `{}` went unnoticed", mutant.to, mutant.from);
    }
    println!("{test}: {} cases, {} mutants", cases.len(), mutants.len());
}

#[test]
fn kernels_are_found_by_name() {
    for kernel in KERNELS {
        assert_eq!(super::kernel(kernel.name), Some(kernel));
    }
}

#[test]
fn tensors_that_live_together_lie_apart() {
    let mut plan = Plan::default();
    let mut dice = Dice(5);
    let x = plan.constant(&[1.0; 64]);
    let mut tensors = vec![x];
    for i in 0..60 {
        let out = plan.tensor(dice.among(1, 400));
        let reads = (0..2).map(|b| (b + 1, tensors[dice.among(0, tensors.len())])).collect();
        plan.push(Step {
            kernel: &KERNELS[0],
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
    let Some(gpu) = device("a_lost_device_is_an_error")
        .map(|_| Gpu::open(&Choice::Named(String::new())).unwrap())
    else {
        return;
    };
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
fn what_is_too_large_is_an_error_that_names_it() {
    let Some(gpu) = device("what_is_too_large_is_an_error_that_names_it") else { return };
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

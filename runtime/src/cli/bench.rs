//! `fiducia bench`: how long a detection takes, and on a GPU each of its steps.

use std::fmt::Write;

use fiducia::{BackendInfo, Error, ErrorKind, Pack, Radiograph, Timings};
use serde::Serialize;

use super::{arguments::BenchArguments, device, model, print};

/// Runs before the timed ones: buffers grow and clocks rise in the first.
const WARM_UP: usize = 2;

#[derive(Serialize)]
struct Timed {
    model: String,
    size_px: [usize; 2],
    backend: BackendInfo,
    /// Loading the pack, opening the device, compiling; ms.
    start_ms: f64,
    runs: usize,
    /// Wall time from pixels in memory to landmarks, of all runs; ms.
    min_ms: f64,
    median_ms: f64,
    max_ms: f64,
    /// Of the run with the median time; stages on a GPU are its own times.
    stages_ms: Timings,
    /// Memory of the device that is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<Step>,
}

/// A step of the GPU path.
#[derive(Serialize)]
struct Step {
    kernel: String,
    label: String,
    ms: f64,
    flops: u64,
    bytes: u64,
}

/// Runs the command.
pub(super) fn bench(arguments: &BenchArguments) -> Result<(), Error> {
    let start = std::time::Instant::now();
    let pack = Pack::open(&model::find(arguments.model.as_deref())?)?;
    let mut detector = device::detector(&pack, &arguments.device, &pack.manifest().landmarks)?;
    let start_ms = start.elapsed().as_secs_f64() * 1e3;
    let reading = detector.reading(arguments.spacing);
    let radiograph = Radiograph::open_as(&arguments.image, &reading)?;
    let mut runs = Vec::new();
    for _ in 0..WARM_UP + usize::from(arguments.runs) {
        runs.push(detector.observe(&radiograph)?.timings_ms);
    }
    let mut runs = runs.split_off(WARM_UP);
    runs.sort_by(|a, b| a.total.total_cmp(&b.total));
    let (first, median, last) = (runs[0], runs[runs.len() / 2], runs[runs.len() - 1]);
    let steps = if arguments.profile { steps(&mut detector)? } else { Vec::new() };
    let timed = Timed {
        model: pack.manifest().name.clone(),
        size_px: [radiograph.width, radiograph.height],
        backend: detector.backend().clone(),
        start_ms,
        runs: runs.len(),
        min_ms: first.total,
        median_ms: median.total,
        max_ms: last.total,
        stages_ms: median,
        device_bytes: device_bytes(&detector),
        steps,
    };
    print(&if arguments.json { json(&timed)? } else { text(&timed) })
}

#[cfg(feature = "gpu")]
fn steps(detector: &mut fiducia::Detector) -> Result<Vec<Step>, Error> {
    let step = |s: fiducia::StepTime| Step {
        kernel: s.kernel.to_owned(),
        label: s.label,
        ms: s.ms,
        flops: s.flops,
        bytes: s.bytes,
    };
    match detector.profile()? {
        Some(times) => Ok(times.into_iter().map(step).collect()),
        None => Err(no_profile()),
    }
}

#[cfg(not(feature = "gpu"))]
fn steps(_: &mut fiducia::Detector) -> Result<Vec<Step>, Error> {
    Err(no_profile())
}

fn no_profile() -> Error {
    let message =
        "--profile needs a GPU that can time its steps; leave it out, or name one with --adapter";
    Error::new(ErrorKind::Usage, message)
}

#[cfg(feature = "gpu")]
fn device_bytes(detector: &fiducia::Detector) -> Option<u64> {
    detector.gpu_bytes()
}

#[cfg(not(feature = "gpu"))]
fn device_bytes(_: &fiducia::Detector) -> Option<u64> {
    None
}

fn json(timed: &Timed) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(timed)
        .map_err(|e| Error::new(ErrorKind::Engine, format!("cannot write the times: {e}")))?;
    Ok(text + "\n")
}

fn text(t: &Timed) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "model   {}, image {} x {} px", t.model, t.size_px[0], t.size_px[1]);
    let _ = writeln!(
        out,
        "device  {}: {} [{}], {}",
        t.backend.kind, t.backend.device, t.backend.driver, t.backend.precision
    );
    if let Some(bytes) = t.device_bytes {
        let _ = writeln!(out, "memory  {:.1} MB on the device", bytes as f64 * 1e-6);
    }
    let _ = writeln!(out, "start   {:.0} ms", t.start_ms);
    let _ = writeln!(
        out,
        "image   {:.3} ms (median of {}; {:.3} to {:.3})",
        t.median_ms, t.runs, t.min_ms, t.max_ms
    );
    let s = &t.stages_ms;
    let _ = writeln!(
        out,
        "stages  preprocess {:.3}, backbone {:.3}, crop {:.3}, refine {:.3}, decode {:.3} ms",
        s.preprocess, s.backbone, s.crop, s.refine, s.decode
    );
    if !t.steps.is_empty() {
        let _ = writeln!(out, "\n{:>9}  {:>9}  {:>8}  {:<16} for", "ms", "MFLOP", "kB", "shader");
    }
    for s in &t.steps {
        let (flops, bytes) = (s.flops as f64 * 1e-6, s.bytes as f64 * 1e-3);
        let _ =
            writeln!(out, "{:9.4}  {flops:9.2}  {bytes:8.0}  {:<16} {}", s.ms, s.kernel, s.label);
    }
    out.chars().filter(|c| !c.is_control() || *c == '\n').collect()
}

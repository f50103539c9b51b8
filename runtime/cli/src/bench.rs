//! `fiducia bench`: times a detection and its stages on this device; on a GPU also each step, compared with the measured
//! peak of the device. Reports board power, clocks and temperatures during the runs.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use fiducia::engine::Timings;
use fiducia::{BackendInfo, Detector, Error, ErrorKind, Radiograph};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::arguments::BenchArguments;
use super::board::{Board, BoardReport, Range, Resident};
#[cfg(feature = "gpu")]
use super::profile::{Profile, profile};
use super::{device, terminal::print};

/// Shortest interval between samples of the board's sensors: reading them takes processor time.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Serialize)]
struct BenchReport {
    model: String,
    size_px: [usize; 2],
    backend: BackendInfo,
    /// Loading the model, opening the device, compiling; ms.
    start_ms: f64,
    /// Runs before the timed ones: buffers are allocated and clocks rise in the first.
    warm_up: u16,
    runs: u16,
    /// From pixels in memory to landmarks, and its stages. On a GPU stages are GPU times; the total is wall time.
    stages_ms: Stages,
    memory: Memory,
    board: BoardReport,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    profile: Option<Profile>,
}

#[derive(Serialize)]
struct Stages {
    preprocess: Percentiles,
    backbone: Percentiles,
    crop: Percentiles,
    refine: Percentiles,
    decode: Percentiles,
    total: Percentiles,
}

/// Percentiles of all runs by nearest rank: values that were measured; ms.
#[derive(Debug, PartialEq, Serialize)]
struct Percentiles {
    p50: f64,
    p95: f64,
    p99: f64,
    max: f64,
}

/// Memory after the last run, bytes; absent if unknown.
#[derive(Serialize)]
struct Memory {
    /// Main memory of this process, with the image.
    #[serde(flatten)]
    resident: Option<Resident>,
    /// Allocated GPU memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_bytes: Option<u64>,
}

/// Does not exist without the GPU path.
#[cfg(not(feature = "gpu"))]
#[derive(Serialize)]
enum Profile {}

#[cfg(not(feature = "gpu"))]
impl Profile {
    fn write(&self, _: &mut String) {
        match *self {}
    }
}

/// Runs the command.
pub(super) fn bench(arguments: &BenchArguments) -> Result<(), Error> {
    let start = Instant::now();
    let pack = arguments.model.open()?;
    let mut detector = device::detector(&pack, &arguments.device, &pack.manifest().landmarks)?;
    let start_ms = start.elapsed().as_secs_f64() * 1e3;
    let reading = detector.reading(arguments.spacing);
    let radiograph = Radiograph::open_as(&arguments.image, &reading)?;
    let mut board = Board::find(Path::new("/"));
    let runs = runs(&mut detector, &radiograph, &mut board, arguments)?;
    // Before the profile, which allocates more memory.
    let memory = Memory { resident: board.resident(), device_bytes: device_bytes(&detector) };
    let profile = if arguments.profile { Some(profile(&mut detector)?) } else { None };
    let report = BenchReport {
        model: pack.manifest().name.clone(),
        size_px: [radiograph.width, radiograph.height],
        backend: detector.backend().clone(),
        start_ms,
        warm_up: arguments.warm_up,
        runs: arguments.runs,
        stages_ms: Stages::of(&runs),
        memory,
        board: board.report(),
        profile,
    };
    print(&if arguments.json { json(&report)? } else { text(&report) })
}

/// The times of the timed runs.
fn runs(
    detector: &mut Detector,
    radiograph: &Radiograph,
    board: &mut Board,
    arguments: &BenchArguments,
) -> Result<Vec<Timings>, Error> {
    let progress = progress(arguments);
    let observe = |detector: &mut Detector| {
        progress.inc(1);
        detector.observe(radiograph).map(|observation| observation.timings_ms)
    };
    for _ in 0..arguments.warm_up {
        observe(detector)?;
    }
    let (mut runs, mut sampled) = (Vec::new(), None::<Instant>);
    for _ in 0..arguments.runs {
        runs.push(observe(detector)?);
        if sampled.is_none_or(|at| at.elapsed() >= SAMPLE_INTERVAL) {
            board.sample();
            sampled = Some(Instant::now());
        }
    }
    progress.finish_and_clear();
    Ok(runs)
}

/// A progress bar on standard error; hidden if that is not a terminal.
fn progress(arguments: &BenchArguments) -> ProgressBar {
    let runs = u64::from(arguments.warm_up) + u64::from(arguments.runs);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {eta} left");
    ProgressBar::with_draw_target(Some(runs), ProgressDrawTarget::stderr())
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

impl Stages {
    fn of(runs: &[Timings]) -> Self {
        let of = |stage: fn(&Timings) -> f64| Percentiles::of(runs.iter().map(stage).collect());
        Self {
            preprocess: of(|t| t.preprocess),
            backbone: of(|t| t.backbone),
            crop: of(|t| t.crop),
            refine: of(|t| t.refine),
            decode: of(|t| t.decode),
            total: of(|t| t.total),
        }
    }

    fn named(&self) -> [(&'static str, &Percentiles); 6] {
        [
            ("preprocess", &self.preprocess),
            ("backbone", &self.backbone),
            ("crop", &self.crop),
            ("refine", &self.refine),
            ("decode", &self.decode),
            ("total", &self.total),
        ]
    }
}

impl Percentiles {
    /// Of at least one value.
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let rank = |percent: usize| (values.len() * percent).div_ceil(100).max(1) - 1;
        let percentile = |percent| values[rank(percent)];
        Self { p50: percentile(50), p95: percentile(95), p99: percentile(99), max: percentile(100) }
    }
}

#[cfg(not(feature = "gpu"))]
fn profile(_: &mut Detector) -> Result<Profile, Error> {
    Err(Error::new(ErrorKind::Usage, "--profile needs a build with the feature `gpu`"))
}

#[cfg(feature = "gpu")]
fn device_bytes(detector: &fiducia::Detector) -> Option<u64> {
    detector.gpu_bytes()
}

#[cfg(not(feature = "gpu"))]
fn device_bytes(_: &fiducia::Detector) -> Option<u64> {
    None
}

fn json(report: &BenchReport) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(report)
        .map_err(|e| Error::new(ErrorKind::Engine, format!("cannot write the times: {e}")))?;
    Ok(text + "\n")
}

fn text(t: &BenchReport) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "model   {}, image {} x {} px", t.model, t.size_px[0], t.size_px[1]);
    let _ = writeln!(
        out,
        "device  {}: {} [{}], {}",
        t.backend.kind, t.backend.device, t.backend.driver, t.backend.precision
    );
    let _ = writeln!(out, "start   {:.0} ms", t.start_ms);
    write_memory(&mut out, &t.memory);
    write_board(&mut out, &t.board);
    let _ = writeln!(out, "\nms, of {} runs after {} warm-up runs\n", t.runs, t.warm_up);
    let _ = writeln!(out, "{:<10}{:>10}{:>10}{:>10}{:>10}", "stage", "p50", "p95", "p99", "max");
    for (name, s) in t.stages_ms.named() {
        let _ =
            writeln!(out, "{name:<10}{:>10.3}{:>10.3}{:>10.3}{:>10.3}", s.p50, s.p95, s.p99, s.max);
    }
    if let Some(profile) = &t.profile {
        profile.write(&mut out);
    }
    out.chars().filter(|c| !c.is_control() || *c == '\n').collect()
}

fn write_memory(out: &mut String, memory: &Memory) {
    let mb = |bytes: u64| bytes as f64 * 1e-6;
    let _ = match &memory.resident {
        Some(r) => {
            let (now, peak) = (mb(r.rss_bytes), mb(r.peak_rss_bytes));
            writeln!(out, "memory  {now:.1} MB, peak {peak:.1} MB")
        }
        None => writeln!(out, "memory  not available on this system"),
    };
    if let Some(bytes) = memory.device_bytes {
        let _ = writeln!(out, "        {:.1} MB on the GPU", mb(bytes));
    }
}

fn write_board(out: &mut String, board: &BoardReport) {
    if let Some(mode) = &board.power_mode {
        let _ = writeln!(out, "mode    {mode}");
    }
    let mut write = |title: &str, ranges: &[Range], unit: &str| {
        for r in ranges {
            let limit = r.limit.map(|max| format!(", limit {max:.0}"));
            let limit = limit.unwrap_or_default();
            let _ = writeln!(
                out,
                "{title:<8}{}: {:.2} {unit} ({:.2} to {:.2}){limit}",
                r.name, r.mean, r.least, r.most
            );
        }
    };
    write("power", &board.power_w, "W");
    write("clock", &board.clocks_mhz, "MHz");
    write("temp", &board.temperatures_c, "°C");
    if !board.absent.is_empty() {
        let _ = writeln!(out, "board   not available: {}", board.absent.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let hundred = Percentiles::of((1..=100).rev().map(f64::from).collect());
        assert_eq!(hundred, Percentiles { p50: 50.0, p95: 95.0, p99: 99.0, max: 100.0 });
        let three = Percentiles::of(vec![3.0, 1.0, 2.0]);
        assert_eq!(three, Percentiles { p50: 2.0, p95: 3.0, p99: 3.0, max: 3.0 });
        let one = Percentiles::of(vec![7.0]);
        assert_eq!(one, Percentiles { p50: 7.0, p95: 7.0, p99: 7.0, max: 7.0 });
    }
}

//! `fiducia bench`: how long a detection takes on this device, and each of its stages; on a GPU each step, against what the device
//! reaches. What the board says of itself meanwhile stands beside it.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use fiducia::{BackendInfo, Detector, Error, ErrorKind, Radiograph, Timings};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::arguments::BenchArguments;
use super::board::{Board, BoardReport, Range, Resident};
#[cfg(feature = "gpu")]
use super::profile::{Profile, profile};
use super::{device, model, print};

/// The board is read between runs, no more often than this: it takes the processor time.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

#[derive(Serialize)]
struct Timed {
    model: String,
    size_px: [usize; 2],
    backend: BackendInfo,
    /// Loading the pack, opening the device, compiling; ms.
    start_ms: f64,
    /// Runs before the timed ones: buffers grow and clocks rise in the first.
    warm_up: u16,
    runs: u16,
    /// From pixels in memory to landmarks, and its parts; stages on a GPU are its own times, the total is wall time.
    stages_ms: Stages,
    memory: Memory,
    board: BoardReport,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    profile: Option<Profile>,
}

#[derive(Serialize)]
struct Stages {
    preprocess: Spread,
    backbone: Spread,
    crop: Spread,
    refine: Spread,
    decode: Spread,
    total: Spread,
}

/// Percentiles of all runs, each the least value that so many percent do not exceed; ms.
#[derive(Debug, PartialEq, Serialize)]
struct Spread {
    p50: f64,
    p95: f64,
    p99: f64,
    max: f64,
}

/// Bytes, after the last run; missing where they are not known.
#[derive(Serialize)]
struct Memory {
    /// Main memory of this process, the image included.
    #[serde(flatten)]
    resident: Option<Resident>,
    /// Memory of the GPU that is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_bytes: Option<u64>,
}

/// There is none without a GPU path.
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
    let pack = model::open_or_default(arguments.model.as_deref(), None)?;
    let mut detector = device::detector(&pack, &arguments.device, &pack.manifest().landmarks)?;
    let start_ms = start.elapsed().as_secs_f64() * 1e3;
    let reading = detector.reading(arguments.spacing);
    let radiograph = Radiograph::open_as(&arguments.image, &reading)?;
    let mut board = Board::below(Path::new("/"));
    let runs = runs(&mut detector, &radiograph, &mut board, arguments)?;
    // Before the profile, which takes memory of its own.
    let memory = Memory { resident: board.resident(), device_bytes: device_bytes(&detector) };
    let profile = if arguments.profile { Some(profile(&mut detector)?) } else { None };
    let timed = Timed {
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
    print(&if arguments.json { json(&timed)? } else { text(&timed) })
}

/// The times of the runs that count.
fn runs(
    detector: &mut Detector,
    radiograph: &Radiograph,
    board: &mut Board,
    arguments: &BenchArguments,
) -> Result<Vec<Timings>, Error> {
    let progress = progress(arguments);
    let observe = |detector: &mut Detector| {
        progress.inc(1);
        detector.observe(radiograph).map(|seen| seen.timings_ms)
    };
    for _ in 0..arguments.warm_up {
        observe(detector)?;
    }
    let (mut runs, mut looked) = (Vec::new(), None::<Instant>);
    for _ in 0..arguments.runs {
        runs.push(observe(detector)?);
        if looked.is_none_or(|at| at.elapsed() >= BETWEEN_LOOKS) {
            board.look();
            looked = Some(Instant::now());
        }
    }
    progress.finish_and_clear();
    Ok(runs)
}

/// A bar on standard error; it draws only where that is a terminal.
fn progress(arguments: &BenchArguments) -> ProgressBar {
    let runs = u64::from(arguments.warm_up) + u64::from(arguments.runs);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {eta} left");
    ProgressBar::with_draw_target(Some(runs), ProgressDrawTarget::stderr())
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

impl Stages {
    fn of(runs: &[Timings]) -> Self {
        let of = |stage: fn(&Timings) -> f64| Spread::of(runs.iter().map(stage).collect());
        Self {
            preprocess: of(|t| t.preprocess),
            backbone: of(|t| t.backbone),
            crop: of(|t| t.crop),
            refine: of(|t| t.refine),
            decode: of(|t| t.decode),
            total: of(|t| t.total),
        }
    }

    fn named(&self) -> [(&'static str, &Spread); 6] {
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

impl Spread {
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
    Err(Error::new(ErrorKind::Usage, "--profile needs a build with the GPU path; leave it out"))
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
    let _ = writeln!(out, "start   {:.0} ms", t.start_ms);
    write_memory(&mut out, &t.memory);
    write_board(&mut out, &t.board);
    let _ = writeln!(out, "\nms, of {} runs after {} that do not count\n", t.runs, t.warm_up);
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
            let (now, most) = (mb(r.rss_bytes), mb(r.peak_rss_bytes));
            writeln!(out, "memory  {now:.1} MB, at most {most:.1} MB")
        }
        None => writeln!(out, "memory  not told by this system"),
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
            let limit = r.limit.map(|most| format!(", up to {most:.0} allowed"));
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
    write("heat", &board.temperatures_c, "degrees C");
    if !board.absent.is_empty() {
        let _ = writeln!(out, "board   does not tell: {}", board.absent.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let hundred = Spread::of((1..=100).rev().map(f64::from).collect());
        assert_eq!(hundred, Spread { p50: 50.0, p95: 95.0, p99: 99.0, max: 100.0 });
        let three = Spread::of(vec![3.0, 1.0, 2.0]);
        assert_eq!(three, Spread { p50: 2.0, p95: 3.0, p99: 3.0, max: 3.0 });
        let one = Spread::of(vec![7.0]);
        assert_eq!(one, Spread { p50: 7.0, p95: 7.0, p99: 7.0, max: 7.0 });
    }
}

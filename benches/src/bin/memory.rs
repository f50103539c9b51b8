//! Memory of loaded and running models. `memory` prints rows (benches/results) for each device, each way to
//! share the networks and several numbers of landmarks. Each row is measured in a process of its own: `memory
//! NAME BACKEND MODELS FILE` of this program. The image and the memory of the process at its start are not
//! counted.

use std::path::Path;
use std::process::Command;

use fiducia::atomic::write_atomically;
use fiducia::{Detector, Error, ErrorKind, Pack};
use fiducia_benches::{
    CEPHALOGRAM_PX, Kind, Row, backend, backends, model, peak_resident, radiograph, resident,
    shipped_pack_path,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const SEED: u64 = 1;
const LANDMARKS: [usize; 5] = [1, 6, 19, 37, 68];
/// Images before memory use is steady.
const WARM_UP: usize = 2;
/// Images over which the peak memory is measured.
const STEADY: usize = 5;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => all(),
        [name, backend, models, file] => match models.parse() {
            Ok(models) => one(name, backend, models, Path::new(file)),
            Err(_) => Err(usage()),
        },
        _ => Err(usage()),
    };
    fiducia_benches::exit_code(done)
}

fn usage() -> Error {
    Error::new(ErrorKind::Usage, "usage: memory, or memory NAME BACKEND MODELS FILE")
}

/// Runs this program once for every row.
fn all() -> Result<(), Error> {
    let fault = |e: std::io::Error| Error::new(ErrorKind::Engine, format!("memory: {e}"));
    let program = std::env::current_exe().map_err(fault)?;
    let folder = tempfile::tempdir().map_err(fault)?;
    let run = |backend: &str, kind: &str, landmarks: usize, models: usize, file: &Path| {
        let name = format!("memory/{kind}/{backend}/{landmarks}");
        let arguments = [&name, backend, &models.to_string()];
        let status = Command::new(&program).args(arguments).arg(file).status().map_err(fault)?;
        if !status.success() {
            eprintln!("SKIPPED {name}");
        }
        Ok::<(), Error>(())
    };
    for backend in backends() {
        run(backend.name, "shipped", 19, 1, &shipped_pack_path())?;
        for kind in Kind::ALL {
            for landmarks in LANDMARKS {
                let [models, each] = kind.models(landmarks);
                // Many models on a GPU mean many device contexts.
                if models > 6 && backend.name != "cpu" {
                    continue;
                }
                let file = folder.path().join(format!("{}-{each}.fid", kind.name()));
                if !file.is_file() {
                    write_atomically(&file, model(kind, each, SEED)?.bytes())?;
                }
                run(backend.name, kind.name(), landmarks, models, &file)?;
            }
        }
    }
    Ok(())
}

fn one(name: &str, device: &str, models: usize, file: &Path) -> Result<(), Error> {
    let backend = backend(device).ok_or_else(usage)?;
    let image = radiograph(SEED, CEPHALOGRAM_PX);
    let before = Level::now();
    HEAP.reset_peak_usage();
    let mut file_bytes = 0;
    let mut detectors = Vec::with_capacity(models);
    for _ in 0..models {
        let pack = Pack::open(file)?;
        file_bytes += pack.file_len();
        detectors.push(Detector::on(&pack, &backend.options, &pack.manifest().landmarks)?);
    }
    let loaded = Level::now().beyond(&before);
    let mut rows = vec![Row::number(name, "file", file_bytes as f64, "bytes")];
    rows.extend(loaded.rows(name, "loaded"));
    let mut observe = |times: usize| -> Result<(), Error> {
        for _ in 0..times {
            for detector in &mut detectors {
                detector.observe(&image)?;
            }
        }
        Ok(())
    };
    observe(WARM_UP)?;
    HEAP.reset_peak_usage();
    observe(STEADY)?;
    rows.extend(Level::now().beyond(&before).rows(name, "steady"));
    let gpu: Option<u64> = detectors.iter().map(Detector::gpu_bytes).sum();
    rows.extend(gpu.map(|bytes| Row::number(name, "gpu", bytes as f64, "bytes")));
    rows.iter().for_each(|row| println!("{}", row.line()));
    Ok(())
}

/// Memory of this process at one moment, bytes.
#[derive(Clone, Copy)]
struct Level {
    heap: usize,
    peak_heap: usize,
    resident: Option<u64>,
    peak_resident: Option<u64>,
}

impl Level {
    fn now() -> Self {
        let (heap, peak_heap) = (HEAP.current_usage(), HEAP.peak_usage());
        Self { heap, peak_heap, resident: resident(), peak_resident: peak_resident() }
    }

    /// The increase since `before`, and the peaks since then.
    fn beyond(&self, before: &Self) -> Self {
        let more = |now: Option<u64>| Some(now?.saturating_sub(before.resident?));
        Self {
            heap: self.heap.saturating_sub(before.heap),
            peak_heap: self.peak_heap.saturating_sub(before.heap),
            resident: more(self.resident),
            peak_resident: more(self.peak_resident),
        }
    }

    fn rows(&self, name: &str, when: &str) -> Vec<Row> {
        let row =
            |what: &str, bytes: f64| Row::number(name, &format!("{what} {when}"), bytes, "bytes");
        let mut rows = vec![row("heap", self.heap as f64), row("peak heap", self.peak_heap as f64)];
        rows.extend(self.resident.map(|bytes| row("rss", bytes as f64)));
        rows.extend(self.peak_resident.map(|bytes| row("peak rss", bytes as f64)));
        rows
    }
}

//! The engine rten in a separate process, like `worker.py` for the others: `rten-rival FORM THREADS DIR`, where the number
//! format FORM of the graphs is `f32` or `int8`.
//!
//! Prints `MS CELLS KB`: the time of loading and the first run, the largest distance of its peaks from fiducia's in cells
//! of the heat maps, and the memory of the process before. It then answers every line with the milliseconds of one run.

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use fiducia_kernels::simd::peak;
use rten::{Model, ModelOptions, RunOptions, ThreadPool, Value};
use rten_tensor::Tensor;
use rten_tensor::prelude::*;
use serde_json::Value as Json;

type Res<T> = Result<T, Box<dyn Error>>;

fn main() -> Res<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [form, threads, folder] = arguments.as_slice() else {
        return Err("usage: rten-rival FORM THREADS DIR".into());
    };
    serve(form, threads.parse()?, Path::new(folder))
}

fn serve(form: &str, threads: usize, folder: &Path) -> Res<()> {
    let shapes: Json = serde_json::from_slice(&std::fs::read(folder.join("shapes.json"))?)?;
    let inputs = Inputs::read(folder, &shapes)?;
    let expected = floats(&folder.join("peaks.f32"))?;
    let before = resident_kb()?;
    let start = Instant::now();
    let networks = Networks::new(form, threads, folder, &shapes)?;
    let found = networks.run(&inputs)?;
    let load = start.elapsed().as_secs_f64() * 1e3;
    let apart = |(a, b): (&f32, &f32)| (a - b).abs();
    // NaN must not count as agreement.
    let off =
        found.iter().zip(&expected).map(apart).fold(0.0, |m: f32, d| if d <= m { m } else { d });
    say(&format!("{load} {off} {before}"))?;
    for line in std::io::stdin().lock().lines() {
        line?;
        let start = Instant::now();
        networks.run(&inputs)?;
        say(&format!("{}", start.elapsed().as_secs_f64() * 1e3))?;
    }
    Ok(())
}

fn say(text: &str) -> Res<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Shape and values.
type Array = (Vec<usize>, Vec<f32>);

/// The inputs of the two graphs.
struct Inputs {
    whole: Array,
    /// Regions, then one tensor for each adapter input.
    refine: Vec<Array>,
}

impl Inputs {
    fn read(folder: &Path, shapes: &Json) -> Res<Self> {
        let array = |name: &str, dims: &Json| -> Res<Array> {
            Ok((dims_of(dims)?, floats(&folder.join(name))?))
        };
        let mut refine = vec![array("regions.f32", &shapes["regions"])?];
        let adapters = shapes["adapters"].as_array().ok_or("no adapters")?;
        for (k, dims) in adapters.iter().enumerate() {
            refine.push(array(&format!("adapter{k}.f32"), dims)?);
        }
        Ok(Self { whole: array("whole.f32", &shapes["whole"])?, refine })
    }
}

struct Networks {
    backbone: Model,
    refine: Model,
    pool: std::sync::Arc<ThreadPool>,
    radii: [usize; 2],
}

impl Networks {
    fn new(form: &str, threads: usize, folder: &Path, shapes: &Json) -> Res<Self> {
        let load = |name: &str| -> Res<Model> {
            let path: PathBuf = folder.join(format!("{name}.{form}.onnx"));
            Ok(ModelOptions::with_all_ops().prepack_weights(true).load_file(path)?)
        };
        let radius = |key: &str| shapes[key].as_u64().ok_or("no radius").map(|r| r as usize);
        Ok(Self {
            backbone: load("backbone")?,
            refine: load("refine")?,
            pool: ThreadPool::with_num_threads(threads).into(),
            radii: [radius("coarse_peak_radius")?, radius("fine_peak_radius")?],
        })
    }

    /// Peaks of all coarse heat maps, then of all fine ones, cells.
    fn run(&self, inputs: &Inputs) -> Res<Vec<f32>> {
        let mut found = self.peaks(&self.backbone, std::slice::from_ref(&inputs.whole), 0)?;
        found.extend(self.peaks(&self.refine, &inputs.refine, 1)?);
        Ok(found)
    }

    fn peaks(&self, model: &Model, inputs: &[Array], stage: usize) -> Res<Vec<f32>> {
        let ids = model.input_ids().iter().copied();
        let inputs = ids
            .zip(inputs)
            .map(|(id, (shape, values))| {
                Ok((id, Value::from_shape(shape.as_slice(), values.clone())?.into()))
            })
            .collect::<Res<Vec<_>>>()?;
        let options = RunOptions::default().with_thread_pool(Some(self.pool.clone()));
        let outputs = model.run(inputs, model.output_ids(), Some(options))?;
        let maps = outputs.into_iter().next().ok_or("no output")?;
        let maps: Tensor<f32> = maps.try_into()?;
        Ok(decode(&maps, self.radii[stage]))
    }
}

/// The peak of each map of `[…, h, w]`: x and y alternately.
fn decode(maps: &Tensor<f32>, radius: usize) -> Vec<f32> {
    let shape = maps.shape();
    let [height, width] = [shape[shape.len() - 2], shape[shape.len() - 1]];
    let values = maps.to_vec();
    let at = |map| peak(map, width, height, radius).map_or([f32::NAN; 2], |p| [p.x, p.y]);
    values.chunks_exact(width * height).flat_map(at).collect()
}

fn dims_of(dims: &Json) -> Res<Vec<usize>> {
    let dims = dims.as_array().ok_or("no shape")?;
    dims.iter().map(|d| d.as_u64().map(|d| d as usize).ok_or("no shape".into())).collect()
}

/// Little-endian floats of a file.
fn floats(path: &Path) -> Res<Vec<f32>> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
}

/// Resident memory of this process, kB of 1,024 bytes; 0 where the system does not report it.
fn resident_kb() -> Res<u64> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb = line.and_then(|line| line.split_whitespace().next());
    Ok(kb.map_or(Ok(0), str::parse)?)
}

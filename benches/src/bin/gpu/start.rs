//! Start-up time until the first image. Each measurement runs in a new process of this program, because a
//! driver caches compiled shaders in memory.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use fiducia::{Adapter, Detector, DetectorOptions, Error, ErrorKind, Pack, Precision};
use fiducia_benches::Row;
use fiducia_kernels::gpu::self_test;

use crate::detect::{cases, options};
use crate::device::open;

/// First argument of the process that opens the device and runs the self-test of its shaders.
pub(crate) const SHADERS: &str = "--start-shaders";
/// First argument of the process that loads the head model and processes an image.
pub(crate) const MODEL: &str = "--start-model";

/// Environment variables that disable the disk caches of drivers.
const NO_CACHES: [(&str, &str); 2] =
    [("__GL_SHADER_DISK_CACHE", "0"), ("MESA_SHADER_CACHE_DISABLE", "true")];

/// Start-up without any cache, with the driver's cache and an empty fiducia cache, and with both caches
/// filled.
pub(crate) fn rows(name: &str, models: &Path, adapter: &Adapter) -> Result<(Vec<Row>, ()), Error> {
    let fault = |e: std::io::Error| Error::new(ErrorKind::Engine, format!("start: {e}"));
    let program = std::env::current_exe().map_err(fault)?;
    let cache = tempfile::tempdir().map_err(fault)?;
    let run = |caches: bool, arguments: &[&std::ffi::OsStr]| {
        let mut command = Command::new(&program);
        command.args(arguments).stderr(std::process::Stdio::inherit());
        if !caches {
            command.envs(NO_CACHES);
        }
        let done = command.output().map_err(fault)?;
        if done.status.success() {
            read(&String::from_utf8_lossy(&done.stdout))
        } else {
            Err(Error::new(ErrorKind::Engine, format!("start: {}", done.status)))
        }
    };
    let (models, adapter) = (models.as_os_str(), adapter.name.as_ref());
    let folder = cache.path().as_os_str();
    let [shaders, model] = [SHADERS.as_ref(), MODEL.as_ref()];
    let mut rows = Vec::new();
    for (which, caches, arguments) in [
        ("no caches", false, &[shaders, adapter][..]),
        ("no caches", false, &[model, models, adapter]),
        ("first", true, &[model, models, adapter, folder]),
        ("second", true, &[model, models, adapter, folder]),
    ] {
        let at = format!("{name}/start/{which}");
        for (figure, ms) in run(caches, arguments)? {
            rows.push(Row::number(&at, &figure, ms, "ms"));
        }
    }
    Ok((rows, ()))
}

/// Parses lines of a name, a comma and a time, ms.
fn read(text: &str) -> Result<Vec<(String, f64)>, Error> {
    let line = |line: &str| {
        let (figure, ms) = line.split_once(',')?;
        Some((figure.to_owned(), ms.parse().ok()?))
    };
    let strange = |l: &str| Error::new(ErrorKind::Engine, format!("start: no time in `{l}`"));
    text.lines().map(|l| line(l).ok_or_else(|| strange(l))).collect()
}

/// Opens the device and runs the self-test of its shaders.
pub(crate) fn shaders(adapter: &str) -> Result<(), Error> {
    let start = Instant::now();
    let gpu = open(adapter)?;
    tell("device", start);
    let start = Instant::now();
    self_test(&gpu, Precision::F32).map_err(Error::from)?;
    tell("self-test", start);
    Ok(())
}

/// Loads the head model from its file and processes an image; then loads it again in the same process.
pub(crate) fn model(models: &Path, adapter: &str, cache: Option<&Path>) -> Result<(), Error> {
    // The image is read before the clock starts.
    let radiograph = cases(models)?.swap_remove(0).radiograph;
    let options =
        DetectorOptions { cache: cache.map(Path::to_owned), ..options(adapter, Precision::F32) };
    let ready = || {
        let pack = Pack::open(&models.join("head.fid"))?;
        Detector::on(&pack, &options, &pack.manifest().landmarks)
    };
    let start = Instant::now();
    let mut detector = ready()?;
    tell("model ready", start);
    let start = Instant::now();
    detector.observe(&radiograph)?;
    tell("first image", start);
    let start = Instant::now();
    ready()?;
    tell("again in the process", start);
    Ok(())
}

fn tell(figure: &str, since: Instant) {
    println!("{figure},{}", since.elapsed().as_secs_f64() * 1e3);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_other_lines_are_not_taken_for_times() {
        let two = read("device,12.5\nself-test,3\n").unwrap();
        assert_eq!(two, [("device".to_owned(), 12.5), ("self-test".to_owned(), 3.0)]);
        for bad in ["device", "device,", "device,fast", "\n"] {
            assert!(read(bad).unwrap_err().to_string().contains("no time"), "{bad}");
        }
    }
}

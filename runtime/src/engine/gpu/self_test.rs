//! The self-test of a device: run before its first use, its outcome cached on disk.
//!
//! An outcome is valid for one adapter, driver, number format, set of shaders and pack. A file that is damaged, has
//! another schema or belongs to something else is ignored and replaced.

use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use fiducia_kernels::gpu::{Gpu, GpuError, GpuErrorKind, self_test};
use serde::{Deserialize, Serialize};

use super::cache_key::CacheKey;
use crate::atomic::write_privately;
use crate::engine::device::DetectorOptions;
use crate::error::Error;

/// Schema of the file.
const SCHEMA: &str = "fiducia.self-test/1";
/// An outcome is a few hundred bytes; a longer file is not one.
const MAX_BYTES: u64 = 1 << 16;

/// The outcome on disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    schema: String,
    tested: CacheKey,
    /// The shader that failed and how; `None` if all passed.
    fault: Option<String>,
}

/// Compares every shader with its reference on `gpu`: once per process and adapter, or once for all processes if
/// `wanted` names a cache folder.
///
/// # Errors
/// [`crate::error::ErrorKind::GpuWrong`] naming the shader that fails now or failed when it was tested.
pub(super) fn ensure_tested(
    gpu: &Gpu,
    subject: &CacheKey,
    wanted: &DetectorOptions,
) -> Result<(), Error> {
    static TESTED: Mutex<Vec<CacheKey>> = Mutex::new(Vec::new());
    // Locked while testing, so that detectors created at the same time test once.
    let mut passed = TESTED.lock().unwrap_or_else(PoisonError::into_inner);
    if !wanted.rerun_self_test && passed.iter().any(|earlier| earlier.same_device(subject)) {
        return Ok(());
    }
    outcome(subject, wanted, || {
        let start = Instant::now();
        self_test(gpu, wanted.precision)?;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        log::info!("self-test of {}: {ms:.0} ms", subject.adapter);
        Ok(())
    })?;
    passed.push(subject.clone());
    Ok(())
}

/// The cached outcome, else that of `test`, which is then cached.
fn outcome(
    tested: &CacheKey,
    wanted: &DetectorOptions,
    test: impl FnOnce() -> Result<(), GpuError>,
) -> Result<(), GpuError> {
    let file = tested.file("self-test", "json", wanted);
    if let Some(kept) =
        file.as_deref().filter(|_| !wanted.rerun_self_test).and_then(|f| read(f, tested))
    {
        log::debug!("self-test of {}: outcome of an earlier run", tested.adapter);
        return kept.map_or(Ok(()), |fault| {
            let message = format!("{fault} (tested earlier; --self-test tests again)");
            Err(GpuError::new(GpuErrorKind::Wrong, message))
        });
    }
    let outcome = test();
    let fault = match &outcome {
        Ok(()) => None,
        Err(e) if e.kind() == GpuErrorKind::Wrong => Some(e.to_string()),
        // The device was lost or out of memory: that says nothing about its shaders.
        Err(_) => return outcome,
    };
    if let Some(file) = file {
        let kept = Outcome { schema: SCHEMA.to_owned(), tested: tested.clone(), fault };
        keep(&file, &kept);
    }
    outcome
}

/// The cached fault of `tested`, `Some(None)` if it passed; `None` if there is no valid cache entry.
fn read(file: &Path, tested: &CacheKey) -> Option<Option<String>> {
    let mut text = String::new();
    // Reading a pipe would block.
    std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file)?;
    std::fs::File::open(file).ok()?.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    let kept: Outcome = serde_json::from_str(&text).ok()?;
    (kept.schema == SCHEMA && &kept.tested == tested).then_some(kept.fault)
}

/// If the folder cannot be written, the next process tests again; that is no error.
fn keep(file: &Path, kept: &Outcome) {
    let text = serde_json::to_string_pretty(kept).unwrap_or_default() + "\n";
    if let Err(e) = write_privately(file, text.as_bytes()) {
        log::info!("the self-test outcome is not cached: {e}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn tested() -> CacheKey {
        CacheKey {
            adapter: "adapter".into(),
            interface: "vulkan".into(),
            driver: "driver 1.2".into(),
            precision: "f32".into(),
            shaders: "aa".into(),
            pack: "bb".into(),
        }
    }

    /// Runs the test whose outcome is `fault`; says what came out and whether it ran.
    fn run(
        tested: &CacheKey,
        wanted: &DetectorOptions,
        fault: Option<&str>,
    ) -> (Result<(), String>, bool) {
        let ran = Cell::new(false);
        let outcome = outcome(tested, wanted, || {
            ran.set(true);
            fault.map_or(Ok(()), |fault| Err(GpuError::new(GpuErrorKind::Wrong, fault)))
        });
        (outcome.map_err(|e| e.to_string()), ran.get())
    }

    fn wanted(folder: &Path) -> DetectorOptions {
        DetectorOptions { cache: Some(folder.join("deep/cache")), ..DetectorOptions::default() }
    }

    #[test]
    fn an_outcome_is_found_again_for_the_same_device_only() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = wanted(folder.path());
        assert_eq!(run(&tested(), &wanted, None), (Ok(()), true));
        assert_eq!(run(&tested(), &wanted, None), (Ok(()), false));
        let others: [fn(&mut CacheKey); 6] = [
            |t| t.adapter.push('x'),
            |t| t.interface.push('x'),
            |t| t.driver.push('x'),
            |t| t.precision.push('x'),
            |t| t.shaders.push('x'),
            |t| t.pack.push('x'),
        ];
        for change in others {
            let mut other = tested();
            change(&mut other);
            assert_eq!(run(&other, &wanted, None), (Ok(()), true), "{other:?}");
        }
        let nowhere = DetectorOptions::default();
        assert_eq!(run(&tested(), &nowhere, None), (Ok(()), true));
        assert_eq!(run(&tested(), &nowhere, None), (Ok(()), true));
    }

    #[test]
    fn a_shader_that_failed_is_refused_by_name_until_it_is_tested_anew() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = wanted(folder.path());
        let (outcome, ran) = run(&tested(), &wanted, Some("shader peak gave 3"));
        assert!(ran && outcome.unwrap_err().contains("peak"));
        let (outcome, ran) = run(&tested(), &wanted, None);
        let message = outcome.unwrap_err();
        assert!(!ran && message.contains("peak") && message.contains("--self-test"), "{message}");
        let anew = DetectorOptions { rerun_self_test: true, ..wanted.clone() };
        assert_eq!(run(&tested(), &anew, None), (Ok(()), true));
        assert_eq!(run(&tested(), &wanted, None), (Ok(()), false));
    }

    #[test]
    fn a_lost_device_says_nothing_about_its_shaders() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = wanted(folder.path());
        let lost = || Err(GpuError::new(GpuErrorKind::Lost, "lost"));
        assert!(outcome(&tested(), &wanted, lost).is_err());
        assert_eq!(run(&tested(), &wanted, None), (Ok(()), true));
    }

    #[test]
    fn a_damaged_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = wanted(folder.path());
        let file = tested().file("self-test", "json", &wanted).unwrap();
        assert_eq!(run(&tested(), &wanted, None), (Ok(()), true));
        let whole = std::fs::read(&file).unwrap();
        let other = String::from_utf8(whole.clone()).unwrap().replace("driver 1.2", "driver 1.3");
        let damaged: [&[u8]; 5] =
            [b"", &whole[..whole.len() / 2], b"{}", &[0xff; 99], other.as_bytes()];
        for bytes in damaged {
            std::fs::write(&file, bytes).unwrap();
            assert_eq!(run(&tested(), &wanted, None), (Ok(()), true));
            assert_eq!(std::fs::read(&file).unwrap(), whole);
        }
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert_eq!(run(&tested(), &wanted, None), (Ok(()), true), "a folder in its place");
    }
}

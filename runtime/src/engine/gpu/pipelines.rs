//! The cache of compiled pipelines: from one run of the program to the next.

use std::io;
use std::path::PathBuf;

use fiducia_kernels::gpu::{CachedPipelines, Gpu, Program};

use super::cache_key::CacheKey;
use crate::atomic::write_privately;
use crate::engine::device::DetectorOptions;

/// The cache file.
#[derive(Debug)]
pub(super) struct Pipelines {
    /// `None` if nothing is to be cached.
    file: Option<PathBuf>,
    subject: [u8; 32],
    found: Option<CachedPipelines>,
}

impl Pipelines {
    /// Reads the cached pipelines of `subject`. If the device is tested again, its pipelines are compiled again too.
    pub(super) fn find(subject: &CacheKey, wanted: &DetectorOptions) -> Self {
        let mut it = Self {
            file: subject.file("pipelines", "bin", wanted),
            subject: subject.sha256(),
            found: None,
        };
        let Some(file) = it.file.as_deref() else { return it };
        match CachedPipelines::open(file, &it.subject) {
            Ok(kept) => it.found = (!wanted.rerun_self_test).then_some(kept),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                log::info!("pipelines are not cached in {}: {e}", file.display());
                it.file = None;
            }
            Err(e) => log::info!("pipelines in {} are compiled again: {e}", file.display()),
        }
        it
    }

    /// `gpu`, which then uses the cached pipelines.
    pub(super) fn lend(&self, gpu: Gpu) -> Gpu {
        // Without a cache file the driver need not collect anything.
        if self.file.is_some() { gpu.with_pipelines(self.found.as_ref()) } else { gpu }
    }

    /// Writes the pipelines of `program` to the cache if it was empty. An existing file is not rewritten, since a driver
    /// may return other bytes at each start: SwiftShader returns 32 more than it was given. If the folder cannot be
    /// written, the next run compiles again; that is no error.
    pub(super) fn keep(self, program: &Program) {
        let (count, ms) = program.pipelines();
        let earlier = self.found.as_ref().map_or(0, CachedPipelines::bytes);
        log::debug!("{count} pipelines in {ms:.0} ms, with {earlier} bytes of an earlier run");
        if self.found.is_some() {
            return;
        }
        let Some((file, made)) = self.file.zip(program.gpu().pipelines()) else { return };
        let Some(sealed) = made.sealed(&self.subject) else { return };
        match write_privately(&file, &sealed) {
            Ok(()) => {
                log::debug!("{} bytes of pipelines cached in {}", made.bytes(), file.display())
            }
            Err(e) => log::info!("pipelines are not cached in {}: {e}", file.display()),
        }
    }
}

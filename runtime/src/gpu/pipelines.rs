//! What the driver made of the shaders, kept from one run of the program to the next.

use std::io;
use std::path::PathBuf;

use fiducia_kernels::gpu::{CachedPipelines, Gpu, Program};

use super::subject::Subject;
use crate::Wanted;
use crate::atomic::write_privately;

/// The file of an earlier run.
#[derive(Debug)]
pub(super) struct Pipelines {
    /// `None` where nothing shall be kept.
    file: Option<PathBuf>,
    subject: [u8; 32],
    found: Option<CachedPipelines>,
}

impl Pipelines {
    /// Looks for what was kept about `subject`. Where the device is tested anew, so are its pipelines made.
    pub(super) fn find(subject: &Subject, wanted: &Wanted) -> Self {
        let mut it = Self {
            file: subject.file("pipelines", "bin", wanted),
            subject: subject.sha256(),
            found: None,
        };
        let Some(file) = it.file.as_deref() else { return it };
        match CachedPipelines::open(file, &it.subject) {
            Ok(kept) => it.found = (!wanted.test_anew).then_some(kept),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                log::info!("pipelines are not kept in {}: {e}", file.display());
                it.file = None;
            }
            Err(e) => log::info!("pipelines in {} are made anew: {e}", file.display()),
        }
        it
    }

    /// `gpu`, which makes its pipelines with the help of what was found.
    pub(super) fn lend(&self, gpu: Gpu) -> Gpu {
        // Where nothing is kept, the driver need not collect it.
        if self.file.is_some() { gpu.with_pipelines(self.found.as_ref()) } else { gpu }
    }

    /// Keeps what `program` is made of, where nothing was found. What was found stays as it is, since a driver may
    /// hand out other bytes at each start: SwiftShader hands out 32 more than it was given. A folder that cannot be
    /// written costs the next run its time, and is no error.
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
            Ok(()) => log::debug!("{} bytes of pipelines kept in {}", made.bytes(), file.display()),
            Err(e) => log::info!("pipelines are not kept in {}: {e}", file.display()),
        }
    }
}

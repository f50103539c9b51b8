//! What the driver made of shaders, as it lies on the disk.
//!
//! ```text
//!   0  16  "fiducia kept 01\n"
//!  16  32  subject: SHA-256 of what it was made of and for
//!  48   8  n, little-endian
//!  56   n  data, as wgpu handed it out
//! 56+n 32  seal: SHA-256 of all before
//! ```
//!
//! A driver runs what it is handed and checks little of it. The seal finds damage and no malice: who can write the
//! file can seal it anew. So a file is read only where no other user can have written it. Who can write as this
//! user can run what he likes as this user without our help.

extern crate std;
use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    path::Path,
    vec::Vec,
};

use sha2::{Digest, Sha256};

const FORM: &[u8; 16] = b"fiducia kept 01\n";
const DATA_AT: usize = 56;
const SEAL_BYTES: usize = 32;
/// Drivers keep some tens of KiB for a shader; a longer file is none of ours.
const MAX_BYTES: u64 = 64 << 20;

/// What a driver made of shaders: handed out by wgpu now, or in an earlier run of this user's.
///
/// It is made in this file and nowhere else, which [`super::Gpu::with_pipelines`] builds on.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptPipelines {
    data: Vec<u8>,
}

impl KeptPipelines {
    /// What `cache` has; `None` where the driver hands nothing out.
    pub(super) fn of(cache: &wgpu::PipelineCache) -> Option<Self> {
        cache.get_data().map(|data| Self { data })
    }

    /// Reads what was kept in `file` about `subject`.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] where there is none; [`io::ErrorKind::PermissionDenied`] where its folder is
    /// not of this user alone, so that nothing should be kept there; [`io::ErrorKind::InvalidData`] or another
    /// where the file is to be replaced: damaged, of another making, about something else, or writable by others.
    pub fn open(file: &Path, subject: &[u8; 32]) -> io::Result<Self> {
        let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !is_private(&fs::metadata(folder)?) {
            let message =
                "its folder belongs to or is writable by others; chmod go-w, or name another";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        let mut file = open_file(file)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(strange("it is no file"));
        }
        if !is_private(&found) {
            return Err(strange("it belongs to or is writable by others"));
        }
        if found.len() > MAX_BYTES {
            return Err(strange("it is too long"));
        }
        let mut bytes = Vec::with_capacity(found.len() as usize);
        file.by_ref().take(MAX_BYTES).read_to_end(&mut bytes)?;
        let data = unsealed(&bytes, subject)?;
        Ok(Self { data: data.to_vec() })
    }

    /// The file for [`KeptPipelines::open`]; `None` where it would be too long.
    pub fn sealed(&self, subject: &[u8; 32]) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(DATA_AT + self.data.len() + SEAL_BYTES);
        bytes.extend_from_slice(FORM);
        bytes.extend_from_slice(subject);
        bytes.extend_from_slice(&(self.data.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&self.data);
        let seal = Sha256::digest(&bytes);
        bytes.extend_from_slice(&seal);
        (bytes.len() as u64 <= MAX_BYTES).then_some(bytes)
    }

    /// Bytes of it.
    pub fn bytes(&self) -> usize {
        self.data.len()
    }

    pub(super) fn data(&self) -> &[u8] {
        &self.data
    }

    /// Never handed to a driver, but to wgpu with a head that wgpu refuses.
    #[cfg(test)]
    pub(super) fn made_up(data: &[u8]) -> Self {
        Self { data: data.to_vec() }
    }
}

impl core::fmt::Debug for KeptPipelines {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("KeptPipelines").field("bytes", &self.data.len()).finish()
    }
}

/// The data in `bytes`, where the seal is whole and the subject this one.
fn unsealed<'a>(bytes: &'a [u8], subject: &[u8; 32]) -> io::Result<&'a [u8]> {
    let damaged = || strange("it is damaged");
    let (all, seal) = bytes.split_last_chunk::<SEAL_BYTES>().ok_or_else(damaged)?;
    if Sha256::digest(all)[..] != seal[..] {
        return Err(damaged());
    }
    let (form, rest) = all.split_first_chunk::<16>().ok_or_else(damaged)?;
    let (about, rest) = rest.split_first_chunk::<32>().ok_or_else(damaged)?;
    let (count, data) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
    if form != FORM {
        return Err(strange("it is of another making"));
    }
    if about != subject {
        return Err(strange("it is about something else"));
    }
    if u64::from_le_bytes(*count) != data.len() as u64 {
        return Err(damaged());
    }
    Ok(data)
}

fn strange(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Opens the file itself, not what a link points to; a pipe without a writer makes nobody wait.
#[cfg(unix)]
fn open_file(path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    fs::OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)
}

/// Whether it belongs to the user who runs this program, and no other can write it.
#[cfg(unix)]
fn is_private(of: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_WRITE: u32 = 0o022;
    of.uid() == rustix::process::geteuid().as_raw() && of.mode() & OTHERS_WRITE == 0
}

#[cfg(not(unix))]
fn open_file(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Who else can write it is not known here, so nothing is read.
#[cfg(not(unix))]
fn is_private(_: &Metadata) -> bool {
    false
}

//! Pipelines that the driver compiled, as a file.
//!
//! ```text
//!   0  16  "fiducia kept 01\n"
//!  16  32  subject: SHA-256 of the shaders, the model file and the device
//!  48   8  n, little-endian
//!  56   n  data, as returned by wgpu
//! 56+n 32  checksum: SHA-256 of all bytes before it
//! ```
//!
//! A driver runs the data that it is given and checks little of it. The checksum finds damage, not malice: whoever can
//! write the file can compute it too. So a file is read only where no other user can have written it. A process of this
//! user needs no such file to run code as this user.

extern crate std;
use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    path::Path,
    vec::Vec,
};

use sha2::{Digest, Sha256};

const FORMAT: &[u8; 16] = b"fiducia kept 01\n";
const DATA_AT: usize = 56;
const CHECKSUM_BYTES: usize = 32;
/// Drivers return some tens of KiB for a shader; a longer file is not ours.
const MAX_BYTES: u64 = 64 << 20;

/// Pipelines that a driver compiled, now or in an earlier run of this user.
///
/// Only this file makes values of this type, and [`super::Gpu::with_pipelines`] relies on that.
#[derive(Clone, PartialEq, Eq)]
pub struct CachedPipelines {
    data: Vec<u8>,
}

impl CachedPipelines {
    /// The pipelines in `cache`; `None` where the driver provides none.
    pub(super) fn of(cache: &wgpu::PipelineCache) -> Option<Self> {
        cache.get_data().map(|data| Self { data })
    }

    /// Reads the pipelines of `subject` from `file`.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] where there is no file; [`io::ErrorKind::PermissionDenied`] where other users own or
    /// can write its folder, so that nothing should be cached there; [`io::ErrorKind::InvalidData`] or another where the
    /// file should be replaced: damaged, of another version, of another subject, or writable by others.
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
            return Err(invalid("it is not a file"));
        }
        if !is_private(&found) {
            return Err(invalid("it belongs to or is writable by others"));
        }
        if found.len() > MAX_BYTES {
            return Err(invalid("it is too long"));
        }
        let mut bytes = Vec::with_capacity(found.len() as usize);
        file.by_ref().take(MAX_BYTES).read_to_end(&mut bytes)?;
        let data = unsealed(&bytes, subject)?;
        Ok(Self { data: data.to_vec() })
    }

    /// The content of the file for [`CachedPipelines::open`]; `None` where it would be too long.
    pub fn sealed(&self, subject: &[u8; 32]) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(DATA_AT + self.data.len() + CHECKSUM_BYTES);
        bytes.extend_from_slice(FORMAT);
        bytes.extend_from_slice(subject);
        bytes.extend_from_slice(&(self.data.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&self.data);
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum);
        (bytes.len() as u64 <= MAX_BYTES).then_some(bytes)
    }

    /// Length of the data, bytes.
    pub fn bytes(&self) -> usize {
        self.data.len()
    }

    pub(super) fn data(&self) -> &[u8] {
        &self.data
    }

    /// Not given to a driver, only to wgpu with a header that wgpu refuses.
    #[cfg(test)]
    pub(super) fn example(data: &[u8]) -> Self {
        Self { data: data.to_vec() }
    }
}

impl core::fmt::Debug for CachedPipelines {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CachedPipelines").field("bytes", &self.data.len()).finish()
    }
}

/// The data in `bytes`, where the checksum is right and the subject is this one.
fn unsealed<'a>(bytes: &'a [u8], subject: &[u8; 32]) -> io::Result<&'a [u8]> {
    let damaged = || invalid("it is damaged");
    let (all, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or_else(damaged)?;
    if Sha256::digest(all)[..] != checksum[..] {
        return Err(damaged());
    }
    let (format, rest) = all.split_first_chunk::<16>().ok_or_else(damaged)?;
    let (about, rest) = rest.split_first_chunk::<32>().ok_or_else(damaged)?;
    let (count, data) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
    if format != FORMAT {
        return Err(invalid("it is of another version"));
    }
    if about != subject {
        return Err(invalid("it belongs to another model, device or version"));
    }
    if u64::from_le_bytes(*count) != data.len() as u64 {
        return Err(damaged());
    }
    Ok(data)
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Opens the file itself, not the target of a link, and does not block on a pipe.
#[cfg(unix)]
fn open_file(path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    fs::OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)
}

/// Whether it belongs to the user of this process, and no other user can write it.
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

/// The owner is not known here, so nothing is read.
#[cfg(not(unix))]
fn is_private(_: &Metadata) -> bool {
    false
}

//! Atomic writes: a file is written whole or not at all.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::error::{Error, ErrorKind};

/// A file that is complete on disk under a temporary name. If it is dropped without [`Staged::commit`], it is deleted.
///
/// ```
/// use fiducia::atomic::Staged;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("report.json");
/// // Several results: all are written before the first one appears.
/// let staged = Staged::new(&path, b"{}")?;
/// assert!(!path.exists());
/// if let Some(staged) = staged {
///     staged.commit()?;
/// }
/// assert!(path.exists());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
    // The path only: a batch must not hold one open file per image.
    file: tempfile::TempPath,
}

/// Writes `bytes` to a temporary file beside `path`, then renames it over `path`.
///
/// A device or pipe (`/dev/null`) is written to directly.
///
/// ```
/// use fiducia::atomic::write_atomically;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("report.json");
/// write_atomically(&path, b"{}")?;
/// assert_eq!(std::fs::read(&path)?, b"{}");
/// // A missing folder is an error, and nothing is left behind.
/// assert!(write_atomically(&folder.path().join("none/report.json"), b"{}").is_err());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ErrorKind::Unwritable`] where the folder does not exist or does not allow it; nothing is left behind.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    match Staged::new(path, bytes)? {
        Some(staged) => staged.commit(),
        None => Ok(()),
    }
}

/// Writes `file` atomically, readable by this user only. A missing folder is created, for this user only. A link or pipe
/// in place of the file is replaced, not followed.
#[cfg(feature = "gpu")]
pub(crate) fn write_privately(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder(file);
    let mut maker = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
    maker.recursive(true).create(folder)?;
    // A temporary file is private to its owner.
    let mut written = tempfile::Builder::new().prefix(".fiducia-").tempfile_in(folder)?;
    written.write_all(bytes)?;
    written.as_file().sync_all()?;
    written.persist(file).map(drop).map_err(|e| e.error)
}

/// Fails where [`write_atomically`] would, before there is anything to write.
///
/// # Errors
/// [`ErrorKind::Unwritable`], as [`write_atomically`].
pub fn check_writable(path: &Path) -> Result<(), Error> {
    if is_special(path) {
        return Ok(());
    }
    let target = target(path);
    temporary(&target).map(drop).map_err(|e| unwritable(path, &target, &e))
}

impl Staged {
    /// Writes `bytes` under a temporary name beside `path`. A device or pipe is written to at once; there is then nothing
    /// to commit, and the result is `None`.
    ///
    /// # Errors
    /// [`ErrorKind::Unwritable`], as [`write_atomically`].
    pub fn new(path: &Path, bytes: &[u8]) -> Result<Option<Self>, Error> {
        let target = target(path);
        let fail = |e| unwritable(path, &target, &e);
        if is_special(path) {
            let mut device = fs::OpenOptions::new().write(true).open(path).map_err(fail)?;
            return device.write_all(bytes).map(|()| None).map_err(fail);
        }
        let mut file = temporary(&target).map_err(fail)?;
        file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
        // A temporary file is private to its owner; a result is as readable as any new file.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&target).map_or(0o644, |m| m.permissions().mode());
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode & 0o777))
                .map_err(fail)?;
        }
        Ok(Some(Self { file: file.into_temp_path(), path: target }))
    }

    /// Renames the file to its final name; replaces an existing file.
    ///
    /// # Errors
    /// [`ErrorKind::Unwritable`], as [`write_atomically`].
    pub fn commit(self) -> Result<(), Error> {
        let Self { path, file } = self;
        file.persist(&path).map_err(|e| unwritable(&path, &path, &e.error))
    }
}

/// The file that a link points to, so that the link stays.
fn target(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Whether `path` is neither a file, a folder nor free: renaming over it would destroy a device.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn temporary(target: &Path) -> io::Result<tempfile::NamedTempFile> {
    if target.is_dir() || target.file_name().is_none() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    tempfile::Builder::new().prefix(".fiducia-").tempfile_in(folder(target))
}

fn unwritable(path: &Path, target: &Path, e: &io::Error) -> Error {
    // The kind alone: the whole error names the temporary file, which would confuse the reader.
    let (what, hint) = if e.kind() == io::ErrorKind::IsADirectory {
        ("it is a folder".to_owned(), "name a file")
    } else if folder(target).is_dir() {
        (e.kind().to_string(), "check the permissions and the free space")
    } else {
        (format!("there is no folder {}", folder(target).display()), "create it first")
    };
    Error::new(ErrorKind::Unwritable, format!("cannot write {}: {what}; {hint}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn writes_over_a_file_and_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a"), folder.path().join("b"));
        write_atomically(&file, b"old").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(&file, &link).unwrap();
        #[cfg(not(unix))]
        fs::hard_link(&file, &link).unwrap();
        write_atomically(&link, b"new").unwrap();
        assert_eq!((fs::read(&link).unwrap(), entries(folder.path())), (b"new".to_vec(), 2));
        #[cfg(unix)]
        assert_eq!(fs::read(&file).unwrap(), b"new");
    }

    #[test]
    fn what_is_staged_and_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let staged = Staged::new(&folder.path().join("a"), b"x").unwrap().unwrap();
        assert_eq!(entries(folder.path()), 1);
        drop(staged);
        assert_eq!(entries(folder.path()), 0);
    }

    #[test]
    fn refuses_a_missing_folder_a_folder_and_a_place_under_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        write_atomically(&file, b"x").unwrap();
        for path in [folder.path().join("no/a"), folder.path().to_owned(), file.join("a")] {
            for outcome in [check_writable(&path), write_atomically(&path, b"x")] {
                let error = outcome.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unwritable);
                assert!(error.to_string().contains(&path.display().to_string()), "{error}");
            }
        }
        assert_eq!(entries(folder.path()), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_stays_a_device() {
        let null = Path::new("/dev/null");
        check_writable(null).unwrap();
        write_atomically(null, b"x").unwrap();
        assert!(!fs::metadata(null).unwrap().is_file());
    }
}

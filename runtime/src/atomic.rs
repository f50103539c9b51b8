//! Writing a file whole or not at all.

use std::{io::Write, path::Path};

use crate::{Error, ErrorKind};

/// Writes `bytes` to a temporary file beside `path`, then renames it over `path`.
///
/// # Errors
/// [`ErrorKind::Unwritable`] where the folder does not exist or does not allow it; nothing is left behind.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    let fail = |e: std::io::Error| {
        let hint = if folder.is_dir() {
            "check the permissions and the free space"
        } else {
            "create the folder first"
        };
        Error::new(ErrorKind::Unwritable, format!("cannot write {}: {e}; {hint}", path.display()))
    };
    let mut file =
        tempfile::Builder::new().prefix(".fiducia-").tempfile_in(folder).map_err(fail)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
    // A temporary file is private to its owner; a result is as readable as any new file.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map(|m| m.permissions().mode()).unwrap_or(0o644);
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode & 0o777))
            .map_err(fail)?;
    }
    file.persist(path).map_err(|e| fail(e.error))?;
    Ok(())
}

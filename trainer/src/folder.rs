//! Writes a folder completely or not at all.

use std::path::Path;

use fiducia::{Error, ErrorKind};

/// What may exist at the path of a new folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing.
    Free,
    /// Nothing, or an empty folder.
    FreeOrEmpty,
}

/// Checks that a folder can be written to `dir`.
///
/// Called before long work; [`write_folder`] calls it itself.
pub(crate) fn check_place(dir: &Path, place: Place) -> Result<(), Error> {
    let parent = parent_of(dir);
    if !parent.is_dir() {
        let message = format!(
            "cannot write the folder {}: {} is not a folder; create it first",
            dir.display(),
            parent.display()
        );
        return Err(Error::new(ErrorKind::Unwritable, message));
    }
    let empty = || std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none());
    if !dir.exists() || (place == Place::FreeOrEmpty && empty()) {
        return Ok(());
    }
    let message = format!("{} exists; choose a new folder or remove it first", dir.display());
    Err(Error::new(ErrorKind::Usage, message))
}

/// Fills a temporary folder beside `dir`, then renames it to `dir`.
///
/// If `fill` fails nothing is left behind.
pub(crate) fn write_folder<T>(
    dir: &Path,
    place: Place,
    fill: impl FnOnce(&Path) -> Result<T, Error>,
) -> Result<T, Error> {
    check_place(dir, place)?;
    let fail = |e: std::io::Error| {
        let message = format!("cannot write the folder {}: {e}", dir.display());
        Error::new(ErrorKind::Unwritable, message)
    };
    let temporary =
        tempfile::Builder::new().prefix(".fiducia-").tempdir_in(parent_of(dir)).map_err(fail)?;
    let filled = fill(temporary.path())?;
    // A temporary folder is private to its owner; the result gets the usual permissions of a folder.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(temporary.path(), std::fs::Permissions::from_mode(0o755))
            .map_err(fail)?;
    }
    // Renaming replaces an empty folder on Unix only.
    let _ = std::fs::remove_dir(dir);
    std::fs::rename(temporary.path(), dir).map_err(fail)?;
    let _ = temporary.keep();
    Ok(filled)
}

/// The parent folder of `dir`.
fn parent_of(dir: &Path) -> &Path {
    dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_folder_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("out");
        let failed = write_folder(&dir, Place::Free, |tmp| {
            std::fs::write(tmp.join("a"), "a").unwrap();
            Err::<(), _>(Error::new(ErrorKind::Usage, "no"))
        });
        assert!(failed.is_err());
        let nowhere = check_place(&root.path().join("none").join("out"), Place::Free).unwrap_err();
        assert_eq!(nowhere.kind(), ErrorKind::Unwritable);
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_with_content_is_never_replaced() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("out");
        let fill = |tmp: &Path| {
            std::fs::write(tmp.join("a"), "a").unwrap();
            Ok(())
        };
        std::fs::create_dir(&dir).unwrap();
        assert!(write_folder(&dir, Place::Free, fill).is_err());
        write_folder(&dir, Place::FreeOrEmpty, fill).unwrap();
        let again = write_folder(&dir, Place::FreeOrEmpty, fill).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Usage);
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
    }
}

//! File operations of the queue.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::Key;

/// The paths in a folder.
pub(super) fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

/// The entries of `folder` that are named by a key, with the times of their last change, the oldest first. Other names
/// are ignored.
pub(super) fn keyed(folder: &Path, suffix: &str) -> io::Result<Vec<(Key, SystemTime, PathBuf)>> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let key = name.strip_suffix(suffix).and_then(Key::parse);
        let changed = fs::metadata(&path).and_then(|about| about.modified());
        if let (Some(key), Ok(changed)) = (key, changed) {
            found.push((key, changed, path));
        }
    }
    found.sort_by(|a, b| (a.1, &a.2).cmp(&(b.1, &b.2)));
    Ok(found)
}

/// Writes a file and synchronises it to the disk.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Synchronises the names in a folder to the disk.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Removes a file or a folder, if it exists.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

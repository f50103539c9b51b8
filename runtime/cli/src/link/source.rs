//! The source of the images of exposures: a watched folder or one file.

use std::{
    collections::HashSet,
    fmt, fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use super::worker::Job;
use crate::images::is_image_name;

/// Interval between scans of the folder. A file counts as complete when it is unchanged between two scans.
const SCAN_INTERVAL: Duration = Duration::from_millis(100);

/// The source of the images of exposures.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// This file for every exposure.
    File(PathBuf),
    /// Files that arrive in this folder.
    Folder(PathBuf),
}

/// The files of a folder at some moment, as hashes, because there may be many. It does not contain times: images may
/// come from machines with other clocks. It does not contain sizes: a file that was still growing when an exposure
/// started does not belong to that exposure.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot(HashSet<u64>);

/// A file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    path: PathBuf,
    /// Changes if the file is replaced by another one, not if it is written to.
    identity: u64,
    bytes: u64,
    changed: SystemTime,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{} for every exposure", path.display()),
            Self::Folder(path) => write!(f, "new files in {}", path.display()),
        }
    }
}

impl Source {
    /// The current files. A single file is new for every exposure, so its snapshot is empty; it must exist.
    pub(super) fn snapshot(&self) -> io::Result<Snapshot> {
        match self {
            Self::File(path) => fs::metadata(path).map(|_| Snapshot::default()),
            Self::Folder(folder) => Ok(Snapshot(entries(folder)?.iter().map(hash).collect())),
        }
    }

    /// Waits for the image of a job: the first that is not in its snapshot, or, without a snapshot, the newest. `None`
    /// if the job ends first.
    pub(super) fn wait(&self, job: &Job) -> io::Result<Option<PathBuf>> {
        let folder = match self {
            Self::File(path) => return Ok(Some(path.clone())),
            Self::Folder(folder) => folder,
        };
        let mut last = None;
        loop {
            let now = pick(entries(folder)?, job.before.as_ref());
            if now.is_some() && now == last {
                return Ok(now.map(|entry| entry.path));
            }
            if job.is_over() {
                return Ok(None);
            }
            last = now;
            thread::sleep(SCAN_INTERVAL);
        }
    }
}

/// The oldest of the new images, or the newest of all. Empty files are ignored.
fn pick(entries: Vec<Entry>, before: Option<&Snapshot>) -> Option<Entry> {
    let age = |entry: &Entry| (entry.changed, entry.path.clone());
    let nonempty = entries.into_iter().filter(|entry| entry.bytes > 0);
    match before {
        Some(before) => nonempty.filter(|e| !before.0.contains(&hash(e))).min_by_key(age),
        None => nonempty.max_by_key(age),
    }
}

fn entries(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !is_image_name(&path) {
            continue;
        }
        // The file may have been moved away meanwhile.
        let Ok(about) = fs::metadata(&path) else { continue };
        if let (true, Ok(changed)) = (about.is_file(), about.modified()) {
            entries.push(Entry { path, identity: identity(&about), bytes: about.len(), changed });
        }
    }
    Ok(entries)
}

#[cfg(unix)]
fn identity(about: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(about)
}

/// Without inode numbers only a file with a new name counts as a new image.
#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> u64 {
    0
}

fn hash(entry: &Entry) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&entry.path, entry.identity).hash(&mut hasher);
    hasher.finish()
}

//! Where the images of exposures come from.

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

/// An image is there when it looks the same twice, so long apart.
const LOOK: Duration = Duration::from_millis(100);

/// Where the images of exposures come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// Always this one.
    File(PathBuf),
    /// What comes into this folder.
    Folder(PathBuf),
}

/// What was there at some moment, as hashes, because a folder may hold many images. Not by time of day:
/// images may come from machines whose clocks differ. Not by size: an image that still grew when an exposure
/// started is not of that exposure.
#[derive(Clone, Debug, Default)]
pub(super) struct Sighting(HashSet<u64>);

/// A file as a folder lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    path: PathBuf,
    /// Another where the file was replaced by one that was moved there, the same where it was written on.
    identity: u64,
    bytes: u64,
    changed: SystemTime,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{} for every exposure", path.display()),
            Self::Folder(path) => write!(f, "what comes into {}", path.display()),
        }
    }
}

impl Source {
    /// What is there now. A file stands for every exposure, so it is always new; it has to exist.
    pub(super) fn look(&self) -> io::Result<Sighting> {
        match self {
            Self::File(path) => fs::metadata(path).map(|_| Sighting::default()),
            Self::Folder(folder) => Ok(Sighting(entries(folder)?.iter().map(hash).collect())),
        }
    }

    /// Waits for the image of a job: the first that was not there before, or the newest. None where the job
    /// is over first.
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
            thread::sleep(LOOK);
        }
    }
}

/// The oldest of the new images, or the newest of all. A file without content is not there yet.
fn pick(entries: Vec<Entry>, before: Option<&Sighting>) -> Option<Entry> {
    let age = |entry: &Entry| (entry.changed, entry.path.clone());
    let filled = entries.into_iter().filter(|entry| entry.bytes > 0);
    match before {
        Some(before) => filled.filter(|e| !before.0.contains(&hash(e))).min_by_key(age),
        None => filled.max_by_key(age),
    }
}

fn entries(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !is_image_name(&path) {
            continue;
        }
        // A file that was moved away meanwhile is not there.
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

/// Where files have no number only a new name makes a new image.
#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> u64 {
    0
}

fn hash(entry: &Entry) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&entry.path, entry.identity).hash(&mut hasher);
    hasher.finish()
}

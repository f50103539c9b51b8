//! Images from a watched folder: handled like sent ones, then moved to its subfolder `taken` or `refused`.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime},
};

use super::{
    intake::{self, Offer, Refusal},
    shared::Shared,
};
use fiducia::radiograph::dicom::header::{self, Header};
use fiducia::radiograph::{file_start, is_dicom};

/// Interval between scans. A file counts as complete when it is unchanged between two scans.
const SCAN_INTERVAL: Duration = Duration::from_millis(500);
/// The sender in the log.
const FROM: &str = "watch";

/// Size, bytes, and time of the last change of a file.
type FileState = (u64, SystemTime);
/// State of all candidate files of the folder.
type Snapshot = HashMap<PathBuf, FileState>;

/// Scans `folder` until the node is stopped.
pub(super) fn run(shared: &Shared, folder: &Path) {
    let mut before = Snapshot::new();
    let mut logged = false;
    while !shared.is_stopping() {
        match scan(shared, folder, &before) {
            Ok(now) => (before, logged) = (now, false),
            Err(error) if !logged => {
                log::error!("event=watch_failed folder={} error=\"{error}\"", folder.display());
                logged = true;
            }
            Err(_) => {}
        }
        let next = Instant::now() + SCAN_INTERVAL;
        while Instant::now() < next && !shared.is_stopping() {
            thread::sleep(Duration::from_millis(100));
        }
    }
}

fn scan(shared: &Shared, folder: &Path, before: &Snapshot) -> io::Result<Snapshot> {
    let mut now = Snapshot::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Ok(about) = fs::metadata(&path) else { continue };
        let (true, Ok(changed)) = (about.is_file() && is_candidate(&path), about.modified()) else {
            continue;
        };
        let state = (about.len(), changed);
        if before.get(&path) != Some(&state) || state.0 == 0 {
            now.insert(path, state);
            continue;
        }
        let moved = match accept(shared, &path, state.0) {
            Ok(()) => move_to(folder, &path, "taken"),
            // Temporary: the file stays and is tried again.
            Err(Refusal::Queue | Refusal::Memory | Refusal::Disk(_)) => {
                now.insert(path, state);
                continue;
            }
            Err(_) => move_to(folder, &path, "refused"),
        };
        if let Err(error) = moved {
            log::error!("event=watch_failed error=\"cannot move an image: {error}\"");
            // Accepting it again creates no duplicate.
            now.insert(path, state);
        }
    }
    Ok(now)
}

/// Whether the file is DICOM by its name or its content.
fn is_candidate(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if name.starts_with('.') || name.ends_with(".part") || name == "dicomdir" {
        return false;
    }
    name.ends_with(".dcm") || file_start(path).is_ok_and(|start| is_dicom(&start))
}

fn accept(shared: &Shared, path: &Path, bytes: u64) -> Result<(), Refusal> {
    let refuse = |refusal: Refusal| {
        intake::log_refusal(shared, &refusal, "", FROM);
        refusal
    };
    let max = shared.config.limits.object_bytes();
    if bytes > max as u64 {
        return Err(refuse(Refusal::TooLarge));
    }
    let mut reservation = shared.budget.reserve();
    if !reservation.grow(2 * bytes as usize) {
        return Err(refuse(Refusal::Memory));
    }
    let file = fs::read(path).map_err(|e| refuse(Refusal::Disk(e)))?;
    let damaged = |what: String| refuse(Refusal::Damaged(what));
    let parts = header::parts(&file).map_err(damaged)?;
    let Header { sop_class, sop_instance, .. } =
        Header::read(parts.data, &parts.syntax).map_err(damaged)?;
    let syntax = parts.syntax.as_str();
    let Some(mut own) = intake::file_head(&sop_class, &sop_instance, syntax) else {
        return Err(refuse(Refusal::Uid));
    };
    let data_at = own.len();
    own.extend_from_slice(parts.data);
    let (sop_class, sop_instance) = (sop_class.as_str(), sop_instance.as_str());
    let offer = Offer { sop_class, sop_instance, syntax, file: &own, data_at, from: FROM };
    intake::accept(shared, &offer)
}

fn move_to(folder: &Path, path: &Path, into: &str) -> io::Result<()> {
    let into = folder.join(into);
    fs::create_dir_all(&into)?;
    fs::rename(path, into.join(path.file_name().unwrap_or(OsStr::new("image"))))
}

//! Images from a folder: taken as if they had been sent, then put into `taken` or `refused` beside them.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime},
};

use super::{
    Shared,
    intake::{self, Offer, Refusal},
};
use fiducia::{
    is_dicom,
    radiograph::dicom::header::{self, Header},
};

/// A file is there when it looks the same twice, so long apart.
const LOOK: Duration = Duration::from_millis(500);
/// Bytes by which DICOM is told.
const START: u64 = 132;
const FROM: &str = "watch";

/// What a folder says of a file.
type Sight = (u64, SystemTime);

/// Looks into `folder` until the node is ended.
pub(super) fn run(shared: &Shared, folder: &Path) {
    let mut before = HashMap::new();
    let mut complained = false;
    while !shared.is_stopping() {
        match look(shared, folder, &before) {
            Ok(now) => (before, complained) = (now, false),
            Err(error) if !complained => {
                log::error!("event=watch_failed folder={} error=\"{error}\"", folder.display());
                complained = true;
            }
            Err(_) => {}
        }
        let next = Instant::now() + LOOK;
        while Instant::now() < next && !shared.is_stopping() {
            thread::sleep(Duration::from_millis(100));
        }
    }
}

fn look(
    shared: &Shared,
    folder: &Path,
    before: &HashMap<PathBuf, Sight>,
) -> io::Result<HashMap<PathBuf, Sight>> {
    let mut now = HashMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Ok(about) = fs::metadata(&path) else { continue };
        let (true, Ok(changed)) = (about.is_file() && is_meant(&path), about.modified()) else {
            continue;
        };
        let sight = (about.len(), changed);
        if before.get(&path) != Some(&sight) || sight.0 == 0 {
            now.insert(path, sight);
            continue;
        }
        let moved = match take(shared, &path, sight.0) {
            Ok(()) => put(folder, &path, "taken"),
            // It may be taken later; it stays where it is.
            Err(Refusal::Queue | Refusal::Memory | Refusal::Disk(_)) => {
                now.insert(path, sight);
                continue;
            }
            Err(_) => put(folder, &path, "refused"),
        };
        if let Err(error) = moved {
            log::error!("event=watch_failed error=\"cannot move what was taken: {error}\"");
            // Taken once more it doubles nothing.
            now.insert(path, sight);
        }
    }
    Ok(now)
}

/// Whether a file of this name, or with this content, is taken.
fn is_meant(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if name.starts_with('.') || name.ends_with(".part") || name == "dicomdir" {
        return false;
    }
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(START).read_to_end(&mut start));
    name.ends_with(".dcm") || read.is_ok() && is_dicom(&start)
}

fn take(shared: &Shared, path: &Path, bytes: u64) -> Result<(), Refusal> {
    let refuse = |refusal: Refusal| {
        intake::turned_away(shared, &refusal, "", FROM);
        refusal
    };
    let most = shared.config.limits.object_bytes();
    if bytes > most as u64 {
        return Err(refuse(Refusal::TooLarge));
    }
    let mut share = shared.budget.share();
    if !share.grow(2 * bytes as usize) {
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
    intake::take(shared, &offer)
}

fn put(folder: &Path, path: &Path, into: &str) -> io::Result<()> {
    let into = folder.join(into);
    fs::create_dir_all(&into)?;
    fs::rename(path, into.join(path.file_name().unwrap_or(OsStr::new("image"))))
}

//! The queue on the disk. What it holds survives the end of the process at any moment.
//!
//! ```text
//! incoming/                half-written; emptied at the start
//! received/KEY.dcm         taken, to be looked at
//! begun/KEY                how often it was begun
//! results/KEY/             N.dcm, record.json, DESTINATION.sent: made, being sent
//! done/KEY.json            the record: done
//! failed/KEY.dcm, KEY/     what somebody has to look at
//! ```
//!
//! `KEY` is the SOP instance and the SHA-256 of what was sent under it. Every step is a rename, and files are on
//! the disk before they get their names, so that what is found after a crash is whole and in one place; where it is
//! in two, the later one is right.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

use super::{queue::Queue, uid};
use fiducia::results::Object;

/// An image that ended the process as often as this is not tried again.
const TRIES: u32 = 3;
const FOLDERS: [&str; 6] = ["incoming", "received", "begun", "results", "done", "failed"];

/// One image: its UID and the hash of what was sent under it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) instance: String,
    /// SHA-256, hexadecimal.
    pub(super) content: String,
}

impl Key {
    fn stem(&self) -> String {
        format!("{}-{}", self.instance, self.content)
    }

    fn parse(stem: &str) -> Option<Self> {
        let (instance, content) = stem.split_once('-')?;
        let is_hash = content.len() == 64 && content.bytes().all(|b| b.is_ascii_hexdigit());
        let key = Self { instance: instance.to_owned(), content: content.to_owned() };
        (is_hash && uid::is_valid(instance)).then_some(key)
    }

    /// What the log calls the image.
    pub(super) fn short(&self) -> String {
        uid::short(&self.instance)
    }
}

/// An image to look at, or its results to send.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) key: Key,
    /// When the image was on the disk.
    pub(super) received: SystemTime,
}

/// What became of an image. Nothing of the patient is in it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) image: String,
    /// When the image was on the disk, ms since 1970.
    pub(super) received_ms: u64,
    pub(super) outcome: String,
    pub(super) model: Option<String>,
    pub(super) model_sha256: Option<String>,
    pub(super) device: Option<String>,
    pub(super) objects: Vec<Made>,
    /// Which objects each destination gets.
    pub(super) owed: BTreeMap<String, Vec<usize>>,
}

/// One object of a record; its file is `N.dcm`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) sop_class: String,
    pub(super) sop_instance: String,
}

/// What became of an image that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    /// It is on the disk.
    New,
    /// It was there already.
    Again,
    /// Another is there under its UID.
    Other,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Spool {
    root: PathBuf,
    /// Content by instance, of all that is not failed.
    known: Mutex<HashMap<String, String>>,
    pub(super) to_do: Queue<Job>,
    pub(super) to_send: BTreeMap<String, Queue<Job>>,
    /// Tells files in `incoming` apart.
    number: AtomicU64,
}

impl Spool {
    /// Opens the folder and finds out what is to be done in it.
    pub(super) fn open(root: &Path, destinations: &[&str], remembered: usize) -> io::Result<Self> {
        for folder in FOLDERS {
            fs::create_dir_all(root.join(folder))?;
        }
        let to_send = destinations.iter().map(|&name| (name.to_owned(), Queue::default()));
        let spool = Self {
            root: root.to_owned(),
            known: Mutex::default(),
            to_do: Queue::default(),
            to_send: to_send.collect(),
            number: AtomicU64::new(0),
        };
        for path in entries(&spool.folder("incoming"))? {
            remove(&path)?;
        }
        spool.remember_done(remembered)?;
        spool.find_results()?;
        spool.find_received()?;
        Ok(spool)
    }

    fn remember_done(&self, remembered: usize) -> io::Result<()> {
        let mut done = keyed(&self.folder("done"), ".json")?;
        let surplus = done.len().saturating_sub(remembered);
        for (_, _, path) in done.drain(..surplus) {
            remove(&path)?;
        }
        let mut known = self.lock();
        known.extend(done.into_iter().map(|(key, ..)| (key.instance, key.content)));
        Ok(())
    }

    fn find_results(&self) -> io::Result<()> {
        for (key, _, path) in keyed(&self.folder("results"), "")? {
            if self.knows(&key) {
                remove(&path)?;
                continue;
            }
            match self.record(&key) {
                Ok(record) => {
                    self.lock().insert(key.instance.clone(), key.content.clone());
                    let job = Job { key, received: time(record.received_ms) };
                    self.hand_out(&job, &record)?;
                }
                Err(error) => {
                    log::error!("image={} event=results_unreadable error=\"{error}\"", key.short());
                    self.fail(&key)?;
                }
            }
        }
        Ok(())
    }

    fn find_received(&self) -> io::Result<()> {
        for (key, received, path) in keyed(&self.folder("received"), ".dcm")? {
            if self.knows(&key) {
                remove(&path)?;
            } else if self.times_begun(&key) >= TRIES {
                log::error!("image={} event=given_up tries={TRIES}", key.short());
                self.fail(&key)?;
            } else {
                self.lock().insert(key.instance.clone(), key.content.clone());
                self.to_do.push(Job { key, received });
            }
        }
        Ok(())
    }

    /// Takes an image: when this returns, it is on the disk and will be there after a crash.
    pub(super) fn accept(&self, key: Key, file: &[u8]) -> io::Result<Accepted> {
        let seen = |known: &HashMap<String, String>| {
            known.get(&key.instance).map(|content| match *content == key.content {
                true => Accepted::Again,
                false => Accepted::Other,
            })
        };
        if let Some(seen) = seen(&self.lock()) {
            return Ok(seen);
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let part = self.folder("incoming").join(format!("{}.{number}", key.stem()));
        let written = write_through(&part, file);
        let taken = written.and_then(|()| {
            // Held until the name is on the disk, so that nobody is told `Again` too early.
            let mut known = self.lock();
            if let Some(seen) = seen(&known) {
                return Ok(seen);
            }
            let path = self.received(&key);
            fs::rename(&part, &path)?;
            sync_folder(&self.folder("received"))?;
            known.insert(key.instance.clone(), key.content.clone());
            Ok(Accepted::New)
        });
        if !matches!(taken, Ok(Accepted::New)) {
            let _ = fs::remove_file(&part);
        } else {
            self.to_do.push(Job { key, received: SystemTime::now() });
        }
        taken
    }

    /// The file of an image that is to be looked at.
    pub(super) fn received(&self, key: &Key) -> PathBuf {
        self.folder("received").join(key.stem() + ".dcm")
    }

    /// Notes that an image is being looked at: should that end the process again and again, it is put aside.
    pub(super) fn begin(&self, key: &Key) -> io::Result<()> {
        let count = self.times_begun(key) + 1;
        fs::write(self.folder("begun").join(key.stem()), count.to_string())
    }

    /// Takes the note of [`Spool::begin`] back: it was not the image's fault.
    pub(super) fn not_begun(&self, key: &Key) {
        let _ = fs::remove_file(self.folder("begun").join(key.stem()));
    }

    fn times_begun(&self, key: &Key) -> u32 {
        let count = fs::read_to_string(self.folder("begun").join(key.stem()));
        count.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    /// Keeps the results of an image and hands them out to who is owed some.
    pub(super) fn made(&self, job: &Job, record: &Record, objects: &[Object]) -> io::Result<()> {
        let stem = job.key.stem();
        let new = self.folder("incoming").join(&stem);
        remove(&new)?;
        fs::create_dir(&new)?;
        for (number, object) in objects.iter().enumerate() {
            write_through(&new.join(format!("{number}.dcm")), &object.bytes)?;
        }
        write_through(&new.join("record.json"), &serde_json::to_vec_pretty(record)?)?;
        sync_folder(&new)?;
        fs::rename(&new, self.folder("results").join(&stem))?;
        sync_folder(&self.folder("results"))?;
        remove(&self.received(&job.key))?;
        remove(&self.folder("begun").join(&stem))?;
        self.hand_out(job, record)
    }

    fn hand_out(&self, job: &Job, record: &Record) -> io::Result<()> {
        for name in record.owed.keys() {
            match self.to_send.get(name) {
                _ if self.is_settled(&job.key, name) => {}
                Some(queue) => queue.push(job.clone()),
                None => {
                    let image = job.key.short();
                    log::warn!("image={image} event=destination_gone destination={name}");
                    self.settle(&job.key, name, "refused")?;
                }
            }
        }
        self.finish_if_settled(&job.key, record).map(drop)
    }

    /// What became of an image, while its results are being sent.
    pub(super) fn record(&self, key: &Key) -> io::Result<Record> {
        let bytes = fs::read(self.folder("results").join(key.stem()).join("record.json"))?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// The file of an object that is to be sent.
    pub(super) fn object(&self, key: &Key, number: usize) -> PathBuf {
        self.folder("results").join(key.stem()).join(format!("{number}.dcm"))
    }

    /// A destination has all that it is owed. True where it was the last.
    pub(super) fn sent(&self, key: &Key, destination: &str) -> io::Result<bool> {
        self.settle(key, destination, "sent")?;
        self.conclude(key)
    }

    /// A destination will not take it. True where it was the last.
    pub(super) fn refused(&self, key: &Key, destination: &str) -> io::Result<bool> {
        self.settle(key, destination, "refused")?;
        self.conclude(key)
    }

    fn conclude(&self, key: &Key) -> io::Result<bool> {
        match self.record(key) {
            Ok(record) => self.finish_if_settled(key, &record),
            // Another destination has settled and finished meanwhile.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    fn settle(&self, key: &Key, destination: &str, how: &str) -> io::Result<()> {
        let folder = self.folder("results").join(key.stem());
        fs::write(folder.join(format!("{destination}.{how}")), "")
    }

    fn is_settled(&self, key: &Key, destination: &str) -> bool {
        let folder = self.folder("results").join(key.stem());
        ["sent", "refused"].iter().any(|how| folder.join(format!("{destination}.{how}")).exists())
    }

    fn finish_if_settled(&self, key: &Key, record: &Record) -> io::Result<bool> {
        // Two destinations may settle at once; one of them finishes.
        let known = self.lock();
        let results = self.folder("results").join(key.stem());
        if !results.exists() || !record.owed.keys().all(|name| self.is_settled(key, name)) {
            return Ok(false);
        }
        let refused = |name: &String| results.join(format!("{name}.refused")).exists();
        if record.owed.keys().any(refused) {
            drop(known);
            self.fail(key)?;
            return Ok(true);
        }
        let done = self.folder("done").join(key.stem() + ".json");
        fs::rename(results.join("record.json"), done)?;
        sync_folder(&self.folder("done"))?;
        remove(&results)?;
        Ok(true)
    }

    /// Puts an image or its results aside. It is not known any more: sent again, it is looked at again.
    pub(super) fn fail(&self, key: &Key) -> io::Result<()> {
        let mut known = self.lock();
        let stem = key.stem();
        for (from, name) in [("received", format!("{stem}.dcm")), ("results", stem.clone())] {
            let (from, to) = (self.folder(from).join(&name), self.folder("failed").join(&name));
            if from.exists() {
                remove(&to)?;
                fs::rename(from, to)?;
            }
        }
        remove(&self.folder("begun").join(&stem))?;
        known.remove(&key.instance);
        sync_folder(&self.folder("failed"))
    }

    /// How many were put aside.
    pub(super) fn failed(&self) -> usize {
        entries(&self.folder("failed")).map_or(0, |all| all.len())
    }

    fn knows(&self, key: &Key) -> bool {
        self.lock().contains_key(&key.instance)
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

/// What is named by a key in `folder`, the oldest first; what has another name is not ours.
fn keyed(folder: &Path, ending: &str) -> io::Result<Vec<(Key, SystemTime, PathBuf)>> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let key = name.strip_suffix(ending).and_then(Key::parse);
        let changed = fs::metadata(&path).and_then(|about| about.modified());
        if let (Some(key), Ok(changed)) = (key, changed) {
            found.push((key, changed, path));
        }
    }
    found.sort_by(|a, b| (a.1, &a.2).cmp(&(b.1, &b.2)));
    Ok(found)
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Puts the names in a folder on the disk.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Removes a file or a folder, where it is there.
fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Milliseconds since 1970.
pub(super) fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

fn time(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(ms)
}

#[cfg(test)]
mod tests;

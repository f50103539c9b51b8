//! The queue on the disk. Its content survives a crash at any moment.
//!
//! ```text
//! incoming/                partly written files; emptied at the start
//! received/KEY.dcm         accepted, to be processed
//! begun/KEY                number of processing attempts
//! results/KEY/             N.dcm, record.json, DESTINATION.sent: processed, being sent
//! done/KEY.json            the record: finished
//! failed/KEY.dcm, KEY/     failed, to be examined by a person
//! ```
//!
//! `KEY` is the SOP instance and the SHA-256 of its content. Every step is a rename, and files are synchronised to the
//! disk before they are renamed. So after a crash each image is complete and in one folder; if it is in two, the later
//! one counts.

mod files;
mod recovery;

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::PathBuf,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

use super::{queue::Queue, uid};
use fiducia::results::Object;

/// Processing attempts that ended the process, after which an image is given up.
const MAX_ATTEMPTS: u32 = 3;
const FOLDERS: [&str; 6] = ["incoming", "received", "begun", "results", "done", "failed"];

/// One image: its SOP instance UID and the hash of its content.
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

    /// The name of the image in the log.
    pub(super) fn short(&self) -> String {
        uid::short(&self.instance)
    }
}

/// An image to process, or its results to send.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) key: Key,
    /// When the image was on the disk.
    pub(super) received: SystemTime,
}

/// The outcome of an image, without patient data; the file `record.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) image: String,
    /// When the image was on the disk, ms since 1970.
    pub(super) received_ms: u64,
    /// The label in the metrics.
    pub(super) outcome: String,
    pub(super) model: Option<String>,
    pub(super) model_sha256: Option<String>,
    pub(super) device: Option<String>,
    pub(super) objects: Vec<ObjectInfo>,
    /// Indices of the objects that each destination gets.
    pub(super) owed: BTreeMap<String, Vec<usize>>,
}

/// One object of a record; its file is `N.dcm`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ObjectInfo {
    pub(super) sop_class: String,
    pub(super) sop_instance: String,
}

/// The outcome of [`Spool::accept`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    /// The image is on the disk now.
    New,
    /// The image was accepted before.
    Duplicate,
    /// Another image was accepted under this UID.
    Conflict,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Spool {
    root: PathBuf,
    /// Content by SOP instance, of all images that have not failed.
    known: Mutex<HashMap<String, String>>,
    /// Images to process.
    pub(super) pending: Queue<Job>,
    /// Results to send, by the name of the destination.
    pub(super) outgoing: BTreeMap<String, Queue<Job>>,
    /// Makes the names of files in `incoming` unique.
    number: AtomicU64,
}

impl Spool {
    /// Stores an image: when this returns `New`, it is on the disk and survives a crash.
    pub(super) fn accept(&self, key: Key, file: &[u8]) -> io::Result<Accepted> {
        let earlier = |known: &HashMap<String, String>| {
            known.get(&key.instance).map(|content| match *content == key.content {
                true => Accepted::Duplicate,
                false => Accepted::Conflict,
            })
        };
        if let Some(earlier) = earlier(&self.lock()) {
            return Ok(earlier);
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let part = self.folder("incoming").join(format!("{}.{number}", key.stem()));
        let written = files::write_synced(&part, file);
        let accepted = written.and_then(|()| {
            // Locked until the rename is on the disk: a duplicate must not be acknowledged earlier.
            let mut known = self.lock();
            if let Some(earlier) = earlier(&known) {
                return Ok(earlier);
            }
            let path = self.received(&key);
            fs::rename(&part, &path)?;
            files::sync_folder(&self.folder("received"))?;
            known.insert(key.instance.clone(), key.content.clone());
            Ok(Accepted::New)
        });
        if !matches!(accepted, Ok(Accepted::New)) {
            let _ = fs::remove_file(&part);
        } else {
            self.pending.push(Job { key, received: SystemTime::now() });
        }
        accepted
    }

    /// The file of an image to process.
    pub(super) fn received(&self, key: &Key) -> PathBuf {
        self.folder("received").join(key.stem() + ".dcm")
    }

    /// Counts an attempt to process an image: one that ends the process repeatedly is given up.
    pub(super) fn count_attempt(&self, key: &Key) -> io::Result<()> {
        let count = self.attempts(key) + 1;
        fs::write(self.folder("begun").join(key.stem()), count.to_string())
    }

    /// Resets the count of [`Spool::count_attempt`]: the failure was not caused by the image.
    pub(super) fn reset_attempts(&self, key: &Key) {
        let _ = fs::remove_file(self.folder("begun").join(key.stem()));
    }

    fn attempts(&self, key: &Key) -> u32 {
        let count = fs::read_to_string(self.folder("begun").join(key.stem()));
        count.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    /// Stores the results of an image and queues them for its destinations.
    pub(super) fn store_results(
        &self,
        job: &Job,
        record: &Record,
        objects: &[Object],
    ) -> io::Result<()> {
        let stem = job.key.stem();
        let new = self.folder("incoming").join(&stem);
        files::remove(&new)?;
        fs::create_dir(&new)?;
        for (number, object) in objects.iter().enumerate() {
            files::write_synced(&new.join(format!("{number}.dcm")), &object.bytes)?;
        }
        files::write_synced(&new.join("record.json"), &serde_json::to_vec_pretty(record)?)?;
        files::sync_folder(&new)?;
        fs::rename(&new, self.folder("results").join(&stem))?;
        files::sync_folder(&self.folder("results"))?;
        files::remove(&self.received(&job.key))?;
        files::remove(&self.folder("begun").join(&stem))?;
        self.queue_results(job, record)
    }

    fn queue_results(&self, job: &Job, record: &Record) -> io::Result<()> {
        for name in record.owed.keys() {
            match self.outgoing.get(name) {
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

    /// The record of an image whose results are being sent.
    pub(super) fn record(&self, key: &Key) -> io::Result<Record> {
        let bytes = fs::read(self.folder("results").join(key.stem()).join("record.json"))?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// The file of an object to send.
    pub(super) fn object(&self, key: &Key, number: usize) -> PathBuf {
        self.folder("results").join(key.stem()).join(format!("{number}.dcm"))
    }

    /// Records that a destination has its results. Returns whether it was the last one.
    pub(super) fn mark_sent(&self, key: &Key, destination: &str) -> io::Result<bool> {
        self.settle(key, destination, "sent")?;
        self.finish(key)
    }

    /// Records that a destination rejects its results. Returns whether it was the last one.
    pub(super) fn mark_refused(&self, key: &Key, destination: &str) -> io::Result<bool> {
        self.settle(key, destination, "refused")?;
        self.finish(key)
    }

    fn finish(&self, key: &Key) -> io::Result<bool> {
        match self.record(key) {
            Ok(record) => self.finish_if_settled(key, &record),
            // Another destination was the last one meanwhile.
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
        // Two destinations may settle at once; only one of them finishes.
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
        files::sync_folder(&self.folder("done"))?;
        files::remove(&results)?;
        Ok(true)
    }

    /// Moves an image or its results to `failed`. It is no longer known: sent again, it is processed again.
    pub(super) fn fail(&self, key: &Key) -> io::Result<()> {
        let mut known = self.lock();
        let stem = key.stem();
        for (from, name) in [("received", format!("{stem}.dcm")), ("results", stem.clone())] {
            let (from, to) = (self.folder(from).join(&name), self.folder("failed").join(&name));
            if from.exists() {
                files::remove(&to)?;
                fs::rename(from, to)?;
            }
        }
        files::remove(&self.folder("begun").join(&stem))?;
        known.remove(&key.instance);
        files::sync_folder(&self.folder("failed"))
    }

    /// Number of failed images.
    pub(super) fn failed(&self) -> usize {
        files::entries(&self.folder("failed")).map_or(0, |all| all.len())
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

/// Milliseconds since 1970.
pub(super) fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

fn time(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(ms)
}

#[cfg(test)]
mod tests;

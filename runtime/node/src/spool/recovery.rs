//! Opening the queue: finds out from the files on the disk what has to be done.

use std::{
    fs, io,
    path::Path,
    sync::{Mutex, atomic::AtomicU64},
};

use super::{FOLDERS, Job, MAX_ATTEMPTS, Queue, Spool, files, time};

impl Spool {
    /// Opens the queue in the folder `root`. Of finished images the newest `remembered` stay known.
    pub(in super::super) fn open(
        root: &Path,
        destinations: &[&str],
        remembered: usize,
    ) -> io::Result<Self> {
        for folder in FOLDERS {
            fs::create_dir_all(root.join(folder))?;
        }
        let outgoing = destinations.iter().map(|&name| (name.to_owned(), Queue::default()));
        let spool = Self {
            root: root.to_owned(),
            known: Mutex::default(),
            pending: Queue::default(),
            outgoing: outgoing.collect(),
            number: AtomicU64::new(0),
        };
        for path in files::entries(&spool.folder("incoming"))? {
            files::remove(&path)?;
        }
        spool.load_done(remembered)?;
        spool.load_results()?;
        spool.load_received()?;
        Ok(spool)
    }

    fn load_done(&self, remembered: usize) -> io::Result<()> {
        let mut done = files::keyed(&self.folder("done"), ".json")?;
        let surplus = done.len().saturating_sub(remembered);
        for (_, _, path) in done.drain(..surplus) {
            files::remove(&path)?;
        }
        let mut known = self.lock();
        known.extend(done.into_iter().map(|(key, ..)| (key.instance, key.content)));
        Ok(())
    }

    fn load_results(&self) -> io::Result<()> {
        for (key, _, path) in files::keyed(&self.folder("results"), "")? {
            if self.knows(&key) {
                files::remove(&path)?;
                continue;
            }
            match self.record(&key) {
                Ok(record) => {
                    self.lock().insert(key.instance.clone(), key.content.clone());
                    let job = Job { key, received: time(record.received_ms) };
                    self.queue_results(&job, &record)?;
                }
                Err(error) => {
                    log::error!("image={} event=results_unreadable error=\"{error}\"", key.short());
                    self.fail(&key)?;
                }
            }
        }
        Ok(())
    }

    fn load_received(&self) -> io::Result<()> {
        for (key, received, path) in files::keyed(&self.folder("received"), ".dcm")? {
            if self.knows(&key) {
                files::remove(&path)?;
            } else if self.attempts(&key) >= MAX_ATTEMPTS {
                log::error!("image={} event=given_up tries={MAX_ATTEMPTS}", key.short());
                self.fail(&key)?;
            } else {
                self.lock().insert(key.instance.clone(), key.content.clone());
                self.pending.push(Job { key, received });
            }
        }
        Ok(())
    }
}

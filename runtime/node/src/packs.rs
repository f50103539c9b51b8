//! The detectors of all packs that rules name. A pack whose file changes is read anew, between two images; one that
//! is no good is not taken, and the one before goes on.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use super::{
    config::{Config, Rule},
    metrics::{Counter, Metrics},
};
use fiducia::{Detector, Error, Pack, PublicKey, Wanted};

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// One pack of the rules.
pub(super) struct Loaded {
    path: PathBuf,
    key: Option<PathBuf>,
    stamp: Option<Stamp>,
    pub(super) name: String,
    pub(super) sha256: String,
    pub(super) detector: Detector,
}

/// What a file looks like from outside: while this stays, it is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    changed: SystemTime,
    bytes: u64,
}

/// All packs of the rules.
pub(super) struct Packs {
    wanted: Wanted,
    all: Vec<Loaded>,
    looked: Instant,
}

impl Packs {
    /// Opens every pack once.
    ///
    /// # Errors
    /// Of the first that cannot be used.
    pub(super) fn open(config: &Config) -> Result<Self, Error> {
        let wanted = config.wanted();
        let mut all: Vec<Loaded> = Vec::new();
        for Rule { pack, require_signed, .. } in &config.rules {
            if !all.iter().any(|l| l.path == *pack && l.key == *require_signed) {
                all.push(Loaded::open(pack.clone(), require_signed.clone(), &wanted)?);
            }
        }
        Ok(Self { wanted, all, looked: Instant::now() })
    }

    /// The pack of a rule.
    pub(super) fn of(&mut self, rule: &Rule) -> Option<&mut Loaded> {
        self.all.iter_mut().find(|l| l.path == rule.pack && l.key == rule.require_signed)
    }

    pub(super) fn all(&self) -> &[Loaded] {
        &self.all
    }

    /// Reads anew what has changed. True where something did.
    pub(super) fn refresh(&mut self, metrics: &Metrics) -> bool {
        if self.looked.elapsed() < LOOK {
            return false;
        }
        self.looked = Instant::now();
        let wanted = &self.wanted;
        let refreshed: Vec<bool> =
            self.all.iter_mut().map(|loaded| loaded.refresh(wanted, metrics)).collect();
        refreshed.contains(&true)
    }

    /// Opens the device of a pack anew, after it was lost.
    ///
    /// # Errors
    /// As [`Detector::on`].
    pub(super) fn reopen(&mut self, rule: &Rule) -> Result<(), Error> {
        let wanted = self.wanted.clone();
        if let Some(loaded) = self.of(rule) {
            *loaded = Loaded::open(loaded.path.clone(), loaded.key.clone(), &wanted)?;
        }
        Ok(())
    }
}

impl Loaded {
    fn open(path: PathBuf, key: Option<PathBuf>, wanted: &Wanted) -> Result<Self, Error> {
        let stamp = stamp(&path);
        let pack = open(&path, &key)?;
        let manifest = pack.manifest();
        let detector = Detector::on(&pack, wanted, &manifest.landmarks)?;
        let (name, sha256) = (manifest.name.clone(), pack.sha256().to_owned());
        Ok(Self { path, key, stamp, name, sha256, detector })
    }

    fn refresh(&mut self, wanted: &Wanted, metrics: &Metrics) -> bool {
        let now = stamp(&self.path);
        if now == self.stamp {
            return false;
        }
        // Whatever comes of it: the file is looked at again when it changes again.
        self.stamp = now;
        let pack = match open(&self.path, &self.key) {
            Ok(pack) if pack.sha256() == self.sha256 => return false,
            Ok(pack) => pack,
            Err(error) => return self.keep(&error, metrics),
        };
        match Detector::on(&pack, wanted, &pack.manifest().landmarks) {
            Ok(detector) => {
                self.detector = detector;
                self.name.clone_from(&pack.manifest().name);
                pack.sha256().clone_into(&mut self.sha256);
                metrics.count(Counter::Reloads, "taken");
                let (name, hash) = (&self.name, &self.sha256[..12]);
                log::info!("event=pack_reloaded pack=\"{name}\" sha256={hash}");
                true
            }
            Err(error) => self.keep(&error, metrics),
        }
    }

    fn keep(&self, error: &Error, metrics: &Metrics) -> bool {
        metrics.count(Counter::Reloads, "refused");
        let hash = &self.sha256[..12];
        log::error!("event=pack_refused kept_sha256={hash} why=\"{error}\"");
        false
    }
}

fn open(path: &std::path::Path, key: &Option<PathBuf>) -> Result<Pack, Error> {
    let pack = Pack::open(path)?;
    if let Some(key) = key {
        pack.verify(&PublicKey::open(key)?).map_err(|e| e.at(path.display()))?;
    }
    Ok(pack)
}

fn stamp(path: &std::path::Path) -> Option<Stamp> {
    let about = fs::metadata(path).ok()?;
    Some(Stamp { changed: about.modified().ok()?, bytes: about.len() })
}

//! The detectors of the rules' model files. A model file that changes is reloaded between two images; if the new file
//! is not usable, the old model stays in use.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use super::{
    config::{Config, Rule},
    metrics::{Counter, Metrics},
};
use fiducia::{Detector, DetectorOptions, Error, Pack, PublicKey};

/// Interval between checks of the files.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A loaded model file.
pub(super) struct Loaded {
    path: PathBuf,
    key: Option<PathBuf>,
    stamp: Option<Stamp>,
    pub(super) name: String,
    pub(super) sha256: String,
    pub(super) detector: Detector,
}

/// Metadata of a file; it is read again only if this changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    changed: SystemTime,
    bytes: u64,
}

/// All model files of the rules.
pub(super) struct Packs {
    options: DetectorOptions,
    all: Vec<Loaded>,
    checked: Instant,
}

impl Packs {
    /// Opens every model file once.
    ///
    /// # Errors
    /// As [`Pack::open`], [`Pack::verify`] and [`Detector::on`] of the first model that cannot be used.
    pub(super) fn open(config: &Config) -> Result<Self, Error> {
        let options = config.device_options();
        let mut all: Vec<Loaded> = Vec::new();
        for Rule { pack, require_signed, .. } in &config.rules {
            if !all.iter().any(|l| l.path == *pack && l.key == *require_signed) {
                all.push(Loaded::open(pack.clone(), require_signed.clone(), &options)?);
            }
        }
        Ok(Self { options, all, checked: Instant::now() })
    }

    /// The model of a rule.
    pub(super) fn of(&mut self, rule: &Rule) -> Option<&mut Loaded> {
        self.all.iter_mut().find(|l| l.path == rule.pack && l.key == rule.require_signed)
    }

    pub(super) fn all(&self) -> &[Loaded] {
        &self.all
    }

    /// Reloads the files that have changed; returns whether there were any.
    pub(super) fn refresh(&mut self, metrics: &Metrics) -> bool {
        if self.checked.elapsed() < CHECK_INTERVAL {
            return false;
        }
        self.checked = Instant::now();
        let options = &self.options;
        let refreshed: Vec<bool> =
            self.all.iter_mut().map(|loaded| loaded.refresh(options, metrics)).collect();
        refreshed.contains(&true)
    }

    /// Opens the device of a rule's model again, after it was lost.
    ///
    /// # Errors
    /// As [`Detector::on`].
    pub(super) fn reopen(&mut self, rule: &Rule) -> Result<(), Error> {
        let options = self.options.clone();
        if let Some(loaded) = self.of(rule) {
            *loaded = Loaded::open(loaded.path.clone(), loaded.key.clone(), &options)?;
        }
        Ok(())
    }
}

impl Loaded {
    fn open(path: PathBuf, key: Option<PathBuf>, options: &DetectorOptions) -> Result<Self, Error> {
        let stamp = stamp(&path);
        let pack = open(&path, &key)?;
        let manifest = pack.manifest();
        let detector = Detector::on(&pack, options, &manifest.landmarks)?;
        let (name, sha256) = (manifest.name.clone(), pack.sha256().to_owned());
        Ok(Self { path, key, stamp, name, sha256, detector })
    }

    fn refresh(&mut self, options: &DetectorOptions, metrics: &Metrics) -> bool {
        let now = stamp(&self.path);
        if now == self.stamp {
            return false;
        }
        // In any case: an unusable file is read again only when it changes again.
        self.stamp = now;
        let pack = match open(&self.path, &self.key) {
            Ok(pack) if pack.sha256() == self.sha256 => return false,
            Ok(pack) => pack,
            Err(error) => return self.reject(&error, metrics),
        };
        match Detector::on(&pack, options, &pack.manifest().landmarks) {
            Ok(detector) => {
                self.detector = detector;
                self.name.clone_from(&pack.manifest().name);
                pack.sha256().clone_into(&mut self.sha256);
                metrics.count(Counter::Reloads, "taken");
                let (name, hash) = (&self.name, &self.sha256[..12]);
                log::info!("event=pack_reloaded pack=\"{name}\" sha256={hash}");
                true
            }
            Err(error) => self.reject(&error, metrics),
        }
    }

    fn reject(&self, error: &Error, metrics: &Metrics) -> bool {
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

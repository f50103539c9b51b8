//! The configuration of the node: one TOML file. An unknown key is an error that names the key.

mod destination;
mod rule;
mod tls;

pub use destination::{Destination, KindName};
pub use rule::{Pattern, Rule};
pub use tls::{DestinationTls, NodeTls};

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use fiducia::{Backend, DetectorOptions, Error, ErrorKind, Precision};

/// The configuration of the node. Relative paths start at the folder of the configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of the queue; created if it does not exist.
    pub spool: PathBuf,
    /// The node itself.
    #[serde(default)]
    pub dicom: Node,
    /// Upper bounds on what the node accepts.
    #[serde(default)]
    pub limits: Limits,
    /// The device that runs the networks.
    #[serde(default)]
    pub device: Device,
    /// Health, metrics and the status page; without it the node serves no HTTP.
    pub http: Option<Http>,
    /// A folder from which images are taken as well.
    pub watch: Option<Watch>,
    /// Which model processes which image; the first matching rule is used.
    #[serde(default, rename = "rule")]
    pub rules: Vec<Rule>,
    /// Where results are sent.
    #[serde(default, rename = "destination")]
    pub destinations: Vec<Destination>,
}

/// The node as its peers see it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Node {
    /// Its AE title, default `FIDUCIA`; an association that calls another title is rejected.
    pub ae: String,
    /// The address on which it listens, default `127.0.0.1`: reachable from this machine only.
    pub address: String,
    /// The port on which it listens, default 11112; 0 selects a free one.
    pub port: u16,
    /// AE titles that may call; if empty (the default), all may.
    pub calling: Vec<String>,
    /// TLS; without it associations are not encrypted.
    pub tls: Option<NodeTls>,
}

impl Default for Node {
    fn default() -> Self {
        let address = "127.0.0.1".to_owned();
        let ae = "FIDUCIA".to_owned();
        Self { ae, address, port: 11112, calling: Vec::new(), tls: None }
    }
}

/// Upper bounds on what the node accepts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Simultaneous associations, 1 to 256, default 16.
    pub associations: usize,
    /// Size of one image, MiB, 1 to 512, default 128.
    pub object_mib: usize,
    /// Memory for images that are being received, all associations together, MiB, default 512; at least twice
    /// `object_mib`.
    pub memory_mib: usize,
    /// Size of a protocol data unit, KiB, 16 to 16384, default 256.
    pub pdu_kib: u32,
    /// Seconds that a peer may be silent, 1 to 3600, default 30.
    pub idle_s: u64,
    /// Images that may wait, default 10,000.
    pub queue: usize,
    /// Finished images that are still recognised when they are sent again, default 100,000.
    pub remembered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            associations: 16,
            object_mib: 128,
            memory_mib: 512,
            pdu_kib: 256,
            idle_s: 30,
            queue: 10_000,
            remembered: 100_000,
        }
    }
}

/// The device that runs the networks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Device {
    backend: BackendName,
    adapter: Option<String>,
    precision: PrecisionName,
    cache: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BackendName {
    #[default]
    Auto,
    Cpu,
    Gpu,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PrecisionName {
    #[default]
    F32,
    F16,
    Int8,
}

/// The address of health, metrics and the status page.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port, default `127.0.0.1:8042`.
    #[serde(default = "Http::default_address")]
    pub address: String,
    /// Whether the status page shows thumbnails of the images, default `true`.
    #[serde(default = "enabled")]
    pub pictures: bool,
}

impl Http {
    fn default_address() -> String {
        "127.0.0.1:8042".to_owned()
    }
}

fn enabled() -> bool {
    true
}

/// A folder from which images are taken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// The folder.
    pub folder: PathBuf,
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] if the file cannot be read; [`ErrorKind::Usage`], with the line, if it is invalid.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|e| {
            let what = format!("cannot read the configuration {}: {e}", path.display());
            Error::new(ErrorKind::Unreadable, what)
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).map_err(|e| e.at(format!("configuration {}", path.display())))
    }

    /// Reads and checks the text of a configuration. Relative paths in it start at `folder`. No file is opened.
    ///
    /// ```
    /// # use std::path::Path;
    /// use fiducia_node::Config;
    ///
    /// let text = r#"
    ///     spool = "queue"
    ///     [dicom]
    ///     ae = "LANDMARKS"
    ///     [[rule]]
    ///     pack = "head.fid"
    ///     series = ["*ceph*"]
    ///     [[destination]]
    ///     name = "archive"
    ///     ae = "ARCHIVE"
    ///     address = "archive.example:104"
    /// "#;
    /// let config = Config::parse(text, Path::new("/etc/fiducia"))?;
    /// assert_eq!(config.dicom.port, 11112);
    /// assert_eq!(config.spool, Path::new("/etc/fiducia/queue"));
    ///
    /// let error = Config::parse("color = 1", Path::new("")).unwrap_err();
    /// assert!(error.to_string().contains("unknown field `color`"));
    /// # Ok::<(), fiducia::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Usage`], naming the key and the reason.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, Error> {
        let mut config: Self = toml::from_str(text)
            .map_err(|e| Error::new(ErrorKind::Usage, e.to_string().trim_end().to_owned()))?;
        config.check().map_err(|what| Error::new(ErrorKind::Usage, what))?;
        let resolve = |path: &mut PathBuf| *path = folder.join(&path);
        resolve(&mut config.spool);
        config.watch.iter_mut().for_each(|watch| resolve(&mut watch.folder));
        config.device.cache.iter_mut().for_each(resolve);
        config.dicom.tls.iter_mut().flat_map(NodeTls::paths).for_each(resolve);
        let destinations = config.destinations.iter_mut();
        destinations
            .filter_map(|d| d.tls.as_mut())
            .flat_map(DestinationTls::paths)
            .for_each(resolve);
        for rule in &mut config.rules {
            resolve(&mut rule.pack);
            rule.require_signed.iter_mut().for_each(resolve);
        }
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let Limits { associations, object_mib, memory_mib, pdu_kib, idle_s, queue, .. } =
            self.limits;
        title("dicom.ae", &self.dicom.ae)?;
        self.dicom.calling.iter().try_for_each(|ae| title("dicom.calling", ae))?;
        check_range("limits.associations", associations, 1, 256)?;
        check_range("limits.object_mib", object_mib, 1, 512)?;
        check_range("limits.memory_mib", memory_mib, 2 * object_mib, 16_384)?;
        check_range("limits.pdu_kib", pdu_kib as usize, 16, 16_384)?;
        check_range("limits.idle_s", idle_s as usize, 1, 3_600)?;
        check_range("limits.queue", queue, 1, 1_000_000)?;
        if self.rules.is_empty() {
            return Err("there is no [[rule]]: configure at least one model file".to_owned());
        }
        if self.destinations.is_empty() {
            return Err("there is no [[destination]]: results could not be sent".to_owned());
        }
        let mut names = BTreeSet::new();
        for destination in &self.destinations {
            destination.check()?;
            if !names.insert(&destination.name) {
                return Err(format!("two destinations are named `{}`", destination.name));
            }
        }
        Ok(())
    }

    /// The device options of all detectors.
    pub(super) fn device_options(&self) -> DetectorOptions {
        let Device { backend, adapter, precision, cache } = self.device.clone();
        DetectorOptions {
            backend: match backend {
                BackendName::Auto => Backend::Auto,
                BackendName::Cpu => Backend::Cpu,
                BackendName::Gpu => Backend::Gpu,
            },
            adapter,
            precision: match precision {
                PrecisionName::F32 => Precision::F32,
                PrecisionName::F16 => Precision::F16,
                PrecisionName::Int8 => Precision::Int8,
            },
            cache: cache.or_else(|| Some(self.spool.join("gpu"))),
            rerun_self_test: false,
        }
    }

    /// All kinds of results that any destination gets.
    pub(super) fn kinds(&self) -> Vec<KindName> {
        let kinds: BTreeSet<_> = self.destinations.iter().flat_map(|d| &d.kinds).collect();
        kinds.into_iter().copied().collect()
    }
}

impl Limits {
    pub(super) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_s)
    }

    /// Bytes of the largest protocol data unit.
    pub(super) fn pdu_bytes(&self) -> u32 {
        self.pdu_kib * 1024
    }

    pub(super) fn object_bytes(&self) -> usize {
        self.object_mib << 20
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.memory_mib << 20
    }
}

/// Application entity titles: 1 to 16 characters of the basic set (PS3.5, 6.2).
fn title(what: &str, ae: &str) -> Result<(), String> {
    let allowed = |c: char| (' '..='~').contains(&c) && c != '\\';
    if (1..=16).contains(&ae.len()) && ae.chars().all(allowed) && ae.trim() == ae {
        return Ok(());
    }
    Err(format!(
        "{what}: `{}` is not an AE title: 1 to 16 ASCII characters without surrounding spaces",
        ae.escape_default()
    ))
}

fn check_range(what: &str, value: usize, min: usize, max: usize) -> Result<(), String> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(format!("{what} is {value}; it must be {min} to {max}"))
}

#[cfg(test)]
mod tests;

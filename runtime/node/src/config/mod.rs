//! The configuration of the node: one TOML file. What it does not know it refuses by name.

mod rule;
mod tls;

pub use rule::{Pattern, Rule};
pub use tls::{DestinationTls, NodeTls};

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use dicom_dictionary_std::uids;
use serde::Deserialize;

use fiducia::{Backend, Error, ErrorKind, Precision, Wanted};

/// All that the node is told. Paths in the file that are not absolute are meant from the file's folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of the queue; it is made where it is not there.
    pub spool: PathBuf,
    /// The node itself.
    #[serde(default)]
    pub dicom: Node,
    /// What it takes at most.
    #[serde(default)]
    pub limits: Limits,
    /// What runs the networks.
    #[serde(default)]
    pub device: Device,
    /// Health, metrics and the status page; none without it.
    pub http: Option<Http>,
    /// A folder from which images are taken too.
    pub watch: Option<Watch>,
    /// Which pack looks at which image; the first that fits.
    #[serde(default, rename = "rule")]
    pub rules: Vec<Rule>,
    /// Where results go.
    #[serde(default, rename = "destination")]
    pub destinations: Vec<Destination>,
}

/// The node as its peers see it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Node {
    /// Its title; peers that call another are turned away.
    pub ae: String,
    /// The address that it listens at; by default none but this machine reaches it.
    pub address: String,
    /// The port that it listens at.
    pub port: u16,
    /// Titles that may call; none named, all may.
    pub calling: Vec<String>,
    /// TLS; without it associations are plain.
    pub tls: Option<NodeTls>,
}

impl Default for Node {
    fn default() -> Self {
        let address = "127.0.0.1".to_owned();
        let ae = "FIDUCIA".to_owned();
        Self { ae, address, port: 11112, calling: Vec::new(), tls: None }
    }
}

/// What is taken at most.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Associations at once.
    pub associations: usize,
    /// Size of one image, MiB.
    pub object_mib: usize,
    /// Memory for images on their way in, all associations together, MiB; at least for two.
    pub memory_mib: usize,
    /// Size of a protocol data unit, KiB.
    pub pdu_kib: u32,
    /// Seconds that a peer may be silent.
    pub idle_s: u64,
    /// Images that may wait.
    pub queue: usize,
    /// Images that are remembered after they are done, so that one that is sent again is not looked at again.
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

/// What runs the networks.
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

/// Where health, metrics and the status page are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port.
    #[serde(default = "Http::default_address")]
    pub address: String,
    /// Whether the status page shows small pictures of the images.
    #[serde(default = "yes")]
    pub pictures: bool,
}

impl Http {
    fn default_address() -> String {
        "127.0.0.1:8042".to_owned()
    }
}

fn yes() -> bool {
    true
}

/// A folder from which images are taken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// The folder.
    pub folder: PathBuf,
}

/// Where results go.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// How the log, the metrics and the queue call it.
    pub name: String,
    /// Its title.
    pub ae: String,
    /// Host and port.
    pub address: String,
    /// What it gets.
    #[serde(default = "Destination::default_kinds")]
    pub kinds: Vec<KindName>,
    /// TLS; without it results are sent plainly.
    pub tls: Option<DestinationTls>,
}

impl Destination {
    fn default_kinds() -> Vec<KindName> {
        vec![KindName::Report3d, KindName::Presentation]
    }
}

/// Kinds of results, as the configuration names them.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum KindName {
    /// Comprehensive 3D SR.
    #[serde(rename = "report-3d")]
    Report3d,
    /// Comprehensive SR.
    Report,
    /// Grayscale softcopy presentation state.
    Presentation,
    /// Secondary capture.
    Capture,
}

impl KindName {
    /// SOP Class UID of such results.
    pub(super) fn sop_class(self) -> &'static str {
        match self {
            Self::Report3d => uids::COMPREHENSIVE3_DSR_STORAGE,
            Self::Report => uids::COMPREHENSIVE_SR_STORAGE,
            Self::Presentation => uids::GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE,
            Self::Capture => uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
        }
    }
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for what it says, with the line; [`ErrorKind::Unreadable`] where it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|e| {
            let what = format!("cannot read the configuration {}: {e}", path.display());
            Error::new(ErrorKind::Unreadable, what)
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).map_err(|e| e.at(format!("configuration {}", path.display())))
    }

    /// Reads and checks the text of a configuration whose relative paths are meant from `folder`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`], naming what is wrong.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, Error> {
        let mut config: Self = toml::from_str(text)
            .map_err(|e| Error::new(ErrorKind::Usage, e.to_string().trim_end().to_owned()))?;
        config.check().map_err(|what| Error::new(ErrorKind::Usage, what))?;
        let rooted = |path: &mut PathBuf| *path = folder.join(&path);
        rooted(&mut config.spool);
        config.watch.iter_mut().for_each(|watch| rooted(&mut watch.folder));
        config.device.cache.iter_mut().for_each(rooted);
        config.dicom.tls.iter_mut().flat_map(NodeTls::paths).for_each(rooted);
        let destinations = config.destinations.iter_mut();
        destinations
            .filter_map(|d| d.tls.as_mut())
            .flat_map(DestinationTls::paths)
            .for_each(rooted);
        for rule in &mut config.rules {
            rooted(&mut rule.pack);
            rule.require_signed.iter_mut().for_each(rooted);
        }
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let Limits { associations, object_mib, memory_mib, pdu_kib, idle_s, queue, .. } =
            self.limits;
        title("dicom.ae", &self.dicom.ae)?;
        self.dicom.calling.iter().try_for_each(|ae| title("dicom.calling", ae))?;
        between("limits.associations", associations, 1, 256)?;
        between("limits.object_mib", object_mib, 1, 512)?;
        between("limits.memory_mib", memory_mib, 2 * object_mib, 16_384)?;
        between("limits.pdu_kib", pdu_kib as usize, 16, 16_384)?;
        between("limits.idle_s", idle_s as usize, 1, 3_600)?;
        between("limits.queue", queue, 1, 1_000_000)?;
        if self.rules.is_empty() {
            return Err("there is no [[rule]]: name at least one pack".to_owned());
        }
        if self.destinations.is_empty() {
            return Err("there is no [[destination]]: results would have nowhere to go".to_owned());
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

    /// What the networks shall run on.
    pub(super) fn wanted(&self) -> Wanted {
        let Device { backend, adapter, precision, cache } = self.device.clone();
        Wanted {
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
            test_anew: false,
        }
    }

    /// All kinds of results that anybody gets.
    pub(super) fn kinds(&self) -> Vec<KindName> {
        let kinds: BTreeSet<_> = self.destinations.iter().flat_map(|d| &d.kinds).collect();
        kinds.into_iter().copied().collect()
    }
}

impl Destination {
    fn check(&self) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !(1..=32).contains(&self.name.len()) || !self.name.chars().all(plain) {
            return Err(format!(
                "the destination name `{}` must be 1 to 32 letters, digits, - or _",
                self.name.escape_default()
            ));
        }
        let place = format!("destination `{}`", self.name);
        title(&format!("{place}: ae"), &self.ae)?;
        match self.address.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {}
            _ => {
                return Err(format!(
                    "{place}: the address `{}` must be host:port",
                    self.address.escape_default()
                ));
            }
        }
        if self.kinds.is_empty() {
            return Err(format!("{place}: `kinds` is empty: it would get nothing"));
        }
        match &self.tls {
            Some(tls) => tls.check(self.host()).map_err(|what| format!("{place}: {what}")),
            None => Ok(()),
        }
    }

    /// Its address without the port.
    fn host(&self) -> &str {
        let host = self.address.rsplit_once(':').map_or("", |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The name that its certificate must have, where it has TLS.
    pub(super) fn server_name(&self) -> &str {
        let named = self.tls.as_ref().and_then(|tls| tls.server_name.as_deref());
        named.unwrap_or(self.host())
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
    let sound = |c: char| (' '..='~').contains(&c) && c != '\\';
    if (1..=16).contains(&ae.len()) && ae.chars().all(sound) && ae.trim() == ae {
        return Ok(());
    }
    Err(format!(
        "{what}: `{}` is no AE title; 1 to 16 plain characters, no space around them",
        ae.escape_default()
    ))
}

fn between(what: &str, value: usize, least: usize, most: usize) -> Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("{what} is {value}; it must be {least} to {most}"))
}

#[cfg(test)]
mod tests;

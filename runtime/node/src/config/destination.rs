//! Peers to which results are sent, and which results they get.

use dicom_dictionary_std::uids;
use serde::Deserialize;

use super::{DestinationTls, title};

/// A peer to which results are sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Its name in the log, the metrics and the queue.
    pub name: String,
    /// Its AE title.
    pub ae: String,
    /// Host and port.
    pub address: String,
    /// The kinds of results that it gets, default `report-3d` and `presentation`.
    #[serde(default = "Destination::default_kinds")]
    pub kinds: Vec<KindName>,
    /// TLS; without it results are sent unencrypted.
    pub tls: Option<DestinationTls>,
}

impl Destination {
    fn default_kinds() -> Vec<KindName> {
        vec![KindName::Report3d, KindName::Presentation]
    }
}

/// Kinds of results, as in the configuration.
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
    /// SOP Class UID of results of this kind.
    pub(crate) fn sop_class(self) -> &'static str {
        match self {
            Self::Report3d => uids::COMPREHENSIVE3_DSR_STORAGE,
            Self::Report => uids::COMPREHENSIVE_SR_STORAGE,
            Self::Presentation => uids::GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE,
            Self::Capture => uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
        }
    }
}

impl Destination {
    pub(super) fn check(&self) -> Result<(), String> {
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
            return Err(format!("{place}: `kinds` is empty; name at least one kind of result"));
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

    /// The name that its certificate must contain, with TLS.
    pub(crate) fn server_name(&self) -> &str {
        let named = self.tls.as_ref().and_then(|tls| tls.server_name.as_deref());
        named.unwrap_or(self.host())
    }
}

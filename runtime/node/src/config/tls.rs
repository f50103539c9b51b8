//! Where the certificates and keys of TLS are. All are PEM files, read when the node starts.

use std::path::PathBuf;

use rustls::pki_types::ServerName;
use serde::Deserialize;

/// TLS for associations with the node.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeTls {
    /// The node's certificate, and behind it those between it and its authority.
    pub certificate: PathBuf,
    /// The private key of the certificate, without a password.
    pub key: PathBuf,
    /// Authorities one of which must have signed the certificate of who calls; without it nobody needs one.
    pub client_ca: Option<PathBuf>,
}

/// TLS to a destination.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestinationTls {
    /// Authorities one of which must have signed the destination's certificate.
    pub ca: PathBuf,
    /// The certificate that the node shows, for a destination that asks for one.
    pub certificate: Option<PathBuf>,
    /// The private key of that certificate, without a password.
    pub key: Option<PathBuf>,
    /// The name in the destination's certificate, where it is not the host of its address.
    pub server_name: Option<String>,
}

impl NodeTls {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.certificate, &mut self.key].into_iter().chain(&mut self.client_ca)
    }
}

impl DestinationTls {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.ca].into_iter().chain(&mut self.certificate).chain(&mut self.key)
    }

    pub(super) fn check(&self, host: &str) -> Result<(), String> {
        if self.certificate.is_some() != self.key.is_some() {
            return Err("tls: `certificate` and `key` go together: name both or none".to_owned());
        }
        let name = self.server_name.as_deref().unwrap_or(host);
        match ServerName::try_from(name) {
            Ok(_) => Ok(()),
            Err(_) => Err(format!(
                "tls: `{}` is no host name or IP address; `server_name` may name the one in the certificate",
                name.escape_default()
            )),
        }
    }
}

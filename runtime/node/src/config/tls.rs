//! Paths of certificates and keys for TLS. All are PEM files, read when the node starts.

use std::path::PathBuf;

use rustls::pki_types::ServerName;
use serde::Deserialize;

/// TLS for associations with the node.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeTls {
    /// The node's certificate, followed by the intermediate certificates up to its authority.
    pub certificate: PathBuf,
    /// The private key of the certificate, without a password.
    pub key: PathBuf,
    /// Certificate authorities; a caller must present a certificate that one of them signed. Without it callers need
    /// no certificate.
    pub client_ca: Option<PathBuf>,
}

/// TLS to a destination.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestinationTls {
    /// Certificate authorities; one of them must have signed the destination's certificate.
    pub ca: PathBuf,
    /// The certificate that the node presents to a destination that requires one.
    pub certificate: Option<PathBuf>,
    /// The private key of that certificate, without a password.
    pub key: Option<PathBuf>,
    /// The name in the destination's certificate, if it is not the host of its address.
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
            return Err("tls: `certificate` and `key` go together: give both or neither".to_owned());
        }
        let name = self.server_name.as_deref().unwrap_or(host);
        match ServerName::try_from(name) {
            Ok(_) => Ok(()),
            Err(_) => Err(format!(
                "tls: `{}` is not a host name or IP address; set `server_name` to the name in the certificate",
                name.escape_default()
            )),
        }
    }
}

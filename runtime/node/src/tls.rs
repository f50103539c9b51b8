//! Loads certificates and keys for TLS 1.2 and 1.3. No file is read again while the node runs.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};

use super::config::{Config, DestinationTls, NodeTls};
use fiducia::{Error, ErrorKind};

/// TLS configurations of the associations; `None` for those without TLS.
#[derive(Debug)]
pub(super) struct Tls {
    pub(super) node: Option<Arc<ServerConfig>>,
    /// In the order of the destinations.
    pub(super) destinations: Vec<Option<Arc<ClientConfig>>>,
}

impl Tls {
    /// Reads all certificates and keys of `config`.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`], with the path, if a file is missing or invalid.
    pub(super) fn open(config: &Config) -> Result<Self, Error> {
        let node = config.dicom.tls.as_ref().map(node).transpose();
        let node = node.map_err(|what| unreadable("dicom.tls", &what))?;
        let mut destinations = Vec::new();
        for to in &config.destinations {
            let read = to.tls.as_ref().map(destination).transpose();
            let place = || format!("destination `{}`: tls", to.name);
            destinations.push(read.map_err(|what| unreadable(&place(), &what))?);
        }
        Ok(Self { node, destinations })
    }
}

fn unreadable(place: &str, what: &str) -> Error {
    Error::new(ErrorKind::Unreadable, format!("{place}: {what}"))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn node(tls: &NodeTls) -> Result<Arc<ServerConfig>, String> {
    let builder =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| e.to_string())?;
    let builder = match &tls.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(authorities(path)?, provider());
            let verifier = verifier.build().map_err(|e| format!("{}: {e}", path.display()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let (chain, private) = (certificates(&tls.certificate)?, key(&tls.key)?);
    let config = builder.with_single_cert(chain, private);
    config.map(Arc::new).map_err(|e| mismatch(&tls.certificate, &tls.key, &e))
}

fn destination(tls: &DestinationTls) -> Result<Arc<ClientConfig>, String> {
    let builder =
        ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| e.to_string())?;
    let builder = builder.with_root_certificates(authorities(&tls.ca)?);
    let config = match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(private)) => {
            let own = builder.with_client_auth_cert(certificates(certificate)?, key(private)?);
            own.map_err(|e| mismatch(certificate, private, &e))?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

fn mismatch(certificate: &Path, key: &Path, error: &rustls::Error) -> String {
    let (certificate, key) = (certificate.display(), key.display());
    format!(
        "{certificate} and {key} do not match: {error}; the node's own certificate must come first in its file, and \
         the key must belong to it"
    )
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let hint = "it must be a PEM file that the node's user may read";
    fs::read(path).map_err(|e| format!("cannot read {}: {e}; {hint}", path.display()))
}

/// All certificates of a file; at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let read = read.map_err(|e| format!("{} is damaged: {e}", path.display()))?;
    if read.is_empty() {
        let hint = "it must be a PEM file with a section `-----BEGIN CERTIFICATE-----`";
        return Err(format!("{} contains no certificate; {hint}", path.display()));
    }
    Ok(read)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|e| {
        let hint = "it must be a PEM file without a password (PKCS #8, PKCS #1 or SEC 1)";
        format!("{} contains no readable private key: {e}; {hint}", path.display())
    })
}

fn authorities(path: &Path) -> Result<Arc<RootCertStore>, String> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|e| {
            format!("{} contains an invalid authority certificate: {e}", path.display())
        })?;
    }
    Ok(Arc::new(store))
}

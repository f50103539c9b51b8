//! Associations over TLS, with the certificates of `tests/serve/tls`.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};

use super::{
    archive::Archive,
    node::{LIMIT, Node, configuration, image_data, instance, wait_for},
    peer::{Peer, SUCCESS},
};
use fiducia_test_support::Rng;

use crate::{dicom_files::uids, workspace::Workspace};

const REFUSED: &str = "fiducia_associations_refused_total{reason=\"tls\"}";
/// TLS keys of the node's configuration.
const OWN: &str = "tls = { certificate = \"node.pem\", key = \"node.key\" }";
const MUTUAL: &str =
    "tls = { certificate = \"node.pem\", key = \"node.key\", client_ca = \"ca.pem\" }";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/serve/tls").join(name)
}

/// A workspace with all certificates and keys.
fn tls_workspace() -> Workspace {
    let workspace = Workspace::new();
    for entry in fs::read_dir(fixture(".")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "pem" || end == "key") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            workspace.write(&name, &fs::read(path).unwrap());
        }
    }
    workspace
}

fn away() -> [(&'static str, SocketAddr); 1] {
    [("away", "127.0.0.1:1".parse().unwrap())]
}

fn with_tls(text: &str, tls: &str) -> String {
    text.replace("port = 0", &format!("port = 0\n{tls}"))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(fixture(&format!("{name}.pem"))).unwrap()
}

fn key(name: &str) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_file(fixture(&format!("{name}.key"))).unwrap()
}

fn authority(name: &str) -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add(certificate(name)).unwrap();
    store
}

/// A modality that trusts the authority `trusted`, and presents the certificate `own`.
fn modality(
    trusted: &str,
    own: Option<&str>,
    version: &'static SupportedProtocolVersion,
) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(&[version]).unwrap();
    let builder = builder.with_root_certificates(authority(trusted));
    Arc::new(match own {
        Some(own) => builder.with_client_auth_cert(vec![certificate(own)], key(own)).unwrap(),
        None => builder.with_no_client_auth(),
    })
}

/// An archive that requires a certificate of the tests' authority.
fn archive() -> Archive {
    let roots = Arc::new(authority("ca"));
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build().unwrap();
    let builder = ServerConfig::builder_with_provider(provider());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_client_cert_verifier(verifier);
    let config = builder.with_single_cert(vec![certificate("node")], key("node")).unwrap();
    Archive::secured(&Arc::new(config))
}

fn assert_healthy(node: &Node) {
    let tls = modality("ca", Some("modality"), &TLS13);
    let mut peer = Peer::secured(node.address, &tls).unwrap();
    assert_eq!(peer.echo().1[1], SUCCESS);
    peer.release();
    assert_eq!(node.get("/healthz").0, 200);
}

#[test]
fn images_and_echoes_work_over_tls() {
    let (workspace, archive) = (tls_workspace(), Archive::start());
    let text = configuration(&[("archive", archive.address)], "");
    let node = Node::start(&workspace, &with_tls(&text, OWN));
    for (number, version) in [&TLS12, &TLS13].into_iter().enumerate() {
        let mut peer = Peer::secured(node.address, &modality("ca", None, version)).unwrap();
        let (sent, answer) = peer.echo();
        assert_eq!(answer, [sent, SUCCESS]);
        let uid = instance(number);
        assert_eq!(peer.store(&uid, &image_data(&uid)), Some(SUCCESS));
        assert_eq!(peer.echo().1[1], SUCCESS);
        peer.release();
        wait_for("the results", || archive.results() == [1 + number; 2]);
    }
    wait_for("the end", || node.metric("fiducia_associations_total{end=\"released\"}") == 2);
    assert_eq!(node.metric(REFUSED), 0);
}

#[test]
fn untrusted_certificates_are_rejected() {
    let workspace = tls_workspace();
    let node = Node::start(&workspace, &with_tls(&configuration(&away(), ""), MUTUAL));
    let mut refused = 0;
    for version in [&TLS12, &TLS13] {
        let call = |trusted, own| Peer::secured(node.address, &modality(trusted, own, version));
        call("ca", Some("modality")).unwrap().release();
        assert_eq!(node.metric(REFUSED), refused);
        for (trusted, own) in
            [("ca", None), ("ca", Some("stranger")), ("other-ca", Some("modality"))]
        {
            assert!(call(trusted, own).is_err(), "{trusted} {own:?}");
            refused += 1;
            wait_for("the count", || node.metric(REFUSED) == refused);
        }
    }
    let lines = || node.log().lines().filter(|l| l.contains("reason=tls")).count() as u64;
    wait_for("the lines", || lines() == refused);
    assert_healthy(&node);
}

#[test]
fn peers_without_tls_are_rejected() {
    let workspace = tls_workspace();
    let node = Node::start(&workspace, &with_tls(&configuration(&away(), ""), OWN));
    assert!(Peer::call(node.address, ["CR1", "FIDUCIA"], uids::EXPLICIT_LITTLE).is_err());
    wait_for("the count", || node.metric(REFUSED) == 1);
    let line = "event=association_refused peer=127.0.0.1 reason=tls why=\"the data is not TLS";
    wait_for("the line", || node.log().contains(line));
    // A connection that only checks whether the port is open is not counted as rejected.
    drop(TcpStream::connect(node.address).unwrap());
    wait_for("the count of closed connections", || {
        node.metric("fiducia_associations_total{end=\"none\"}") == 1
    });
    assert_eq!(node.metric(REFUSED), 1);
    // Data that begins like TLS.
    let mut rng = Rng::new(5);
    for _ in 0..100 {
        let mut bytes = vec![22, 3, 1, 0, 60, 1, 0, 0, 56, 3, 3];
        bytes.extend((0..54).map(|_| rng.below(256) as u8));
        let mut stream = TcpStream::connect(node.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.write_all(&bytes).unwrap();
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    wait_for("the counts", || node.metric(REFUSED) > 50);
    assert_healthy(&node);
}

#[test]
fn a_stalled_handshake_is_ended() {
    let workspace = tls_workspace();
    let node = Node::start(&workspace, &with_tls(&configuration(&away(), ""), OWN));
    let mut stalled = TcpStream::connect(node.address).unwrap();
    stalled.write_all(&[22, 3, 1, 0x3F]).unwrap();
    // A byte now and then: the handshake would take minutes.
    let mut slow = TcpStream::connect(node.address).unwrap();
    slow.write_all(&[22, 3, 1, 0x3F, 0xFF]).unwrap();
    thread::spawn(move || {
        while slow.write_all(&[1]).is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    assert_healthy(&node);
    wait_for("both", || node.metric(REFUSED) == 2);
    wait_for("the connections to close", || node.metric("fiducia_connections_open") == 0);
    assert_healthy(&node);
}

#[test]
fn results_are_sent_over_tls_to_trusted_destinations_only() {
    let (workspace, archive) = (tls_workspace(), archive());
    let names = ["right", "authority", "name", "unnamed"].map(|name| (name, archive.address));
    let mut text = configuration(&names, "");
    let own = "certificate = \"modality.pem\", key = \"modality.key\"";
    for (name, tls) in [
        ("right", format!("ca = \"ca.pem\", {own}")),
        ("authority", format!("ca = \"other-ca.pem\", {own}")),
        ("name", format!("ca = \"ca.pem\", {own}, server_name = \"archive.example\"")),
        ("unnamed", "ca = \"ca.pem\"".to_owned()),
    ] {
        let named = format!("name = \"{name}\"\n");
        text = text.replace(&named, &format!("{named}tls = {{ {tls} }}\n"));
    }
    let node = Node::start(&workspace, &text);
    let uid = instance(1);
    assert_eq!(Peer::new(node.address).store(&uid, &image_data(&uid)), Some(SUCCESS));
    wait_for("the results", || archive.results() == [1, 1]);
    let why = |destination: &str, why: &str| {
        let log = node.log();
        let about = format!(" destination={destination} ");
        log.lines().any(|l| l.contains("event=not_sent ") && l.contains(&about) && l.contains(why))
    };
    wait_for("the wrong authority", || why("authority", "UnknownIssuer"));
    wait_for("the wrong name", || why("name", "archive.example"));
    wait_for("the certificate", || why("unnamed", "no association"));
    assert_eq!(node.metric("fiducia_objects_sent_total{destination=\"right\"}"), 2);
    assert_eq!(archive.objects(), 2);
}

#[test]
fn invalid_certificates_and_keys_are_errors_at_the_start() {
    let workspace = tls_workspace();
    workspace.write("empty.pem", b"");
    workspace
        .write("damaged.pem", b"-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n");
    workspace
        .write("hollow.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let plain = configuration(&away(), "");
    let check = |text: &str| {
        workspace.write("serve.toml", text.as_bytes());
        workspace.run(&["serve", "--config", "serve.toml", "--check"])
    };
    let node = |pair: [&str; 2]| with_tls(&plain, &MUTUAL.replace(pair[0], pair[1]));
    let to = |tls: &str| format!("{plain}tls = {{ {tls} }}\n");
    assert_eq!(check(&with_tls(&plain, MUTUAL)).code, 0);
    assert_eq!(check(&to("ca = \"ca.pem\"")).code, 0);
    for (text, words) in [
        (node(["node.pem", "none.pem"]), "cannot read none.pem"),
        (node(["node.pem", "empty.pem"]), "empty.pem contains no certificate"),
        (node(["node.pem", "node.key"]), "node.key contains no certificate"),
        (node(["node.pem", "damaged.pem"]), "damaged.pem is damaged"),
        (node(["node.pem", "hollow.pem"]), "hollow.pem and "),
        (node(["node.key", "none.key"]), "cannot read none.key"),
        (node(["node.key", "node.pem"]), "node.pem contains no readable private key"),
        (node(["node.key", "modality.key"]), "modality.key do not match"),
        (node(["ca.pem", "empty.pem"]), "empty.pem contains no certificate"),
        (node(["ca.pem", "hollow.pem"]), "hollow.pem contains an invalid authority certificate"),
        (to("ca = \"none.pem\""), "destination `away`: tls: "),
        (
            to("ca = \"ca.pem\", certificate = \"node.pem\", key = \"modality.key\""),
            "modality.key do not match",
        ),
    ] {
        check(&text).fails_with(3, words);
    }
    check(&to("ca = \"ca.pem\", key = \"node.key\"")).fails_with(2, "go together");
    let named = to("ca = \"ca.pem\", server_name = \"no name\"");
    check(&named).fails_with(2, "`no name` is not a host name");
}

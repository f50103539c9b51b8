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
    node::{LIMIT, Node, configuration, film_data, instance, wait_for},
    peer::{Peer, SUCCESS},
};
use fiducia_test_support::Rng;

use crate::{cli::Bench, dicom_files::uids};

const REFUSED: &str = "fiducia_associations_refused_total{reason=\"tls\"}";
/// What a node with TLS has behind its port.
const OWN: &str = "tls = { certificate = \"node.pem\", key = \"node.key\" }";
const MUTUAL: &str =
    "tls = { certificate = \"node.pem\", key = \"node.key\", client_ca = \"ca.pem\" }";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/serve/tls").join(name)
}

/// A folder with all certificates and keys.
fn bench() -> Bench {
    let bench = Bench::new();
    for entry in fs::read_dir(fixture(".")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "pem" || end == "key") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            bench.write(&name, &fs::read(path).unwrap());
        }
    }
    bench
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

/// A modality that trusts an authority, and shows a certificate where it has one.
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

/// An archive that wants a certificate of the tests' authority.
fn archive() -> Archive {
    let roots = Arc::new(authority("ca"));
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build().unwrap();
    let builder = ServerConfig::builder_with_provider(provider());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_client_cert_verifier(verifier);
    let config = builder.with_single_cert(vec![certificate("node")], key("node")).unwrap();
    Archive::secured(&Arc::new(config))
}

fn is_well(node: &Node) {
    let tls = modality("ca", Some("modality"), &TLS13);
    let mut peer = Peer::secured(node.address, &tls).unwrap();
    assert_eq!(peer.echo().1[1], SUCCESS);
    peer.release();
    assert_eq!(node.get("/healthz").0, 200);
}

#[test]
fn films_and_echoes_come_over_tls() {
    let (bench, archive) = (bench(), Archive::start());
    let text = configuration(&[("archive", archive.address)], "");
    let node = Node::start(&bench, &with_tls(&text, OWN));
    for (number, version) in [&TLS12, &TLS13].into_iter().enumerate() {
        let mut peer = Peer::secured(node.address, &modality("ca", None, version)).unwrap();
        let (sent, answer) = peer.echo();
        assert_eq!(answer, [sent, SUCCESS]);
        let uid = instance(number);
        assert_eq!(peer.store(&uid, &film_data(&uid)), Some(SUCCESS));
        assert_eq!(peer.echo().1[1], SUCCESS);
        peer.release();
        wait_for("the results", || archive.results() == [1 + number; 2]);
    }
    wait_for("the end", || node.metric("fiducia_associations_total{end=\"released\"}") == 2);
    assert_eq!(node.metric(REFUSED), 0);
}

#[test]
fn who_does_not_trust_or_is_not_trusted_is_turned_away() {
    let bench = bench();
    let node = Node::start(&bench, &with_tls(&configuration(&away(), ""), MUTUAL));
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
    let lines = || node.said().lines().filter(|l| l.contains("reason=tls")).count() as u64;
    wait_for("the lines", || lines() == refused);
    is_well(&node);
}

#[test]
fn who_speaks_no_tls_is_turned_away() {
    let bench = bench();
    let node = Node::start(&bench, &with_tls(&configuration(&away(), ""), OWN));
    assert!(Peer::call(node.address, ["CR1", "FIDUCIA"], uids::EXPLICIT_LITTLE).is_err());
    wait_for("the count", || node.metric(REFUSED) == 1);
    let line = "event=association_refused peer=127.0.0.1 reason=tls why=\"what came is not TLS";
    wait_for("the line", || node.said().contains(line));
    // Looking whether somebody is there is nothing to be refused.
    drop(TcpStream::connect(node.address).unwrap());
    wait_for("the look", || node.metric("fiducia_associations_total{end=\"none\"}") == 1);
    assert_eq!(node.metric(REFUSED), 1);
    // What looks like TLS at first.
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
    is_well(&node);
}

#[test]
fn who_stalls_before_tls_is_agreed_on_is_sent_away() {
    let bench = bench();
    let node = Node::start(&bench, &with_tls(&configuration(&away(), ""), OWN));
    let mut stalled = TcpStream::connect(node.address).unwrap();
    stalled.write_all(&[22, 3, 1, 0x3F]).unwrap();
    // A byte now and then would last for minutes.
    let mut slow = TcpStream::connect(node.address).unwrap();
    slow.write_all(&[22, 3, 1, 0x3F, 0xFF]).unwrap();
    thread::spawn(move || {
        while slow.write_all(&[1]).is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    is_well(&node);
    wait_for("both", || node.metric(REFUSED) == 2);
    wait_for("the door", || node.metric("fiducia_connections_open") == 0);
    is_well(&node);
}

#[test]
fn results_go_over_tls_to_the_destination_that_was_meant() {
    let (bench, archive) = (bench(), archive());
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
    let node = Node::start(&bench, &text);
    let uid = instance(1);
    assert_eq!(Peer::new(node.address).store(&uid, &film_data(&uid)), Some(SUCCESS));
    wait_for("the results", || archive.results() == [1, 1]);
    let why = |destination: &str, why: &str| {
        let said = node.said();
        let about = format!(" destination={destination} ");
        said.lines().any(|l| l.contains("event=not_sent ") && l.contains(&about) && l.contains(why))
    };
    wait_for("the wrong authority", || why("authority", "UnknownIssuer"));
    wait_for("the wrong name", || why("name", "archive.example"));
    wait_for("the certificate", || why("unnamed", "no association"));
    assert_eq!(node.metric("fiducia_objects_sent_total{destination=\"right\"}"), 2);
    assert_eq!(archive.objects(), 2);
}

#[test]
fn what_cannot_secure_anything_is_refused_at_the_start() {
    let bench = bench();
    bench.write("empty.pem", b"");
    bench.write("damaged.pem", b"-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n");
    bench.write("hollow.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let plain = configuration(&away(), "");
    let check = |text: &str| {
        bench.write("serve.toml", text.as_bytes());
        bench.run(&["serve", "--config", "serve.toml", "--check"])
    };
    let node = |pair: [&str; 2]| with_tls(&plain, &MUTUAL.replace(pair[0], pair[1]));
    let to = |tls: &str| format!("{plain}tls = {{ {tls} }}\n");
    assert_eq!(check(&with_tls(&plain, MUTUAL)).code, 0);
    assert_eq!(check(&to("ca = \"ca.pem\"")).code, 0);
    for (text, says) in [
        (node(["node.pem", "none.pem"]), "none.pem cannot be read"),
        (node(["node.pem", "empty.pem"]), "empty.pem has no certificate"),
        (node(["node.pem", "node.key"]), "node.key has no certificate"),
        (node(["node.pem", "damaged.pem"]), "damaged.pem is damaged"),
        (node(["node.pem", "hollow.pem"]), "hollow.pem and "),
        (node(["node.key", "none.key"]), "none.key cannot be read"),
        (node(["node.key", "node.pem"]), "node.pem has no private key"),
        (node(["node.key", "modality.key"]), "modality.key cannot be used together"),
        (node(["ca.pem", "empty.pem"]), "empty.pem has no certificate"),
        (node(["ca.pem", "hollow.pem"]), "hollow.pem holds what is no certificate"),
        (to("ca = \"none.pem\""), "destination `away`: tls: "),
        (
            to("ca = \"ca.pem\", certificate = \"node.pem\", key = \"modality.key\""),
            "modality.key cannot be used together",
        ),
    ] {
        check(&text).fails_with(3, says);
    }
    check(&to("ca = \"ca.pem\", key = \"node.key\"")).fails_with(2, "go together");
    let named = to("ca = \"ca.pem\", server_name = \"no name\"");
    check(&named).fails_with(2, "`no name` is no host name");
}

//! The status page, metrics and health checks; `--check`.

use super::{
    archive::Archive,
    node::{Node, PATIENT, configuration, image_data, instance, wait_for},
    peer::{Peer, SUCCESS},
};
use crate::workspace::Workspace;

#[test]
fn pages_and_log_contain_no_patient_data() {
    let (workspace, archive) = (Workspace::new(), Archive::start());
    let mut node = Node::start(&workspace, &configuration(&[("archive", archive.address)], ""));
    assert_eq!(node.get("/healthz"), (200, b"ok\n".to_vec()));
    assert_eq!(node.get("/readyz").0, 200);
    let uid = instance(1);
    assert_eq!(Peer::new(node.address).store(&uid, &image_data(&uid)), Some(SUCCESS));
    wait_for("the delivery", || node.metric("fiducia_delivery_seconds_count") == 1);
    let mut page = String::new();
    wait_for("the picture", || {
        page = String::from_utf8(node.get("/").1).unwrap();
        page.contains("<img")
    });
    let picture = page.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let (status, jpeg) = node.get(picture);
    assert_eq!((status, &jpeg[..3]), (200, &[0xFF, 0xD8, 0xFF][..]));
    for shown in ["cpu: ", "archive", "measured", "not for diagnosis"] {
        assert!(page.contains(shown), "{shown}");
    }
    let (_, metrics) = node.get("/metrics");
    let metrics = String::from_utf8(metrics).unwrap();
    assert!(metrics.contains("fiducia_result_seconds_bucket{le=\"+Inf\"} 1\n"));
    for (status, path) in [(404, "/image/../../etc/passwd.jpg"), (404, "/other")] {
        assert_eq!(node.get(path).0, status);
    }
    // Idle connections, as browsers keep them, do not block others.
    let kept: Vec<_> = (0..16).map(|_| std::net::TcpStream::connect(node.http).unwrap()).collect();
    assert_eq!(node.get("/healthz").0, 200);
    drop(kept);
    assert_eq!(node.terminate(), Some(0));
    let log = node.log();
    assert!(log.contains("event=delivered") && log.contains("event=stopping"));
    for text in [&page, &metrics, &log] {
        for secret in [PATIENT, "Mustermann", "4711-PID", &uid] {
            assert!(!text.contains(secret), "{secret} in\n{text}");
        }
    }
}

#[test]
fn check_does_not_start_the_node() {
    let workspace = Workspace::new();
    let text = configuration(&[("away", "127.0.0.1:1".parse().unwrap())], "");
    let check = |text: &str| {
        workspace.write("serve.toml", text.as_bytes());
        workspace.run(&["serve", "--config", "serve.toml", "--check"])
    };
    let valid = check(&text);
    assert!(valid.code == 0 && valid.stderr.contains("the configuration is valid"), "{valid:?}");
    check(&text.replace("port = 0", "prot = 0")).fails_with(2, "unknown field `prot`");
    check(&text.replace("toy.fid", "no.fid")).fails_with(3, "no.fid");
    workspace.run(&["serve", "--config", "missing.toml"]).fails_with(3, "missing.toml");
    assert!(!workspace.path("queue").exists());
}

//! Accepted images are neither lost nor duplicated.

use std::{net::TcpListener, sync::atomic::Ordering, thread};

use super::{
    archive::Archive,
    node::{Node, configuration, image, image_data, instance, wait_for},
    peer::{Peer, SUCCESS},
};
use crate::{
    dicom_files::{uids, written},
    toy,
    workspace::Workspace,
};

/// Images of the test that kills the process repeatedly.
const IMAGES: usize = 40;

/// Sends images until all are accepted; after an abort it calls again.
fn send_all(numbers: &[usize], node: &std::sync::Mutex<Node>) {
    let mut left: Vec<usize> = numbers.to_vec();
    while !left.is_empty() {
        let address = node.lock().unwrap().address;
        let called = Peer::call(address, ["CR1", "FIDUCIA"], uids::EXPLICIT_LITTLE);
        let Ok(mut peer) = called else {
            thread::yield_now();
            continue;
        };
        while let Some(&number) = left.last() {
            let uid = instance(number);
            let Some(status) = peer.store(&uid, &image_data(&uid)) else { break };
            assert_eq!(status, SUCCESS);
            left.pop();
        }
    }
}

#[test]
fn a_killed_node_continues_after_a_restart() {
    let (workspace, archive) = (Workspace::new(), Archive::start());
    let text = configuration(&[("archive", archive.address)], "");
    let node = std::sync::Mutex::new(Node::start(&workspace, &text));
    let numbers: Vec<usize> = (1..=IMAGES).collect();
    thread::scope(|scope| {
        let senders: Vec<_> =
            numbers.chunks(IMAGES / 4).map(|some| scope.spawn(|| send_all(some, &node))).collect();
        for results in [3, 12, 25] {
            wait_for("some results", || archive.results()[0] >= results);
            let mut killed = node.lock().unwrap();
            killed.kill();
            *killed = Node::start(&workspace, &text);
        }
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    });
    wait_for("all results", || archive.results() == [IMAGES; 2]);
    wait_for("all records", || workspace.names("queue/done").len() == IMAGES);
    // The node writes the record of an image first and removes its results then.
    wait_for("the removal of the results", || workspace.names("queue/results").is_empty());
    for folder in ["incoming", "received", "results", "failed"] {
        let left = workspace.names(&format!("queue/{folder}"));
        assert!(left.is_empty(), "{folder}: {left:?}");
    }
    // Sent again, an image is not processed again.
    let (node, objects) = (node.into_inner().unwrap(), archive.objects());
    let mut peer = Peer::new(node.address);
    assert_eq!(peer.store(&instance(1), &image_data(&instance(1))), Some(SUCCESS));
    assert_eq!(node.metric("fiducia_images_received_total{how=\"again\"}"), 1);
    assert_eq!(archive.objects(), objects);
}

#[test]
fn results_wait_for_an_unreachable_destination() {
    let workspace = Workspace::new();
    let reserved = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let here = Archive::start();
    let text = configuration(&[("here", here.address), ("away", address)], "");
    let text = text + "kinds = [\"presentation\"]\n";
    let mut node = Node::start(&workspace, &text);
    let uid = instance(1);
    assert_eq!(Peer::new(node.address).store(&uid, &image_data(&uid)), Some(SUCCESS));
    wait_for("one destination", || here.results() == [1, 1]);
    let failed = "fiducia_sending_failed_total{destination=\"away\"}";
    wait_for("a try", || node.metric(failed) > 0);
    assert_eq!(node.terminate(), Some(0));
    assert_eq!(workspace.names("queue/results").len(), 1);
    // After the next start only the destination without results gets them.
    let back = Archive::on(TcpListener::bind(address).unwrap());
    let _node = Node::start(&workspace, &text);
    wait_for("the other destination", || back.results() == [0, 1]);
    wait_for("the record", || workspace.names("queue/done").len() == 1);
    assert_eq!(here.objects(), 2);
}

#[test]
fn a_destination_without_resources_is_retried() {
    // More than one association transfers.
    const WAITING: usize = 80;
    let (workspace, archive) = (Workspace::new(), Archive::start());
    archive.status.store(0xA700, Ordering::SeqCst);
    let node = Node::start(&workspace, &configuration(&[("archive", archive.address)], ""));
    let mut peer = Peer::new(node.address);
    for number in 0..WAITING {
        let uid = instance(number);
        assert_eq!(peer.store(&uid, &image_data(&uid)), Some(SUCCESS));
    }
    let failed = "fiducia_sending_failed_total{destination=\"archive\"}";
    wait_for("a failure", || node.metric(failed) > 0);
    wait_for("their results", || workspace.names("queue/results").len() == WAITING);
    archive.status.store(0, Ordering::SeqCst);
    wait_for("the results", || archive.results() == [WAITING; 2]);
    wait_for("the records", || workspace.names("queue/done").len() == WAITING);
}

#[test]
fn two_nodes_do_not_share_a_queue() {
    let workspace = Workspace::new();
    let text = configuration(&[("away", "127.0.0.1:1".parse().unwrap())], "");
    let _node = Node::start(&workspace, &text);
    let second = workspace.run(&["serve", "--config", "serve.toml"]);
    second.fails_with(2, "another node uses it");
}

#[test]
fn images_of_a_watched_folder_are_processed() {
    let (workspace, archive) = (Workspace::new(), Archive::start());
    let folder = workspace.path("images");
    std::fs::create_dir(&folder).unwrap();
    let file = |number: usize| written(&image(&instance(number), 300), uids::EXPLICIT_LITTLE);
    for (name, bytes) in [
        ("one.dcm", file(1)),
        ("IM0002", file(2)),
        ("still.dcm.part", file(3)),
        (".hidden.dcm", file(4)),
        ("words.txt", b"words".to_vec()),
        ("cut.dcm", file(5)[..2000].to_vec()),
    ] {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    let text = configuration(&[("archive", archive.address)], "[watch]\nfolder = \"images\"");
    let node = Node::start(&workspace, &text);
    wait_for("the results", || archive.results() == [2, 2]);
    wait_for("the folder", || workspace.names("images/refused") == ["cut.dcm"]);
    assert_eq!(workspace.names("images/taken"), ["IM0002", "one.dcm"]);
    assert_eq!(
        workspace.names("images"),
        [".hidden.dcm", "refused", "still.dcm.part", "taken", "words.txt"]
    );
    assert_eq!(node.metric("fiducia_images_refused_total{reason=\"damaged\"}"), 1);
    std::fs::rename(folder.join("still.dcm.part"), folder.join("still.dcm")).unwrap();
    wait_for("the third", || archive.results() == [3, 3]);
}

#[test]
fn a_new_model_is_loaded_and_a_damaged_one_is_not() {
    let (workspace, archive) = (Workspace::new(), Archive::start());
    let node = Node::start(&workspace, &configuration(&[("archive", archive.address)], ""));
    let open = || {
        let (_, body) = node.get("/metrics");
        let text = String::from_utf8(body).unwrap();
        text.lines().find(|l| l.starts_with("fiducia_pack_open")).unwrap().to_owned()
    };
    let first = open();
    let replace = |bytes: &[u8]| {
        std::fs::write(workspace.path("new.fid"), bytes).unwrap();
        std::fs::rename(workspace.path("new.fid"), workspace.path("toy.fid")).unwrap();
    };
    let mut damaged = toy::pack();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xFF;
    replace(&damaged);
    let reloads = |outcome: &str| {
        node.metric(&format!("fiducia_packs_reloaded_total{{outcome=\"{outcome}\"}}"))
    };
    wait_for("the refusal", || reloads("refused") == 1);
    assert_eq!(open(), first);
    let uid = instance(1);
    assert_eq!(Peer::new(node.address).store(&uid, &image_data(&uid)), Some(SUCCESS));
    wait_for("results of the old model", || archive.results() == [1, 1]);
    workspace.write("patched.fid", &toy::pack());
    workspace.write("extra.fidp", &toy::patch());
    workspace.run(&["patch", "patched.fid", "add", "extra.fidp"]).succeeds();
    replace(&std::fs::read(workspace.path("patched.fid")).unwrap());
    wait_for("the new model", || reloads("taken") == 1);
    assert_ne!(open(), first);
    let uid = instance(2);
    assert_eq!(Peer::new(node.address).store(&uid, &image_data(&uid)), Some(SUCCESS));
    wait_for("results of the new model", || archive.results() == [2, 2]);
}

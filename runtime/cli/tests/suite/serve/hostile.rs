//! Hostile input: the node keeps running, its memory stays small, and rejected input is counted.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use super::{
    node::{Node, configuration, image, instance},
    peer::{Peer, SUCCESS},
};
use fiducia_test_support::Rng;

use crate::{
    dicom_files::{data_set, uids},
    workspace::Workspace,
};

/// Memory limit of the node, MiB: the engine, the toy model, and the few small images that are being received.
const MOST_MIB: u64 = 256;

fn start(workspace: &Workspace, more: &str) -> Node {
    Node::start(workspace, &configuration(&[("away", "127.0.0.1:1".parse().unwrap())], more))
}

fn assert_healthy(node: &Node) {
    let mut peer = Peer::new(node.address);
    assert_eq!(peer.echo().1[1], SUCCESS);
    peer.release();
    assert_eq!(node.get("/healthz").0, 200);
    if let Some(peak) = node.peak_mib() {
        assert!(peak < MOST_MIB, "{peak} MiB");
        println!("largest memory {peak} MiB");
    }
}

/// Number of images with a few changed bytes or a missing end.
fn mutations() -> usize {
    std::env::var("FIDUCIA_MUTATIONS").map_or(2000, |count| count.parse().unwrap())
}

#[test]
fn mutated_images_are_rejected_or_accepted() {
    let workspace = Workspace::new();
    let node = start(&workspace, "[limits]\nqueue = 1000000");
    let mut rng = Rng::new(7);
    let mut peer = Peer::new(node.address);
    let mut statuses = std::collections::BTreeMap::new();
    for number in 0..mutations() {
        let uid = instance(number);
        let mut data = data_set(&image(&uid, 40), uids::EXPLICIT_LITTLE);
        // Most of what can be wrong is before the pixels.
        let front = 500.min(data.len());
        for _ in 0..=rng.below(4) {
            let end = if rng.below(8) == 0 { data.len() } else { front };
            let at = rng.below(end);
            data[at] = rng.below(256) as u8;
        }
        if rng.below(4) == 0 {
            data.truncate(rng.below(data.len()));
        }
        let status = peer.store(&uid, &data);
        *statuses.entry(status).or_insert(0) += 1;
        if status.is_none() {
            peer = Peer::new(node.address);
        }
    }
    println!("{statuses:x?}");
    let answered: usize = statuses.values().sum();
    assert_eq!(answered, mutations());
    // No data set ends the association.
    assert!(!statuses.contains_key(&None), "{statuses:x?}");
    let refused: usize =
        statuses.iter().filter(|(s, _)| !matches!(s, Some(SUCCESS))).map(|(_, n)| n).sum();
    let lines = || node.log().lines().filter(|l| l.contains("event=image_refused")).count();
    super::node::wait_for("a line for each", || lines() == refused);
    assert_healthy(&node);
}

#[test]
fn mutated_pdus_end_only_their_association() {
    let workspace = Workspace::new();
    let node = start(&workspace, "");
    let mut rng = Rng::new(11);
    let request = association_request();
    for _ in 0..mutations() / 20 {
        let mut bytes = request.clone();
        for _ in 0..=rng.below(3) {
            let at = rng.below(bytes.len());
            bytes[at] = rng.below(256) as u8;
        }
        let mut stream = TcpStream::connect(node.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read(&mut [0; 1024]);
    }
    assert_healthy(&node);
}

/// A-ASSOCIATE-RQ for C-ECHO.
fn association_request() -> Vec<u8> {
    let item = |kind: u8, value: &[u8]| {
        [&[kind, 0][..], &(value.len() as u16).to_be_bytes(), value].concat()
    };
    let context =
        [&[1, 0, 0, 0][..], &item(0x30, b"1.2.840.10008.1.1"), &item(0x40, b"1.2.840.10008.1.2")];
    let user = [item(0x51, &16384u32.to_be_bytes()), item(0x52, b"1.2.3.4")].concat();
    let body = [
        &[0, 1, 0, 0][..],
        b"FIDUCIA         CR1             ",
        &[0; 32],
        &item(0x10, b"1.2.840.10008.3.1.1.1"),
        &item(0x20, &context.concat()),
        &item(0x50, &user),
    ]
    .concat();
    [&[1, 0][..], &(body.len() as u32).to_be_bytes(), &body].concat()
}

#[test]
fn a_pdu_of_four_gigabytes_is_rejected() {
    let workspace = Workspace::new();
    let node = start(&workspace, "");
    for start in [&[1u8, 0, 0xFF, 0xFF, 0xFF, 0xFF][..], &[4, 0, 0xFF, 0xFF, 0xFF, 0xFF]] {
        let mut stream = TcpStream::connect(node.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(start).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert_eq!(answer.first(), Some(&7), "no abort");
    }
    // Within an association too.
    let mut peer = Peer::new(node.address);
    peer.stream().write_all(&[4, 0, 0xFF, 0xFF, 0xFF, 0xFF]).unwrap();
    assert_eq!(peer.answer(), None);
    let metric = "fiducia_associations_broken_total{reason=\"pdu_length\"}";
    super::node::wait_for("the count", || node.metric(metric) == 3);
    super::node::wait_for("the line", || node.log().contains("reason=pdu_length"));
    assert_healthy(&node);
}

#[test]
fn the_number_of_connections_is_limited() {
    let workspace = Workspace::new();
    let node = start(&workspace, "[limits]\nassociations = 4");
    let mut held = Vec::new();
    for _ in 0..1000 {
        held.extend(TcpStream::connect(node.address));
    }
    let refused = "fiducia_associations_refused_total{reason=\"connections\"}";
    super::node::wait_for("the refusals", || node.metric(refused) >= 900);
    println!("{} of 1000 connections refused", node.metric(refused));
    assert!(node.metric("fiducia_connections_open") <= 68);
    drop(held);
    super::node::wait_for("the connections to close", || {
        node.metric("fiducia_connections_open") == 0
    });
    // At the limit the next association is rejected; it is accepted when another one ends.
    let mut peers: Vec<Peer> = (0..4).map(|_| Peer::new(node.address)).collect();
    let next = || Peer::call(node.address, ["CR1", "FIDUCIA"], uids::EXPLICIT_LITTLE);
    assert!(next().is_err());
    let full = "fiducia_associations_refused_total{reason=\"associations\"}";
    assert_eq!(node.metric(full), 1);
    peers.pop().unwrap().release();
    super::node::wait_for("a place", || next().is_ok());
    drop(peers);
    super::node::wait_for("the rest", || node.metric("fiducia_associations_open") == 0);
    assert_healthy(&node);
}

#[test]
fn silent_peers_are_disconnected() {
    let workspace = Workspace::new();
    let node = start(&workspace, "[limits]\nidle_s = 1");
    let mut silent = Peer::new(node.address);
    // Half a PDU, and then nothing; others are served meanwhile.
    let mut stalled = Peer::new(node.address);
    stalled.stream().write_all(&[4, 0, 0, 0]).unwrap();
    assert_healthy(&node);
    assert_eq!(silent.answer(), None);
    let metric = "fiducia_associations_broken_total{reason=\"silent\"}";
    super::node::wait_for("the one that stalled", || node.metric(metric) == 2);
    super::node::wait_for("the line", || node.log().contains("reason=silent"));
    assert_healthy(&node);
}

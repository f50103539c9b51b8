//! Messages between peers and the node.

use dicom_ul::pdu::PDataValueType::{Command, Data};

use super::{
    archive::Archive,
    node::{Node, configuration, image, image_data, instance, wait_for},
    peer::{Peer, SUCCESS, request},
};
use crate::{
    dicom_files::{data_set, put, put_frame, put_words, tags, uids},
    workspace::Workspace,
};

#[test]
fn every_echo_is_answered_with_its_own_number() {
    let workspace = Workspace::new();
    let node =
        Node::start(&workspace, &configuration(&[("away", "127.0.0.1:1".parse().unwrap())], ""));
    let mut peer = Peer::new(node.address);
    for _ in 0..3 {
        let (sent, answer) = peer.echo();
        assert_eq!(answer, [sent, SUCCESS]);
    }
    peer.release();
    assert_eq!(node.metric("fiducia_echoes_total{status=\"success\"}"), 3);
}

#[test]
fn an_image_gets_one_report_and_one_presentation_state() {
    let (workspace, archive) = (Workspace::new(), Archive::start());
    let node = Node::start(&workspace, &configuration(&[("archive", archive.address)], ""));
    let (uid, data) = (instance(1), image_data(&instance(1)));
    let mut peer = Peer::new(node.address);
    assert_eq!(peer.store(&uid, &data), Some(SUCCESS));
    wait_for("the results", || archive.results() == [1, 1]);
    wait_for("the record", || workspace.names("queue/done").len() == 1);
    // A duplicate is answered with success and not processed again; another image under the same UID is rejected.
    assert_eq!(peer.store(&uid, &data), Some(SUCCESS));
    let other = data_set(&image(&uid, 310), uids::EXPLICIT_LITTLE);
    assert_eq!(peer.store(&uid, &other), Some(0x0111));
    // The same image in another transfer syntax has another content.
    let mut implicit = Peer::call(node.address, ["CR1", "FIDUCIA"], uids::IMPLICIT_LITTLE).unwrap();
    let coded = data_set(&image(&uid, 300), uids::IMPLICIT_LITTLE);
    assert_eq!(implicit.store(&uid, &coded), Some(0x0111));
    assert_eq!(peer.echo().1[1], SUCCESS);
    peer.release();
    assert_eq!(node.metric("fiducia_images_received_total{how=\"new\"}"), 1);
    assert_eq!(node.metric("fiducia_images_received_total{how=\"again\"}"), 1);
    assert_eq!(node.metric("fiducia_images_refused_total{reason=\"other_content\"}"), 2);
    let measured = "fiducia_results_total{outcome=\"measured\"}";
    wait_for("the count", || node.metric(measured) == 1);
    assert_eq!((archive.results(), archive.objects()), ([1, 1], 2));
    assert_eq!(workspace.names("queue/received").len() + workspace.names("queue/results").len(), 0);
}

#[test]
fn fragments_are_reassembled() {
    let (workspace, archive) = (Workspace::new(), Archive::start());
    let node = Node::start(&workspace, &configuration(&[("archive", archive.address)], ""));
    let (uid, data) = (instance(1), image_data(&instance(1)));
    let mut peer = Peer::new(node.address);
    let store = request(1, 77, uids::CR, &uid, true);
    let (start, end) = store.split_at(9);
    let (first, rest) = data.split_at(1);
    peer.send(3, &[(Command, false, start)]);
    peer.send(3, &[(Command, true, end), (Data, false, first)]);
    rest.chunks(10_000).for_each(|part| peer.send(3, &[(Data, false, part)]));
    peer.send(3, &[(Data, true, &[])]);
    assert_eq!(peer.answer(), Some([77, SUCCESS]));
    wait_for("the results", || archive.results() == [1, 1]);
}

#[test]
fn invalid_images_are_rejected_and_the_association_continues() {
    let workspace = Workspace::new();
    let away =
        configuration(&[("away", "127.0.0.1:1".parse().unwrap())], "[limits]\nobject_mib = 1");
    let node = Node::start(&workspace, &away);
    let mut peer = Peer::new(node.address);
    let (uid, data) = (instance(1), image_data(&instance(1)));
    let mut object = image(&uid, 300);
    let mut ct = object.clone();
    put(&mut ct, tags::SOP_CLASS_UID, b"UI", uids::CT);
    object.remove((0x0020, 0x000D));
    let coded = |object| data_set(object, uids::EXPLICIT_LITTLE);
    for (name, data, status, reason) in [
        ("../../evil", &data[..], 0x0117, "uid"),
        (&instance(2), &data[..], 0xA900, "mismatch"),
        (&uid, &data[..data.len() - 2], 0xC000, "damaged"),
        (&uid, &[], 0xC000, "damaged"),
        (&uid, &[7; 5000], 0xC000, "damaged"),
        (&uid, &coded(&ct), 0xC000, "damaged"),
        // Without its study no result could refer to it.
        (&uid, &coded(&object), 0xC000, "damaged"),
        (&uid, &vec![0; (1 << 20) + 1], 0xA700, "object_size"),
    ] {
        let before = node.metric(&format!("fiducia_images_refused_total{{reason=\"{reason}\"}}"));
        assert_eq!(peer.store(name, data), Some(status), "{name} {reason}");
        let after = node.metric(&format!("fiducia_images_refused_total{{reason=\"{reason}\"}}"));
        assert_eq!(after, before + 1, "{name} {reason}");
        wait_for("the line", || node.log().contains(&format!("reason={reason}")));
    }
    // A C-STORE without a data set, a C-FIND.
    peer.send(3, &[(Command, true, &request(1, 8, uids::CR, &uid, false))]);
    assert_eq!(peer.answer(), Some([8, 0x0212]));
    peer.send(3, &[(Command, true, &request(0x20, 9, uids::CR, "", false))]);
    assert_eq!(peer.answer(), Some([9, 0x0211]));
    assert_eq!(peer.echo().1[1], SUCCESS);
    assert_eq!(peer.store(&uid, &data), Some(SUCCESS));
    peer.release();
    let names = workspace.names("queue/failed");
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn unknown_titles_are_rejected() {
    let workspace = Workspace::new();
    let away = [("away", "127.0.0.1:1".parse().unwrap())];
    let text = configuration(&away, "").replace("port = 0", "port = 0\ncalling = [\"CR1\"]");
    let node = Node::start(&workspace, &text);
    let call = |titles| Peer::call(node.address, titles, uids::EXPLICIT_LITTLE);
    assert!(call(["CR1", "FIDUCIA"]).is_ok());
    for (titles, reason) in [(["CR2", "FIDUCIA"], "calling_ae"), (["CR1", "OTHER"], "called_ae")] {
        let why = call(titles).err().unwrap();
        assert!(why.contains("rejected"), "{why}");
        let metric = format!("fiducia_associations_refused_total{{reason=\"{reason}\"}}");
        assert_eq!(node.metric(&metric), 1);
        wait_for("the line", || node.log().contains(&format!("reason={reason}")));
    }
}

#[test]
fn undecodable_images_are_rejected_and_can_be_sent_again() {
    let workspace = Workspace::new();
    let away = [("away", "127.0.0.1:1".parse().unwrap())];
    let node = Node::start(&workspace, &configuration(&away, ""));
    let mut object = image(&instance(1), 300);
    put_frame(&mut object, b"this is no JPEG stream".to_vec());
    let data = data_set(&object, uids::JPEG_LOSSLESS);
    let mut peer = Peer::call(node.address, ["CR1", "FIDUCIA"], uids::JPEG_LOSSLESS).unwrap();
    assert_eq!(peer.store(&instance(1), &data), Some(0xC000));
    assert_eq!(node.metric("fiducia_images_refused_total{reason=\"damaged\"}"), 1);
    for folder in ["received", "failed", "done"] {
        let names = workspace.names(&format!("queue/{folder}"));
        assert!(names.is_empty(), "{folder}: {names:?}");
    }
    // The same image, valid this time.
    let whole = data_set(&image(&instance(1), 300), uids::EXPLICIT_LITTLE);
    assert_eq!(Peer::new(node.address).store(&instance(1), &whole), Some(SUCCESS));
}

#[test]
fn an_image_without_contrast_gets_a_report_with_the_reason() {
    let (workspace, archive) = (Workspace::new(), Archive::start());
    let node = Node::start(&workspace, &configuration(&[("archive", archive.address)], ""));
    let mut object = image(&instance(1), 300);
    put_words(&mut object, &[7; 240 * 300]);
    let data = data_set(&object, uids::EXPLICIT_LITTLE);
    assert_eq!(Peer::new(node.address).store(&instance(1), &data), Some(SUCCESS));
    wait_for("the report", || archive.objects() == 1);
    assert_eq!(node.metric("fiducia_results_total{outcome=\"refused\"}"), 1);
}

#[test]
fn without_a_matching_rule_nothing_is_sent() {
    let (workspace, archive) = (Workspace::new(), Archive::start());
    let node = Node::start(&workspace, &configuration(&[("archive", archive.address)], ""));
    let mut object = image(&instance(1), 300);
    put(&mut object, (0x0008, 0x103E), b"LO", "Left hand");
    let data = data_set(&object, uids::EXPLICIT_LITTLE);
    assert_eq!(Peer::new(node.address).store(&instance(1), &data), Some(SUCCESS));
    wait_for("the record", || workspace.names("queue/done").len() == 1);
    let counted = "fiducia_results_total{outcome=\"no_rule\"}";
    wait_for("the count", || node.metric(counted) == 1);
    wait_for("the line", || node.log().contains("outcome=no_rule"));
    assert_eq!(archive.objects(), 0);
}

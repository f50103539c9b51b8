//! Intact frames that are malformed: each one is dropped, counted, and distinguished from damage.

use crc::{CRC_32_ISO_HDLC, Crc};
use fiducia_link::{Counts, Fault, MAX_PAYLOAD, Message, Receiver};

const HELLO: [u8; 15] = [0; 15];
/// The part of a report before its landmarks: plausible, one landmark, from index 0 on.
const REPORT: [u8; 20] = [1, 0, 0, 0, 7, 7, 7, 7, 7, 7, 7, 7, 1, 0, 0, 0, 1, 0, 0, 0];
const LANDMARK: [u8; 11] = [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1];

/// The content of a frame with a valid CRC.
fn content(version: u8, kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut content = [&[version, kind, 0, 0], payload].concat();
    let crc = Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(&content);
    content.extend(crc.to_le_bytes());
    content
}

/// What a receiver returns for the frame of `content`.
fn receive(content: &[u8]) -> (Result<Message, Fault>, Counts) {
    let mut encoded = vec![0; cobs::max_encoding_length(content.len())];
    let length = cobs::encode(content, &mut encoded);
    let mut receiver = Receiver::new();
    let line = [&[0], &encoded[..length], &[0]].concat();
    let mut read: Vec<_> = line.iter().filter_map(|&b| receiver.push(b)).collect();
    assert_eq!(read.len(), 1);
    (read.remove(0), receiver.counts())
}

fn assert_malformed(content: &[u8], fault: Fault) {
    let (read, counts) = receive(content);
    assert_eq!(read, Err(fault));
    assert_eq!(counts, Counts { malformed: 1, ..Counts::default() });
}

/// A report with `landmarks` landmarks, whose fields `change` has changed.
fn report(change: impl Fn(&mut [u8; 20]), landmarks: usize) -> Vec<u8> {
    let mut head = REPORT;
    change(&mut head);
    [&head[..], &LANDMARK.repeat(landmarks)].concat()
}

#[test]
fn the_unchanged_frames_of_this_test_are_valid() {
    assert!(receive(&content(1, 1, &HELLO)).0.is_ok());
    assert!(receive(&content(1, 5, &report(|_| {}, 1))).0.is_ok());
}

#[test]
fn faults_name_unknown_versions_and_kinds() {
    for version in [0, 2, 255] {
        assert_malformed(&content(version, 1, &HELLO), Fault::Version(version));
    }
    for kind in [0, 7, 255] {
        assert_malformed(&content(1, kind, &HELLO), Fault::Kind(kind));
    }
}

#[test]
fn a_payload_of_another_length_is_malformed() {
    for (kind, length) in [(1, 15), (2, 17), (3, 13), (4, 6), (5, 20), (5, 31), (6, 5)] {
        for wrong in [length - 1, length + 1] {
            assert_malformed(&content(1, kind, &vec![0; wrong]), Fault::Payload(kind));
        }
        assert_malformed(&content(1, kind, &[]), Fault::Payload(kind));
    }
}

#[test]
fn invalid_values_are_malformed() {
    let exposure = |number: u8, phase: u8| [&[number, 0, 0, 0, phase][..], &[0; 8]].concat();
    assert!(receive(&content(1, 3, &exposure(1, 1))).0.is_ok());
    assert_malformed(&content(1, 3, &exposure(0, 1)), Fault::Payload(3));
    assert_malformed(&content(1, 3, &exposure(1, 2)), Fault::Payload(3));

    // Landmarks of an implausible image, more landmarks than the total, indices beyond the last.
    let [plausible, total, first] = [12, 16, 18];
    for bad in [
        report(|head| head[plausible] = 0, 1),
        report(|head| head[plausible] = 0, 0),
        report(|head| head[total] = 0, 1),
        report(|head| head[first] = 1, 1),
        report(|head| head[first..].copy_from_slice(&[255, 255]), 1),
    ] {
        assert_malformed(&content(1, 5, &bad), Fault::Payload(5));
    }
}

#[test]
fn frames_that_are_too_long_or_too_short_are_damaged() {
    let longest = content(1, 99, &vec![5; MAX_PAYLOAD]);
    assert_malformed(&longest, Fault::Kind(99));
    let damaged = Counts { damaged: 1, ..Counts::default() };
    for more in [1, 2, 300] {
        let too_long = [&longest[..], &vec![5; more]].concat();
        assert_eq!(receive(&too_long), (Err(Fault::Damaged), damaged), "{more} more");
    }
    let crc_of_nothing = [0; 4];
    for short in [&crc_of_nothing[..], &content(1, 1, &[])[..7], &[1]] {
        assert_eq!(receive(short), (Err(Fault::Damaged), damaged));
    }
}

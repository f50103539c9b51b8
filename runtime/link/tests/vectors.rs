//! Decodes and encodes the test vectors of `docs/format.md`, which an independent implementation wrote.

use fiducia_link::{
    Exposure, Heartbeat, Hello, Landmark, Message, OrientationIssue, Phase, Reason, Receiver,
    Refusal, Report, Request, Role, Sender, State,
};

const FORMAT: &str = include_str!("../../../docs/format.md");
const MODEL: [u8; 8] = [0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77];

/// Name and bytes of each vector.
fn vectors() -> Vec<(String, Vec<u8>)> {
    let (_, after) = FORMAT.split_once("<!-- vectors:link -->\n```text\n").unwrap();
    let (text, _) = after.split_once("```").unwrap();
    let mut vectors: Vec<(String, Vec<u8>)> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("  ") {
            None => vectors.push((line.trim_end_matches(':').to_owned(), Vec::new())),
            Some(digits) => {
                let bytes = digits.split(' ').map(|d| u8::from_str_radix(d, 16).unwrap());
                vectors.last_mut().unwrap().1.extend(bytes);
            }
        }
    }
    vectors
}

fn report(exposure: u32, total: u16, first: u16, landmarks: &[Landmark]) -> Report {
    Report {
        exposure,
        model: MODEL,
        plausible: true,
        orientation_issue: OrientationIssue::Unspecified,
        taken_ms: 180,
        total,
        first,
        landmarks: landmarks.iter().copied().collect(),
    }
}

/// Sequence number and message of each vector.
fn expected() -> Vec<(u16, Message)> {
    let landmark = |x, y, expected_error, confident| Landmark { x, y, expected_error, confident };
    let many: Vec<Landmark> =
        (1..=20).map(|i: i32| landmark(i * 257, -i * 257, i as u16, i % 2 == 1)).collect();
    let collimator = Hello {
        role: Role::Collimator,
        answer: false,
        software: [1, 2, 3],
        model: [0; 8],
        landmarks: 0,
    };
    let runtime = Hello {
        role: Role::Runtime,
        answer: true,
        software: [0, 1, 0],
        model: MODEL,
        landmarks: 19,
    };
    let implausible = Report {
        plausible: false,
        orientation_issue: OrientationIssue::Mirrored,
        taken_ms: 950,
        ..report(43, 0, 0, &[])
    };
    let two = [landmark(8050, 10320, 127, true), landmark(-25, 9246, 65535, false)];
    let time_us = 5_000_000_000;
    vec![
        (0, Message::Hello(collimator)),
        (0, Message::Hello(runtime)),
        (
            258,
            Message::Heartbeat(Heartbeat {
                uptime_ms: 100_000,
                state: State::Ready,
                accepted: 400,
                damaged: 3,
                lost: 5,
            }),
        ),
        (7, Message::Exposure(Exposure { exposure: 42, phase: Phase::Start, time_us })),
        (8, Message::Request(Request { exposure: 42, timeout_ms: 3000 })),
        (9, Message::Report(report(42, 2, 0, &two))),
        (10, Message::Report(implausible)),
        (65535, Message::Report(Report { taken_ms: 65535, ..report(44, 68, 20, &many) })),
        (11, Message::Refusal(Refusal { exposure: 45, reason: Reason::NoImage })),
    ]
}

#[test]
fn every_vector_is_decoded() {
    let (vectors, expected) = (vectors(), expected());
    assert_eq!(vectors.len(), expected.len());
    for ((name, bytes), (_, message)) in vectors.iter().zip(expected) {
        let mut receiver = Receiver::new();
        let read: Vec<_> = bytes.iter().filter_map(|&b| receiver.push(b)).collect();
        assert_eq!(read, [Ok(message)], "{name}");
    }
}

#[test]
fn every_vector_is_encoded() {
    for ((name, bytes), (sequence, message)) in vectors().iter().zip(expected()) {
        let mut sender = Sender::new();
        let any = Message::Request(Request { exposure: 0, timeout_ms: 0 });
        (0..sequence).for_each(|_| drop(sender.frame(&any)));
        assert_eq!(sender.frame(&message).as_slice(), bytes, "{name}");
    }
}

#[test]
fn any_flipped_bit_is_detected() {
    for (name, bytes) in vectors() {
        for bit in 8..8 * (bytes.len() - 1) {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let mut receiver = Receiver::new();
            let read = changed.iter().filter_map(|&b| receiver.push(b)).find(Result::is_ok);
            assert_eq!(read, None, "{name}, bit {bit}");
            assert!(receiver.counts().damaged > 0, "{name}, bit {bit}");
        }
    }
}

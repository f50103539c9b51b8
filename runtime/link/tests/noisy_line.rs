//! A noisy line: a million frames with one byte in a hundred altered, lost or doubled.

use fiducia_link::{
    Counts, Exposure, Heartbeat, Hello, Landmark, Message, OrientationIssue, Phase, Receiver,
    Report, Request, Role, Sender, State,
};
use fiducia_test_support::Rng;

const FRAMES: u32 = 1_000_000;
/// On average, one byte in this many is damaged.
const DAMAGED_ONE_IN: usize = 100;
/// Upper bound of the size of a receiver: one frame and its counters.
const RECEIVER_BYTES: usize = 400;

/// A message that is unique to `number`.
fn message(number: u32, rng: &mut Rng) -> Message {
    let random = rng.next() as u32;
    match rng.below(8) {
        0 => Message::Exposure(Exposure {
            exposure: number + 1,
            phase: if random & 1 == 0 { Phase::Start } else { Phase::End },
            time_us: random.into(),
        }),
        1..4 => Message::Heartbeat(Heartbeat {
            uptime_ms: number,
            state: State::Ready,
            accepted: random,
            damaged: random >> 8,
            lost: random >> 20,
        }),
        4 | 5 => Message::Request(Request { exposure: number, timeout_ms: random as u16 }),
        _ => {
            let landmarks = rng.below(21) as u16;
            Message::Report(Report {
                exposure: number,
                model: [7; 8],
                plausible: true,
                orientation_issue: OrientationIssue::Unspecified,
                taken_ms: random as u16,
                total: landmarks,
                first: 0,
                landmarks: (0..landmarks)
                    .map(|i| Landmark {
                        x: rng.below(1 << 16) as i32 - (1 << 15),
                        y: i.into(),
                        expected_error: random as u16,
                        confident: i & 1 == 0,
                    })
                    .collect(),
            })
        }
    }
}

/// What happens to a byte on the line.
enum Fate {
    Intact,
    Altered(u8),
    Lost,
    Doubled(u8),
}

fn fate(rng: &mut Rng) -> Fate {
    if rng.below(DAMAGED_ONE_IN) != 0 {
        return Fate::Intact;
    }
    match rng.below(3) {
        0 => Fate::Altered(1 + rng.below(255) as u8),
        1 => Fate::Lost,
        _ => Fate::Doubled(rng.below(256) as u8),
    }
}

/// What arrived of a frame that was sent over the noisy line.
struct Arrival {
    messages: Vec<Message>,
    /// No byte was damaged.
    is_intact: bool,
    /// The bytes between the delimiters arrived as they were sent, whatever happened to the delimiters.
    is_content_intact: bool,
}

fn send(wire: &[u8], rng: &mut Rng, receiver: &mut Receiver) -> Arrival {
    let (mut received, mut is_intact) = (Vec::new(), true);
    for &byte in wire {
        let fate = fate(rng);
        is_intact &= matches!(fate, Fate::Intact);
        match fate {
            Fate::Intact => received.push(byte),
            Fate::Altered(by) => received.push(byte ^ by),
            Fate::Lost => {}
            Fate::Doubled(other) => received.extend([byte, other]),
        }
    }
    let messages =
        received.iter().filter_map(|&b| receiver.push(b)).filter_map(Result::ok).collect();
    let content = &wire[1..wire.len() - 1];
    let is_content_intact = received.split(|&b| b == 0).any(|piece| piece == content);
    Arrival { messages, is_intact, is_content_intact }
}

#[test]
fn a_million_frames_over_a_noisy_line() {
    assert!(size_of::<Receiver>() <= RECEIVER_BYTES, "{} bytes", size_of::<Receiver>());
    let mut rng = Rng::new(0x5eed);
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let hello = Hello {
        role: Role::Other(9),
        answer: false,
        software: [0; 3],
        model: [0; 8],
        landmarks: 0,
    };
    sender.frame(&Message::Hello(hello)).iter().for_each(|&b| drop(receiver.push(b)));

    // A frame that lost its closing delimiter is completed by the opening delimiter of the next one.
    let mut pending: Option<Message> = None;
    let (mut intact, mut accepted) = (0, 1);
    for number in 0..FRAMES {
        let sent = message(number, &mut rng);
        let Arrival { messages, is_intact, is_content_intact } =
            send(&sender.frame(&sent), &mut rng, &mut receiver);
        let mut messages = messages.into_iter().peekable();
        if messages.peek().is_some() && messages.peek() == pending.as_ref() {
            messages.next();
            accepted += 1;
        }
        match messages.next() {
            Some(message) => {
                assert!(is_content_intact, "frame {number} was damaged and was accepted");
                assert_eq!(message, sent);
                accepted += 1;
                pending = None;
            }
            None => {
                assert!(!is_intact, "frame {number} was intact and was not accepted");
                pending = is_content_intact.then_some(sent);
            }
        }
        assert_eq!(messages.next(), None, "frame {number}");
        intact += u32::from(is_intact);
    }
    let last = Message::Request(Request { exposure: u32::MAX, timeout_ms: 0 });
    let end = sender.frame(&last);
    accepted += end.iter().filter_map(|&b| receiver.push(b)).filter(Result::is_ok).count() as u32;

    let counts = receiver.counts();
    println!("{FRAMES} frames, {intact} of them intact; {counts:?}");
    assert!(intact > FRAMES / 10 && intact < FRAMES / 10 * 9, "{intact}");
    assert_eq!(counts.accepted, accepted);
    // Every sequence number is accounted for: the hello, the frames, the last request.
    assert_eq!(counts.accepted + counts.lost, FRAMES + 2);
    assert_eq!((counts.reordered, counts.repeated, counts.malformed), (0, 0, 0));
    assert!(counts.damaged > 0);
}

#[test]
fn frames_that_a_bridge_swaps_or_repeats_are_received_once() {
    let mut rng = Rng::new(7);
    let mut sender = Sender::new();
    let sent: Vec<Message> = (0..10_000).map(|number| message(number, &mut rng)).collect();
    let mut line: Vec<_> = sent.iter().enumerate().map(|(at, m)| (at, sender.frame(m))).collect();
    (0..line.len() - 1).step_by(3).for_each(|at| line.swap(at, at + 1));
    let repeated: Vec<_> =
        line.iter().flat_map(|f| vec![f; if f.0 % 10 == 0 { 2 } else { 1 }]).collect();
    let mut receiver = Receiver::new();
    let mut arrived = Vec::new();
    for (at, wire) in repeated {
        for message in wire.iter().filter_map(|&b| receiver.push(b)).filter_map(Result::ok) {
            assert_eq!(message, sent[*at]);
            arrived.push(*at);
        }
    }
    arrived.sort_unstable();
    assert_eq!(arrived, (0..sent.len()).collect::<Vec<_>>());
    let counts = receiver.counts();
    assert_eq!((counts.damaged, counts.lost, counts.repeated), (0, 0, 1_000));
    assert_eq!(counts.reordered, 3_333);
}

#[test]
fn a_truncated_frame_does_not_damage_the_next() {
    let request = |exposure| Message::Request(Request { exposure, timeout_ms: 0 });
    let length = Sender::new().frame(&request(1)).len();
    for cut in 2..length - 1 {
        let mut sender = Sender::new();
        let mut receiver = Receiver::new();
        let first = sender.frame(&request(1));
        let second = sender.frame(&request(2));
        let line = first[..cut].iter().chain(&second);
        let arrived: Vec<_> =
            line.filter_map(|&b| receiver.push(b)).filter_map(Result::ok).collect();
        assert_eq!(arrived, [request(2)], "cut at {cut}");
        assert_eq!(receiver.counts(), Counts { accepted: 1, damaged: 1, ..Counts::default() });
    }
}

#[test]
fn endless_noise_counts_as_one_damaged_frame() {
    let mut receiver = Receiver::new();
    let noise = (0..1_000_000_u32).map(|n| 1 + (n % 255) as u8);
    assert!(noise.filter_map(|b| receiver.push(b)).next().is_none());
    let mut received = Vec::new();
    let wire = Sender::new().frame(&Message::Request(Request { exposure: 5, timeout_ms: 0 }));
    wire.iter().for_each(|&b| received.extend(receiver.push(b)));
    assert_eq!(received.len(), 2);
    assert!(received[1].is_ok());
    assert_eq!(receiver.counts().damaged, 1);
}

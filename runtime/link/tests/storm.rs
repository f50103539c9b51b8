//! A bad line: a million frames with one byte in a hundred altered, lost or put in between.

use fiducia_link::{
    Counts, Exposure, Heartbeat, Hello, Message, Phase, Presentation, Receiver, Report, Request,
    Role, Sender, Spot, State,
};

const FRAMES: u32 = 1_000_000;
/// One byte in so many is damaged.
const DAMAGED_ONE_IN: u64 = 100;
/// More than a receiver ever holds: one frame and its counts.
const RECEIVER_BYTES: usize = 400;

/// Marsaglia's xorshift64*.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % n
    }
}

/// A message that no other number has.
fn message(number: u32, chance: &mut Chance) -> Message {
    let random = chance.below(1 << 32) as u32;
    match chance.below(8) {
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
        4 | 5 => Message::Request(Request { exposure: number, patience_ms: random as u16 }),
        _ => {
            let spots = chance.below(21) as u16;
            Message::Report(Report {
                exposure: number,
                model: [7; 8],
                plausible: true,
                presentation: Presentation::Unnamed,
                taken_ms: random as u16,
                total: spots,
                first: 0,
                spots: (0..spots)
                    .map(|i| Spot {
                        x: chance.below(1 << 16) as i32 - (1 << 15),
                        y: i.into(),
                        expected_error: random as u16,
                        confident: i & 1 == 0,
                    })
                    .collect(),
            })
        }
    }
}

/// What a byte of the line becomes.
enum Fate {
    Whole,
    Altered(u8),
    Lost,
    Doubled(u8),
}

fn fate(chance: &mut Chance) -> Fate {
    if chance.below(DAMAGED_ONE_IN) != 0 {
        return Fate::Whole;
    }
    match chance.below(3) {
        0 => Fate::Altered(1 + chance.below(255) as u8),
        1 => Fate::Lost,
        _ => Fate::Doubled(chance.below(256) as u8),
    }
}

/// What a frame became on the bad line.
struct Passage {
    came: Vec<Message>,
    /// No byte was damaged.
    intact: bool,
    /// What was between the delimiters arrived as it was sent, whatever became of the delimiters.
    content_intact: bool,
}

fn send(wire: &[u8], chance: &mut Chance, receiver: &mut Receiver) -> Passage {
    let (mut received, mut intact) = (Vec::new(), true);
    for &byte in wire {
        let fate = fate(chance);
        intact &= matches!(fate, Fate::Whole);
        match fate {
            Fate::Whole => received.push(byte),
            Fate::Altered(by) => received.push(byte ^ by),
            Fate::Lost => {}
            Fate::Doubled(other) => received.extend([byte, other]),
        }
    }
    let came = received.iter().filter_map(|&b| receiver.push(b)).filter_map(Result::ok).collect();
    let content = &wire[1..wire.len() - 1];
    let content_intact = received.split(|&b| b == 0).any(|piece| piece == content);
    Passage { came, intact, content_intact }
}

#[test]
fn a_million_frames_over_a_bad_line() {
    assert!(size_of::<Receiver>() <= RECEIVER_BYTES, "{} bytes", size_of::<Receiver>());
    let mut chance = Chance(0x5eed);
    let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
    let hello = Hello {
        role: Role::Other(9),
        answer: false,
        software: [0; 3],
        model: [0; 8],
        landmarks: 0,
    };
    sender.frame(&Message::Hello(hello)).iter().for_each(|&b| drop(receiver.push(b)));

    // The frame before this one may come out with this one's opening delimiter, if it lost its own.
    let mut open: Option<Message> = None;
    let (mut whole, mut accepted) = (0, 1);
    for number in 0..FRAMES {
        let sent = message(number, &mut chance);
        let Passage { came, intact, content_intact } =
            send(&sender.frame(&sent), &mut chance, &mut receiver);
        let mut came = came.into_iter().peekable();
        if came.peek().is_some() && came.peek() == open.as_ref() {
            came.next();
            accepted += 1;
        }
        match came.next() {
            Some(message) => {
                assert!(content_intact, "frame {number} was damaged and was accepted");
                assert_eq!(message, sent);
                accepted += 1;
                open = None;
            }
            None => {
                assert!(!intact, "frame {number} was intact and did not come");
                open = content_intact.then_some(sent);
            }
        }
        assert_eq!(came.next(), None, "frame {number}");
        whole += u32::from(intact);
    }
    let last = Message::Request(Request { exposure: u32::MAX, patience_ms: 0 });
    let end = sender.frame(&last);
    accepted += end.iter().filter_map(|&b| receiver.push(b)).filter(Result::is_ok).count() as u32;

    let counts = receiver.counts();
    println!("{FRAMES} frames, {whole} of them intact; {counts:?}");
    assert!(whole > FRAMES / 10 && whole < FRAMES / 10 * 9, "{whole}");
    assert_eq!(counts.accepted, accepted);
    // Every number is accounted for: the hello, the frames, the last request.
    assert_eq!(counts.accepted + counts.lost, FRAMES + 2);
    assert_eq!((counts.reordered, counts.repeated, counts.senseless), (0, 0, 0));
    assert!(counts.damaged > 0);
}

#[test]
fn frames_that_a_bridge_swaps_or_repeats_come_once() {
    let mut chance = Chance(7);
    let mut sender = Sender::new();
    let sent: Vec<Message> = (0..10_000).map(|number| message(number, &mut chance)).collect();
    let mut line: Vec<_> = sent.iter().enumerate().map(|(at, m)| (at, sender.frame(m))).collect();
    (0..line.len() - 1).step_by(3).for_each(|at| line.swap(at, at + 1));
    let repeated: Vec<_> =
        line.iter().flat_map(|f| vec![f; if f.0 % 10 == 0 { 2 } else { 1 }]).collect();
    let mut receiver = Receiver::new();
    let mut came = Vec::new();
    for (at, wire) in repeated {
        for message in wire.iter().filter_map(|&b| receiver.push(b)).filter_map(Result::ok) {
            assert_eq!(message, sent[*at]);
            came.push(*at);
        }
    }
    came.sort_unstable();
    assert_eq!(came, (0..sent.len()).collect::<Vec<_>>());
    let counts = receiver.counts();
    assert_eq!((counts.damaged, counts.lost, counts.repeated), (0, 0, 1_000));
    assert_eq!(counts.reordered, 3_333);
}

#[test]
fn a_frame_that_stops_short_does_not_cost_the_next() {
    let request = |exposure| Message::Request(Request { exposure, patience_ms: 0 });
    let whole = Sender::new().frame(&request(1));
    for cut in 2..whole.len() - 1 {
        let mut sender = Sender::new();
        let mut receiver = Receiver::new();
        let first = sender.frame(&request(1));
        let second = sender.frame(&request(2));
        let line = first[..cut].iter().chain(&second);
        let came: Vec<_> = line.filter_map(|&b| receiver.push(b)).filter_map(Result::ok).collect();
        assert_eq!(came, [request(2)], "cut at {cut}");
        assert_eq!(receiver.counts(), Counts { accepted: 1, damaged: 1, ..Counts::default() });
    }
}

#[test]
fn noise_without_end_is_one_piece_of_damage() {
    let mut receiver = Receiver::new();
    let noise = (0..1_000_000_u32).map(|n| 1 + (n % 255) as u8);
    assert!(noise.filter_map(|b| receiver.push(b)).next().is_none());
    let mut came = Vec::new();
    let wire = Sender::new().frame(&Message::Request(Request { exposure: 5, patience_ms: 0 }));
    wire.iter().for_each(|&b| came.extend(receiver.push(b)));
    assert_eq!(came.len(), 2);
    assert!(came[1].is_ok());
    assert_eq!(receiver.counts().damaged, 1);
}

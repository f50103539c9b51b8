//! Two ends of a link, by a clock that the test turns.

use fiducia_link::{
    Event, HEARTBEAT_MS, HELLO_MS, Hello, Message, Request, Role, SILENCE_MS, Session, State,
};

const STEP_MS: u32 = 10;
const ASKED: Message = Message::Request(Request { exposure: 9, patience_ms: 100 });

fn hello(role: Role) -> Hello {
    Hello { role, answer: false, software: [0, 1, 0], model: [0; 8], landmarks: 0 }
}

/// A runtime and a display, and the line between them.
struct Bench {
    now_ms: u32,
    ends: [Session; 2],
    /// Whether bytes from that end arrive.
    whole: [bool; 2],
}

impl Bench {
    /// Both start shortly before their millisecond counters wrap.
    fn new() -> Self {
        let now_ms = u32::MAX - 700;
        let ends = [Role::Runtime, Role::Display].map(|role| Session::new(hello(role), now_ms));
        Self { now_ms, ends, whole: [true; 2] }
    }

    /// Lets time pass; returns what either end got.
    fn run(&mut self, time_ms: u32) -> [Vec<Event>; 2] {
        let mut events = [Vec::new(), Vec::new()];
        for _ in 0..time_ms / STEP_MS {
            for from in 0..2 {
                while let Some(wire) = self.ends[from].speak(State::Ready, self.now_ms) {
                    events[1 - from].extend(self.deliver(from, &wire));
                }
            }
            self.now_ms = self.now_ms.wrapping_add(STEP_MS);
        }
        events
    }

    fn deliver(&mut self, from: usize, wire: &[u8]) -> Vec<Event> {
        let (to, now_ms) = (&mut self.ends[1 - from], self.now_ms);
        let heard = if self.whole[from] { wire } else { &[] };
        heard.iter().filter_map(|&b| to.receive(b, now_ms)).collect()
    }

    fn met(&self) -> [bool; 2] {
        self.ends.each_ref().map(|end| end.peer().is_some())
    }
}

#[test]
fn ends_meet_and_then_live() {
    let mut bench = Bench::new();
    let events = bench.run(2_000);
    assert_eq!(bench.met(), [true; 2]);
    assert_eq!(bench.ends[0].peer().unwrap().role, Role::Display);
    for got in events {
        let meetings = got.iter().filter(|e| matches!(e, Event::Met(_))).count();
        let beats = got.iter().filter(|e| matches!(e, Event::Heartbeat(_))).count();
        assert_eq!(meetings, 1, "{got:?}");
        assert!((6..=8).contains(&beats), "{got:?}");
        assert_eq!(got.len(), meetings + beats);
    }
}

#[test]
fn nothing_is_acted_on_before_a_hello() {
    let mut bench = Bench::new();
    bench.whole = [false, true];
    bench.run(STEP_MS);
    // The display has heard nothing, so it has nobody to ask.
    assert_eq!(bench.ends[1].frame(&ASKED), None);
    let mut stranger = Session::new(hello(Role::Runtime), 0);
    let wire = fiducia_link::Sender::new().frame(&ASKED);
    assert!(wire.iter().all(|&b| stranger.receive(b, 0).is_none()));
    assert!(stranger.peer().is_none());
}

#[test]
fn silence_ends_a_session_and_a_whole_line_starts_it_again() {
    let mut bench = Bench::new();
    bench.run(1_000);
    // Cut both ways, in the middle of a frame.
    let wire = bench.ends[0].frame(&ASKED).unwrap();
    bench.deliver(0, &wire[..wire.len() / 2]);
    bench.whole = [false; 2];
    bench.run(SILENCE_MS - HEARTBEAT_MS - STEP_MS);
    assert_eq!(bench.met(), [true; 2], "too early");
    bench.run(HEARTBEAT_MS + 3 * STEP_MS);
    assert_eq!(bench.met(), [false; 2], "too late");
    bench.whole = [true; 2];
    bench.run(HELLO_MS + STEP_MS);
    assert_eq!(bench.met(), [true; 2]);
    let wire = bench.ends[1].frame(&ASKED).unwrap();
    assert_eq!(bench.deliver(1, &wire), [Event::Message(ASKED)]);
}

#[test]
fn an_end_that_starts_anew_is_met_again() {
    let mut bench = Bench::new();
    bench.run(1_000);
    bench.ends[1] = Session::new(hello(Role::Display), bench.now_ms);
    let [runtime, display] = bench.run(HELLO_MS);
    assert!(runtime.iter().any(|e| matches!(e, Event::Met(_))), "{runtime:?}");
    assert!(display.iter().any(|e| matches!(e, Event::Met(h) if h.answer)), "{display:?}");
    // Its numbers began again; nothing of what it says counts as repeated.
    let wire = bench.ends[1].frame(&ASKED).unwrap();
    assert_eq!(bench.deliver(1, &wire), [Event::Message(ASKED)]);
    assert_eq!(bench.ends[0].counts().repeated, 0);
}

#[test]
fn a_deaf_end_keeps_asking_and_the_other_keeps_answering() {
    let mut bench = Bench::new();
    bench.whole = [false, true];
    let [runtime, _] = bench.run(2_000);
    assert_eq!(bench.met(), [true, false]);
    assert!(runtime.len() >= 7, "{runtime:?}");
}

//! Two ends of a link, on a simulated clock.

use fiducia_link::{
    Event, HEARTBEAT_MS, HELLO_MS, Hello, Message, Request, Role, SILENCE_MS, Session, State,
};

const STEP_MS: u32 = 10;
const ASKED: Message = Message::Request(Request { exposure: 9, timeout_ms: 100 });

fn hello(role: Role) -> Hello {
    Hello { role, answer: false, software: [0, 1, 0], model: [0; 8], landmarks: 0 }
}

/// A runtime and a display, and the line between them.
struct Bench {
    now_ms: u32,
    ends: [Session; 2],
    /// Whether bytes from that end arrive.
    is_connected: [bool; 2],
}

impl Bench {
    /// Both ends start shortly before their millisecond counters wrap.
    fn new() -> Self {
        let now_ms = u32::MAX - 700;
        let ends = [Role::Runtime, Role::Display].map(|role| Session::new(hello(role), now_ms));
        Self { now_ms, ends, is_connected: [true; 2] }
    }

    /// Advances the clock; returns the events of either end.
    fn run(&mut self, time_ms: u32) -> [Vec<Event>; 2] {
        let mut events = [Vec::new(), Vec::new()];
        for _ in 0..time_ms / STEP_MS {
            for from in 0..2 {
                while let Some(wire) = self.ends[from].poll(State::Ready, self.now_ms) {
                    events[1 - from].extend(self.deliver(from, &wire));
                }
            }
            self.now_ms = self.now_ms.wrapping_add(STEP_MS);
        }
        events
    }

    fn deliver(&mut self, from: usize, wire: &[u8]) -> Vec<Event> {
        let (to, now_ms) = (&mut self.ends[1 - from], self.now_ms);
        let received = if self.is_connected[from] { wire } else { &[] };
        received.iter().filter_map(|&b| to.receive(b, now_ms)).collect()
    }

    fn connected(&self) -> [bool; 2] {
        self.ends.each_ref().map(|end| end.peer().is_some())
    }
}

#[test]
fn ends_connect_and_exchange_heartbeats() {
    let mut bench = Bench::new();
    let events = bench.run(2_000);
    assert_eq!(bench.connected(), [true; 2]);
    assert_eq!(bench.ends[0].peer().unwrap().role, Role::Display);
    for got in events {
        let meetings = got.iter().filter(|e| matches!(e, Event::Connected(_))).count();
        let beats = got.iter().filter(|e| matches!(e, Event::Heartbeat(_))).count();
        assert_eq!(meetings, 1, "{got:?}");
        assert!((6..=8).contains(&beats), "{got:?}");
        assert_eq!(got.len(), meetings + beats);
    }
}

#[test]
fn messages_before_a_hello_are_dropped() {
    let mut bench = Bench::new();
    bench.is_connected = [false, true];
    bench.run(STEP_MS);
    // The display has received nothing, so it has no peer to ask.
    assert_eq!(bench.ends[1].frame(&ASKED), None);
    let mut stranger = Session::new(hello(Role::Runtime), 0);
    let wire = fiducia_link::Sender::new().frame(&ASKED);
    assert!(wire.iter().all(|&b| stranger.receive(b, 0).is_none()));
    assert!(stranger.peer().is_none());
}

#[test]
fn silence_ends_a_session_and_a_restored_line_starts_a_new_one() {
    let mut bench = Bench::new();
    bench.run(1_000);
    // The line is cut in both directions, in the middle of a frame.
    let wire = bench.ends[0].frame(&ASKED).unwrap();
    bench.deliver(0, &wire[..wire.len() / 2]);
    bench.is_connected = [false; 2];
    bench.run(SILENCE_MS - HEARTBEAT_MS - STEP_MS);
    assert_eq!(bench.connected(), [true; 2], "too early");
    bench.run(HEARTBEAT_MS + 3 * STEP_MS);
    assert_eq!(bench.connected(), [false; 2], "too late");
    bench.is_connected = [true; 2];
    bench.run(HELLO_MS + STEP_MS);
    assert_eq!(bench.connected(), [true; 2]);
    let wire = bench.ends[1].frame(&ASKED).unwrap();
    assert_eq!(bench.deliver(1, &wire), [Event::Message(ASKED)]);
}

#[test]
fn an_end_that_restarts_is_connected_again() {
    let mut bench = Bench::new();
    bench.run(1_000);
    bench.ends[1] = Session::new(hello(Role::Display), bench.now_ms);
    let [runtime, display] = bench.run(HELLO_MS);
    assert!(runtime.iter().any(|e| matches!(e, Event::Connected(_))), "{runtime:?}");
    assert!(display.iter().any(|e| matches!(e, Event::Connected(h) if h.answer)), "{display:?}");
    // Its sequence numbers restarted; none of its frames counts as repeated.
    let wire = bench.ends[1].frame(&ASKED).unwrap();
    assert_eq!(bench.deliver(1, &wire), [Event::Message(ASKED)]);
    assert_eq!(bench.ends[0].counts().repeated, 0);
}

#[test]
fn an_end_that_receives_nothing_keeps_sending_hellos_that_are_answered() {
    let mut bench = Bench::new();
    bench.is_connected = [false, true];
    let [runtime, _] = bench.run(2_000);
    assert_eq!(bench.connected(), [true, false]);
    assert!(runtime.len() >= 7, "{runtime:?}");
}

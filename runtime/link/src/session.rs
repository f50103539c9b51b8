//! One end of a link: connection state, heartbeats and time-outs.
//!
//! ```text
//!          ┌────── SILENCE_MS without an intact frame or closed ─────┐
//!          ▼                                                         │
//!      no peer ── hello, or its answer, received ────────────────▶ peer
//!  hello every HELLO_MS                                 heartbeat every HEARTBEAT_MS
//! ```

use crate::{Clock, Counts, Fault, Heartbeat, Hello, Message, Receiver, Sender, State, Wire};

/// Interval between hellos until there is a peer, ms.
pub const HELLO_MS: u32 = 250;
/// Interval between heartbeats, ms.
pub const HEARTBEAT_MS: u32 = 250;
/// The session ends after this time without an intact frame, ms: up to three heartbeats may be lost.
pub const SILENCE_MS: u32 = 1_000;

/// One end of a link. It does no I/O: the caller passes in received bytes and the time, and sends the frames it
/// returns.
///
/// ```
/// use fiducia_link::{Event, Hello, Role, Session, State, Wire};
///
/// fn end(role: Role) -> Session {
///     let hello = Hello { role, answer: false, software: [0, 1, 0], model: [0; 8], landmarks: 0 };
///     Session::new(hello, 0)
/// }
/// fn deliver(wire: &Wire, to: &mut Session) -> Option<Event> {
///     wire.iter().filter_map(|&byte| to.receive(byte, 0)).next()
/// }
///
/// let (mut runtime, mut display) = (end(Role::Runtime), end(Role::Display));
/// // The display opens the session with a hello; the runtime answers it.
/// let hello = display.poll(State::Ready, 0).unwrap();
/// assert!(matches!(deliver(&hello, &mut runtime), Some(Event::Connected(peer)) if peer.role == Role::Display));
/// let answer = runtime.poll(State::Ready, 0).unwrap();
/// assert!(matches!(deliver(&answer, &mut display), Some(Event::Connected(peer)) if peer.answer));
/// ```
#[derive(Debug)]
pub struct Session {
    hello: Hello,
    sender: Sender,
    receiver: Receiver,
    peer: Option<Hello>,
    /// Since the last intact frame.
    received: Clock,
    /// Since the last hello or heartbeat was sent; `None` if one is due at once.
    sent: Option<Clock>,
    owes_answer: bool,
}

/// What a received byte completed.
#[derive(Clone, Debug, PartialEq, Eq)]
// Held one at a time, and there is no heap to put the large one on.
#[allow(clippy::large_enum_variant)]
pub enum Event {
    /// There is a peer. If there was one before, it may have restarted.
    Connected(Hello),
    /// The peer's heartbeat.
    Heartbeat(Heartbeat),
    /// Any other message of the peer.
    Message(Message),
    /// Received bytes that were dropped; see [`Session::counts`].
    Dropped(Fault),
}

impl Session {
    /// A session without a peer; `hello` describes this end.
    pub const fn new(hello: Hello, now_ms: u32) -> Self {
        Self {
            hello,
            sender: Sender::new(),
            receiver: Receiver::new(),
            peer: None,
            received: Clock::start(now_ms),
            sent: None,
            owes_answer: false,
        }
    }

    /// The other end as it introduced itself; `None` without one. Updated by [`Session::poll`], which notices a
    /// time-out.
    pub const fn peer(&self) -> Option<&Hello> {
        self.peer.as_ref()
    }

    /// Reception statistics since the start, across reconnections.
    pub const fn counts(&self) -> Counts {
        self.receiver.counts()
    }

    /// Takes the next received byte. Messages before the peer's hello are dropped without an event.
    pub fn receive(&mut self, byte: u8, now_ms: u32) -> Option<Event> {
        let message = match self.receiver.push(byte)? {
            Ok(message) => message,
            Err(fault) => return Some(Event::Dropped(fault)),
        };
        if let Message::Hello(hello) = message {
            self.received = Clock::start(now_ms);
            self.owes_answer |= !hello.answer;
            let is_known = self.peer.replace(hello).is_some();
            // If both sent a hello first, the answer announces a peer that is already known.
            return (!is_known || !hello.answer).then_some(Event::Connected(hello));
        }
        self.peer?;
        self.received = Clock::start(now_ms);
        Some(match message {
            Message::Heartbeat(heartbeat) => Event::Heartbeat(heartbeat),
            other => Event::Message(other),
        })
    }

    /// The frame that is due: the answer to a hello, a hello or a heartbeat. Call it until it returns `None`, and
    /// at least every few milliseconds: it also notices that the peer is gone.
    pub fn poll(&mut self, state: State, now_ms: u32) -> Option<Wire> {
        if self.peer.is_some() && self.received.elapsed_ms(now_ms) >= SILENCE_MS {
            self.close();
        }
        if core::mem::take(&mut self.owes_answer) {
            return Some(self.sender.frame(&Message::Hello(Hello { answer: true, ..self.hello })));
        }
        let period_ms = if self.peer.is_some() { HEARTBEAT_MS } else { HELLO_MS };
        let sent = self.sent.get_or_insert(Clock::start(now_ms.wrapping_sub(period_ms)));
        if !sent.due(now_ms, period_ms) {
            return None;
        }
        let message = match self.peer {
            None => Message::Hello(self.hello),
            Some(_) => {
                let Counts { accepted, damaged, lost, .. } = self.receiver.counts();
                Message::Heartbeat(Heartbeat { uptime_ms: now_ms, state, accepted, damaged, lost })
            }
        };
        Some(self.sender.frame(&message))
    }

    /// The frame of a message, to be sent now; `None` without a peer.
    pub fn frame(&mut self, message: &Message) -> Option<Wire> {
        self.peer?;
        Some(self.sender.frame(message))
    }

    /// Ends the session, because the port was closed or reopened: there is no peer.
    pub const fn close(&mut self) {
        self.peer = None;
        self.owes_answer = false;
        self.sent = None;
    }
}

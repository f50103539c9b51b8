//! One end of a link: who is at the other end, and whether it lives.
//!
//! ```text
//!          ┌────── SILENCE_MS without a whole frame, or closed ──────┐
//!          ▼                                                         │
//!      no peer ── hello, or its answer, received ────────────────▶ peer
//!  hello every HELLO_MS                                 heartbeat every HEARTBEAT_MS
//! ```

use crate::{Clock, Counts, Fault, Heartbeat, Hello, Message, Receiver, Sender, State, Wire};

/// A hello is repeated at this pace until there is a peer, ms.
pub const HELLO_MS: u32 = 250;
/// A heartbeat goes out at this pace, ms.
pub const HEARTBEAT_MS: u32 = 250;
/// After so long without a whole frame there is no peer any more, ms: three heartbeats may get lost.
pub const SILENCE_MS: u32 = 1_000;

/// One end of a link. It does no input or output: bytes and the time are handed in, frames out.
#[derive(Debug)]
pub struct Session {
    me: Hello,
    sender: Sender,
    receiver: Receiver,
    peer: Option<Hello>,
    heard: Clock,
    /// When a hello or heartbeat last went out; none where one is to go out at once.
    spoke: Option<Clock>,
    owes_answer: bool,
}

/// What a received byte came to.
#[derive(Clone, Debug, PartialEq, Eq)]
// Held one at a time, and there is no heap to put the large one on.
#[allow(clippy::large_enum_variant)]
pub enum Event {
    /// There is a peer. If there was one before, it may have started anew.
    Met(Hello),
    /// The peer's sign of life.
    Heartbeat(Heartbeat),
    /// Anything else that the peer says.
    Message(Message),
    /// Something that is dropped, and counted.
    Dropped(Fault),
}

impl Session {
    /// An end without a peer. `me` is what it says of itself.
    pub const fn new(me: Hello, now_ms: u32) -> Self {
        Self {
            me,
            sender: Sender::new(),
            receiver: Receiver::new(),
            peer: None,
            heard: Clock::start(now_ms),
            spoke: None,
            owes_answer: false,
        }
    }

    /// Who is at the other end, as of the last [`Session::speak`].
    pub const fn peer(&self) -> Option<&Hello> {
        self.peer.as_ref()
    }

    /// What was received so far, in all sessions.
    pub const fn counts(&self) -> Counts {
        self.receiver.counts()
    }

    /// Takes the next byte of the line. What is said before a hello is dropped without an event.
    pub fn receive(&mut self, byte: u8, now_ms: u32) -> Option<Event> {
        let message = match self.receiver.push(byte)? {
            Ok(message) => message,
            Err(fault) => return Some(Event::Dropped(fault)),
        };
        if let Message::Hello(hello) = message {
            self.heard = Clock::start(now_ms);
            self.owes_answer |= !hello.answer;
            let known = self.peer.replace(hello).is_some();
            // Both may have said hello first; then an answer is no news.
            return (!known || !hello.answer).then_some(Event::Met(hello));
        }
        self.peer?;
        self.heard = Clock::start(now_ms);
        Some(match message {
            Message::Heartbeat(heartbeat) => Event::Heartbeat(heartbeat),
            other => Event::Message(other),
        })
    }

    /// What is due: the answer to a hello, a hello, a heartbeat. To be called until it is none, and at
    /// least every few milliseconds, since it also notices that the peer has gone.
    pub fn speak(&mut self, state: State, now_ms: u32) -> Option<Wire> {
        if self.peer.is_some() && self.heard.elapsed_ms(now_ms) >= SILENCE_MS {
            self.close();
        }
        if core::mem::take(&mut self.owes_answer) {
            return Some(self.sender.frame(&Message::Hello(Hello { answer: true, ..self.me })));
        }
        let period_ms = if self.peer.is_some() { HEARTBEAT_MS } else { HELLO_MS };
        let spoke = self.spoke.get_or_insert(Clock::start(now_ms.wrapping_sub(period_ms)));
        if !spoke.due(now_ms, period_ms) {
            return None;
        }
        let message = match self.peer {
            None => Message::Hello(self.me),
            Some(_) => {
                let Counts { accepted, damaged, lost, .. } = self.receiver.counts();
                Message::Heartbeat(Heartbeat { uptime_ms: now_ms, state, accepted, damaged, lost })
            }
        };
        Some(self.sender.frame(&message))
    }

    /// The frame of a message, to be sent now. Without a peer there is none to hear it.
    pub fn frame(&mut self, message: &Message) -> Option<Wire> {
        self.peer?;
        Some(self.sender.frame(message))
    }

    /// The port has gone, or was opened anew: there is no peer.
    pub const fn close(&mut self) {
        self.peer = None;
        self.owes_answer = false;
        self.spoke = None;
    }
}

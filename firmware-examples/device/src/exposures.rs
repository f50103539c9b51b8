//! Numbers and announces the exposures on an exposure line, and requests their landmarks.

use fiducia_link::{Clock, Exposure, Message, Phase, Request};
use heapless::Deque;

use crate::milliseconds;

/// Interval between repeated requests, ms.
const REPEAT_MS: u32 = 500;

/// An exposure line.
#[derive(Debug)]
pub struct Exposures {
    number: u32,
    /// Edges that have not been announced yet.
    edges: Deque<Exposure, 2>,
    /// Since the last request for the exposure; `None` before the first.
    requested: Option<Clock>,
}

impl Exposures {
    /// A line without an exposure so far.
    pub const fn new() -> Self {
        Self { number: 0, edges: Deque::new(), requested: None }
    }

    /// Number of the last exposure; 0 before the first.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Takes a change of the line. An active line starts a new exposure.
    pub fn edge(&mut self, active: bool, now_us: u64) {
        if active {
            // 0 means none.
            self.number = self.number.checked_add(1).unwrap_or(1);
            self.edges.clear();
            self.requested = None;
        } else if self.number == 0 {
            return;
        }
        let phase = if active { Phase::Start } else { Phase::End };
        let edge = Exposure { exposure: self.number, phase, time_us: now_us };
        // A start clears the queue, so one end fits; if the line bounces, further ends are dropped.
        let _ = self.edges.push_back(edge);
    }

    /// The next message to send: edges first, then the request while the device `is_waiting`.
    pub fn message(&mut self, is_waiting: bool, timeout_ms: u16, now_us: u64) -> Option<Message> {
        if let Some(edge) = self.edges.pop_front() {
            return Some(Message::Exposure(edge));
        }
        let now_ms = milliseconds(now_us);
        let is_recent = |requested: Clock| requested.elapsed_ms(now_ms) < REPEAT_MS;
        if !is_waiting || self.requested.is_some_and(is_recent) {
            return None;
        }
        self.requested = Some(Clock::start(now_ms));
        Some(Message::Request(Request { exposure: self.number, timeout_ms }))
    }

    /// Drops edges that could not be announced without a peer; they are too old once there is one.
    pub fn discard_edges(&mut self) {
        self.edges.clear();
    }
}

impl Default for Exposures {
    fn default() -> Self {
        Self::new()
    }
}

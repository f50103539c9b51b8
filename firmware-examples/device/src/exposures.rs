//! The edges of an exposure line: numbered, announced, and asked about.

use fiducia_link::{Clock, Exposure, Message, Phase, Request};
use heapless::Deque;

use crate::milliseconds;

/// A request is repeated at this pace, ms.
const REPEAT_MS: u32 = 500;

/// An exposure line.
#[derive(Debug)]
pub struct Exposures {
    number: u32,
    /// Edges that are not announced yet.
    edges: Deque<Exposure, 2>,
    /// The last request for the exposure; none before the first.
    asked: Option<Clock>,
}

impl Exposures {
    /// A line on which nothing has happened.
    pub const fn new() -> Self {
        Self { number: 0, edges: Deque::new(), asked: None }
    }

    /// Number of the last exposure; 0 before the first.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The line changed. An active one is a new exposure.
    pub fn edge(&mut self, active: bool, now_us: u64) {
        if active {
            // 0 is none.
            self.number = self.number.checked_add(1).unwrap_or(1);
            self.edges.clear();
            self.asked = None;
        } else if self.number == 0 {
            return;
        }
        let phase = if active { Phase::Start } else { Phase::End };
        let edge = Exposure { exposure: self.number, phase, time_us: now_us };
        // A start empties the queue and an end is the second; of a line that chatters, ends are lost.
        let _ = self.edges.push_back(edge);
    }

    /// What to say next: edges first, then the request while the device `waits`.
    pub fn message(&mut self, waits: bool, patience_ms: u16, now_us: u64) -> Option<Message> {
        if let Some(edge) = self.edges.pop_front() {
            return Some(Message::Exposure(edge));
        }
        let now_ms = milliseconds(now_us);
        if !waits || self.asked.is_some_and(|asked| asked.elapsed_ms(now_ms) < REPEAT_MS) {
            return None;
        }
        self.asked = Some(Clock::start(now_ms));
        Some(Message::Request(Request { exposure: self.number, patience_ms }))
    }

    /// There is nobody to announce edges to; when there is, they will be too old.
    pub fn forget_edges(&mut self) {
        self.edges.clear();
    }
}

impl Default for Exposures {
    fn default() -> Self {
        Self::new()
    }
}

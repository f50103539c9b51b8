//! Receives landmark reports and shows them.
//!
//! ```text
//!          connected                         reports of all landmarks, or an error
//! no peer ────────────▶ requests the newest image ────────────▶ shows ── button ──▶ requests
//! ```
//!
//! Only one report frame is buffered at a time, so the number of landmarks is not limited.
#![no_std]

use device::{Device, Hundredths, Line, Notes, hello, milliseconds};
use fiducia_link::{
    Clock, Event, Hello, Landmark, Message, Report, Request, Role, Session, State, Wire,
};

/// A request without an answer is repeated after this time, ms.
const REPEAT_MS: u32 = 2_000;

/// The example.
#[derive(Debug)]
pub struct Receiver {
    session: Session,
    notes: Notes,
    /// The frame that is being shown, and how many of its landmarks have been shown.
    showing: Option<(Report, usize)>,
    /// Time since the last request; `None` if no request is waiting for an answer.
    requested: Option<Clock>,
    /// Whether to send a request now.
    is_request_due: bool,
}

impl Receiver {
    /// A receiver that has just been switched on.
    pub const fn new() -> Self {
        Self {
            session: Session::new(hello(Role::Display), 0),
            notes: Notes::new(),
            showing: None,
            requested: None,
            is_request_due: false,
        }
    }

    fn connect(&mut self, peer: &Hello) {
        let [major, minor, patch] = peer.software;
        let landmarks = peer.landmarks;
        self.notes.note(format_args!("runtime {major}.{minor}.{patch}, {landmarks} landmarks"));
        self.is_request_due = true;
    }

    fn take(&mut self, report: Report) {
        let Report { plausible, total, first, .. } = report;
        if !plausible {
            self.notes.note(format_args!("implausible image, {:?}", report.orientation_issue));
            self.requested = None;
        } else if first == 0 {
            self.notes.note(format_args!("{total} landmarks, mm: x, y, expected error"));
        }
        if usize::from(first).saturating_add(report.landmarks.len()) >= total.into() {
            self.requested = None;
        }
        self.showing = Some((report, 0));
    }
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

impl Device for Receiver {
    fn receive(&mut self, byte: u8, now_us: u64) {
        match self.session.receive(byte, milliseconds(now_us)) {
            Some(Event::Connected(peer)) => self.connect(&peer),
            Some(Event::Message(Message::Report(report))) => self.take(report),
            Some(Event::Message(Message::Refusal(refusal))) => {
                self.notes.note(format_args!("no report: {:?}", refusal.reason));
                self.requested = None;
            }
            Some(Event::Message(_) | Event::Heartbeat(_) | Event::Dropped(_)) | None => {}
        }
    }

    /// The button.
    fn input(&mut self, active: bool, _now_us: u64) {
        self.is_request_due |= active;
    }

    fn poll(&mut self, now_us: u64) -> Option<Wire> {
        let now_ms = milliseconds(now_us);
        let had_peer = self.session.peer().is_some();
        let due = self.session.poll(State::Ready, now_ms);
        if had_peer && self.session.peer().is_none() {
            self.notes.note(format_args!("runtime silent"));
            self.requested = None;
        }
        due.or_else(|| {
            self.session.peer()?;
            let is_overdue =
                self.requested.is_some_and(|requested| requested.elapsed_ms(now_ms) >= REPEAT_MS);
            if !core::mem::take(&mut self.is_request_due) && !is_overdue {
                return None;
            }
            self.requested = Some(Clock::start(now_ms));
            self.session.frame(&Message::Request(Request { exposure: 0, timeout_ms: 0 }))
        })
    }

    fn show(&mut self) -> Option<Line> {
        if let Some(line) = self.notes.take() {
            return Some(line);
        }
        let (report, shown) = self.showing.as_mut()?;
        let Some(&Landmark { x, y, expected_error, confident }) = report.landmarks.get(*shown)
        else {
            self.showing = None;
            return None;
        };
        let index = usize::from(report.first).saturating_add(*shown);
        *shown = shown.saturating_add(1);
        let [x, y, error] = [x, y, expected_error.into()].map(Hundredths);
        let mark = if confident { "" } else { " ?" };
        self.notes.note(format_args!("{index}: {x} {y} {error}{mark}"));
        self.notes.take()
    }
}

//! Times the exposure line, requests the landmarks, and measures their latency.
//!
//! ```text
//!  ┌──────┐  line active: timed, announced, requested    ┌───────┐
//!  │ Idle │ ────────────────────────────────────────────▶│ Asked │
//!  └──────┘ ◀──────────────────────────────────────────── └───────┘
//!            all landmarks: latency │ refused │ after TIMEOUT_MS │ peer silent
//! ```
//!
//! The latency is the time from the edge of the line to the last landmark, by one clock. A measurement that fails is
//! a fault, which lasts until a later one succeeds; an implausible image counts as a successful measurement. Connect
//! an interlock to [`TriggerBox::fault`]. The watchdog of the board resets the box if its loop hangs.
#![no_std]

use device::{Device, Exposures, Line, Notes, hello, milliseconds};
use fiducia_link::{
    Event, Message, Reason, Refusal, Report, Role, Session, State as LinkState, Wire,
};

/// Time-out of a report, ms.
pub const TIMEOUT_MS: u16 = 5_000;

/// The example.
#[derive(Debug)]
pub struct TriggerBox {
    session: Session,
    notes: Notes,
    state: State,
    exposures: Exposures,
    fault: Option<Fault>,
    longest_ms: u32,
}

/// State of the box; see the diagram in the crate documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Asked {
        /// Time of the edge, µs.
        since_us: u64,
        /// Landmarks received so far.
        received: u16,
    },
}

/// Why a measurement failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The runtime does not respond.
    Silent,
    /// Not all landmarks arrived in time.
    Late,
    /// The runtime refused the request.
    Refused(Reason),
}

impl TriggerBox {
    /// A box that has just been switched on.
    pub const fn new() -> Self {
        Self {
            session: Session::new(hello(Role::Trigger), 0),
            notes: Notes::new(),
            state: State::Idle,
            exposures: Exposures::new(),
            fault: None,
            longest_ms: 0,
        }
    }

    /// Why the last measurement failed; `None` if it succeeded.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    fn fail(&mut self, fault: Fault) {
        self.state = State::Idle;
        self.fault = Some(fault);
        let exposure = self.exposures.number();
        self.notes.note(format_args!("{exposure}: fault, {fault:?}"));
    }

    /// Checks the time-out.
    fn check_time(&mut self, now_us: u64) {
        if let State::Asked { since_us, .. } = self.state
            && now_us.saturating_sub(since_us) / 1000 >= TIMEOUT_MS.into()
        {
            self.fail(Fault::Late);
        }
    }

    fn take(&mut self, report: &Report, now_us: u64) {
        let State::Asked { since_us, received } = &mut self.state else { return };
        // Frames arrive in the order of their landmarks; the repeated report fills the gap of a lost frame.
        if report.exposure != self.exposures.number() || report.first > *received {
            return;
        }
        // A frame has at most 20 landmarks.
        let end = report.first.saturating_add(report.landmarks.len() as u16);
        *received = end.max(*received);
        if *received < report.total {
            return;
        }
        let latency_ms = milliseconds(now_us.saturating_sub(*since_us));
        self.state = State::Idle;
        self.fault = None;
        self.longest_ms = self.longest_ms.max(latency_ms);
        let (exposure, longest_ms) = (self.exposures.number(), self.longest_ms);
        let Report { total, taken_ms, plausible, .. } = report;
        let image = if *plausible { "plausible" } else { "implausible" };
        self.notes.note(format_args!(
            "{exposure}: {image}, {total} landmarks, {latency_ms} ms, {taken_ms} in the runtime, longest {longest_ms}"
        ));
    }

    fn refuse(&mut self, refusal: Refusal) {
        let is_expected = self.is_waiting() && refusal.exposure == self.exposures.number();
        // A busy runtime is asked again until the time-out.
        if is_expected && refusal.reason != Reason::Busy {
            self.fail(Fault::Refused(refusal.reason));
        }
    }

    fn is_waiting(&self) -> bool {
        matches!(self.state, State::Asked { .. })
    }
}

impl Default for TriggerBox {
    fn default() -> Self {
        Self::new()
    }
}

impl Device for TriggerBox {
    fn receive(&mut self, byte: u8, now_us: u64) {
        let Some(event) = self.session.receive(byte, milliseconds(now_us)) else { return };
        self.check_time(now_us);
        match event {
            Event::Message(Message::Report(report)) => self.take(&report, now_us),
            Event::Message(Message::Refusal(refusal)) => self.refuse(refusal),
            Event::Connected(_) => self.notes.note(format_args!("runtime connected")),
            Event::Message(_) | Event::Heartbeat(_) | Event::Dropped(_) => {}
        }
    }

    /// The exposure line.
    fn input(&mut self, active: bool, now_us: u64) {
        self.exposures.edge(active, now_us);
        if active {
            self.state = State::Asked { since_us: now_us, received: 0 };
        }
        let exposure = self.exposures.number();
        let edge = if active { "Start" } else { "End" };
        self.notes.note(format_args!("{exposure}: {edge} at {now_us} us"));
    }

    fn poll(&mut self, now_us: u64) -> Option<Wire> {
        let now_ms = milliseconds(now_us);
        self.check_time(now_us);
        let link = if self.fault.is_some() { LinkState::Safe } else { LinkState::Ready };
        if let Some(wire) = self.session.poll(link, now_ms) {
            return Some(wire);
        }
        if self.session.peer().is_none() {
            self.exposures.discard_edges();
            if self.is_waiting() {
                self.fail(Fault::Silent);
            }
            return None;
        }
        let message = self.exposures.message(self.is_waiting(), TIMEOUT_MS, now_us)?;
        self.session.frame(&message)
    }

    fn show(&mut self) -> Option<Line> {
        self.notes.take()
    }
}

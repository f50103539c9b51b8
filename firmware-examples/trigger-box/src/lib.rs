//! Times the exposure line, asks for the landmarks, and measures how long they take.
//!
//! ```text
//!  ┌──────┐  line active: time taken, announced, asked   ┌───────┐
//!  │ Idle │ ────────────────────────────────────────────▶│ Asked │
//!  └──────┘ ◀──────────────────────────────────────────── └───────┘
//!            all landmarks: latency │ refused │ PATIENCE_MS over │ peer silent
//! ```
//!
//! The latency is from the edge of the line to the last landmark, by one clock. A measurement that fails is a
//! fault, which stays until a later one succeeds; an implausible image is a measurement like any other: [`TriggerBox::fault`] is what an interlock is wired to.
//! The board's watchdog resets the box where its loop is stuck.
#![no_std]

use device::{Device, Exposures, Line, Notes, introduction, milliseconds};
use fiducia_link::{
    Event, Message, Reason, Refusal, Report, Role, Session, State as LinkState, Wire,
};

/// After this there is no use in a report, ms.
pub const PATIENCE_MS: u16 = 5_000;

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

/// What the box does; see the drawing above.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Asked {
        /// The edge.
        since_us: u64,
        /// Landmarks that came so far.
        came: u16,
    },
}

/// Why a measurement failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The runtime is not there.
    Silent,
    /// Not all landmarks came in time.
    Late,
    /// The runtime gave no report.
    Refused(Reason),
}

impl TriggerBox {
    /// A box that has just been switched on.
    pub const fn new() -> Self {
        Self {
            session: Session::new(introduction(Role::Trigger), 0),
            notes: Notes::new(),
            state: State::Idle,
            exposures: Exposures::new(),
            fault: None,
            longest_ms: 0,
        }
    }

    /// Why the last measurement failed; none where it did not.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    fn fail(&mut self, fault: Fault) {
        self.state = State::Idle;
        self.fault = Some(fault);
        let exposure = self.exposures.number();
        self.notes.note(format_args!("{exposure}: fault, {fault:?}"));
    }

    fn watch(&mut self, now_us: u64) {
        if let State::Asked { since_us, .. } = self.state
            && now_us.saturating_sub(since_us) / 1000 >= PATIENCE_MS.into()
        {
            self.fail(Fault::Late);
        }
    }

    fn take(&mut self, report: &Report, now_us: u64) {
        let State::Asked { since_us, came } = &mut self.state else { return };
        // Frames come in the order of their landmarks; after a lost one the repeated report fills the gap.
        if report.exposure != self.exposures.number() || report.first > *came {
            return;
        }
        // There are 20 in a frame at most.
        let end = report.first.saturating_add(report.spots.len() as u16);
        *came = end.max(*came);
        if *came < report.total {
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
        let awaited = self.waits() && refusal.exposure == self.exposures.number();
        // A runtime that is busy is asked again until it is too late.
        if awaited && refusal.reason != Reason::Busy {
            self.fail(Fault::Refused(refusal.reason));
        }
    }

    fn waits(&self) -> bool {
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
        self.watch(now_us);
        match event {
            Event::Message(Message::Report(report)) => self.take(&report, now_us),
            Event::Message(Message::Refusal(refusal)) => self.refuse(refusal),
            Event::Met(_) => self.notes.note(format_args!("runtime there")),
            Event::Message(_) | Event::Heartbeat(_) | Event::Dropped(_) => {}
        }
    }

    /// The exposure line.
    fn input(&mut self, active: bool, now_us: u64) {
        self.exposures.edge(active, now_us);
        if active {
            self.state = State::Asked { since_us: now_us, came: 0 };
        }
        let exposure = self.exposures.number();
        let edge = if active { "Start" } else { "End" };
        self.notes.note(format_args!("{exposure}: {edge} at {now_us} us"));
    }

    fn speak(&mut self, now_us: u64) -> Option<Wire> {
        let now_ms = milliseconds(now_us);
        self.watch(now_us);
        let link = if self.fault.is_some() { LinkState::Safe } else { LinkState::Ready };
        if let Some(wire) = self.session.speak(link, now_ms) {
            return Some(wire);
        }
        if self.session.peer().is_none() {
            self.exposures.forget_edges();
            if self.waits() {
                self.fail(Fault::Silent);
            }
            return None;
        }
        let message = self.exposures.message(self.waits(), PATIENCE_MS, now_us)?;
        self.session.frame(&message)
    }

    fn show(&mut self) -> Option<Line> {
        self.notes.take()
    }
}

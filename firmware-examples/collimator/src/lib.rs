//! Sets a collimator around landmarks, and opens it fully if they are not reliable.
//!
//! ```text
//!              exposure line active, peer present         valid report in time
//!    ┌──────┐ ──────────────────────────────▶ ┌─────────┐ ────────────────────▶ ┌─────┐
//!    │ Open │                                  │ Waiting │                       │ Set │
//!    └──────┘ ◀────────────────────────────── └─────────┘ ◀──────────────────── └─────┘
//!        ▲       late, implausible, uncertain,              exposure line active    │
//!        │       outside, other model, refused,                                     │
//!        │       peer silent                                                        │
//!        └──────────────── peer silent, window expired ────────────────────────────┘
//! ```
//!
//! The blades are fully open in every state except `Set`. A report of another exposure than the current one is
//! ignored. All times are measured by the device's own clock.
#![no_std]

mod setup;
mod window;

pub use setup::{CHOSEN, JAW, Setup};
pub use window::Window;

use device::{Device, Exposures, Hundredths, Line, Notes, hello, milliseconds};
use fiducia_link::{
    Clock, Event, Landmark, Message, Reason, Refusal, Report, Role, Session, State as LinkState,
    Wire,
};

/// The example.
#[derive(Debug)]
pub struct Collimator {
    setup: &'static Setup,
    session: Session,
    notes: Notes,
    state: State,
    exposures: Exposures,
}

/// State of the collimator; see the diagram in the crate documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Fully open.
    Open(OpenReason),
    /// Fully open, waiting for the landmarks of the exposure.
    Waiting {
        /// Since the start of the exposure.
        since: Clock,
        /// The chosen landmarks received so far.
        found: [Option<Landmark>; CHOSEN],
    },
    /// Closed down to this window.
    Set {
        /// Positions of the blades.
        window: Window,
        /// Since they were set.
        since: Clock,
    },
}

/// Why the blades are fully open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenReason {
    /// No exposure yet.
    Idle,
    /// The runtime does not respond.
    Silent,
    /// The report did not arrive in time.
    Late,
    /// The image does not look like the images that the model was trained on.
    Implausible,
    /// A chosen landmark has low confidence or a too large expected error.
    Uncertain,
    /// A chosen landmark is out of the range of the blades.
    Outside,
    /// The report is from another model than the configured one.
    OtherModel,
    /// The runtime refused the request.
    Refused(Reason),
    /// The window was kept for the longest time allowed.
    Expired,
}

impl Collimator {
    /// A collimator that has just been switched on.
    pub const fn new(setup: &'static Setup) -> Self {
        Self {
            setup,
            session: Session::new(hello(Role::Collimator), 0),
            notes: Notes::new(),
            state: State::Open(OpenReason::Idle),
            exposures: Exposures::new(),
        }
    }

    /// State of the collimator.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The target positions of the blades, for the motor control.
    pub fn blades(&self) -> Window {
        match &self.state {
            State::Set { window, .. } => *window,
            State::Open(_) | State::Waiting { .. } => Window::open(self.setup),
        }
    }

    fn open(&mut self, reason: OpenReason) {
        self.state = State::Open(reason);
        let exposure = self.exposures.number();
        self.notes.note(format_args!("{exposure}: open, {reason:?}"));
    }

    /// Checks the time-outs.
    fn check_time(&mut self, now_ms: u32) {
        match &self.state {
            State::Waiting { since, .. } if self.is_late(since, now_ms) => {
                self.open(OpenReason::Late)
            }
            State::Set { since, .. } if since.elapsed_ms(now_ms) >= self.setup.hold_ms => {
                self.open(OpenReason::Expired);
            }
            _ => {}
        }
    }

    fn is_late(&self, since: &Clock, now_ms: u32) -> bool {
        since.elapsed_ms(now_ms) >= self.setup.timeout_ms.into()
    }

    fn take(&mut self, report: &Report, now_ms: u32) {
        let State::Waiting { found, .. } = &mut self.state else { return };
        if report.exposure != self.exposures.number() {
            return;
        }
        if let Err(reason) = self.setup.gather(report, found) {
            return self.open(reason);
        }
        let Some(window) = Window::around(found, self.setup) else { return };
        self.state = State::Set { window, since: Clock::start(now_ms) };
        let exposure = self.exposures.number();
        let Window { left, right, top, bottom } = window;
        let [left, right, top, bottom] = [left, right, top, bottom].map(Hundredths);
        self.notes.note(format_args!(
            "{exposure}: set, left {left} right {right} top {top} bottom {bottom}"
        ));
    }

    fn refuse(&mut self, refusal: Refusal) {
        let is_expected = self.is_waiting() && refusal.exposure == self.exposures.number();
        // A busy runtime is asked again until the time-out.
        if is_expected && refusal.reason != Reason::Busy {
            self.open(OpenReason::Refused(refusal.reason));
        }
    }

    fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }
}

impl Device for Collimator {
    fn receive(&mut self, byte: u8, now_us: u64) {
        let now_ms = milliseconds(now_us);
        let Some(event) = self.session.receive(byte, now_ms) else { return };
        // Checks the clock first: a late report must not be accepted.
        self.check_time(now_ms);
        match event {
            Event::Message(Message::Report(report)) => self.take(&report, now_ms),
            Event::Message(Message::Refusal(refusal)) => self.refuse(refusal),
            Event::Connected(peer) if peer.model != self.setup.model => {
                self.notes.note(format_args!("runtime with another model"));
            }
            Event::Connected(_) => self.notes.note(format_args!("runtime with the right model")),
            Event::Message(_) | Event::Heartbeat(_) | Event::Dropped(_) => {}
        }
    }

    /// The exposure line.
    fn input(&mut self, active: bool, now_us: u64) {
        self.exposures.edge(active, now_us);
        if active {
            let since = Clock::start(milliseconds(now_us));
            self.state = State::Waiting { since, found: [None; CHOSEN] };
        }
    }

    fn poll(&mut self, now_us: u64) -> Option<Wire> {
        let now_ms = milliseconds(now_us);
        self.check_time(now_ms);
        let is_safe = matches!(self.state, State::Open(_));
        let link = if is_safe { LinkState::Safe } else { LinkState::Ready };
        if let Some(wire) = self.session.poll(link, now_ms) {
            return Some(wire);
        }
        if self.session.peer().is_none() {
            self.exposures.discard_edges();
            if !is_safe {
                self.open(OpenReason::Silent);
            }
            return None;
        }
        let message = self.exposures.message(self.is_waiting(), self.setup.timeout_ms, now_us)?;
        self.session.frame(&message)
    }

    fn show(&mut self) -> Option<Line> {
        self.notes.take()
    }
}

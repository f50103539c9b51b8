//! Sets a collimator around landmarks, and opens it fully where they cannot be relied on.
//!
//! ```text
//!              exposure line active, peer there           sound report in time
//!    ┌──────┐ ──────────────────────────────▶ ┌─────────┐ ────────────────────▶ ┌─────┐
//!    │ Open │                                  │ Waiting │                       │ Set │
//!    └──────┘ ◀────────────────────────────── └─────────┘ ◀──────────────────── └─────┘
//!        ▲       late, implausible, uncertain,              exposure line active    │
//!        │       outside, other model, refused,                                     │
//!        │       peer silent                                                        │
//!        └──────────────── peer silent, held for too long ─────────────────────────┘
//! ```
//!
//! Blades stand fully open in every state but `Set`. A report that is not of the exposure in hand changes
//! nothing. All times are taken by the device's own clock.
#![no_std]

mod setup;
mod window;

pub use setup::{CHOSEN, JAW, Setup};
pub use window::Window;

use device::{Device, Exposures, Hundredths, Line, Notes, introduction, milliseconds};
use fiducia_link::{
    Clock, Event, Message, Reason, Refusal, Report, Role, Session, Spot, State as LinkState, Wire,
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

/// What the collimator does; see the drawing above.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Fully open.
    Open(Why),
    /// Fully open, while landmarks of the exposure are awaited.
    Waiting {
        /// The exposure.
        since: Clock,
        /// The chosen landmarks, as far as they came.
        found: [Option<Spot>; CHOSEN],
    },
    /// Closed down to this window.
    Set {
        /// Where the blades stand.
        window: Window,
        /// When they were set.
        since: Clock,
    },
}

/// Why the blades stand fully open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing was exposed yet.
    Idle,
    /// The runtime is not there.
    Silent,
    /// The report did not come in time.
    Late,
    /// The image is unlike what the model was made for.
    Implausible,
    /// A chosen landmark is not confident, or expected to be too far off.
    Uncertain,
    /// A chosen landmark lies where no blade reaches.
    Outside,
    /// The report is of a model that the collimator was not set up for.
    OtherModel,
    /// The runtime gave no report.
    Refused(Reason),
    /// The window has stood for as long as it may.
    Expired,
}

impl Collimator {
    /// A collimator that has just been switched on.
    pub const fn new(setup: &'static Setup) -> Self {
        Self {
            setup,
            session: Session::new(introduction(Role::Collimator), 0),
            notes: Notes::new(),
            state: State::Open(Why::Idle),
            exposures: Exposures::new(),
        }
    }

    /// What the collimator does.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Where the blades are to stand. This is what drives the motors.
    pub fn blades(&self) -> Window {
        match &self.state {
            State::Set { window, .. } => *window,
            State::Open(_) | State::Waiting { .. } => Window::open(self.setup),
        }
    }

    fn open(&mut self, why: Why) {
        self.state = State::Open(why);
        let exposure = self.exposures.number();
        self.notes.note(format_args!("{exposure}: open, {why:?}"));
    }

    /// What time alone brings about.
    fn watch(&mut self, now_ms: u32) {
        match &self.state {
            State::Waiting { since, .. } if self.is_late(since, now_ms) => self.open(Why::Late),
            State::Set { since, .. } if since.elapsed_ms(now_ms) >= self.setup.hold_ms => {
                self.open(Why::Expired);
            }
            _ => {}
        }
    }

    fn is_late(&self, since: &Clock, now_ms: u32) -> bool {
        since.elapsed_ms(now_ms) >= self.setup.patience_ms.into()
    }

    fn take(&mut self, report: &Report, now_ms: u32) {
        let State::Waiting { found, .. } = &mut self.state else { return };
        if report.exposure != self.exposures.number() {
            return;
        }
        if let Err(why) = self.setup.gather(report, found) {
            return self.open(why);
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
        let awaited = self.waits() && refusal.exposure == self.exposures.number();
        // A runtime that is busy is asked again until it is too late.
        if awaited && refusal.reason != Reason::Busy {
            self.open(Why::Refused(refusal.reason));
        }
    }

    fn waits(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }
}

impl Device for Collimator {
    fn receive(&mut self, byte: u8, now_us: u64) {
        let now_ms = milliseconds(now_us);
        let Some(event) = self.session.receive(byte, now_ms) else { return };
        // A report that is late must not be taken because it was looked at before the clock.
        self.watch(now_ms);
        match event {
            Event::Message(Message::Report(report)) => self.take(&report, now_ms),
            Event::Message(Message::Refusal(refusal)) => self.refuse(refusal),
            Event::Met(peer) if peer.model != self.setup.model => {
                self.notes.note(format_args!("runtime with another model"));
            }
            Event::Met(_) => self.notes.note(format_args!("runtime with the right model")),
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

    fn speak(&mut self, now_us: u64) -> Option<Wire> {
        let now_ms = milliseconds(now_us);
        self.watch(now_ms);
        let safe = matches!(self.state, State::Open(_));
        let link = if safe { LinkState::Safe } else { LinkState::Ready };
        if let Some(wire) = self.session.speak(link, now_ms) {
            return Some(wire);
        }
        if self.session.peer().is_none() {
            self.exposures.forget_edges();
            if !safe {
                self.open(Why::Silent);
            }
            return None;
        }
        let message = self.exposures.message(self.waits(), self.setup.patience_ms, now_us)?;
        self.session.frame(&message)
    }

    fn show(&mut self) -> Option<Line> {
        self.notes.take()
    }
}

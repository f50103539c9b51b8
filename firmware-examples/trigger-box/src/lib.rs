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

use device::{Device, Line, Notes, milliseconds};
use fiducia_link::{
    Clock, Event, Exposure, Hello, Message, Phase, Reason, Refusal, Report, Request, Role, Session,
    State as LinkState, Wire,
};
use heapless::Deque;

/// After this there is no use in a report, ms.
pub const PATIENCE_MS: u16 = 5_000;
/// A request is repeated at this pace, ms.
const REPEAT_MS: u32 = 500;

/// The example.
#[derive(Debug)]
pub struct TriggerBox {
    session: Session,
    notes: Notes,
    state: State,
    /// Number of the last exposure.
    exposure: u32,
    /// Edges of the line that are not announced yet.
    edges: Deque<Exposure, 2>,
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
        /// The last request; none before the first.
        asked: Option<Clock>,
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
        let me = Hello {
            role: Role::Trigger,
            answer: false,
            software: [0, 1, 0],
            model: [0; 8],
            landmarks: 0,
        };
        Self {
            session: Session::new(me, 0),
            notes: Notes::new(),
            state: State::Idle,
            exposure: 0,
            edges: Deque::new(),
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
        let exposure = self.exposure;
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
        let State::Asked { since_us, came, .. } = &mut self.state else { return };
        // Frames come in the order of their landmarks; after a lost one the repeated report fills the gap.
        if report.exposure != self.exposure || report.first > *came {
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
        let (exposure, longest_ms) = (self.exposure, self.longest_ms);
        let Report { total, taken_ms, plausible, .. } = report;
        let image = if *plausible { "plausible" } else { "implausible" };
        self.notes.note(format_args!(
            "{exposure}: {image}, {total} landmarks, {latency_ms} ms, {taken_ms} in the runtime, longest {longest_ms}"
        ));
    }

    fn refuse(&mut self, refusal: Refusal) {
        let waits = matches!(self.state, State::Asked { .. });
        // A runtime that is busy is asked again until it is too late.
        if waits && refusal.exposure == self.exposure && refusal.reason != Reason::Busy {
            self.fail(Fault::Refused(refusal.reason));
        }
    }

    /// The request, where one is due.
    fn ask(&mut self, now_ms: u32) -> Option<Message> {
        let State::Asked { asked, .. } = &mut self.state else { return None };
        if asked.is_some_and(|asked| asked.elapsed_ms(now_ms) < REPEAT_MS) {
            return None;
        }
        *asked = Some(Clock::start(now_ms));
        let request = Request { exposure: self.exposure, patience_ms: PATIENCE_MS };
        Some(Message::Request(request))
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
        let phase = if active { Phase::Start } else { Phase::End };
        if active {
            // 0 is none.
            self.exposure = self.exposure.checked_add(1).unwrap_or(1);
            self.edges.clear();
            self.state = State::Asked { since_us: now_us, asked: None, came: 0 };
        }
        if self.exposure != 0 {
            let exposure = self.exposure;
            // A start empties the queue and an end is the second; of a line that chatters, ends are lost.
            let _ = self.edges.push_back(Exposure { exposure, phase, time_us: now_us });
            self.notes.note(format_args!("{exposure}: {phase:?} at {now_us} us"));
        }
    }

    fn speak(&mut self, now_us: u64) -> Option<Wire> {
        let now_ms = milliseconds(now_us);
        self.watch(now_us);
        let link = if self.fault.is_some() { LinkState::Safe } else { LinkState::Ready };
        if let Some(wire) = self.session.speak(link, now_ms) {
            return Some(wire);
        }
        if self.session.peer().is_none() {
            self.edges.clear();
            if self.state != State::Idle {
                self.fail(Fault::Silent);
            }
            return None;
        }
        let message = match self.edges.pop_front() {
            Some(edge) => Message::Exposure(edge),
            None => self.ask(now_ms)?,
        };
        self.session.frame(&message)
    }

    fn show(&mut self) -> Option<Line> {
        self.notes.take()
    }
}

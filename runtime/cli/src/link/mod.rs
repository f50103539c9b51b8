//! `fiducia link`: answers a micro-controller over a serial line.
//!
//! ```text
//! Address ─open→ Port ─bytes→ Session ─messages→ Desk ─Job→ Worker ─Done→ Desk ─messages→ Session → Port
//! ```
//!
//! The line may go away at any time: it is opened again, and the desk remembers what it owes. A service
//! manager is told that the loop turns, as long as no detection hangs.

mod arguments;
mod port;
mod source;
mod worker;
mod reports;
mod desk;

pub(super) use arguments::{HELP, LinkArguments};

use std::{
    thread,
    time::{Duration, Instant},
};

use fiducia::{Error, ErrorKind, Pack};
use fiducia_link::{Event, Fault, Hello, Message, ModelId, Reason, Refusal, Role, Session};

use super::{complain, device, model, service::Service};
use desk::{Answer, Desk};
use port::{Address, Port, PortError};
use worker::{Reading, Worker};

/// Pause before a line is opened again.
const REOPEN: Duration = Duration::from_millis(500);
/// A line that stays away is complained of every so many tries, once a minute.
const TRIES_PER_COMPLAINT: u32 = 120;
const READ_BYTES: usize = 1024;

/// Runs the command. Comes back only where it cannot start.
pub(super) fn link(arguments: &LinkArguments) -> Result<(), Error> {
    let source = arguments.source();
    source.look().map_err(|e| {
        let message = format!("cannot look for images, {source}: {e}; name what exists");
        Error::new(ErrorKind::Unreadable, message)
    })?;
    let model = arguments.model.as_deref();
    let pack = model::open_or_default(model, arguments.require_signed.as_deref())?;
    let detector = device::detector(&pack, &arguments.device, &pack.manifest().landmarks)?;
    let me = introduction(&pack)?;
    let reading = Reading { spacing_mm: arguments.spacing, invert: arguments.invert };
    let mut clerk = Clerk {
        session: Session::new(me, 0),
        desk: Desk::new(source.clone(), me.model, arguments.patience()),
        worker: Worker::start(detector, source.clone(), reading),
        service: Service::new(),
        started: Instant::now(),
    };
    let address = arguments.address();
    complain(&format!("model {}, images: {source}, line: {address}", pack.manifest().name));
    clerk.service.ready();
    clerk.attend(&address)
}

/// What the runtime says of itself.
fn introduction(pack: &Pack) -> Result<Hello, Error> {
    let fault = |what| Error::new(ErrorKind::Engine, format!("the pack has {what}"));
    let mut software = env!("CARGO_PKG_VERSION").split('.').map(|part| part.parse().unwrap_or(0));
    Ok(Hello {
        role: Role::Runtime,
        answer: false,
        software: [(); 3].map(|()| software.next().unwrap_or(0)),
        model: model_id(pack.sha256()).ok_or_else(|| fault("no SHA-256"))?,
        landmarks: u16::try_from(pack.manifest().landmarks.len())
            .map_err(|_| fault("too many landmarks"))?,
    })
}

/// The first bytes of a SHA-256 in hexadecimal.
fn model_id(sha256: &str) -> Option<ModelId> {
    let mut id = ModelId::default();
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(sha256.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(id)
}

/// Everything that outlives a line.
struct Clerk {
    session: Session,
    desk: Desk,
    worker: Worker,
    service: Service,
    started: Instant,
}

/// A line is served for ever, or until it fails.
enum Never {}

impl Clerk {
    /// Serves the line whenever it is there.
    fn attend(&mut self, address: &Address) -> ! {
        let mut tries = 0;
        loop {
            match address.open() {
                Ok(mut port) => {
                    log::info!("{address}: open");
                    self.service.status(&format!("{address}: open"));
                    tries = 0;
                    let Err(error) = self.serve(&mut port);
                    log::warn!("{address}: {error}; opening it again");
                    self.service.status(&format!("{address}: {error}"));
                    self.session.close();
                }
                Err(error) => self.complain_at_times(address, &error, tries),
            }
            tries += 1;
            // What is done meanwhile waits at the desk until the peer is back and asks again.
            while let Ok(done) = self.worker.done.try_recv() {
                self.desk.finish(done);
            }
            self.show_life();
            thread::sleep(REOPEN);
        }
    }

    fn complain_at_times(&self, address: &Address, error: &PortError, tries: u32) {
        if tries.is_multiple_of(TRIES_PER_COMPLAINT) {
            log::warn!("{address}: {error}; trying again twice a second");
            self.service.status(&format!("{address}: {error}"));
        }
    }

    /// Where a detection does not end nothing in this process can end it, so the service manager has to.
    fn show_life(&mut self) {
        match self.desk.overdue(Instant::now()) {
            None => self.service.alive(),
            Some(exposure) => {
                let why = format!("the detection for exposure {exposure} does not end");
                self.service.fall_silent(&why);
            }
        }
    }

    fn serve(&mut self, port: &mut Port) -> Result<Never, PortError> {
        let mut buffer = [0; READ_BYTES];
        loop {
            for &byte in port.read(&mut buffer)? {
                let now_ms = self.now_ms();
                if let Some(event) = self.session.receive(byte, now_ms) {
                    let answer = self.answer(event);
                    self.act(answer, port)?;
                }
            }
            // A worker that is gone is found when a job is given to it.
            while let Ok(done) = self.worker.done.try_recv() {
                let answer = self.desk.finish(done);
                self.act(answer, port)?;
            }
            let met = self.session.peer().is_some();
            while let Some(wire) = self.session.speak(self.desk.state(), self.now_ms()) {
                port.write(&wire)?;
            }
            if met && self.session.peer().is_none() {
                log::warn!("the peer is silent; {:?}", self.session.counts());
            }
            self.show_life();
        }
    }

    fn answer(&mut self, event: Event) -> Answer {
        match event {
            Event::Met(peer) => {
                let [major, minor, patch] = peer.software;
                log::info!("the peer is a {:?}, software {major}.{minor}.{patch}", peer.role);
                Answer::Nothing
            }
            Event::Message(Message::Exposure(exposure)) => {
                self.desk.expose(&exposure);
                Answer::Nothing
            }
            Event::Message(Message::Request(request)) => self.desk.ask(&request),
            Event::Message(Message::Refusal(refusal)) => {
                log::warn!("the peer could not use what it was sent: {:?}", refusal.reason);
                Answer::Nothing
            }
            // What only a runtime says, or what asks for nothing.
            Event::Message(_) | Event::Heartbeat(_) => Answer::Nothing,
            Event::Dropped(fault) => dropped(fault),
        }
    }

    fn act(&mut self, answer: Answer, port: &mut Port) -> Result<(), PortError> {
        match answer {
            Answer::Nothing => Ok(()),
            Answer::Say(messages) => messages.iter().try_for_each(|message| {
                match self.session.frame(message) {
                    Some(wire) => port.write(&wire),
                    // It will ask again when it is back.
                    None => Ok(()),
                }
            }),
            Answer::Start(job) => {
                let id = job.id;
                match self.worker.jobs.send(job) {
                    Ok(()) => Ok(()),
                    Err(_) => {
                        let outcome = Err(Reason::Failed);
                        let answer = self.desk.finish(worker::Done { id, outcome });
                        self.act(answer, port)
                    }
                }
            }
        }
    }

    /// Since the start; wraps after 49 days, as the link expects it.
    fn now_ms(&self) -> u32 {
        self.started.elapsed().as_millis() as u32
    }
}

fn dropped(fault: Fault) -> Answer {
    log::debug!("dropped {fault}");
    match fault {
        Fault::Kind(_) | Fault::Payload(_) => {
            log::warn!("dropped {fault}: does the peer speak a later version of the link?");
            let refusal = Refusal { exposure: 0, reason: Reason::Senseless };
            Answer::Say(vec![Message::Refusal(refusal)])
        }
        _ => Answer::Nothing,
    }
}

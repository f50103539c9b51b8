//! `fiducia link`: sends landmarks to a micro-controller over a serial line.
//!
//! ```text
//! Address ─open→ Port ─bytes→ Session ─messages→ Handler ─Job→ Worker ─Finished→ Handler ─messages→ Session → Port
//! ```
//!
//! The line may disappear at any time: it is reopened, and the handler keeps its state. The watchdog of a service
//! manager is notified as long as no detection hangs.

mod arguments;
mod port;
mod source;
mod worker;
mod reports;
mod handler;

pub(super) use arguments::{HELP, LinkArguments};

use std::{
    thread,
    time::{Duration, Instant},
};

use fiducia::{Error, ErrorKind, Pack};
use fiducia_link::{Event, Fault, Hello, Message, ModelId, Reason, Refusal, Role, Session};

use super::{device, service::Service, terminal::notice};
use handler::{Action, Handler};
use port::{Address, Port, PortError};
use worker::{Reading, Worker};

/// Pause before a line is reopened.
const REOPEN: Duration = Duration::from_millis(500);
/// Attempts to open a line per warning: one warning a minute.
const ATTEMPTS_PER_WARNING: u32 = 120;
const READ_BYTES: usize = 1024;

/// Runs the command. Returns only if it cannot start.
pub(super) fn link(arguments: &LinkArguments) -> Result<(), Error> {
    let source = arguments.source();
    source.snapshot().map_err(|e| {
        let message = format!("cannot read {source}: {e}; name an existing path");
        Error::new(ErrorKind::Unreadable, message)
    })?;
    let pack = arguments.model.open()?;
    let detector = device::detector(&pack, &arguments.device, &pack.manifest().landmarks)?;
    let hello = hello(&pack)?;
    let reading = Reading { spacing_mm: arguments.spacing, invert: arguments.invert };
    let mut link = Link {
        session: Session::new(hello, 0),
        handler: Handler::new(source.clone(), hello.model, arguments.timeout()),
        worker: Worker::start(detector, source.clone(), reading),
        service: Service::new(),
        started: Instant::now(),
    };
    let address = arguments.address();
    notice(&format!("model {}, images: {source}, line: {address}", pack.manifest().name));
    link.service.ready();
    link.run(&address)
}

/// The message with which the runtime introduces itself.
fn hello(pack: &Pack) -> Result<Hello, Error> {
    let fault = |what| Error::new(ErrorKind::Engine, format!("the model has {what}"));
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

/// The state that is kept when the line is reopened.
struct Link {
    session: Session,
    handler: Handler,
    worker: Worker,
    service: Service,
    started: Instant,
}

/// A line is served until it fails.
enum Never {}

impl Link {
    /// Opens the line again and again and serves it.
    fn run(&mut self, address: &Address) -> ! {
        let mut attempts = 0;
        loop {
            match address.open() {
                Ok(mut port) => {
                    log::info!("{address}: open");
                    self.service.status(&format!("{address}: open"));
                    attempts = 0;
                    let Err(error) = self.serve(&mut port);
                    log::warn!("{address}: {error}; reopening");
                    self.service.status(&format!("{address}: {error}"));
                    self.session.close();
                }
                Err(error) => self.warn_sometimes(address, &error, attempts),
            }
            attempts += 1;
            // The handler keeps the reports until the peer is back and requests them again.
            while let Ok(finished) = self.worker.finished.try_recv() {
                self.handler.finish(finished);
            }
            self.notify_watchdog();
            thread::sleep(REOPEN);
        }
    }

    fn warn_sometimes(&self, address: &Address, error: &PortError, attempts: u32) {
        if attempts.is_multiple_of(ATTEMPTS_PER_WARNING) {
            log::warn!("{address}: {error}; retrying twice a second");
            self.service.status(&format!("{address}: {error}"));
        }
    }

    /// A thread that hangs cannot be ended from within the process, so the service manager has to restart it.
    fn notify_watchdog(&mut self) {
        match self.handler.overdue(Instant::now()) {
            None => self.service.alive(),
            Some(exposure) => {
                let why = format!("the detection of exposure {exposure} does not finish");
                self.service.unhealthy(&why);
            }
        }
    }

    fn serve(&mut self, port: &mut Port) -> Result<Never, PortError> {
        let mut buffer = [0; READ_BYTES];
        loop {
            for &byte in port.read(&mut buffer)? {
                let now_ms = self.now_ms();
                if let Some(event) = self.session.receive(byte, now_ms) {
                    let action = self.handle(event);
                    self.perform(action, port)?;
                }
            }
            // A worker that has ended is noticed when a job is sent to it.
            while let Ok(finished) = self.worker.finished.try_recv() {
                let action = self.handler.finish(finished);
                self.perform(action, port)?;
            }
            let had_peer = self.session.peer().is_some();
            while let Some(wire) = self.session.poll(self.handler.state(), self.now_ms()) {
                port.write(&wire)?;
            }
            if had_peer && self.session.peer().is_none() {
                log::warn!("the peer is silent; {:?}", self.session.counts());
            }
            self.notify_watchdog();
        }
    }

    fn handle(&mut self, event: Event) -> Action {
        match event {
            Event::Connected(peer) => {
                let [major, minor, patch] = peer.software;
                log::info!("the peer is a {:?}, software {major}.{minor}.{patch}", peer.role);
                Action::Nothing
            }
            Event::Message(Message::Exposure(exposure)) => {
                self.handler.announce(&exposure);
                Action::Nothing
            }
            Event::Message(Message::Request(request)) => self.handler.request(&request),
            Event::Message(Message::Refusal(refusal)) => {
                log::warn!("the peer rejected a message: {:?}", refusal.reason);
                Action::Nothing
            }
            // Messages that only a runtime sends, or that need no response.
            Event::Message(_) | Event::Heartbeat(_) => Action::Nothing,
            Event::Dropped(fault) => dropped(fault),
        }
    }

    fn perform(&mut self, action: Action, port: &mut Port) -> Result<(), PortError> {
        match action {
            Action::Nothing => Ok(()),
            Action::Send(messages) => messages.iter().try_for_each(|message| {
                match self.session.frame(message) {
                    Some(wire) => port.write(&wire),
                    // The peer will repeat its request when it is back.
                    None => Ok(()),
                }
            }),
            Action::Start(job) => {
                let id = job.id;
                match self.worker.jobs.send(job) {
                    Ok(()) => Ok(()),
                    Err(_) => {
                        let outcome = Err(Reason::Failed);
                        let action = self.handler.finish(worker::Finished { id, outcome });
                        self.perform(action, port)
                    }
                }
            }
        }
    }

    /// Milliseconds since the start. It wraps after 49 days, which `Session` allows.
    fn now_ms(&self) -> u32 {
        self.started.elapsed().as_millis() as u32
    }
}

fn dropped(fault: Fault) -> Action {
    log::debug!("dropped {fault}");
    match fault {
        Fault::Kind(_) | Fault::Payload(_) => {
            log::warn!("dropped {fault}: does the peer use a later version of the protocol?");
            let refusal = Refusal { exposure: 0, reason: Reason::Malformed };
            Action::Send(vec![Message::Refusal(refusal)])
        }
        _ => Action::Nothing,
    }
}

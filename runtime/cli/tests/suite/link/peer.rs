//! The emulated micro-controller and its line to the program.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use fiducia_link::{
    Event, Exposure, Hello, Message, Phase, Refusal, Report, Request, Role, Session, State,
};

use crate::workspace::Workspace;

/// Longest wait for anything.
pub(super) const LIMIT: Duration = Duration::from_secs(20);
/// Time in which nothing must happen.
const QUIET: Duration = Duration::from_millis(700);
pub(super) const TIMEOUT_MS: u16 = 10_000;

/// A running `fiducia link`, killed at the end.
pub(super) struct Runtime(Child);

impl Runtime {
    pub(super) fn start(workspace: &Workspace, line: &[&str], images: &[&str]) -> Self {
        Self::start_with(workspace, line, images, &[])
    }

    pub(super) fn start_with(
        workspace: &Workspace,
        line: &[&str],
        images: &[&str],
        env: &[(&str, &str)],
    ) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_fiducia"))
            .args(["link", "--model", "toy.fid", "--backend", "cpu", "--spacing", "0.5,0.25"])
            .args(line)
            .args(images)
            .current_dir(workspace.path("."))
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .env_remove("WATCHDOG_PID")
            .envs(env.iter().copied())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The emulated micro-controller at its end of a line.
pub(super) struct Peer<L> {
    pub(super) line: L,
    pub(super) session: Session,
    started: Instant,
}

impl<L: Read + Write> Peer<L> {
    pub(super) fn new(line: L) -> Self {
        let me = Hello {
            role: Role::Trigger,
            answer: false,
            software: [1, 2, 3],
            model: [0; 8],
            landmarks: 0,
        };
        Self { line, session: Session::new(me, 0), started: Instant::now() }
    }

    /// Serves the line until `find` returns a value, or for the time `limit`.
    pub(super) fn serve<T>(
        &mut self,
        limit: Duration,
        find: impl Fn(&Event) -> Option<T>,
    ) -> Option<T> {
        let until = Instant::now() + limit;
        while Instant::now() < until {
            let now_ms = self.started.elapsed().as_millis() as u32;
            while let Some(wire) = self.session.poll(State::Ready, now_ms) {
                self.line.write_all(&wire).unwrap();
            }
            let mut byte = [0];
            match self.line.read(&mut byte) {
                Ok(1) => {
                    let event = self.session.receive(byte[0], now_ms);
                    if let Some(found) = event.as_ref().and_then(&find) {
                        return Some(found);
                    }
                }
                Err(e) if is_timeout(e.kind()) => {}
                other => panic!("the line ended: {other:?}"),
            }
        }
        None
    }

    /// Waits for the hello of the runtime.
    pub(super) fn meet(&mut self) -> Hello {
        let met = |event: &Event| match event {
            Event::Connected(hello) => Some(*hello),
            _ => None,
        };
        self.serve(LIMIT, met).expect("the runtime sends a hello")
    }

    pub(super) fn send(&mut self, message: &Message) {
        let wire = self.session.frame(message).expect("there is a peer");
        self.line.write_all(&wire).unwrap();
    }

    pub(super) fn announce(&mut self, exposure: u32) {
        for phase in [Phase::Start, Phase::End] {
            self.send(&Message::Exposure(Exposure { exposure, phase, time_us: 1 }));
        }
    }

    pub(super) fn request(&mut self, exposure: u32, timeout_ms: u16) {
        self.send(&Message::Request(Request { exposure, timeout_ms }));
    }

    /// The next report or refusal.
    pub(super) fn answer(&mut self) -> Message {
        self.serve(LIMIT, message).expect("an answer")
    }

    pub(super) fn report(&mut self) -> Report {
        match self.answer() {
            Message::Report(report) => report,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn refusal(&mut self) -> Refusal {
        match self.answer() {
            Message::Refusal(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the runtime waits for an image, after it has handled the earlier messages.
    pub(super) fn wait_until_busy(&mut self) {
        let busy = |event: &Event| match event {
            Event::Heartbeat(heartbeat) => (heartbeat.state == State::Busy).then_some(()),
            _ => None,
        };
        self.serve(LIMIT, busy).expect("a busy heartbeat");
    }

    /// Checks that the runtime sends only heartbeats for a while.
    pub(super) fn assert_quiet(&mut self) {
        let message = self.serve(QUIET, message);
        assert_eq!(message, None);
    }
}

pub(super) fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn message(event: &Event) -> Option<Message> {
    match event {
        Event::Message(message) => Some(message.clone()),
        _ => None,
    }
}

/// A line over TCP, to which the runtime connects.
pub(super) struct Tcp(TcpListener);

impl Tcp {
    pub(super) fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(super) fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    pub(super) fn accept(&self) -> Peer<TcpStream> {
        self.0.set_nonblocking(true).unwrap();
        let until = Instant::now() + LIMIT;
        loop {
            match self.0.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).unwrap();
                    stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
                    stream.set_nodelay(true).unwrap();
                    return Peer::new(stream);
                }
                Err(_) => assert!(Instant::now() < until, "the runtime does not connect"),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A runtime with a connected peer that has received its hello.
pub(super) fn met(workspace: &Workspace, images: &[&str]) -> (Runtime, Tcp, Peer<TcpStream>) {
    let line = Tcp::new();
    let runtime = Runtime::start(workspace, &["--tcp", &line.address()], images);
    let mut peer = line.accept();
    peer.meet();
    (runtime, line, peer)
}

//! `fiducia link` against a micro-controller that the test plays.
//!
//! Waits have limits so that a test ends; nothing here is measured by the time it takes.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use fiducia_link::{
    Event, Exposure, Hello, Message, Phase, Presentation, Reason, Refusal, Report, Request, Role,
    Sender, Session, State,
};
use image::ImageFormat;
use serde_json::Value;

use fiducia_test_support::toy::{self, encode};

use crate::cli::Bench;

/// What has not come by then will not come.
const LIMIT: Duration = Duration::from_secs(20);
/// Time in which nothing should happen.
const LULL: Duration = Duration::from_millis(700);
const PATIENCE_MS: u16 = 10_000;

/// A running `fiducia link`, killed at the end.
struct Runtime(Child);

impl Runtime {
    fn start(bench: &Bench, line: &[&str], images: &[&str]) -> Self {
        Self::start_with(bench, line, images, &[])
    }

    fn start_with(bench: &Bench, line: &[&str], images: &[&str], env: &[(&str, &str)]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_fiducia"))
            .args(["link", "--model", "toy.fid", "--backend", "cpu", "--spacing", "0.5,0.25"])
            .args(line)
            .args(images)
            .current_dir(bench.path("."))
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

/// The micro-controller, at its end of a line.
struct Peer<L> {
    line: L,
    session: Session,
    started: Instant,
}

impl<L: Read + Write> Peer<L> {
    fn new(line: L) -> Self {
        let me = Hello {
            role: Role::Trigger,
            answer: false,
            software: [1, 2, 3],
            model: [0; 8],
            landmarks: 0,
        };
        Self { line, session: Session::new(me, 0), started: Instant::now() }
    }

    /// Serves the line until `wanted` finds what it wants, or until `limit`.
    fn serve<T>(&mut self, limit: Duration, wanted: impl Fn(&Event) -> Option<T>) -> Option<T> {
        let until = Instant::now() + limit;
        while Instant::now() < until {
            let now_ms = self.started.elapsed().as_millis() as u32;
            while let Some(wire) = self.session.speak(State::Ready, now_ms) {
                self.line.write_all(&wire).unwrap();
            }
            let mut byte = [0];
            match self.line.read(&mut byte) {
                Ok(1) => {
                    let event = self.session.receive(byte[0], now_ms);
                    if let Some(found) = event.as_ref().and_then(&wanted) {
                        return Some(found);
                    }
                }
                Err(e) if is_nothing_yet(e.kind()) => {}
                other => panic!("the line ended: {other:?}"),
            }
        }
        None
    }

    /// Waits for the runtime.
    fn meet(&mut self) -> Hello {
        let met = |event: &Event| match event {
            Event::Met(hello) => Some(*hello),
            _ => None,
        };
        self.serve(LIMIT, met).expect("the runtime says hello")
    }

    fn say(&mut self, message: &Message) {
        let wire = self.session.frame(message).expect("there is a peer");
        self.line.write_all(&wire).unwrap();
    }

    fn expose(&mut self, exposure: u32) {
        for phase in [Phase::Start, Phase::End] {
            self.say(&Message::Exposure(Exposure { exposure, phase, time_us: 1 }));
        }
    }

    fn ask(&mut self, exposure: u32, patience_ms: u16) {
        self.say(&Message::Request(Request { exposure, patience_ms }));
    }

    /// The next report or refusal.
    fn answer(&mut self) -> Message {
        self.serve(LIMIT, message).expect("an answer")
    }

    fn report(&mut self) -> Report {
        match self.answer() {
            Message::Report(report) => report,
            other => panic!("{other:?}"),
        }
    }

    fn refusal(&mut self) -> Refusal {
        match self.answer() {
            Message::Refusal(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the runtime looks for an image, so that what it was told before is done.
    fn busy(&mut self) {
        let busy = |event: &Event| match event {
            Event::Heartbeat(heartbeat) => (heartbeat.state == State::Busy).then_some(()),
            _ => None,
        };
        self.serve(LIMIT, busy).expect("a heartbeat that says so");
    }

    /// Fails where the runtime says anything but heartbeats for a while.
    fn lull(&mut self) {
        let said = self.serve(LULL, message);
        assert_eq!(said, None);
    }
}

fn is_nothing_yet(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn message(event: &Event) -> Option<Message> {
    match event {
        Event::Message(message) => Some(message.clone()),
        _ => None,
    }
}

/// A line over TCP, on which the test waits for the runtime.
struct Tcp(TcpListener);

impl Tcp {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    fn accept(&self) -> Peer<TcpStream> {
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

/// A runtime that was met.
fn met(bench: &Bench, images: &[&str]) -> (Runtime, Tcp, Peer<TcpStream>) {
    let line = Tcp::new();
    let runtime = Runtime::start(bench, &["--tcp", &line.address()], images);
    let mut peer = line.accept();
    peer.meet();
    (runtime, line, peer)
}

fn spots(height: u32) -> Vec<u8> {
    encode(&toy::picture(height * 4 / 5, height).into(), ImageFormat::Png)
}

#[test]
fn the_report_is_that_of_detect() {
    let bench = Bench::new();
    let (_runtime, _line, mut peer) = met(&bench, &["--image", "spots.png"]);
    let outcome = bench.detect(&["spots.png", "--spacing", "0.5,0.25", "--json", "-"]);
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let hello = *peer.session.peer().unwrap();
    assert_eq!((hello.role, hello.landmarks), (Role::Runtime, 3));
    let id: String = hello.model.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(json["model"]["sha256"].as_str().unwrap().starts_with(&id));

    peer.ask(0, 0);
    let report = peer.report();
    assert!(report.plausible);
    assert_eq!((report.exposure, report.first, report.total), (0, 0, 3));
    assert_eq!((report.model, report.presentation), (hello.model, Presentation::Unnamed));
    assert_eq!(report.spots.len(), 3);
    for (spot, landmark) in report.spots.iter().zip(json["landmarks"].as_array().unwrap()) {
        let hundredths = |key: &str| 100.0 * landmark[key].as_f64().unwrap();
        assert_eq!(f64::from(spot.x), hundredths("x_mm").round());
        assert_eq!(f64::from(spot.y), hundredths("y_mm").round());
        assert_eq!(f64::from(spot.expected_error), hundredths("expected_error_mm").ceil());
        assert_eq!(spot.confident, landmark["confident"].as_bool().unwrap());
    }
}

#[test]
fn an_exposure_takes_the_first_image_that_comes_after_it() {
    let bench = Bench::new();
    bench.write("films/old.png", &spots(300));
    let (_runtime, _line, mut peer) = met(&bench, &["--watch", "films"]);
    peer.expose(1);
    peer.ask(1, PATIENCE_MS);
    peer.busy();
    // No image by its name, and one that does not come in whole at first.
    bench.write("films/note.txt", b"x");
    let image = spots(600);
    bench.write("films/new.png", &image[..image.len() / 2]);
    peer.lull();
    bench.write("films/new.png", &image);
    let report = peer.report();
    // The larger picture: its spots lie twice as far from the origin.
    let x = toy::truth(600).map(|[x, _]| x * 50.0);
    for (spot, x) in report.spots.iter().zip(x) {
        assert!((f64::from(spot.x) - x).abs() < 60.0, "{report:?}");
    }

    // The same again, without another look, though the folder has changed.
    bench.write("films/newer.png", &spots(300));
    peer.ask(1, PATIENCE_MS);
    assert_eq!(peer.report(), report);

    // Under the same number a new exposure, for which nothing has come.
    peer.expose(1);
    peer.ask(1, 300);
    assert_eq!(peer.refusal(), Refusal { exposure: 1, reason: Reason::NoImage });
}

#[cfg(unix)]
#[test]
fn an_image_that_was_on_its_way_before_the_exposure_is_not_taken_for_it() {
    let bench = Bench::new();
    let image = spots(300);
    bench.write("films/slow.png", &image[..image.len() / 2]);
    let (_runtime, _line, mut peer) = met(&bench, &["--watch", "films"]);
    peer.expose(1);
    peer.ask(1, 600);
    peer.busy();
    bench.write("films/slow.png", &image);
    assert_eq!(peer.refusal(), Refusal { exposure: 1, reason: Reason::NoImage });
    // One that is moved over it is another image.
    bench.write("next", &image);
    std::fs::rename(bench.path("next"), bench.path("films/slow.png")).unwrap();
    peer.ask(1, PATIENCE_MS);
    assert!(peer.report().plausible);
}

#[test]
fn a_newer_exposure_ends_the_wait_for_an_older_image() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("films")).unwrap();
    let (_runtime, _line, mut peer) = met(&bench, &["--watch", "films"]);
    peer.expose(1);
    peer.ask(1, u16::MAX);
    peer.busy();
    peer.expose(2);
    assert_eq!(peer.refusal(), Refusal { exposure: 1, reason: Reason::NoImage });
    peer.ask(2, PATIENCE_MS);
    peer.busy();
    bench.write("films/new.png", &spots(300));
    assert_eq!(peer.report().exposure, 2);
}

#[test]
fn the_newest_image_is_taken_without_an_exposure() {
    let bench = Bench::new();
    bench.write("films/b.png", &spots(600));
    std::thread::sleep(Duration::from_millis(20));
    bench.write("films/a.png", &spots(300));
    let (_runtime, _line, mut peer) = met(&bench, &["--watch", "films"]);
    peer.ask(0, PATIENCE_MS);
    let small = toy::truth(300)[0][0] * 50.0;
    assert!((f64::from(peer.report().spots[0].x) - small).abs() < 60.0);
}

#[test]
fn an_image_that_is_not_the_models_has_no_landmarks() {
    let bench = Bench::new();
    let mirrored = image::imageops::flip_horizontal(&toy::picture(240, 300));
    bench.write("mirrored.png", &encode(&mirrored.into(), ImageFormat::Png));
    let (_runtime, _line, mut peer) = met(&bench, &["--image", "mirrored.png"]);
    peer.ask(0, PATIENCE_MS);
    let report = peer.report();
    assert!(!report.plausible);
    assert_eq!(report.presentation, Presentation::Mirrored);
    assert_eq!((report.total, report.spots.len()), (0, 0));
}

#[test]
fn what_cannot_be_answered_is_refused_with_its_reason() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("films")).unwrap();
    let (_runtime, _line, mut peer) = met(&bench, &["--watch", "films"]);
    peer.ask(7, PATIENCE_MS);
    assert_eq!(peer.refusal(), Refusal { exposure: 7, reason: Reason::UnknownExposure });
    peer.expose(8);
    peer.expose(9);
    peer.ask(8, 1_500);
    peer.ask(9, 100);
    assert_eq!(peer.refusal(), Refusal { exposure: 9, reason: Reason::Busy });
    // Repeating changes nothing; one answer comes.
    peer.ask(8, 1_500);
    assert_eq!(peer.refusal(), Refusal { exposure: 8, reason: Reason::NoImage });
    peer.lull();
    bench.write("films/broken.png", b"no image");
    peer.ask(8, 400);
    assert_eq!(peer.refusal(), Refusal { exposure: 8, reason: Reason::Unreadable });
    std::fs::remove_dir_all(bench.path("films")).unwrap();
    peer.expose(10);
    peer.ask(10, 100);
    assert_eq!(peer.refusal(), Refusal { exposure: 10, reason: Reason::UnknownExposure });
}

#[test]
fn a_senseless_frame_is_refused_and_noise_is_not() {
    let bench = Bench::new();
    let (_runtime, _line, mut peer) = met(&bench, &["--image", "spots.png"]);
    peer.line.write_all(&[0, 0, 1, 2, 3, 0, 255, 255, 0, 0]).unwrap();
    peer.line.write_all(&vec![0x55; 100_000]).unwrap();
    peer.line.write_all(&[0]).unwrap();
    peer.lull();
    // An exposure with the number 0, which there is none.
    peer.say(&Message::Exposure(Exposure { exposure: 0, phase: Phase::Start, time_us: 0 }));
    assert_eq!(peer.refusal(), Refusal { exposure: 0, reason: Reason::Senseless });
    peer.ask(0, 0);
    assert!(peer.report().plausible);
}

#[test]
fn before_a_hello_nothing_is_answered() {
    let bench = Bench::new();
    let line = Tcp::new();
    let _runtime = Runtime::start(&bench, &["--tcp", &line.address()], &["--image", "spots.png"]);
    let mut peer = line.accept();
    let wire = Sender::new().frame(&Message::Request(Request { exposure: 0, patience_ms: 0 }));
    peer.line.write_all(&wire).unwrap();
    peer.meet();
    peer.lull();
}

#[test]
fn a_line_that_goes_away_in_a_frame_is_opened_again_and_nothing_is_forgotten() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("films")).unwrap();
    let (_runtime, line, mut peer) = met(&bench, &["--watch", "films"]);
    peer.expose(3);
    peer.ask(3, PATIENCE_MS);
    peer.busy();
    let half = peer.session.frame(&Message::Request(Request { exposure: 4, patience_ms: 0 }));
    let half = half.unwrap();
    peer.line.write_all(&half[..half.len() / 2]).unwrap();
    drop(peer);

    // The detection goes on meanwhile.
    bench.write("films/new.png", &spots(300));
    let mut peer = line.accept();
    peer.meet();
    peer.ask(3, PATIENCE_MS);
    assert_eq!(peer.report().exposure, 3);
}

#[test]
fn a_peer_that_starts_anew_is_met_again() {
    let bench = Bench::new();
    let (_runtime, _line, mut peer) = met(&bench, &["--image", "spots.png"]);
    peer.ask(0, 0);
    peer.report();
    let mut anew = Peer::new(peer.line);
    anew.meet();
    anew.ask(0, 0);
    assert!(anew.report().plausible);
}

#[cfg(target_os = "linux")]
#[test]
fn a_serial_port_works_as_well() {
    use std::os::fd::{AsFd, AsRawFd};
    let bench = Bench::new();
    let (mut ours, theirs) = serial2::SerialPort::pair().unwrap();
    ours.set_read_timeout(Duration::from_millis(5)).unwrap();
    let open = format!("/proc/self/fd/{}", theirs.as_fd().as_raw_fd());
    let device = std::fs::read_link(open).unwrap().into_os_string().into_string().unwrap();
    let arguments = ["--port", device.as_str(), "--baud", "57600"];
    let _runtime = Runtime::start(&bench, &arguments, &["--image", "spots.png"]);
    // Its end of the pair stays open here, so that the pair lives until the runtime has opened it.
    let mut peer = Peer::new(ours);
    peer.meet();
    peer.ask(0, 0);
    assert!(peer.report().plausible);
    drop(theirs);
}

#[test]
fn wrong_usage_ends_at_once_with_a_reason() {
    let bench = Bench::new();
    for (arguments, code, says) in [
        (&["--spacing", "1", "--image", "spots.png"][..], 2, "--port <DEVICE>"),
        (&["--tcp", "a:1", "--spacing", "1"], 2, "--watch <FOLDER>"),
        (&["--tcp", "a:1", "--image", "spots.png"], 2, "--spacing <MM>"),
        (&["--tcp", "a", "--spacing", "1", "--image", "x"], 2, "expected a host and a port"),
        (&["--tcp", "a:1", "--port", "b", "--spacing", "1", "--image", "x"], 2, "cannot be used"),
        (
            &["--tcp", "a:1", "--baud", "9600", "--spacing", "1", "--image", "x"],
            2,
            "cannot be used",
        ),
        (&["--tcp", "a:1", "--spacing", "1", "--watch", "none"], 3, "none: "),
        (&["--tcp", "a:1", "--spacing", "1", "--image", "none.png"], 3, "none.png for every"),
        (
            &["--tcp", "a:1", "--spacing", "1", "--image", "spots.png", "--model", "no.fid"],
            3,
            "no.fid",
        ),
    ] {
        let outcome = bench.run(&[&["link"], arguments].concat());
        assert_eq!(outcome.code, code, "{outcome:?}");
        assert!(outcome.stderr.contains(says), "{outcome:?}");
    }
}

/// What a service manager is told.
#[cfg(unix)]
struct Manager(std::os::unix::net::UnixDatagram);

#[cfg(unix)]
impl Manager {
    fn new(bench: &Bench) -> Self {
        let socket = std::os::unix::net::UnixDatagram::bind(bench.path("notify")).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        Self(socket)
    }

    fn told(&self) -> String {
        let mut buffer = [0; 4096];
        let count = self.0.recv(&mut buffer).expect("the manager is told something");
        String::from_utf8(buffer[..count].to_vec()).unwrap().trim_end().to_owned()
    }

    /// Waits for a message that holds `words`.
    fn wait_for(&self, words: &str) {
        let until = Instant::now() + LIMIT;
        while !self.told().contains(words) {
            assert!(Instant::now() < until, "the manager is not told {words}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_service_manager_is_told_of_start_line_and_life() {
    let bench = Bench::new();
    let manager = Manager::new(&bench);
    let line = Tcp::new();
    let address = line.address();
    let env = [("NOTIFY_SOCKET", "notify"), ("WATCHDOG_USEC", "90000")];
    let _runtime =
        Runtime::start_with(&bench, &["--tcp", &address], &["--image", "spots.png"], &env);
    assert_eq!(manager.told(), "READY=1");
    let peer = line.accept();
    manager.wait_for(&format!("STATUS={address} by TCP: open"));
    manager.wait_for("WATCHDOG=1");
    manager.wait_for("WATCHDOG=1");
    drop((peer, line));
    // A line that stays away is waited for, and that is life too.
    manager.wait_for("it has gone");
    manager.wait_for("WATCHDOG=1");
    manager.wait_for("WATCHDOG=1");
}

#[cfg(unix)]
#[test]
fn a_manager_without_a_watchdog_hears_no_signs_of_life() {
    let bench = Bench::new();
    let manager = Manager::new(&bench);
    let line = Tcp::new();
    let env = [("NOTIFY_SOCKET", "notify")];
    let images = ["--image", "spots.png"];
    let _runtime = Runtime::start_with(&bench, &["--tcp", &line.address()], &images, &env);
    let mut peer = line.accept();
    peer.meet();
    peer.lull();
    assert_eq!(manager.told(), "READY=1");
    assert!(manager.told().ends_with(": open"));
    manager.0.set_nonblocking(true).unwrap();
    let nothing = manager.0.recv(&mut [0; 16]).unwrap_err();
    assert!(is_nothing_yet(nothing.kind()), "{nothing}");
}

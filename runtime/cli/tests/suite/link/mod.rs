//! `fiducia link` with a micro-controller that the test emulates.
//!
//! Waits have time limits so that every test ends; no test checks how long something takes.

mod peer;
#[cfg(unix)]
mod manager;

use std::io::Write;
use std::time::Duration;

use fiducia_link::{
    Exposure, Message, OrientationIssue, Phase, Reason, Refusal, Request, Role, Sender,
};
use image::ImageFormat;
use serde_json::Value;

use fiducia_test_support::toy::{self, encode};

use crate::workspace::Workspace;
use peer::{Peer, Runtime, TIMEOUT_MS, Tcp, met};

fn spots(height: u32) -> Vec<u8> {
    encode(&toy::picture(height * 4 / 5, height).into(), ImageFormat::Png)
}

#[test]
fn the_report_is_that_of_detect() {
    let workspace = Workspace::new();
    let (_runtime, _line, mut peer) = met(&workspace, &["--image", "spots.png"]);
    let outcome = workspace.detect(&["spots.png", "--spacing", "0.5,0.25", "--json", "-"]);
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let hello = *peer.session.peer().unwrap();
    assert_eq!((hello.role, hello.landmarks), (Role::Runtime, 3));
    let id: String = hello.model.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(json["model"]["sha256"].as_str().unwrap().starts_with(&id));

    peer.request(0, 0);
    let report = peer.report();
    assert!(report.plausible);
    assert_eq!((report.exposure, report.first, report.total), (0, 0, 3));
    assert_eq!(
        (report.model, report.orientation_issue),
        (hello.model, OrientationIssue::Unspecified)
    );
    assert_eq!(report.landmarks.len(), 3);
    for (spot, landmark) in report.landmarks.iter().zip(json["landmarks"].as_array().unwrap()) {
        let hundredths = |key: &str| 100.0 * landmark[key].as_f64().unwrap();
        assert_eq!(f64::from(spot.x), hundredths("x_mm").round());
        assert_eq!(f64::from(spot.y), hundredths("y_mm").round());
        assert_eq!(f64::from(spot.expected_error), hundredths("expected_error_mm").ceil());
        assert_eq!(spot.confident, landmark["confident"].as_bool().unwrap());
    }
}

#[test]
fn the_image_of_an_exposure_is_the_first_one_after_it() {
    let workspace = Workspace::new();
    workspace.write("images/old.png", &spots(300));
    let (_runtime, _line, mut peer) = met(&workspace, &["--watch", "images"]);
    peer.announce(1);
    peer.request(1, TIMEOUT_MS);
    peer.wait_until_busy();
    // Not an image by its name, and an image that is incomplete at first.
    workspace.write("images/note.txt", b"x");
    let image = spots(600);
    workspace.write("images/new.png", &image[..image.len() / 2]);
    peer.assert_quiet();
    workspace.write("images/new.png", &image);
    let report = peer.report();
    // The larger image: its spots are twice as far from the origin.
    let x = toy::truth(600).map(|[x, _]| x * 50.0);
    for (spot, x) in report.landmarks.iter().zip(x) {
        assert!((f64::from(spot.x) - x).abs() < 60.0, "{report:?}");
    }

    // The same report again, without a detection, though the folder has changed.
    workspace.write("images/newer.png", &spots(300));
    peer.request(1, TIMEOUT_MS);
    assert_eq!(peer.report(), report);

    // A new exposure with the same number, for which no image has arrived.
    peer.announce(1);
    peer.request(1, 300);
    assert_eq!(peer.refusal(), Refusal { exposure: 1, reason: Reason::NoImage });
}

#[cfg(unix)]
#[test]
fn an_image_that_was_growing_before_the_exposure_is_not_used() {
    let workspace = Workspace::new();
    let image = spots(300);
    workspace.write("images/slow.png", &image[..image.len() / 2]);
    let (_runtime, _line, mut peer) = met(&workspace, &["--watch", "images"]);
    peer.announce(1);
    peer.request(1, 600);
    peer.wait_until_busy();
    workspace.write("images/slow.png", &image);
    assert_eq!(peer.refusal(), Refusal { exposure: 1, reason: Reason::NoImage });
    // A file that is moved over it is a new image.
    workspace.write("next", &image);
    std::fs::rename(workspace.path("next"), workspace.path("images/slow.png")).unwrap();
    peer.request(1, TIMEOUT_MS);
    assert!(peer.report().plausible);
}

#[test]
fn a_newer_exposure_ends_the_wait_for_an_older_image() {
    let workspace = Workspace::new();
    std::fs::create_dir(workspace.path("images")).unwrap();
    let (_runtime, _line, mut peer) = met(&workspace, &["--watch", "images"]);
    peer.announce(1);
    peer.request(1, u16::MAX);
    peer.wait_until_busy();
    peer.announce(2);
    assert_eq!(peer.refusal(), Refusal { exposure: 1, reason: Reason::NoImage });
    peer.request(2, TIMEOUT_MS);
    peer.wait_until_busy();
    workspace.write("images/new.png", &spots(300));
    assert_eq!(peer.report().exposure, 2);
}

#[test]
fn without_an_exposure_the_newest_image_is_used() {
    let workspace = Workspace::new();
    workspace.write("images/b.png", &spots(600));
    std::thread::sleep(Duration::from_millis(20));
    workspace.write("images/a.png", &spots(300));
    let (_runtime, _line, mut peer) = met(&workspace, &["--watch", "images"]);
    peer.request(0, TIMEOUT_MS);
    let small = toy::truth(300)[0][0] * 50.0;
    assert!((f64::from(peer.report().landmarks[0].x) - small).abs() < 60.0);
}

#[test]
fn an_implausible_image_has_no_landmarks() {
    let workspace = Workspace::new();
    let mirrored = image::imageops::flip_horizontal(&toy::picture(240, 300));
    workspace.write("mirrored.png", &encode(&mirrored.into(), ImageFormat::Png));
    let (_runtime, _line, mut peer) = met(&workspace, &["--image", "mirrored.png"]);
    peer.request(0, TIMEOUT_MS);
    let report = peer.report();
    assert!(!report.plausible);
    assert_eq!(report.orientation_issue, OrientationIssue::Mirrored);
    assert_eq!((report.total, report.landmarks.len()), (0, 0));
}

#[test]
fn requests_that_fail_are_refused_with_a_reason() {
    let workspace = Workspace::new();
    std::fs::create_dir(workspace.path("images")).unwrap();
    let (_runtime, _line, mut peer) = met(&workspace, &["--watch", "images"]);
    peer.request(7, TIMEOUT_MS);
    assert_eq!(peer.refusal(), Refusal { exposure: 7, reason: Reason::UnknownExposure });
    peer.announce(8);
    peer.announce(9);
    peer.request(8, 1_500);
    peer.request(9, 100);
    assert_eq!(peer.refusal(), Refusal { exposure: 9, reason: Reason::Busy });
    // A repeated request changes nothing; there is one answer.
    peer.request(8, 1_500);
    assert_eq!(peer.refusal(), Refusal { exposure: 8, reason: Reason::NoImage });
    peer.assert_quiet();
    workspace.write("images/broken.png", b"no image");
    peer.request(8, 400);
    assert_eq!(peer.refusal(), Refusal { exposure: 8, reason: Reason::Unreadable });
    std::fs::remove_dir_all(workspace.path("images")).unwrap();
    peer.announce(10);
    peer.request(10, 100);
    assert_eq!(peer.refusal(), Refusal { exposure: 10, reason: Reason::UnknownExposure });
}

#[test]
fn an_invalid_frame_is_refused_and_noise_is_ignored() {
    let workspace = Workspace::new();
    let (_runtime, _line, mut peer) = met(&workspace, &["--image", "spots.png"]);
    peer.line.write_all(&[0, 0, 1, 2, 3, 0, 255, 255, 0, 0]).unwrap();
    peer.line.write_all(&vec![0x55; 100_000]).unwrap();
    peer.line.write_all(&[0]).unwrap();
    peer.assert_quiet();
    // The exposure number 0 is not valid.
    peer.send(&Message::Exposure(Exposure { exposure: 0, phase: Phase::Start, time_us: 0 }));
    assert_eq!(peer.refusal(), Refusal { exposure: 0, reason: Reason::Malformed });
    peer.request(0, 0);
    assert!(peer.report().plausible);
}

#[test]
fn before_a_hello_nothing_is_answered() {
    let workspace = Workspace::new();
    let line = Tcp::new();
    let _runtime =
        Runtime::start(&workspace, &["--tcp", &line.address()], &["--image", "spots.png"]);
    let mut peer = line.accept();
    let wire = Sender::new().frame(&Message::Request(Request { exposure: 0, timeout_ms: 0 }));
    peer.line.write_all(&wire).unwrap();
    peer.meet();
    peer.assert_quiet();
}

#[test]
fn a_line_that_is_lost_within_a_frame_is_reopened_and_state_is_kept() {
    let workspace = Workspace::new();
    std::fs::create_dir(workspace.path("images")).unwrap();
    let (_runtime, line, mut peer) = met(&workspace, &["--watch", "images"]);
    peer.announce(3);
    peer.request(3, TIMEOUT_MS);
    peer.wait_until_busy();
    let half = peer.session.frame(&Message::Request(Request { exposure: 4, timeout_ms: 0 }));
    let half = half.unwrap();
    peer.line.write_all(&half[..half.len() / 2]).unwrap();
    drop(peer);

    // The detection continues meanwhile.
    workspace.write("images/new.png", &spots(300));
    let mut peer = line.accept();
    peer.meet();
    peer.request(3, TIMEOUT_MS);
    assert_eq!(peer.report().exposure, 3);
}

#[test]
fn a_restarted_peer_gets_a_new_hello() {
    let workspace = Workspace::new();
    let (_runtime, _line, mut peer) = met(&workspace, &["--image", "spots.png"]);
    peer.request(0, 0);
    peer.report();
    let mut again = Peer::new(peer.line);
    again.meet();
    again.request(0, 0);
    assert!(again.report().plausible);
}

#[cfg(target_os = "linux")]
#[test]
fn a_serial_port_works() {
    use std::os::fd::{AsFd, AsRawFd};
    let workspace = Workspace::new();
    let (mut ours, theirs) = serial2::SerialPort::pair().unwrap();
    ours.set_read_timeout(Duration::from_millis(5)).unwrap();
    let open = format!("/proc/self/fd/{}", theirs.as_fd().as_raw_fd());
    let device = std::fs::read_link(open).unwrap().into_os_string().into_string().unwrap();
    let arguments = ["--port", device.as_str(), "--baud", "57600"];
    let _runtime = Runtime::start(&workspace, &arguments, &["--image", "spots.png"]);
    // Its end of the pair stays open here, so that the pair exists until the runtime has opened it.
    let mut peer = Peer::new(ours);
    peer.meet();
    peer.request(0, 0);
    assert!(peer.report().plausible);
    drop(theirs);
}

#[test]
fn wrong_usage_is_an_error_at_the_start() {
    let workspace = Workspace::new();
    for (arguments, code, words) in [
        (&["--spacing", "1", "--image", "spots.png"][..], 2, "--port <DEVICE>"),
        (&["--tcp", "a:1", "--spacing", "1"], 2, "--watch <FOLDER>"),
        (&["--tcp", "a:1", "--image", "spots.png"], 2, "--spacing <MM>"),
        (&["--tcp", "a", "--spacing", "1", "--image", "x"], 2, "expected host:port"),
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
        let outcome = workspace.run(&[&["link"], arguments].concat());
        assert_eq!(outcome.code, code, "{outcome:?}");
        assert!(outcome.stderr.contains(words), "{outcome:?}");
    }
}

//! The receiver on the host, against a simulated runtime.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use fiducia_link::{
    Landmark, Message, OrientationIssue, Reason, Refusal, Report, Request, SILENCE_MS,
};
use report_receiver::Receiver;
use simulation::Simulation;

const REQUEST: Message = Message::Request(Request { exposure: 0, timeout_ms: 0 });

fn connected() -> Simulation<Receiver> {
    let mut simulation = Simulation::new(Receiver::new(), [7; 8], 22);
    simulation.run(300);
    assert_eq!(simulation.shown(), ["runtime 0.1.0, 22 landmarks"]);
    assert_eq!(simulation.sent(), [REQUEST]);
    simulation
}

/// A frame with the landmarks from `first` to before `end`, of 22.
fn report(first: u16, end: u16) -> Message {
    let landmark = |index: u16| Landmark {
        x: i32::from(index) * 1000 + 5,
        y: -50,
        expected_error: 127,
        confident: index != 21,
    };
    Message::Report(Report {
        exposure: 0,
        model: [7; 8],
        plausible: true,
        orientation_issue: OrientationIssue::Unspecified,
        taken_ms: 9,
        total: 22,
        first,
        landmarks: (first..end).map(landmark).collect(),
    })
}

#[test]
fn landmarks_are_shown_in_both_frames() {
    let mut simulation = connected();
    simulation.send(&report(0, 20));
    simulation.send(&report(20, 22));
    let lines = simulation.shown();
    assert_eq!(lines.len(), 1 + 22);
    assert_eq!(lines[0], "22 landmarks, mm: x, y, expected error");
    assert_eq!(lines[1], "0: 0.05 -0.50 1.27");
    assert_eq!(lines[22], "21: 210.05 -0.50 1.27 ?");
    simulation.run(5_000);
    assert_eq!(simulation.sent(), [], "all landmarks arrived, so there is no further request");
}

#[test]
fn a_lost_frame_is_requested_again() {
    let mut simulation = connected();
    simulation.send(&report(0, 20));
    simulation.run(2_100);
    assert_eq!(simulation.sent(), [REQUEST]);
}

#[test]
fn the_button_sends_a_request() {
    let mut simulation = connected();
    simulation.send(&report(20, 22));
    simulation.input(true);
    simulation.input(false);
    assert_eq!(simulation.sent(), [REQUEST]);
}

#[test]
fn refusals_and_implausible_images_are_shown() {
    let mut simulation = connected();
    simulation.send(&Message::Refusal(Refusal { exposure: 0, reason: Reason::NoImage }));
    assert_eq!(simulation.shown(), ["no report: NoImage"]);
    simulation.input(true);
    simulation.send(&Message::Report(Report {
        exposure: 0,
        model: [7; 8],
        plausible: false,
        orientation_issue: OrientationIssue::Mirrored,
        taken_ms: 9,
        total: 0,
        first: 0,
        landmarks: [].into_iter().collect(),
    }));
    assert_eq!(simulation.shown(), ["implausible image, Mirrored"]);
}

#[test]
fn silence_is_shown_and_a_reconnected_runtime_is_asked() {
    let mut simulation = connected();
    simulation.send_half(&report(0, 20));
    simulation.run(u64::from(SILENCE_MS) + 50);
    assert_eq!(simulation.shown(), ["runtime silent"]);
    simulation.connected = true;
    simulation.run(600);
    assert_eq!(simulation.shown(), ["runtime 0.1.0, 22 landmarks"]);
    assert_eq!(simulation.sent(), [REQUEST]);
}

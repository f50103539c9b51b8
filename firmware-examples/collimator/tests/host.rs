//! The collimator on the host: it closes only on a valid report, and opens in all other cases.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)]

use collimator::{Collimator, JAW, OpenReason, State, Window};
use device::Device;
use fiducia_link::{
    Exposure, Hello, Landmark, Message, OrientationIssue, Phase, Reason, Refusal, Report, Request,
    Role, SILENCE_MS,
};
use simulation::Simulation;

const MANIFEST: &str = include_str!("../../../models/manifest.json");
/// Positions of the jaw landmarks in the reports, from the centre of the field, mm/100, in the order of the setup.
const JAW_LANDMARKS: [[i32; 2]; 5] =
    [[4_000, 3_000], [3_600, 6_100], [2_900, 8_100], [-2_800, 5_100], [-300, 2_000]];
const OPEN: Window = Window::open(&JAW);

fn connected() -> Simulation<Collimator> {
    let mut simulation = Simulation::new(Collimator::new(&JAW), JAW.model, 19);
    assert_eq!(simulation.device.blades(), OPEN);
    simulation.run(300);
    assert_eq!(simulation.shown(), ["runtime with the right model"]);
    simulation
}

/// A simulation after the start of exposure 1.
fn exposed() -> Simulation<Collimator> {
    let mut simulation = connected();
    simulation.input(true);
    assert!(matches!(simulation.device.state(), State::Waiting { .. }));
    assert_eq!(simulation.device.blades(), OPEN);
    simulation
}

/// A valid report of exposure 1.
fn report() -> Report {
    let [x, y] = JAW.centre;
    let far = Landmark { x: x + 90_000, y, expected_error: 9_000, confident: false };
    let mut landmarks = [far; 19];
    for (&index, [dx, dy]) in JAW.indices.iter().zip(JAW_LANDMARKS) {
        let landmark = Landmark { x: x + dx, y: y + dy, expected_error: 120, confident: true };
        landmarks[usize::from(index)] = landmark;
    }
    Report {
        exposure: 1,
        model: JAW.model,
        plausible: true,
        orientation_issue: OrientationIssue::Unspecified,
        taken_ms: 200,
        total: 19,
        first: 0,
        landmarks: landmarks.into_iter().collect(),
    }
}

/// `report` with one of the chosen landmarks changed.
fn changed(at: usize, change: impl Fn(&mut Landmark)) -> Report {
    let mut report = report();
    change(&mut report.landmarks[usize::from(JAW.indices[at])]);
    report
}

fn open_reason(simulation: &Simulation<Collimator>) -> Option<OpenReason> {
    match simulation.device.state() {
        State::Open(reason) => {
            assert_eq!(simulation.device.blades(), OPEN);
            Some(*reason)
        }
        _ => None,
    }
}

#[test]
fn a_valid_report_sets_the_window() {
    let mut simulation = exposed();
    simulation.send(&Message::Report(report()));
    // Margin 10 mm plus twice 1.2 mm, rounded outwards to steps of 0.5 mm; the top is at its minimum.
    let window = Window { left: 4_050, right: 5_250, top: 1_000, bottom: 9_350 };
    assert_eq!(simulation.device.blades(), window);
    assert_eq!(simulation.shown(), ["1: set, left 40.50 right 52.50 top 10.00 bottom 93.50"]);
}

#[test]
fn the_setup_is_for_the_shipped_model() {
    let line = MANIFEST.lines().find(|l| l.contains("\"head.fid\"")).unwrap();
    let id: String = JAW.model.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(line.contains(&format!("\"sha256\": \"{id}")), "set up for {id}: {line}");
}

#[test]
fn an_exposure_is_announced_and_requested() {
    let mut simulation = connected();
    let time_us = simulation.now_us();
    simulation.input(true);
    let start = Exposure { exposure: 1, phase: Phase::Start, time_us };
    let request = Request { exposure: 1, timeout_ms: JAW.timeout_ms };
    assert_eq!(simulation.sent(), [Message::Exposure(start), Message::Request(request)]);
    simulation.run(600);
    assert_eq!(simulation.sent(), [Message::Request(request)], "repeated while there is no answer");
}

#[test]
fn every_landmark_has_its_margin() {
    for (at, [x, y]) in JAW_LANDMARKS.into_iter().enumerate() {
        for error in [0, 120, 400] {
            let mut simulation = exposed();
            simulation
                .send(&Message::Report(changed(at, |landmark| landmark.expected_error = error)));
            let Window { left, right, top, bottom } = simulation.device.blades();
            let margin = JAW.margin + JAW.error_factor * i32::from(error);
            assert!(left >= margin - x && right >= margin + x, "{at}, {error}");
            assert!(top >= margin - y && bottom >= margin + y, "{at}, {error}");
            assert!(simulation.device.blades() != OPEN);
        }
    }
}

#[test]
fn blades_stay_within_their_range() {
    let mut simulation = exposed();
    simulation.send(&Message::Report(changed(0, |landmark| {
        landmark.x = JAW.centre[0] + JAW.max_offset - 10
    })));
    let Window { left, right, top, bottom } = simulation.device.blades();
    assert_eq!(right, JAW.max_offset);
    for blade in [left, top, bottom] {
        assert!((JAW.min_offset..=JAW.max_offset).contains(&blade) && blade % JAW.step == 0);
    }
}

#[test]
fn a_late_report_opens() {
    let mut simulation = exposed();
    simulation.run(u64::from(JAW.timeout_ms) - 30);
    assert_eq!(open_reason(&simulation), None);
    simulation.run(30);
    assert_eq!(open_reason(&simulation), Some(OpenReason::Late));
    simulation.send(&Message::Report(report()));
    assert_eq!(
        open_reason(&simulation),
        Some(OpenReason::Late),
        "a late report must not close the blades"
    );
}

#[test]
fn a_report_that_is_read_after_its_time_is_late() {
    // The main loop was delayed: the bytes are read before the clock.
    let mut device = Collimator::new(&JAW);
    let mut runtime = fiducia_link::Session::new(
        Hello {
            role: Role::Runtime,
            answer: false,
            software: [0; 3],
            model: JAW.model,
            landmarks: 19,
        },
        0,
    );
    let hello = device.poll(0).unwrap();
    hello.iter().for_each(|&b| drop(runtime.receive(b, 0)));
    let answer = runtime.poll(fiducia_link::State::Ready, 0).unwrap();
    answer.iter().for_each(|&b| device.receive(b, 0));
    device.input(true, 0);
    let wire = runtime.frame(&Message::Report(report())).unwrap();
    let late_us = u64::from(JAW.timeout_ms) * 1000;
    wire.iter().for_each(|&b| device.receive(b, late_us));
    assert_eq!(device.state(), &State::Open(OpenReason::Late));
    assert_eq!(device.blades(), OPEN);
}

#[test]
fn an_implausible_image_opens() {
    let mut simulation = exposed();
    let none =
        Report { plausible: false, total: 0, landmarks: [].into_iter().collect(), ..report() };
    simulation.send(&Message::Report(none));
    assert_eq!(open_reason(&simulation), Some(OpenReason::Implausible));
}

#[test]
fn a_low_confidence_landmark_opens() {
    for at in 0..JAW_LANDMARKS.len() {
        for change in [
            (|landmark| landmark.confident = false) as fn(&mut Landmark),
            |landmark| landmark.expected_error = 401,
            |landmark| landmark.expected_error = u16::MAX,
        ] {
            let mut simulation = exposed();
            simulation.send(&Message::Report(changed(at, change)));
            assert_eq!(open_reason(&simulation), Some(OpenReason::Uncertain), "{at}");
        }
    }
}

#[test]
fn a_landmark_out_of_reach_opens() {
    for beyond in [JAW.max_offset + 1, -JAW.max_offset - 1, i32::MAX - JAW.centre[0], i32::MIN] {
        let mut simulation = exposed();
        simulation.send(&Message::Report(changed(2, |s| s.x = JAW.centre[0].wrapping_add(beyond))));
        assert_eq!(open_reason(&simulation), Some(OpenReason::Outside), "{beyond}");
    }
}

#[test]
fn another_model_opens() {
    let mut simulation = exposed();
    simulation.send(&Message::Report(Report { model: [1; 8], ..report() }));
    assert_eq!(open_reason(&simulation), Some(OpenReason::OtherModel));
    let mut simulation = exposed();
    let mut few = Report { total: 16, ..report() };
    few.landmarks.truncate(16);
    simulation.send(&Message::Report(few));
    assert_eq!(
        open_reason(&simulation),
        Some(OpenReason::OtherModel),
        "a chosen index is not in the list"
    );
}

#[test]
fn a_missing_frame_waits_and_then_opens() {
    let mut simulation = exposed();
    let mut first = report();
    first.landmarks.truncate(10);
    simulation.send(&Message::Report(first));
    assert_eq!(open_reason(&simulation), None);
    assert_eq!(simulation.device.blades(), OPEN);
    simulation.run(u64::from(JAW.timeout_ms));
    assert_eq!(open_reason(&simulation), Some(OpenReason::Late));
}

#[test]
fn two_frames_make_a_report() {
    let mut simulation = exposed();
    let mut frames = [report(), Report { first: 10, ..report() }];
    frames[0].landmarks.truncate(10);
    frames[1].landmarks = report().landmarks.iter().skip(10).copied().collect();
    frames.iter().for_each(|frame| simulation.send(&Message::Report(frame.clone())));
    assert!(matches!(simulation.device.state(), State::Set { .. }));
}

#[test]
fn a_refusal_opens_unless_the_runtime_is_busy() {
    for reason in [Reason::NoImage, Reason::Unreadable, Reason::UnknownExposure, Reason::Other(99)]
    {
        let mut simulation = exposed();
        simulation.send(&Message::Refusal(Refusal { exposure: 1, reason: Reason::Busy }));
        assert_eq!(open_reason(&simulation), None);
        simulation.send(&Message::Refusal(Refusal { exposure: 1, reason }));
        assert_eq!(open_reason(&simulation), Some(OpenReason::Refused(reason)));
    }
}

#[test]
fn a_report_of_another_exposure_changes_nothing() {
    let mut simulation = connected();
    simulation.send(&Message::Report(report()));
    assert_eq!(open_reason(&simulation), Some(OpenReason::Idle));
    simulation.input(true);
    simulation.input(true);
    simulation.send(&Message::Report(report()));
    assert_eq!(open_reason(&simulation), None);
    assert_eq!(simulation.device.blades(), OPEN, "exposure 2 is the current one");
    simulation.send(&Message::Report(Report { exposure: 0, ..report() }));
    assert_eq!(simulation.device.blades(), OPEN);
}

#[test]
fn a_new_exposure_opens_the_blades() {
    let mut simulation = exposed();
    simulation.send(&Message::Report(report()));
    assert!(simulation.device.blades() != OPEN);
    simulation.input(true);
    assert_eq!(simulation.device.blades(), OPEN);
}

#[test]
fn a_window_expires() {
    let mut simulation = exposed();
    simulation.send(&Message::Report(report()));
    simulation.run(u64::from(JAW.hold_ms) - 100);
    assert!(simulation.device.blades() != OPEN);
    simulation.run(100);
    assert_eq!(open_reason(&simulation), Some(OpenReason::Expired));
}

#[test]
fn a_line_cut_in_the_middle_of_a_report_opens_within_the_time_out() {
    let mut simulation = exposed();
    simulation.send_half(&Message::Report(report()));
    simulation.run(u64::from(SILENCE_MS) - 300);
    assert_eq!(open_reason(&simulation), None, "heartbeats may get lost");
    simulation.run(310);
    assert_eq!(open_reason(&simulation), Some(OpenReason::Silent));
}

#[test]
fn a_window_opens_when_the_line_is_cut() {
    let mut simulation = exposed();
    simulation.send(&Message::Report(report()));
    assert!(simulation.device.blades() != OPEN);
    simulation.connected = false;
    simulation.run(u64::from(SILENCE_MS) + 10);
    assert_eq!(open_reason(&simulation), Some(OpenReason::Silent));
    simulation.input(true);
    assert_eq!(
        open_reason(&simulation),
        Some(OpenReason::Silent),
        "without a runtime it does not wait"
    );
    simulation.connected = true;
    simulation.run(600);
    simulation.input(true);
    simulation.send(&Message::Report(Report { exposure: 3, ..report() }));
    assert!(matches!(simulation.device.state(), State::Set { .. }));
}

#[test]
fn a_restarted_runtime_is_asked_again_and_refuses() {
    let mut simulation = exposed();
    let hello = Hello {
        role: Role::Runtime,
        answer: false,
        software: [0, 1, 0],
        model: JAW.model,
        landmarks: 19,
    };
    simulation.sent();
    simulation.restart_runtime(hello);
    simulation.run(600);
    let request = Request { exposure: 1, timeout_ms: JAW.timeout_ms };
    assert_eq!(simulation.sent(), [Message::Request(request)]);
    simulation.send(&Message::Refusal(Refusal { exposure: 1, reason: Reason::UnknownExposure }));
    assert_eq!(open_reason(&simulation), Some(OpenReason::Refused(Reason::UnknownExposure)));
}

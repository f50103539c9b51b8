//! The collimator on the host: it closes only on a sound report, and opens for everything else.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)]

use collimator::{Collimator, JAW, State, Why, Window};
use device::Device;
use fiducia_link::{
    Exposure, Hello, Message, Phase, Presentation, Reason, Refusal, Report, Request, Role,
    SILENCE_MS, Spot,
};
use rehearsal::Rehearsal;

const MANIFEST: &str = include_str!("../../../models/manifest.json");
/// Where the landmarks of the reports lie, from the middle of the field, mm/100: jaw, in order of the setup.
const JAW_SPOTS: [[i32; 2]; 5] =
    [[4_000, 3_000], [3_600, 6_100], [2_900, 8_100], [-2_800, 5_100], [-300, 2_000]];
const OPEN: Window = Window::open(&JAW);

fn bench() -> Rehearsal<Collimator> {
    let mut bench = Rehearsal::new(Collimator::new(&JAW), JAW.model, 19);
    assert_eq!(bench.device.blades(), OPEN);
    bench.run(300);
    assert_eq!(bench.shown(), ["runtime with the right model"]);
    bench
}

/// A bench on which exposure 1 was made.
fn exposed() -> Rehearsal<Collimator> {
    let mut bench = bench();
    bench.input(true);
    assert!(matches!(bench.device.state(), State::Waiting { .. }));
    assert_eq!(bench.device.blades(), OPEN);
    bench
}

/// A sound report of exposure 1.
fn report() -> Report {
    let [x, y] = JAW.centre;
    let far = Spot { x: x + 90_000, y, expected_error: 9_000, confident: false };
    let mut spots = [far; 19];
    for (&place, [dx, dy]) in JAW.places.iter().zip(JAW_SPOTS) {
        let spot = Spot { x: x + dx, y: y + dy, expected_error: 120, confident: true };
        spots[usize::from(place)] = spot;
    }
    Report {
        exposure: 1,
        model: JAW.model,
        plausible: true,
        presentation: Presentation::Unnamed,
        taken_ms: 200,
        total: 19,
        first: 0,
        spots: spots.into_iter().collect(),
    }
}

/// `report` with its landmark at one chosen place changed.
fn changed(at: usize, change: impl Fn(&mut Spot)) -> Report {
    let mut report = report();
    change(&mut report.spots[usize::from(JAW.places[at])]);
    report
}

fn why(bench: &Rehearsal<Collimator>) -> Option<Why> {
    match bench.device.state() {
        State::Open(why) => {
            assert_eq!(bench.device.blades(), OPEN);
            Some(*why)
        }
        _ => None,
    }
}

#[test]
fn a_sound_report_sets_the_window() {
    let mut bench = exposed();
    bench.say(&Message::Report(report()));
    // Margin 10 mm and twice 1.2 mm, in steps of half a millimetre outwards; the top is as near as it can be.
    let window = Window { left: 4_050, right: 5_250, top: 1_000, bottom: 9_350 };
    assert_eq!(bench.device.blades(), window);
    assert_eq!(bench.shown(), ["1: set, left 40.50 right 52.50 top 10.00 bottom 93.50"]);
}

#[test]
fn the_setup_is_of_the_shipped_model() {
    let line = MANIFEST.lines().find(|l| l.contains("\"head.fid\"")).unwrap();
    let id: String = JAW.model.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(line.contains(&format!("\"sha256\": \"{id}")), "set up for {id}: {line}");
}

#[test]
fn an_exposure_is_announced_and_asked_for() {
    let mut bench = bench();
    let time_us = bench.now_us();
    bench.input(true);
    let start = Exposure { exposure: 1, phase: Phase::Start, time_us };
    let request = Request { exposure: 1, patience_ms: JAW.patience_ms };
    assert_eq!(bench.said(), [Message::Exposure(start), Message::Request(request)]);
    bench.run(600);
    assert_eq!(bench.said(), [Message::Request(request)], "repeated while nothing comes");
}

#[test]
fn every_landmark_has_its_margin() {
    for (at, [x, y]) in JAW_SPOTS.into_iter().enumerate() {
        for error in [0, 120, 400] {
            let mut bench = exposed();
            bench.say(&Message::Report(changed(at, |spot| spot.expected_error = error)));
            let Window { left, right, top, bottom } = bench.device.blades();
            let margin = JAW.margin + JAW.errors * i32::from(error);
            assert!(left >= margin - x && right >= margin + x, "{at}, {error}");
            assert!(top >= margin - y && bottom >= margin + y, "{at}, {error}");
            assert!(bench.device.blades() != OPEN);
        }
    }
}

#[test]
fn blades_stay_within_what_they_can_do() {
    let mut bench = exposed();
    bench.say(&Message::Report(changed(0, |spot| spot.x = JAW.centre[0] + JAW.most - 10)));
    let Window { left, right, top, bottom } = bench.device.blades();
    assert_eq!(right, JAW.most);
    for blade in [left, top, bottom] {
        assert!((JAW.least..=JAW.most).contains(&blade) && blade % JAW.step == 0);
    }
}

#[test]
fn a_late_report_opens() {
    let mut bench = exposed();
    bench.run(u64::from(JAW.patience_ms) - 30);
    assert_eq!(why(&bench), None);
    bench.run(30);
    assert_eq!(why(&bench), Some(Why::Late));
    bench.say(&Message::Report(report()));
    assert_eq!(why(&bench), Some(Why::Late), "nothing closes after that");
}

#[test]
fn a_report_that_is_read_after_its_time_is_late() {
    // The loop of the board was held up: the bytes are read before the clock is looked at.
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
    let hello = device.speak(0).unwrap();
    hello.iter().for_each(|&b| drop(runtime.receive(b, 0)));
    let answer = runtime.speak(fiducia_link::State::Ready, 0).unwrap();
    answer.iter().for_each(|&b| device.receive(b, 0));
    device.input(true, 0);
    let wire = runtime.frame(&Message::Report(report())).unwrap();
    let late_us = u64::from(JAW.patience_ms) * 1000;
    wire.iter().for_each(|&b| device.receive(b, late_us));
    assert_eq!(device.state(), &State::Open(Why::Late));
    assert_eq!(device.blades(), OPEN);
}

#[test]
fn an_implausible_image_opens() {
    let mut bench = exposed();
    let none = Report { plausible: false, total: 0, spots: [].into_iter().collect(), ..report() };
    bench.say(&Message::Report(none));
    assert_eq!(why(&bench), Some(Why::Implausible));
}

#[test]
fn an_uncertain_landmark_opens() {
    for at in 0..JAW_SPOTS.len() {
        for change in [
            (|spot| spot.confident = false) as fn(&mut Spot),
            |spot| spot.expected_error = 401,
            |spot| spot.expected_error = u16::MAX,
        ] {
            let mut bench = exposed();
            bench.say(&Message::Report(changed(at, change)));
            assert_eq!(why(&bench), Some(Why::Uncertain), "{at}");
        }
    }
}

#[test]
fn a_landmark_out_of_reach_opens() {
    for beyond in [JAW.most + 1, -JAW.most - 1, i32::MAX - JAW.centre[0], i32::MIN] {
        let mut bench = exposed();
        bench.say(&Message::Report(changed(2, |s| s.x = JAW.centre[0].wrapping_add(beyond))));
        assert_eq!(why(&bench), Some(Why::Outside), "{beyond}");
    }
}

#[test]
fn another_model_opens() {
    let mut bench = exposed();
    bench.say(&Message::Report(Report { model: [1; 8], ..report() }));
    assert_eq!(why(&bench), Some(Why::OtherModel));
    let mut bench = exposed();
    let mut few = Report { total: 16, ..report() };
    few.spots.truncate(16);
    bench.say(&Message::Report(few));
    assert_eq!(why(&bench), Some(Why::OtherModel), "a chosen place is not in the list");
}

#[test]
fn a_missing_frame_waits_and_then_opens() {
    let mut bench = exposed();
    let mut first = report();
    first.spots.truncate(10);
    bench.say(&Message::Report(first));
    assert_eq!(why(&bench), None);
    assert_eq!(bench.device.blades(), OPEN);
    bench.run(u64::from(JAW.patience_ms));
    assert_eq!(why(&bench), Some(Why::Late));
}

#[test]
fn two_frames_make_a_report() {
    let mut bench = exposed();
    let mut frames = [report(), Report { first: 10, ..report() }];
    frames[0].spots.truncate(10);
    frames[1].spots = report().spots.iter().skip(10).copied().collect();
    frames.iter().for_each(|frame| bench.say(&Message::Report(frame.clone())));
    assert!(matches!(bench.device.state(), State::Set { .. }));
}

#[test]
fn a_refusal_opens_unless_the_runtime_is_only_busy() {
    for reason in [Reason::NoImage, Reason::Unreadable, Reason::UnknownExposure, Reason::Other(99)]
    {
        let mut bench = exposed();
        bench.say(&Message::Refusal(Refusal { exposure: 1, reason: Reason::Busy }));
        assert_eq!(why(&bench), None);
        bench.say(&Message::Refusal(Refusal { exposure: 1, reason }));
        assert_eq!(why(&bench), Some(Why::Refused(reason)));
    }
}

#[test]
fn a_report_of_another_exposure_changes_nothing() {
    let mut bench = bench();
    bench.say(&Message::Report(report()));
    assert_eq!(why(&bench), Some(Why::Idle));
    bench.input(true);
    bench.input(true);
    bench.say(&Message::Report(report()));
    assert_eq!(why(&bench), None);
    assert_eq!(bench.device.blades(), OPEN, "exposure 2 is in hand");
    bench.say(&Message::Report(Report { exposure: 0, ..report() }));
    assert_eq!(bench.device.blades(), OPEN);
}

#[test]
fn a_new_exposure_opens_a_window_that_stands() {
    let mut bench = exposed();
    bench.say(&Message::Report(report()));
    assert!(bench.device.blades() != OPEN);
    bench.input(true);
    assert_eq!(bench.device.blades(), OPEN);
}

#[test]
fn a_window_does_not_stand_for_ever() {
    let mut bench = exposed();
    bench.say(&Message::Report(report()));
    bench.run(u64::from(JAW.hold_ms) - 100);
    assert!(bench.device.blades() != OPEN);
    bench.run(100);
    assert_eq!(why(&bench), Some(Why::Expired));
}

#[test]
fn a_line_pulled_in_the_middle_of_a_report_opens_within_the_silence() {
    let mut bench = exposed();
    bench.say_half(&Message::Report(report()));
    bench.run(u64::from(SILENCE_MS) - 300);
    assert_eq!(why(&bench), None, "heartbeats may get lost");
    bench.run(310);
    assert_eq!(why(&bench), Some(Why::Silent));
}

#[test]
fn a_window_opens_when_the_line_is_pulled() {
    let mut bench = exposed();
    bench.say(&Message::Report(report()));
    assert!(bench.device.blades() != OPEN);
    bench.connected = false;
    bench.run(u64::from(SILENCE_MS) + 10);
    assert_eq!(why(&bench), Some(Why::Silent));
    bench.input(true);
    assert_eq!(why(&bench), Some(Why::Silent), "without a runtime nothing is waited for");
    bench.connected = true;
    bench.run(600);
    bench.input(true);
    bench.say(&Message::Report(Report { exposure: 3, ..report() }));
    assert!(matches!(bench.device.state(), State::Set { .. }));
}

#[test]
fn a_runtime_that_starts_anew_is_asked_again_and_refuses() {
    let mut bench = exposed();
    let hello = Hello {
        role: Role::Runtime,
        answer: false,
        software: [0, 1, 0],
        model: JAW.model,
        landmarks: 19,
    };
    bench.said();
    bench.restart_runtime(hello);
    bench.run(600);
    let request = Request { exposure: 1, patience_ms: JAW.patience_ms };
    assert_eq!(bench.said(), [Message::Request(request)]);
    bench.say(&Message::Refusal(Refusal { exposure: 1, reason: Reason::UnknownExposure }));
    assert_eq!(why(&bench), Some(Why::Refused(Reason::UnknownExposure)));
}

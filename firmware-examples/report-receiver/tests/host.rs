//! The receiver on the host, against a runtime that the test plays.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use fiducia_link::{Message, Presentation, Reason, Refusal, Report, Request, SILENCE_MS, Spot};
use rehearsal::Rehearsal;
use report_receiver::Receiver;

const ASKS: Message = Message::Request(Request { exposure: 0, patience_ms: 0 });

fn bench() -> Rehearsal<Receiver> {
    let mut bench = Rehearsal::new(Receiver::new(), [7; 8], 22);
    bench.run(300);
    assert_eq!(bench.shown(), ["runtime 0.1.0, 22 landmarks"]);
    assert_eq!(bench.said(), [ASKS]);
    bench
}

/// A frame with the landmarks from `first` to before `end`, of 22.
fn report(first: u16, end: u16) -> Message {
    let spot = |place: u16| Spot {
        x: i32::from(place) * 1000 + 5,
        y: -50,
        expected_error: 127,
        confident: place != 21,
    };
    Message::Report(Report {
        exposure: 0,
        model: [7; 8],
        plausible: true,
        presentation: Presentation::Unnamed,
        taken_ms: 9,
        total: 22,
        first,
        spots: (first..end).map(spot).collect(),
    })
}

#[test]
fn landmarks_are_shown_in_both_frames() {
    let mut bench = bench();
    bench.say(&report(0, 20));
    bench.say(&report(20, 22));
    let lines = bench.shown();
    assert_eq!(lines.len(), 1 + 22);
    assert_eq!(lines[0], "22 landmarks, mm: x, y, expected error");
    assert_eq!(lines[1], "0: 0.05 -0.50 1.27");
    assert_eq!(lines[22], "21: 210.05 -0.50 1.27 ?");
    bench.run(5_000);
    assert_eq!(bench.said(), [], "all is there, nothing is asked again");
}

#[test]
fn a_lost_frame_is_asked_for_again() {
    let mut bench = bench();
    bench.say(&report(0, 20));
    bench.run(2_100);
    assert_eq!(bench.said(), [ASKS]);
}

#[test]
fn a_button_asks() {
    let mut bench = bench();
    bench.say(&report(20, 22));
    bench.input(true);
    bench.input(false);
    assert_eq!(bench.said(), [ASKS]);
}

#[test]
fn no_report_is_said_to_be_none() {
    let mut bench = bench();
    bench.say(&Message::Refusal(Refusal { exposure: 0, reason: Reason::NoImage }));
    assert_eq!(bench.shown(), ["no report: NoImage"]);
    bench.input(true);
    bench.say(&Message::Report(Report {
        exposure: 0,
        model: [7; 8],
        plausible: false,
        presentation: Presentation::Mirrored,
        taken_ms: 9,
        total: 0,
        first: 0,
        spots: [].into_iter().collect(),
    }));
    assert_eq!(bench.shown(), ["implausible image, Mirrored"]);
}

#[test]
fn silence_is_shown_and_a_runtime_that_is_back_is_asked() {
    let mut bench = bench();
    bench.say_half(&report(0, 20));
    bench.run(u64::from(SILENCE_MS) + 50);
    assert_eq!(bench.shown(), ["runtime silent"]);
    bench.connected = true;
    bench.run(600);
    assert_eq!(bench.shown(), ["runtime 0.1.0, 22 landmarks"]);
    assert_eq!(bench.said(), [ASKS]);
}

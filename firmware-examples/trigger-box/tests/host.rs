//! The trigger box on the host, against a runtime that the test plays.
#![allow(clippy::arithmetic_side_effects)]

use fiducia_link::{
    Exposure, Message, Phase, Presentation, Reason, Refusal, Report, Request, Spot,
};
use rehearsal::Rehearsal;
use trigger_box::{Fault, PATIENCE_MS, TriggerBox};

fn bench() -> Rehearsal<TriggerBox> {
    let mut bench = Rehearsal::new(TriggerBox::new(), [7; 8], 22);
    bench.run(300);
    assert_eq!(bench.shown(), ["runtime there"]);
    bench
}

/// A frame of `exposure` with the landmarks from `first` to before `end`, of 22.
fn report(exposure: u32, first: u16, end: u16) -> Message {
    let spot = Spot { x: 0, y: 0, expected_error: 100, confident: true };
    Message::Report(Report {
        exposure,
        model: [7; 8],
        plausible: true,
        presentation: Presentation::Unnamed,
        taken_ms: 180,
        total: 22,
        first,
        spots: (first..end).map(|_| spot).collect(),
    })
}

#[test]
fn an_exposure_is_announced_with_its_time_and_asked_for() {
    let mut bench = bench();
    let time_us = bench.now_us();
    bench.input(true);
    bench.input(false);
    let start = Exposure { exposure: 1, phase: Phase::Start, time_us };
    let end = Exposure { exposure: 1, phase: Phase::End, time_us: time_us + 10_000 };
    let request = Request { exposure: 1, patience_ms: PATIENCE_MS };
    assert_eq!(
        bench.said(),
        [Message::Exposure(start), Message::Request(request), Message::Exposure(end)]
    );
}

#[test]
fn latency_is_from_the_edge_to_the_last_landmark() {
    let mut bench = bench();
    bench.input(true);
    bench.run(190);
    bench.say(&report(1, 0, 20));
    bench.run(40);
    bench.say(&report(1, 20, 22));
    let lines = bench.shown();
    assert_eq!(
        lines.last().map(String::as_str),
        Some("1: plausible, 22 landmarks, 250 ms, 180 in the runtime, longest 250")
    );
    assert_eq!(bench.device.fault(), None);
}

#[test]
fn a_lost_frame_is_filled_by_the_repeated_report() {
    let mut bench = bench();
    bench.input(true);
    bench.say(&report(1, 20, 22));
    assert_eq!(bench.shown().len(), 1, "the first landmarks are missing");
    bench.run(600);
    assert_eq!(bench.said().iter().filter(|m| matches!(m, Message::Request(_))).count(), 2);
    bench.say(&report(1, 0, 20));
    bench.say(&report(1, 20, 22));
    assert_eq!(bench.shown().len(), 1);
    assert_eq!(bench.device.fault(), None);
}

#[test]
fn a_report_of_another_exposure_is_none() {
    let mut bench = bench();
    bench.input(true);
    bench.input(true);
    bench.say(&report(1, 0, 20));
    bench.say(&report(1, 20, 22));
    bench.run(PATIENCE_MS.into());
    assert_eq!(bench.device.fault(), Some(Fault::Late));
}

#[test]
fn what_fails_is_a_fault_until_it_succeeds() {
    let mut bench = bench();
    bench.input(true);
    bench.run(u64::from(PATIENCE_MS) - 30);
    assert_eq!(bench.device.fault(), None);
    bench.run(30);
    assert_eq!(bench.device.fault(), Some(Fault::Late));

    bench.input(true);
    bench.say(&Message::Refusal(Refusal { exposure: 2, reason: Reason::Busy }));
    assert_eq!(bench.device.fault(), Some(Fault::Late), "busy is asked again");
    bench.say(&Message::Refusal(Refusal { exposure: 2, reason: Reason::NoImage }));
    assert_eq!(bench.device.fault(), Some(Fault::Refused(Reason::NoImage)));

    bench.input(true);
    bench.connected = false;
    bench.run(1_100);
    assert_eq!(bench.device.fault(), Some(Fault::Silent));
    bench.input(true);
    assert_eq!(bench.shown().last().map(String::as_str), Some("4: fault, Silent"));

    bench.connected = true;
    bench.run(600);
    bench.input(true);
    bench.say(&report(5, 0, 20));
    bench.say(&report(5, 20, 22));
    assert_eq!(bench.device.fault(), None);
}

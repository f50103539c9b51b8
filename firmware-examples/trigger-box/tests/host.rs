//! The trigger box on the host, against a simulated runtime.
#![allow(clippy::arithmetic_side_effects)]

use fiducia_link::{
    Exposure, Landmark, Message, OrientationIssue, Phase, Reason, Refusal, Report, Request,
};
use simulation::Simulation;
use trigger_box::{Fault, TIMEOUT_MS, TriggerBox};

fn connected() -> Simulation<TriggerBox> {
    let mut simulation = Simulation::new(TriggerBox::new(), [7; 8], 22);
    simulation.run(300);
    assert_eq!(simulation.shown(), ["runtime connected"]);
    simulation
}

/// A frame of `exposure` with the landmarks from `first` to before `end`, of 22.
fn report(exposure: u32, first: u16, end: u16) -> Message {
    let landmark = Landmark { x: 0, y: 0, expected_error: 100, confident: true };
    Message::Report(Report {
        exposure,
        model: [7; 8],
        plausible: true,
        orientation_issue: OrientationIssue::Unspecified,
        taken_ms: 180,
        total: 22,
        first,
        landmarks: (first..end).map(|_| landmark).collect(),
    })
}

#[test]
fn an_exposure_is_announced_with_its_time_and_requested() {
    let mut simulation = connected();
    let time_us = simulation.now_us();
    simulation.input(true);
    simulation.input(false);
    let start = Exposure { exposure: 1, phase: Phase::Start, time_us };
    let end = Exposure { exposure: 1, phase: Phase::End, time_us: time_us + 10_000 };
    let request = Request { exposure: 1, timeout_ms: TIMEOUT_MS };
    assert_eq!(
        simulation.sent(),
        [Message::Exposure(start), Message::Request(request), Message::Exposure(end)]
    );
}

#[test]
fn latency_is_from_the_edge_to_the_last_landmark() {
    let mut simulation = connected();
    simulation.input(true);
    simulation.run(190);
    simulation.send(&report(1, 0, 20));
    simulation.run(40);
    simulation.send(&report(1, 20, 22));
    let lines = simulation.shown();
    assert_eq!(
        lines.last().map(String::as_str),
        Some("1: plausible, 22 landmarks, 250 ms, 180 in the runtime, longest 250")
    );
    assert_eq!(simulation.device.fault(), None);
}

#[test]
fn a_lost_frame_is_filled_by_the_repeated_report() {
    let mut simulation = connected();
    simulation.input(true);
    simulation.send(&report(1, 20, 22));
    assert_eq!(simulation.shown().len(), 1, "the first landmarks are missing");
    simulation.run(600);
    assert_eq!(simulation.sent().iter().filter(|m| matches!(m, Message::Request(_))).count(), 2);
    simulation.send(&report(1, 0, 20));
    simulation.send(&report(1, 20, 22));
    assert_eq!(simulation.shown().len(), 1);
    assert_eq!(simulation.device.fault(), None);
}

#[test]
fn a_report_of_another_exposure_is_ignored() {
    let mut simulation = connected();
    simulation.input(true);
    simulation.input(true);
    simulation.send(&report(1, 0, 20));
    simulation.send(&report(1, 20, 22));
    simulation.run(TIMEOUT_MS.into());
    assert_eq!(simulation.device.fault(), Some(Fault::Late));
}

#[test]
fn a_fault_lasts_until_a_measurement_succeeds() {
    let mut simulation = connected();
    simulation.input(true);
    simulation.run(u64::from(TIMEOUT_MS) - 30);
    assert_eq!(simulation.device.fault(), None);
    simulation.run(30);
    assert_eq!(simulation.device.fault(), Some(Fault::Late));

    simulation.input(true);
    simulation.send(&Message::Refusal(Refusal { exposure: 2, reason: Reason::Busy }));
    assert_eq!(simulation.device.fault(), Some(Fault::Late), "a busy runtime is asked again");
    simulation.send(&Message::Refusal(Refusal { exposure: 2, reason: Reason::NoImage }));
    assert_eq!(simulation.device.fault(), Some(Fault::Refused(Reason::NoImage)));

    simulation.input(true);
    simulation.connected = false;
    simulation.run(1_100);
    assert_eq!(simulation.device.fault(), Some(Fault::Silent));
    simulation.input(true);
    assert_eq!(simulation.shown().last().map(String::as_str), Some("4: fault, Silent"));

    simulation.connected = true;
    simulation.run(600);
    simulation.input(true);
    simulation.send(&report(5, 0, 20));
    simulation.send(&report(5, 20, 22));
    assert_eq!(simulation.device.fault(), None);
}

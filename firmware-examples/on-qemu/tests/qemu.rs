//! The examples on the emulated board, against the real runtime.
//!
//! Ignored by default, since they need QEMU, the firmware and the runtime. `.ci/run` runs them, and reports them as
//! skipped if it cannot.
#![allow(clippy::unwrap_used)]

use std::{thread, time::Duration};

use on_qemu::{Board, Line, Runtime, Sizes, assert_golden};

/// Arguments of the runtime that the examples are configured for.
const HEAD: [&str; 4] = ["--image", "models/demo.png", "--spacing", "0.2"];

/// Budgets of flash and RAM of each example, bytes. RAM is variables and stack.
const BUDGETS: [(&str, u64, usize); 4] = [
    ("report-receiver", 16 << 10, 4 << 10),
    ("collimator", 16 << 10, 4 << 10),
    ("trigger-box", 16 << 10, 4 << 10),
    ("peak-on-mcu", 12 << 10, 24 << 10),
];

/// Fails if a board has used more than its budget.
fn assert_budget(example: &str, board: &mut Board) {
    let sizes = Sizes::of(example);
    let used = board.ram_used(&sizes);
    let (_, flash, ram) = BUDGETS.into_iter().find(|(name, ..)| *name == example).unwrap();
    println!(
        "{example}: flash {} of {flash} bytes, RAM {used} of {ram}, {} of it variables",
        sizes.flash, sizes.ram
    );
    assert!(sizes.flash <= flash && used <= ram, "{example}");
}

#[test]
#[ignore = "needs QEMU, firmware, runtime"]
fn examples_of_the_link_contain_no_panic() {
    for example in ["report-receiver", "collimator", "trigger-box"] {
        assert_eq!(Sizes::of(example).panics, Vec::<String>::new(), "{example}");
    }
    // The kernels keep their bounds checks, which proves that the check finds panics.
    assert!(!Sizes::of("peak-on-mcu").panics.is_empty());
}

#[test]
#[ignore = "needs QEMU, firmware, runtime"]
fn peaks_equal_those_of_the_host() {
    let line = Line::new();
    let mut board = Board::start("peak-on-mcu", &line);
    let golden = include_str!("../../peak-on-mcu/golden/report.txt");
    for expected in golden.lines() {
        assert_eq!(board.line(), expected);
    }
    assert_budget("peak-on-mcu", &mut board);
}

#[test]
#[ignore = "needs QEMU, firmware, runtime"]
fn the_receiver_shows_all_landmarks() {
    let line = Line::new();
    let mut board = Board::start("report-receiver", &line);
    let _runtime = Runtime::start(&line, &HEAD);
    // Hello, heading, landmarks.
    board.lines(2 + 19);
    board.input(true);
    board.lines(1 + 19);
    assert_golden("report-receiver", board.shown());
    assert_budget("report-receiver", &mut board);
}

#[test]
#[ignore = "needs QEMU, firmware, runtime"]
fn the_collimator_opens_on_every_fault() {
    let line = Line::new();
    let mut board = Board::start("collimator", &line);
    let expose = |board: &mut Board| {
        board.input(true);
        board.input(false);
        board.line();
    };
    let runtime = Runtime::start(&line, &HEAD);
    board.wait_for("runtime with the right model");
    expose(&mut board); // 1: set

    // The line is unplugged in the middle of a report.
    line.unplug_in_report();
    expose(&mut board); // 2: open, silent
    assert!(line.is_unplugged());
    let opened = line.opened();
    line.plug();
    board.wait_for("runtime with the right model");
    assert_eq!(line.opened(), opened + 1, "the runtime reopens the line by itself");
    expose(&mut board); // 3: set

    // The runtime is killed while a window is set.
    drop(runtime);
    board.wait_for("3: open, Silent");

    // Another model.
    let chest =
        ["--model", "models/chest.fid", "--image", "models/demo-chest.png", "--spacing", "1"];
    let runtime = Runtime::start(&line, &chest);
    board.wait_for("runtime with another model");
    expose(&mut board); // 4: open, other model
    drop(runtime);

    // The image is not a head.
    let foreign = ["--image", "models/demo-chest.png", "--spacing", "1"];
    let runtime = Runtime::start(&line, &foreign);
    board.wait_for("runtime with the right model");
    expose(&mut board); // 5: open, implausible
    drop(runtime);

    // No image arrives.
    let empty = tempdir();
    let folder = empty.to_string_lossy();
    let runtime = Runtime::start(&line, &["--watch", &folder, "--spacing", "0.2"]);
    board.wait_for("runtime with the right model");
    expose(&mut board); // 6: open, late or refused
    drop(runtime);
    std::fs::remove_dir(empty).unwrap();
    assert_golden("collimator", board.shown());
    assert_budget("collimator", &mut board);
}

#[test]
#[ignore = "needs QEMU, firmware, runtime"]
fn the_trigger_box_measures_and_detects_a_dead_line() {
    let line = Line::new();
    let mut board = Board::start("trigger-box", &line);
    let _runtime = Runtime::start(&line, &HEAD);
    board.wait_for("runtime connected");
    board.input(true);
    board.input(false);
    // Start, end, latency.
    board.lines(3);
    line.unplug();
    // Longer than the time-out of a session.
    thread::sleep(Duration::from_millis(1_500));
    board.input(true);
    board.wait_for("2: fault");
    line.plug();
    board.wait_for("runtime connected");
    board.input(true);
    board.lines(2);
    assert_golden("trigger-box", board.shown());
    assert_budget("trigger-box", &mut board);
}

#[test]
#[ignore = "needs QEMU, firmware, runtime"]
fn the_watchdog_resets_a_hanging_loop() {
    let line = Line::new();
    let mut board = Board::start("trigger-box", &line);
    let _runtime = Runtime::start(&line, &HEAD);
    board.wait_for("runtime connected");
    board.input(true);
    board.wait_for("1: plausible");
    board.hang();
    // The runtime connects again and exposures are counted from 1 again; the report must not be the old one.
    board.wait_for("runtime connected");
    board.input(true);
    board.wait_for("1: plausible");
}

fn tempdir() -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("fiducia-on-qemu-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

//! `fiducia patch`: landmarks added to a model file and removed again.

use fiducia_test_support::toy::{self, NEW};

use crate::cli::Bench;

#[test]
fn the_command_adds_lists_finds_and_removes() {
    let bench = Bench::new();
    bench.write("new.fidp", &toy::patch());
    bench.run(&["patch", "toy.fid", "add", "new.fidp"]).succeeds();
    let list = bench.run(&["patch", "toy.fid", "list"]).succeeds();
    assert!(list.contains(NEW) && list.contains("patch ") && list.contains("the model"), "{list}");

    let all = bench.detect(&["spots.png", "--csv", "-", "--quiet"]).succeeds();
    let row = |text: &str, name: &str| {
        text.lines().find(|l| l.contains(&format!(",{name},"))).unwrap().to_owned()
    };
    let some = bench
        .detect(&["spots.png", "--csv", "-", "--quiet", "--landmarks", "middle again,large"])
        .succeeds();
    assert_eq!(some.lines().count(), 3, "{some}");
    for name in [NEW, "large"] {
        assert_eq!(row(&all, name), row(&some, name));
    }
    bench.run(&["patch", "toy.fid", "remove", NEW]).succeeds();
    assert_eq!(std::fs::read(bench.path("toy.fid")).unwrap(), toy::pack());
}

#[test]
fn the_command_refuses_and_leaves_the_pack_alone() {
    let bench = Bench::new();
    bench.write("new.fidp", &toy::patch());
    bench.write("cut.fidp", &toy::patch()[..100]);
    for (arguments, code, says) in [
        (&["patch", "toy.fid", "add", "new.fidp", "cut.fidp"][..], 3, "cut.fidp"),
        (&["patch", "toy.fid", "add", "new.fidp", "new.fidp"], 2, "already"),
        (&["patch", "toy.fid", "add", "toy.fid"], 3, "not a fiducia patch"),
        (&["patch", "new.fidp", "list"], 3, "not a fiducia pack"),
        (&["patch", "toy.fid", "remove", "nobody"], 2, "it has small, middle, large"),
        (&["detect", "spots.png", "--model", "toy.fid", "--landmarks", "nobody"], 2, "nobody"),
        (&["detect", "spots.png", "--model", "toy.fid", "--landmarks", "large,large"], 2, "twice"),
    ] {
        bench.run(arguments).fails_with(code, says);
        assert_eq!(std::fs::read(bench.path("toy.fid")).unwrap(), toy::pack());
    }
}

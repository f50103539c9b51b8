//! `fiducia patch`: landmarks added to a model file and removed again.

use fiducia_test_support::toy::{self, NEW};

use crate::workspace::Workspace;

#[test]
fn a_patch_is_added_listed_detected_and_removed() {
    let workspace = Workspace::new();
    workspace.write("new.fidp", &toy::patch());
    workspace.run(&["patch", "toy.fid", "add", "new.fidp"]).succeeds();
    let list = workspace.run(&["patch", "toy.fid", "list"]).succeeds();
    assert!(list.contains(NEW) && list.contains("patch ") && list.contains("the model"), "{list}");

    let all = workspace.detect(&["spots.png", "--csv", "-", "--quiet"]).succeeds();
    let row = |text: &str, name: &str| {
        text.lines().find(|l| l.contains(&format!(",{name},"))).unwrap().to_owned()
    };
    let some = workspace
        .detect(&["spots.png", "--csv", "-", "--quiet", "--landmarks", "middle again,large"])
        .succeeds();
    assert_eq!(some.lines().count(), 3, "{some}");
    for name in [NEW, "large"] {
        assert_eq!(row(&all, name), row(&some, name));
    }
    workspace.run(&["patch", "toy.fid", "remove", NEW]).succeeds();
    assert_eq!(std::fs::read(workspace.path("toy.fid")).unwrap(), toy::pack());
}

#[test]
fn an_invalid_change_leaves_the_model_unchanged() {
    let workspace = Workspace::new();
    workspace.write("new.fidp", &toy::patch());
    workspace.write("cut.fidp", &toy::patch()[..100]);
    for (arguments, code, says) in [
        (&["patch", "toy.fid", "add", "new.fidp", "cut.fidp"][..], 3, "cut.fidp"),
        (&["patch", "toy.fid", "add", "new.fidp", "new.fidp"], 2, "already"),
        (&["patch", "toy.fid", "add", "toy.fid"], 3, "not a fiducia patch"),
        (&["patch", "new.fidp", "list"], 3, "not a fiducia pack"),
        (&["patch", "toy.fid", "remove", "elbow"], 2, "it has small, middle, large"),
        (&["detect", "spots.png", "--model", "toy.fid", "--landmarks", "elbow"], 2, "elbow"),
        (&["detect", "spots.png", "--model", "toy.fid", "--landmarks", "large,large"], 2, "twice"),
    ] {
        workspace.run(arguments).fails_with(code, says);
        assert_eq!(std::fs::read(workspace.path("toy.fid")).unwrap(), toy::pack());
    }
}

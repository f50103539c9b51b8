//! Commands that require the maker's signature.

use fiducia_test_support::signing::{maker, pem, signed_pack, signed_patch};
use fiducia_test_support::toy;

use crate::workspace::Workspace;

#[test]
fn commands_require_the_signature_of_the_maker() {
    let workspace = Workspace::new();
    workspace.write("maker.pem", pem(&maker(1)).as_bytes());
    workspace.write("other.pem", pem(&maker(2)).as_bytes());
    workspace.write("signed.fid", &signed_pack(&maker(1)));
    workspace.write("new.fidp", &toy::patch());
    workspace.write("signed.fidp", &signed_patch(&maker(1)));
    let detect = |model, key| {
        workspace.run(&["detect", "spots.png", "--model", model, "--require-signed", key])
    };
    detect("signed.fid", "maker.pem").succeeds();
    detect("signed.fid", "other.pem").fails_with(6, "signed.fid");
    detect("toy.fid", "maker.pem").fails_with(6, "not signed");
    detect("toy.fid", "toy.fid").fails_with(3, "public key toy.fid");
    workspace.run(&["inspect", "signed.fid", "--verify", "maker.pem"]).succeeds();
    workspace.run(&["inspect", "signed.fid", "--verify", "other.pem"]).fails_with(6, "not by");

    let add = |patch| {
        workspace.run(&["patch", "signed.fid", "add", patch, "--require-signed", "maker.pem"])
    };
    add("new.fidp").fails_with(6, "new.fidp");
    add("signed.fidp").succeeds();
    detect("signed.fid", "maker.pem").succeeds();
    workspace.run(&["patch", "signed.fid", "remove", "large"]).fails_with(2, "--unsign");
    workspace.run(&["patch", "signed.fid", "remove", "large", "--unsign"]).succeeds();
    detect("signed.fid", "maker.pem").fails_with(6, "not signed");
}

//! Commands that ask for the maker's signature.

use fiducia_test_support::signing::{maker, pem, signed_pack, signed_patch};
use fiducia_test_support::toy;

use crate::cli::Bench;

#[test]
fn the_commands_ask_for_the_maker() {
    let bench = Bench::new();
    bench.write("maker.pem", pem(&maker(1)).as_bytes());
    bench.write("other.pem", pem(&maker(2)).as_bytes());
    bench.write("signed.fid", &signed_pack(&maker(1)));
    bench.write("new.fidp", &toy::patch());
    bench.write("signed.fidp", &signed_patch(&maker(1)));
    let detect =
        |model, key| bench.run(&["detect", "spots.png", "--model", model, "--require-signed", key]);
    detect("signed.fid", "maker.pem").succeeds();
    detect("signed.fid", "other.pem").fails_with(6, "signed.fid");
    detect("toy.fid", "maker.pem").fails_with(6, "not signed");
    detect("toy.fid", "toy.fid").fails_with(3, "public key toy.fid");
    bench.run(&["inspect", "signed.fid", "--verify", "maker.pem"]).succeeds();
    bench.run(&["inspect", "signed.fid", "--verify", "other.pem"]).fails_with(6, "not by");

    let add =
        |patch| bench.run(&["patch", "signed.fid", "add", patch, "--require-signed", "maker.pem"]);
    add("new.fidp").fails_with(6, "new.fidp");
    add("signed.fidp").succeeds();
    detect("signed.fid", "maker.pem").succeeds();
    bench.run(&["patch", "signed.fid", "remove", "large"]).fails_with(2, "--unsign");
    bench.run(&["patch", "signed.fid", "remove", "large", "--unsign"]).succeeds();
    detect("signed.fid", "maker.pem").fails_with(6, "not signed");
}

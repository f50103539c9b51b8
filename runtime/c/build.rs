//! Gives the shared library its SONAME, so that a program keeps the interface that it was linked with.

/// `FIDUCIA_ABI_VERSION` of `src/types.rs`; `.ci/c-interface` compares them.
const ABI_VERSION: u32 = 1;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libfiducia.so.{ABI_VERSION}");
    }
}

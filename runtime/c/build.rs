//! Sets the SONAME of the shared library, so that programs load the ABI version that they were linked with.

/// Equals `FIDUCIA_ABI_VERSION` in `src/types.rs`; `.ci/steps/c-interface` checks it.
const ABI_VERSION: u32 = 1;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libfiducia.so.{ABI_VERSION}");
    }
}

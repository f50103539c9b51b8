//! An untrusted patch, applied to a model that it may or may not fit.
#![no_main]

#[path = "../../test-support/src/checksums.rs"]
mod checksums;

use std::sync::LazyLock;

use fiducia::{Pack, Patch};
use libfuzzer_sys::fuzz_target;

static PACK: LazyLock<Pack> = LazyLock::new(|| {
    Pack::from_bytes(include_bytes!("../corpus/pack/head.fid").to_vec())
        .expect("the seed is a model file")
});

fuzz_target!(|data: &[u8]| {
    let mut bytes = data.to_vec();
    checksums::reseal(&mut bytes);
    let Ok(patch) = Patch::from_bytes(bytes) else { return };
    let _ = (patch.signer(), patch.sha256(), patch.provenance());
    // If a patch can be applied, the result is a valid model file.
    if let Ok(pack) = PACK.with_patch(&patch) {
        Pack::from_bytes(pack.bytes().to_vec()).expect("a patched model file is valid");
        let l = pack.manifest().landmarks.len() - 1;
        assert_eq!(pack.adapter(l).len(), pack.manifest().adapter_len());
    }
});

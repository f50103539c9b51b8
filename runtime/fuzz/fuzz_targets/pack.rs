//! An untrusted model file is either rejected with an error, or can be read completely.
#![no_main]

#[path = "../../test-support/src/checksums.rs"]
mod checksums;

use fiducia::{ErrorKind, Pack};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut bytes = data.to_vec();
    checksums::reseal(&mut bytes);
    let Ok(pack) = Pack::from_bytes(bytes) else { return };
    for l in 0..pack.manifest().landmarks.len() {
        assert_eq!(pack.adapter(l).len(), pack.manifest().adapter_len());
        let _ = pack.derived(l);
    }
    assert_eq!(pack.calibration().len(), pack.manifest().landmarks.len());
    assert_eq!(pack.shape().mean.len(), pack.manifest().model_landmarks().len());
    let _ = (pack.signer(), pack.foundation(), pack.provenance(), pack.card());
    // A model without one of its landmarks is valid: removal may fail only with a usage error.
    if let Some(name) = pack.manifest().landmarks.last().cloned() {
        let outcome = pack.without(&name).map(drop).map_err(|e| e.kind());
        assert!(matches!(outcome, Ok(()) | Err(ErrorKind::Usage)), "{outcome:?}");
    }
});

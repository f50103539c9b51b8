//! A pack from outside: refused with a reason, or whole.
#![no_main]

#[path = "../../tests/suite/mend.rs"]
mod mend;

use fiducia::{ErrorKind, Pack};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut bytes = data.to_vec();
    mend::mend(&mut bytes);
    let Ok(pack) = Pack::from_bytes(bytes) else { return };
    for l in 0..pack.manifest().landmarks.len() {
        assert_eq!(pack.adapter(l).len(), pack.manifest().adapter_len());
        let _ = pack.follower(l);
    }
    assert_eq!(pack.calibration().len(), pack.manifest().landmarks.len());
    assert_eq!(pack.shape().mean.len(), pack.manifest().guides().len());
    let _ = (pack.signer(), pack.foundation(), pack.provenance(), pack.card());
    // Whatever can be taken out leaves a pack that can be read: there are no reasons but usage.
    if let Some(name) = pack.manifest().landmarks.last().cloned() {
        let outcome = pack.without(&name).map(drop).map_err(|e| e.kind());
        assert!(matches!(outcome, Ok(()) | Err(ErrorKind::Usage)), "{outcome:?}");
    }
});

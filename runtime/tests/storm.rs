//! A storm of damaged packs and patches: 100,000 of them, with checksums made right again so that the damage
//! gets past them. Each is refused with a reason or read as a whole; none panics, none makes the reader take
//! more memory than its length justifies. A program of its own, because memory is counted.

use fiducia::pack::{PatchInfo, layout};
use fiducia::{Error, ErrorKind, Pack, Patch};
use fiducia_test_support::{Rng, checksums::reseal, toy};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const DAMAGED: u64 = 100_000;
/// Memory that reading may take, as a multiple of the file's length, and beyond that, bytes.
const LARGEST_SHARE: usize = 8;
const OVERHEAD: usize = 16 << 10;

/// A toy pack whose graphs are stand-ins, so that it is small; private values as floats or as deltas.
fn small(deltas: bool) -> Vec<u8> {
    let mut parts = toy::parts();
    for (code, content) in &mut parts {
        match &*code {
            b"BACK" | b"REFI" => *content = b"graph".to_vec(),
            b"ADAP" if deltas => {
                *code = *b"DELT";
                // Coding of 4 bits, one common value, and per landmark a scale and one byte of codes.
                *content = vec![4, 0, 0, 0, 0, 0, 0x80, 0x3F];
                for _ in 0..3 {
                    content.extend([0, 0, 0, 0x3E, 7]);
                }
            }
            _ => {}
        }
    }
    toy::assemble(&parts)
}

/// Damages a pack in one of several ways; the checksums are mostly made right again.
fn damage(mut bytes: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
    let sections = usize::from(bytes[12]);
    let table = layout::HEADER_LEN + layout::ENTRY_LEN * sections;
    match rng.below(7) {
        0 => bytes.truncate(rng.below(bytes.len())),
        1 => {
            for _ in 0..=rng.below(8) {
                let at = rng.below(bytes.len());
                bytes[at] = rng.next() as u8;
            }
        }
        // A field of the header or the table becomes huge, or anything.
        2 => {
            let at = 8 + rng.below(table - 16);
            let value = [0, 1, u64::MAX, 1 << 40, rng.next()][rng.below(5)];
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        // Two table entries change places.
        3 => {
            let entry = |i: usize| layout::HEADER_LEN + layout::ENTRY_LEN * i;
            let (a, b) = (rng.below(sections), rng.below(sections));
            for k in 0..layout::ENTRY_LEN {
                bytes.swap(entry(a) + k, entry(b) + k);
            }
        }
        // Digits of the manifest become others: counts and shapes that are wrong or huge.
        4 => {
            let digits: Vec<usize> =
                (table..bytes.len()).filter(|&i| bytes[i].is_ascii_digit()).collect();
            for _ in 0..=rng.below(4) {
                let at = digits[rng.below(digits.len())];
                bytes[at] = b"0123456789-e."[rng.below(13)];
            }
        }
        5 => {
            let (from, to) = (rng.below(bytes.len()), rng.below(bytes.len()));
            let (from, to) = (from.min(to), from.max(to));
            bytes.drain(from..to);
        }
        _ => bytes = (0..rng.below(400)).map(|_| rng.next() as u8).collect(),
    }
    if rng.below(8) > 0 {
        reseal(&mut bytes);
    }
    bytes
}

/// The toy pack with small graphs and a patch, and the patch alone.
fn patched() -> [Vec<u8>; 2] {
    let model = Pack::from_bytes(small(false)).unwrap();
    let mut parts = toy::patch_parts();
    let info = PatchInfo {
        landmark: toy::NEW.to_owned(),
        model: "toy".to_owned(),
        foundation: model.foundation(),
    };
    parts[0].1 = serde_json::to_vec(&info).unwrap();
    let patch = toy::assemble_as(layout::PATCH_MAGIC, &parts);
    [model.with_patch(&Patch::from_bytes(patch.clone()).unwrap()).unwrap().bytes().to_vec(), patch]
}

/// Reads a pack and all that is in it: nothing of it can be out of reach.
fn read(bytes: Vec<u8>) -> Result<(), Error> {
    let pack = Pack::from_bytes(bytes)?;
    let landmarks = pack.manifest().landmarks.len();
    assert_eq!(pack.calibration().len(), landmarks);
    for l in 0..landmarks {
        let values = pack.adapter(l);
        assert_eq!(values.len(), pack.manifest().adapter_len());
        assert!(values.iter().all(|v| !v.is_nan()));
        if let Some(derived) = pack.derived(l) {
            assert_eq!(derived.modes.len(), pack.manifest().shape_modes);
        }
    }
    assert_eq!(pack.shape().mean.len(), pack.manifest().model_landmarks().len());
    Ok(())
}

/// Memory that reading took beyond the file itself, bytes.
fn taken(one: impl FnOnce()) -> usize {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    one();
    HEAP.peak_usage() - before
}

#[test]
fn a_hundred_thousand_damaged_files_are_refused_or_whole_and_take_no_more_memory_than_they_should()
{
    let [with_patch, patch] = patched();
    let good = [small(false), small(true), with_patch];
    for pack in &good {
        read(pack.clone()).unwrap();
    }
    let mut rng = Rng::new(1);
    let (mut refused, mut whole) = (0u64, 0u64);
    for i in 0..DAMAGED {
        let as_patch = i % 4 == 3;
        let start = if as_patch { &patch } else { &good[(i % 4) as usize] };
        let bytes = damage(start.clone(), &mut rng);
        let len = bytes.len();
        let mut outcome = Ok(());
        let memory = taken(|| {
            outcome = match as_patch {
                true => Patch::from_bytes(bytes).map(drop),
                false => read(bytes),
            };
        });
        assert!(memory <= LARGEST_SHARE * len + OVERHEAD, "file {i}: {memory} for {len} bytes");
        match outcome {
            Ok(()) => whole += 1,
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Unreadable), "{error}");
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
        }
    }
    println!("{refused} refused, {whole} whole");
    assert!(refused > DAMAGED / 2 && whole > 0, "{refused} refused, {whole} whole");
}

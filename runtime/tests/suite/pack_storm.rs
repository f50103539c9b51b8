//! A storm of damaged packs: 100,000 of them, with checksums made right again so that the damage gets
//! past them. Each is refused with a reason or read as a whole model; none panics.

use fiducia::{ErrorKind, Pack, layout};

use crate::toy;

const DAMAGED: u64 = 100_000;
/// Sections of a toy pack.
const SECTIONS: usize = 8;

/// A small generator (splitmix64), so that every machine sees the same storm.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// A toy pack whose graphs are stand-ins, so that it is small; private values as floats or as deltas.
fn small(deltas: bool) -> Vec<u8> {
    let mut parts = toy::parts();
    assert_eq!(parts.len(), SECTIONS);
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
fn damage(mut bytes: Vec<u8>, chance: &mut Chance) -> Vec<u8> {
    let table = layout::HEADER_LEN + layout::ENTRY_LEN * SECTIONS;
    match chance.below(7) {
        0 => bytes.truncate(chance.below(bytes.len())),
        1 => {
            for _ in 0..=chance.below(8) {
                let at = chance.below(bytes.len());
                bytes[at] = chance.next() as u8;
            }
        }
        // A field of the header or the table becomes huge, or anything.
        2 => {
            let at = 8 + chance.below(table - 16);
            let value = [0, 1, u64::MAX, 1 << 40, chance.next()][chance.below(5)];
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        // Two table entries change places.
        3 => {
            let entry = |i: usize| layout::HEADER_LEN + layout::ENTRY_LEN * i;
            let (a, b) = (chance.below(SECTIONS), chance.below(SECTIONS));
            for k in 0..layout::ENTRY_LEN {
                bytes.swap(entry(a) + k, entry(b) + k);
            }
        }
        // Digits of the manifest become others: counts and shapes that are wrong or huge.
        4 => {
            let digits: Vec<usize> =
                (table..bytes.len()).filter(|&i| bytes[i].is_ascii_digit()).collect();
            for _ in 0..=chance.below(4) {
                let at = digits[chance.below(digits.len())];
                bytes[at] = b"0123456789-e."[chance.below(13)];
            }
        }
        5 => {
            let (from, to) = (chance.below(bytes.len()), chance.below(bytes.len()));
            let (from, to) = (from.min(to), from.max(to));
            bytes.drain(from..to);
        }
        _ => bytes = (0..chance.below(400)).map(|_| chance.next() as u8).collect(),
    }
    if chance.below(8) > 0 {
        mend(&mut bytes);
    }
    bytes
}

/// Makes length and checksums right as far as the table makes sense.
fn mend(bytes: &mut [u8]) {
    let u64_at = |bytes: &[u8], at: usize| {
        u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
    };
    let table = layout::HEADER_LEN + layout::ENTRY_LEN * SECTIONS;
    if bytes.len() < table {
        return;
    }
    let len = bytes.len() as u64;
    bytes[16..24].copy_from_slice(&len.to_le_bytes());
    for i in 0..SECTIONS {
        let entry = layout::HEADER_LEN + layout::ENTRY_LEN * i;
        let (offset, length) = (u64_at(bytes, entry + 8), u64_at(bytes, entry + 16));
        let end = offset.checked_add(length).filter(|&end| end <= len);
        if let Some(end) = end {
            let crc = crc32fast::hash(&bytes[offset as usize..end as usize]);
            bytes[entry + 4..entry + 8].copy_from_slice(&crc.to_le_bytes());
        }
    }
    toy::seal(bytes, SECTIONS);
}

#[test]
fn a_hundred_thousand_damaged_packs_are_refused_or_whole() {
    let good = [small(false), small(true)];
    for pack in &good {
        Pack::from_bytes(pack.clone()).unwrap();
    }
    let mut chance = Chance(1);
    let (mut refused, mut read) = (0u64, 0u64);
    for i in 0..DAMAGED {
        let bytes = damage(good[(i % 2) as usize].clone(), &mut chance);
        match Pack::from_bytes(bytes) {
            Ok(pack) => {
                // What is read is whole: nothing of it can be out of reach.
                let landmarks = pack.manifest().landmarks.len();
                assert_eq!(pack.calibration().len(), landmarks);
                for l in 0..landmarks {
                    let values = pack.adapter(l);
                    assert_eq!(values.len(), pack.manifest().adapter_len());
                    assert!(values.iter().all(|v| !v.is_nan()));
                }
                assert_eq!(pack.shape().mean.len(), pack.manifest().guides().len());
                read += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unreadable);
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
        }
    }
    println!("{refused} refused, {read} read");
    assert!(refused > DAMAGED / 2 && read > 0, "{refused} refused, {read} read");
}

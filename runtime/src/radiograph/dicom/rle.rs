//! RLE Lossless (PS3.5, annex G): one run-length coded segment per byte plane, the high bytes first.

/// Where the segments start.
const HEADER_BYTES: usize = 64;

/// The bytes of `pixels` samples of `planes` bytes each, little-endian; `None` where the segments do not hold them.
///
/// What is taken grows with what is really there, not with what is announced.
pub(super) fn decode(data: &[u8], pixels: usize, planes: usize) -> Option<Vec<u8>> {
    let word = |i: usize| {
        let bytes = data.get(4 * i..4 * i + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    if word(0)? != planes || data.len() < HEADER_BYTES {
        return None;
    }
    let mut segments = Vec::new();
    for plane in 0..planes {
        let start = word(1 + plane)?;
        let end = if plane + 1 < planes { word(2 + plane)? } else { data.len() };
        if start < HEADER_BYTES {
            return None;
        }
        segments.push(unpack(data.get(start..end)?, pixels)?);
    }
    let mut bytes = vec![0; pixels * planes];
    for (plane, segment) in segments.iter().enumerate() {
        let low_first = planes - 1 - plane;
        for (sample, &byte) in bytes.chunks_exact_mut(planes).zip(segment) {
            sample[low_first] = byte;
        }
    }
    Some(bytes)
}

/// Exactly `length` bytes of one segment.
fn unpack(mut packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let (&head, rest) = packed.split_first()?;
        packed = match head {
            0..=127 => {
                let (literal, rest) = rest.split_at_checked(usize::from(head) + 1)?;
                bytes.extend_from_slice(literal);
                rest
            }
            // No operation.
            128 => rest,
            129..=255 => {
                let (&value, rest) = rest.split_first()?;
                bytes.resize(bytes.len() + 257 - usize::from(head), value);
                rest
            }
        };
    }
    bytes.truncate(length);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the packing: two literals, a run of four, nothing, a run of two.
    const PACKED: [u8; 8] = [1, 7, 8, 253, 9, 128, 255, 5];

    fn frame(segments: &[&[u8]]) -> Vec<u8> {
        let mut words = vec![segments.len() as u32];
        let mut at = HEADER_BYTES;
        for segment in segments {
            words.push(at as u32);
            at += segment.len();
        }
        words.resize(16, 0);
        let mut bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        segments.iter().for_each(|s| bytes.extend_from_slice(s));
        bytes
    }

    #[test]
    fn unpacks_runs_and_literals() {
        assert_eq!(decode(&frame(&[&PACKED]), 8, 1), Some(vec![7, 8, 9, 9, 9, 9, 5, 5]));
    }

    #[test]
    fn high_bytes_come_first() {
        let frame = frame(&[&[1, 0x12, 0x56], &[1, 0x34, 0x78]]);
        assert_eq!(decode(&frame, 2, 2), Some(vec![0x34, 0x12, 0x78, 0x56]));
    }

    #[test]
    fn what_is_cut_or_claims_other_planes_is_nothing() {
        let whole = frame(&[&PACKED]);
        for end in 0..whole.len() {
            assert_eq!(decode(&whole[..end], 8, 1), None, "{end}");
        }
        assert_eq!(decode(&whole, 8, 2), None);
        assert_eq!(decode(&whole, 9, 1), None);
    }
}

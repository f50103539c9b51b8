//! Recomputes the checksums of a damaged model file or patch, so that the damage is not detected by them.

use fiducia::pack::layout;

/// Corrects length and checksums of `bytes`, as far as its section table is readable.
pub fn reseal(bytes: &mut [u8]) {
    if bytes.len() < layout::HEADER_LEN {
        return;
    }
    let count = u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]) as usize;
    let table_end = layout::HEADER_LEN + layout::ENTRY_LEN * count.min(64);
    if bytes.len() < table_end {
        return;
    }
    let len = bytes.len() as u64;
    bytes[16..24].copy_from_slice(&len.to_le_bytes());
    for entry in (layout::HEADER_LEN..table_end).step_by(layout::ENTRY_LEN) {
        let number = |at: usize| {
            let bytes = bytes[entry + at..].first_chunk::<8>().copied();
            u64::from_le_bytes(bytes.unwrap_or_default())
        };
        let (offset, length) = (number(8), number(16));
        if let Some(end) = offset.checked_add(length).filter(|&end| end <= len) {
            let crc = crc32fast::hash(&bytes[offset as usize..end as usize]);
            bytes[entry + 4..entry + 8].copy_from_slice(&crc.to_le_bytes());
        }
    }
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes[..24]);
    crc.update(&bytes[layout::HEADER_LEN..table_end]);
    bytes[24..28].copy_from_slice(&crc.finalize().to_le_bytes());
}

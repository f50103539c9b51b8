//! Frames: header, payload and CRC, COBS-encoded between two delimiters.
//!
//! ```text
//! 0 version u8 │ 1 kind u8 │ 2 sequence u16 │ 4 payload, 0 to 245 │ CRC-32 u32
//! ```

use cobs::{EncoderState, PushResult};
use crc::{CRC_32_ISO_HDLC, Crc, Table};
use heapless::Vec;

use crate::Fault;

/// The protocol version that this crate implements.
pub const VERSION: u8 = 1;
/// Largest payload, bytes.
pub const MAX_PAYLOAD: usize = MAX_FRAME - OVERHEAD;
/// Largest frame before COBS encoding, bytes. Up to this length COBS adds exactly one byte.
pub(crate) const MAX_FRAME: usize = 253;
/// Version, kind, sequence and CRC, bytes.
const OVERHEAD: usize = 8;
/// Stands before and after every frame, so that a lost closing delimiter does not damage the next frame.
const DELIMITER: u8 = 0;

/// The CRC-32 of model files, zlib and PNG. One table of 1 KiB.
const CRC: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);

/// A frame as it is sent: delimiter, COBS-encoded frame, delimiter.
pub type Wire = Vec<u8, { MAX_FRAME + 3 }>;

/// The content of an intact frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened<'a> {
    pub(crate) kind: u8,
    pub(crate) sequence: u16,
    pub(crate) payload: &'a [u8],
}

/// Builds a frame; `None` if the payload is longer than [`MAX_PAYLOAD`].
pub(crate) fn seal(kind: u8, sequence: u16, payload: &[u8]) -> Option<Wire> {
    let mut frame: Vec<u8, MAX_FRAME> = Vec::new();
    let [low, high] = sequence.to_le_bytes();
    frame.extend_from_slice(&[VERSION, kind, low, high]).ok()?;
    frame.extend_from_slice(payload).ok()?;
    let crc = CRC.checksum(&frame);
    frame.extend_from_slice(&crc.to_le_bytes()).ok()?;
    encode(&frame)
}

/// Checks and splits a frame that was COBS-decoded.
///
/// # Errors
/// [`Fault::Damaged`] if it is too short or its CRC does not match, [`Fault::Version`] for another version.
pub(crate) fn open(frame: &[u8]) -> Result<Opened<'_>, Fault> {
    let (checked, crc) = frame.split_last_chunk().ok_or(Fault::Damaged)?;
    if CRC.checksum(checked) != u32::from_le_bytes(*crc) {
        return Err(Fault::Damaged);
    }
    let (&[version, kind, low, high], payload) =
        checked.split_first_chunk().ok_or(Fault::Damaged)?;
    if version != VERSION {
        return Err(Fault::Version(version));
    }
    Ok(Opened { kind, sequence: u16::from_le_bytes([low, high]), payload })
}

/// Encodes by COBS (Cheshire and Baker 1999), which leaves no zero byte, and adds a delimiter on either side.
fn encode(frame: &[u8]) -> Option<Wire> {
    let mut wire = Wire::new();
    // The second byte is a placeholder for the first COBS code; the encoder's indices count from it.
    wire.extend_from_slice(&[DELIMITER, 0]).ok()?;
    let mut state = EncoderState::default();
    for &byte in frame {
        match state.push(byte) {
            PushResult::AddSingle(byte) => wire.push(byte).ok()?,
            PushResult::ModifyFromStartAndSkip((at, code)) => {
                *wire.get_mut(at.checked_add(1)?)? = code;
                wire.push(0).ok()?;
            }
            // Only after 254 bytes without a zero, which is longer than any frame.
            PushResult::ModifyFromStartAndPushAndSkip(_) => return None,
        }
    }
    let (at, code) = state.finalize();
    *wire.get_mut(at.checked_add(1)?)? = code;
    wire.push(DELIMITER).ok()?;
    Some(wire)
}

//! A frame before it is stuffed: header, payload, CRC.
//!
//! ```text
//! 0 version u8 │ 1 kind u8 │ 2 sequence u16 │ 4 payload, 0 to 245 │ CRC-32 u32
//! ```

use cobs::{EncoderState, PushResult};
use crc::{CRC_32_ISO_HDLC, Crc, Table};
use heapless::Vec;

use crate::Fault;

/// Version of the link that is spoken here.
pub const VERSION: u8 = 1;
/// Most bytes of a payload.
pub const MAX_PAYLOAD: usize = MAX_FRAME - OVERHEAD;
/// Most bytes of a frame before it is stuffed. Up to 253 stuffing adds one byte, never a second.
pub(crate) const MAX_FRAME: usize = 253;
/// Version, kind, sequence, CRC.
const OVERHEAD: usize = 8;
/// What ends every frame and starts it too, so that a damaged end does not cost the next frame.
const DELIMITER: u8 = 0;

/// As in packs, zlib and PNG. One table of 1 KiB.
const CRC: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);

/// The bytes of a frame as they go over the line: delimiter, stuffed frame, delimiter.
pub type Wire = Vec<u8, { MAX_FRAME + 3 }>;

/// What a whole frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened<'a> {
    pub(crate) kind: u8,
    pub(crate) sequence: u16,
    pub(crate) payload: &'a [u8],
}

/// Makes a frame; none where the payload is longer than [`MAX_PAYLOAD`].
pub(crate) fn seal(kind: u8, sequence: u16, payload: &[u8]) -> Option<Wire> {
    let mut frame: Vec<u8, MAX_FRAME> = Vec::new();
    let [low, high] = sequence.to_le_bytes();
    frame.extend_from_slice(&[VERSION, kind, low, high]).ok()?;
    frame.extend_from_slice(payload).ok()?;
    let crc = CRC.checksum(&frame);
    frame.extend_from_slice(&crc.to_le_bytes()).ok()?;
    stuff(&frame)
}

/// Checks a frame that was unstuffed.
///
/// # Errors
/// [`Fault::Damaged`] where it is too short or its CRC does not fit, [`Fault::Version`].
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

/// Takes all zeros out by COBS (Cheshire and Baker 1999) and puts a delimiter on either side.
fn stuff(frame: &[u8]) -> Option<Wire> {
    let mut wire = Wire::new();
    // The second byte holds the place of the first code, which the encoder counts from.
    wire.extend_from_slice(&[DELIMITER, 0]).ok()?;
    let mut state = EncoderState::default();
    for &byte in frame {
        match state.push(byte) {
            PushResult::AddSingle(byte) => wire.push(byte).ok()?,
            PushResult::ModifyFromStartAndSkip((at, code)) => {
                *wire.get_mut(at.checked_add(1)?)? = code;
                wire.push(0).ok()?;
            }
            // Only after 254 bytes without a zero, more than a frame has.
            PushResult::ModifyFromStartAndPushAndSkip(_) => return None,
        }
    }
    let (at, code) = state.finalize();
    *wire.get_mut(at.checked_add(1)?)? = code;
    wire.push(DELIMITER).ok()?;
    Some(wire)
}

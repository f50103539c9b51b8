//! Decodes bytes to messages and counts transmission errors.

use cobs::{DecodeResult, DecoderState};
use heapless::Vec;

use crate::{
    Fault, Message,
    frame::{self, MAX_FRAME},
    order::{Order, Place},
    payload,
};

/// Decodes messages from the bytes of one direction of a link. Buffers at most one frame.
///
/// ```
/// use fiducia_link::{Message, Receiver, Request, Sender};
///
/// let request = Message::Request(Request { exposure: 42, timeout_ms: 3000 });
/// let wire = Sender::new().frame(&request);
/// let mut receiver = Receiver::new();
/// for byte in wire {
///     match receiver.push(byte) {
///         None => {} // in the middle of a frame
///         Some(Ok(message)) => assert_eq!(message, request),
///         Some(Err(fault)) => panic!("{fault}"),
///     }
/// }
/// assert_eq!(receiver.counts().accepted, 1);
/// ```
#[derive(Debug, Default)]
pub struct Receiver {
    decoder: DecoderState,
    frame: Vec<u8, MAX_FRAME>,
    /// The current frame is damaged: skip to the next delimiter.
    is_damaged: bool,
    order: Order,
    counts: Counts,
}

/// Reception statistics. Counters saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages returned.
    pub accepted: u32,
    /// Runs of bytes between delimiters that were not an intact frame.
    pub damaged: u32,
    /// Frames missing by their sequence numbers, damaged ones included.
    pub lost: u32,
    /// Messages returned after later ones.
    pub reordered: u32,
    /// Intact frames dropped because they were received before, or are too old to tell.
    pub repeated: u32,
    /// Intact frames of another version, of an unknown kind or with an invalid payload.
    pub malformed: u32,
}

impl Receiver {
    /// A receiver that has received nothing.
    pub const fn new() -> Self {
        Self {
            decoder: DecoderState::Idle,
            frame: Vec::new(),
            is_damaged: false,
            order: Order::new(),
            counts: Counts {
                accepted: 0,
                damaged: 0,
                lost: 0,
                reordered: 0,
                repeated: 0,
                malformed: 0,
            },
        }
    }

    /// The statistics so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes the next received byte. At the end of a frame it returns the message of the frame, or the fault that
    /// made it unreadable.
    pub fn push(&mut self, byte: u8) -> Option<Result<Message, Fault>> {
        let ended = match self.decoder.feed(byte) {
            Ok(DecodeResult::NoData) => false,
            Ok(DecodeResult::DataStart) => {
                self.frame.clear();
                self.is_damaged = false;
                false
            }
            Ok(DecodeResult::DataContinue(byte)) => {
                self.is_damaged |= self.frame.push(byte).is_err();
                false
            }
            Ok(DecodeResult::DataComplete) => true,
            // A delimiter in the middle of a COBS block.
            Err(_) => {
                self.is_damaged = true;
                true
            }
        };
        ended.then(|| {
            let read = self.read();
            self.count(&read);
            read
        })
    }

    fn read(&mut self) -> Result<Message, Fault> {
        if self.is_damaged {
            return Err(Fault::Damaged);
        }
        let opened = frame::open(&self.frame)?;
        if payload::opens(opened.kind) {
            self.order.open(opened.sequence);
        } else {
            match self.order.place(opened.sequence) {
                Place::Next { missing } => {
                    self.counts.lost = self.counts.lost.saturating_add(missing.into());
                }
                Place::Late => {
                    self.counts.lost = self.counts.lost.saturating_sub(1);
                    self.counts.reordered = self.counts.reordered.saturating_add(1);
                }
                Place::Repeated => return Err(Fault::Repeated),
            }
        }
        payload::read(opened.kind, opened.payload)
    }

    fn count(&mut self, read: &Result<Message, Fault>) {
        let count = match read {
            Ok(_) => &mut self.counts.accepted,
            Err(Fault::Damaged) => &mut self.counts.damaged,
            Err(Fault::Repeated) => &mut self.counts.repeated,
            Err(Fault::Version(_) | Fault::Kind(_) | Fault::Payload(_)) => {
                &mut self.counts.malformed
            }
        };
        *count = count.saturating_add(1);
    }
}

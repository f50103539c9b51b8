//! Bytes to messages, with an account of what was lost on the way.

use cobs::{DecodeResult, DecoderState};
use heapless::Vec;

use crate::{
    Fault, Message,
    frame::{self, MAX_FRAME},
    order::{Order, Place},
    payload,
};

/// One end of a link, listening. Holds one frame at most.
#[derive(Debug, Default)]
pub struct Receiver {
    unstuffing: DecoderState,
    frame: Vec<u8, MAX_FRAME>,
    /// The piece now on the line cannot become a frame: skip to the delimiter.
    spoilt: bool,
    order: Order,
    counts: Counts,
}

/// What was received. Counts stay at their largest value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages handed out.
    pub accepted: u32,
    /// Pieces between delimiters that were no whole frame.
    pub damaged: u32,
    /// Frames that are missing by their numbers, the damaged ones among them.
    pub lost: u32,
    /// Messages handed out after later ones.
    pub reordered: u32,
    /// Whole frames dropped, because they came before or too late to tell.
    pub repeated: u32,
    /// Whole frames of another version, of an unknown kind or with an impossible payload.
    pub senseless: u32,
}

impl Receiver {
    /// A receiver that has heard nothing.
    pub const fn new() -> Self {
        Self {
            unstuffing: DecoderState::Idle,
            frame: Vec::new(),
            spoilt: false,
            order: Order::new(),
            counts: Counts {
                accepted: 0,
                damaged: 0,
                lost: 0,
                reordered: 0,
                repeated: 0,
                senseless: 0,
            },
        }
    }

    /// What was received so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes the next byte of the line. At the end of a frame comes its message, or what was wrong.
    pub fn push(&mut self, byte: u8) -> Option<Result<Message, Fault>> {
        let ended = match self.unstuffing.feed(byte) {
            Ok(DecodeResult::NoData) => false,
            Ok(DecodeResult::DataStart) => {
                self.frame.clear();
                self.spoilt = false;
                false
            }
            Ok(DecodeResult::DataContinue(byte)) => {
                self.spoilt |= self.frame.push(byte).is_err();
                false
            }
            Ok(DecodeResult::DataComplete) => true,
            // A delimiter where none could be.
            Err(_) => {
                self.spoilt = true;
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
        if self.spoilt {
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
                &mut self.counts.senseless
            }
        };
        *count = count.saturating_add(1);
    }
}

//! Messages to frames, numbered in turn.

use crate::{Message, Wire, frame, payload};

/// Numbers the frames of one direction of a link.
#[derive(Clone, Debug, Default)]
pub struct Sender {
    sequence: u16,
}

impl Sender {
    /// A sender whose first frame has the number 0.
    pub const fn new() -> Self {
        Self { sequence: 0 }
    }

    /// The frame of `message`, as it goes over the line.
    pub fn frame(&mut self, message: &Message) -> Wire {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        // Every message fits (a test seals the largest of each kind); an empty frame would be lost.
        payload::write(message)
            .and_then(|(kind, payload)| frame::seal(kind, sequence, &payload))
            .unwrap_or_default()
    }
}

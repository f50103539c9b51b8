//! Encodes messages as numbered frames.

use crate::{Message, Wire, frame, payload};

/// Encodes messages as frames, and numbers the frames of one direction of a link.
///
/// ```
/// use fiducia_link::{Message, OrientationIssue, Report, Sender, Landmark};
///
/// let report = Report {
///     exposure: 42,
///     model: [7; 8],
///     plausible: true,
///     orientation_issue: OrientationIssue::Unspecified,
///     taken_ms: 180,
///     total: 1,
///     first: 0,
///     // 80.50 mm to the right of the first pixel, 103.20 mm below it.
///     landmarks: [Landmark { x: 8050, y: 10320, expected_error: 127, confident: true }].into_iter().collect(),
/// };
/// let wire = Sender::new().frame(&Message::Report(report));
/// assert_eq!(wire.len(), 42); // 20 bytes of report, 11 of landmark, 8 of frame, 3 of COBS and delimiters
/// assert_eq!((wire.first(), wire.last()), (Some(&0), Some(&0)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sender {
    sequence: u16,
}

impl Sender {
    /// A sender whose first frame has sequence number 0.
    pub const fn new() -> Self {
        Self { sequence: 0 }
    }

    /// The frame of `message`, ready to send.
    pub fn frame(&mut self, message: &Message) -> Wire {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        // Every message fits (a test encodes the largest of each kind), so the empty default never occurs.
        payload::write(message)
            .and_then(|(kind, payload)| frame::seal(kind, sequence, &payload))
            .unwrap_or_default()
    }
}

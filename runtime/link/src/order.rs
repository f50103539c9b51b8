//! Detects missing, late and repeated frames by their sequence numbers.

/// How many frames a late frame may be behind the newest one.
const WINDOW: u16 = 32;

/// The sequence numbers received within the window.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// `None` before the first frame.
    newest: Option<u16>,
    /// Bit n: whether `newest - n` was seen.
    seen: u32,
}

/// The position of a frame relative to those received before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Newer than all before; `missing` frames in between were not received.
    Next { missing: u16 },
    /// Older than the newest, and not received before.
    Late,
    /// Received before, or too old to tell.
    Repeated,
}

impl Order {
    pub(crate) const fn new() -> Self {
        Self { newest: None, seen: 0 }
    }

    /// Restarts with the frame that opens a session.
    pub(crate) fn open(&mut self, sequence: u16) {
        *self = Self { newest: Some(sequence), seen: 1 };
    }

    /// Records a frame and returns its position.
    pub(crate) fn place(&mut self, sequence: u16) -> Place {
        let Some(newest) = self.newest else {
            self.open(sequence);
            return Place::Next { missing: 0 };
        };
        // Serial number arithmetic: half of all numbers count as ahead, the other half as behind.
        let ahead = sequence.wrapping_sub(newest);
        let behind = newest.wrapping_sub(sequence);
        if ahead != 0 && ahead < 1 << 15 {
            self.seen = self.seen.checked_shl(ahead.into()).unwrap_or(0) | 1;
            self.newest = Some(sequence);
            return Place::Next { missing: ahead.saturating_sub(1) };
        }
        let bit = 1_u32.checked_shl(behind.into()).filter(|_| behind < WINDOW);
        match bit {
            Some(bit) if self.seen & bit == 0 => {
                self.seen |= bit;
                Place::Late
            }
            _ => Place::Repeated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_numbers_are_next_across_the_wrap() {
        let mut order = Order::default();
        for sequence in (65_500..=65_535).chain(0..40) {
            assert_eq!(order.place(sequence), Place::Next { missing: 0 });
        }
    }

    #[test]
    fn a_frame_of_a_gap_is_late_once_then_repeated() {
        let mut order = Order::default();
        order.place(65_534);
        assert_eq!(order.place(2), Place::Next { missing: 3 });
        assert_eq!(order.place(0), Place::Late);
        assert_eq!(order.place(0), Place::Repeated);
        assert_eq!(order.place(2), Place::Repeated);
        assert_eq!(order.place(65_534), Place::Repeated);
        assert_eq!(order.place(1), Place::Late);
        assert_eq!(order.place(3), Place::Next { missing: 0 });
    }

    #[test]
    fn beyond_the_window_a_frame_counts_as_repeated() {
        let mut order = Order::default();
        order.place(0);
        order.place(100);
        assert_eq!(order.place(100 - (WINDOW - 1)), Place::Late);
        assert_eq!(order.place(100 - WINDOW), Place::Repeated);
    }

    #[test]
    fn a_new_session_restarts_the_order() {
        let mut order = Order::default();
        order.place(40);
        order.open(10);
        assert_eq!(order.place(10), Place::Repeated);
        assert_eq!(order.place(11), Place::Next { missing: 0 });
    }
}

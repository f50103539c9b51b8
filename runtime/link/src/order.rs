//! Which frames are missing, late or repeated, told by their sequence numbers.

/// How far back a frame may come late, frames.
const WINDOW: u16 = 32;

/// The numbers seen of late.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// None before the first frame.
    newest: Option<u16>,
    /// Bit n: whether `newest - n` was seen.
    seen: u32,
}

/// Where a frame stands among those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Newer than all before; so many between were not seen.
    Next { missing: u16 },
    /// Older than another, and not seen before.
    Late,
    /// Seen before, or too old to tell.
    Repeated,
}

impl Order {
    pub(crate) const fn new() -> Self {
        Self { newest: None, seen: 0 }
    }

    /// Starts over, with the frame that opens a session.
    pub(crate) fn open(&mut self, sequence: u16) {
        *self = Self { newest: Some(sequence), seen: 1 };
    }

    /// Takes note of a frame.
    pub(crate) fn place(&mut self, sequence: u16) -> Place {
        let Some(newest) = self.newest else {
            self.open(sequence);
            return Place::Next { missing: 0 };
        };
        // Half of all numbers are ahead, the others behind.
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
    fn numbers_in_turn_are_next_beyond_the_wrap_too() {
        let mut order = Order::default();
        for sequence in (65_500..=65_535).chain(0..40) {
            assert_eq!(order.place(sequence), Place::Next { missing: 0 });
        }
    }

    #[test]
    fn a_gap_is_missing_until_its_frame_comes_late_once() {
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
    fn a_session_starts_over() {
        let mut order = Order::default();
        order.place(40);
        order.open(10);
        assert_eq!(order.place(10), Place::Repeated);
        assert_eq!(order.place(11), Place::Next { missing: 0 });
    }
}

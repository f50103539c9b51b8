//! Time by a millisecond counter that may wrap.

/// The time since something happened. Periods are at most 2³¹ ms, 24 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    since_ms: u32,
}

impl Clock {
    /// It happens now.
    pub const fn start(now_ms: u32) -> Self {
        Self { since_ms: now_ms }
    }

    /// Time since then, ms.
    pub const fn elapsed_ms(&self, now_ms: u32) -> u32 {
        now_ms.wrapping_sub(self.since_ms)
    }

    /// Whether `period_ms` has gone by; then it happens again now.
    pub const fn due(&mut self, now_ms: u32, period_ms: u32) -> bool {
        let due = self.elapsed_ms(now_ms) >= period_ms;
        if due {
            self.since_ms = now_ms;
        }
        due
    }
}

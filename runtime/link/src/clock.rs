//! Elapsed time from a millisecond counter that may wrap.

/// A stopwatch on a millisecond counter. Measures up to 2³² ms, 49 days, across a wrap of the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    since_ms: u32,
}

impl Clock {
    /// Starts at `now_ms`.
    pub const fn start(now_ms: u32) -> Self {
        Self { since_ms: now_ms }
    }

    /// Time since the start, ms.
    pub const fn elapsed_ms(&self, now_ms: u32) -> u32 {
        now_ms.wrapping_sub(self.since_ms)
    }

    /// Whether `period_ms` has elapsed; if so, restarts at `now_ms`.
    pub const fn due(&mut self, now_ms: u32, period_ms: u32) -> bool {
        let due = self.elapsed_ms(now_ms) >= period_ms;
        if due {
            self.since_ms = now_ms;
        }
        due
    }
}

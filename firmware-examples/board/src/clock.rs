//! Time since the start, by the system timer.

use cortex_m::peripheral::{SCB, SYST, syst::SystClkSource};

/// Of the processor, and of everything else here.
pub(crate) const CYCLES_PER_US: u32 = 25;
/// Round of the timer: it wakes the processor so often. Time is lost only if it is not asked for in a round.
const ROUND_CYCLES: u32 = 20_000 * CYCLES_PER_US;

/// A clock that has to be read once in 20 ms at least.
pub(crate) struct Clock {
    timer: SYST,
    last: u32,
    cycles: u64,
}

impl Clock {
    pub(crate) fn start(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(ROUND_CYCLES.wrapping_sub(1));
        timer.clear_current();
        timer.enable_interrupt();
        timer.enable_counter();
        Self { timer, last: 0, cycles: 0 }
    }

    /// Time since the start, µs.
    pub(crate) fn now_us(&mut self) -> u64 {
        // The timer counts down.
        let current = SYST::get_current();
        let since = match self.last.checked_sub(current) {
            Some(since) => since,
            None => self.last.wrapping_add(ROUND_CYCLES).wrapping_sub(current),
        };
        self.last = current;
        self.cycles = self.cycles.wrapping_add(since.into());
        self.cycles / u64::from(CYCLES_PER_US)
    }

    /// Waits for anything to happen, 20 ms at most.
    pub(crate) fn rest(&mut self) {
        // Interrupts are disabled: a pending one ends the wait, and stays pending until it is cleared.
        cortex_m::asm::wfi();
        SCB::clear_pendst();
        let _ = &self.timer;
    }
}

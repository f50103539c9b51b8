//! Time since the start, by a free-running timer; the system timer wakes the processor.

use cortex_m::peripheral::{SCB, SYST, syst::SystClkSource};

use crate::registers::MmioTimer;

/// Of the processor, and of everything else here.
pub(crate) const CYCLES_PER_US: u32 = 25;
const CYCLES_PER_US_LONG: u64 = CYCLES_PER_US as u64;
/// The processor is woken so often.
const ROUND_CYCLES: u32 = 20_000 * CYCLES_PER_US;
const TIMER_ON: u32 = 1;

/// A clock that has to be read once in 171 s at least, when the timer comes round.
pub(crate) struct Clock {
    timer: MmioTimer<'static>,
    last: u32,
    cycles: u64,
}

impl Clock {
    pub(crate) fn start(mut timer: MmioTimer<'static>, mut waker: SYST) -> Self {
        timer.write_reload(u32::MAX);
        timer.write_value(u32::MAX);
        timer.write_control(TIMER_ON);
        waker.set_clock_source(SystClkSource::Core);
        waker.set_reload(ROUND_CYCLES.wrapping_sub(1));
        waker.clear_current();
        waker.enable_interrupt();
        waker.enable_counter();
        Self { timer, last: u32::MAX, cycles: 0 }
    }

    /// Time since the start, µs.
    pub(crate) fn now_us(&mut self) -> u64 {
        // The timer counts down.
        let current = self.timer.read_value();
        self.cycles = self.cycles.wrapping_add(self.last.wrapping_sub(current).into());
        self.last = current;
        self.cycles / CYCLES_PER_US_LONG
    }
}

/// Waits for anything to happen, 20 ms at most.
pub(crate) fn rest() {
    // Interrupts are disabled: a pending one ends the wait, and stays pending until it is cleared.
    cortex_m::asm::wfi();
    SCB::clear_pendst();
}

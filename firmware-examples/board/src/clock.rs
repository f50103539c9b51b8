//! Time since the start, from a free-running timer; the system timer wakes the processor.

use cortex_m::peripheral::{SCB, SYST, syst::SystClkSource};

use crate::registers::MmioTimer;

/// Clock frequency of the processor and of the peripherals, MHz.
pub(crate) const CYCLES_PER_US: u32 = 25;
const CYCLES_PER_US_LONG: u64 = CYCLES_PER_US as u64;
/// Interval at which the system timer wakes the processor, clock cycles.
const WAKE_CYCLES: u32 = 20_000 * CYCLES_PER_US;
const TIMER_ON: u32 = 1;

/// A clock that must be read at least every 171 s, before the 32-bit timer wraps.
pub(crate) struct Clock {
    timer: MmioTimer<'static>,
    last: u32,
    cycles: u64,
}

impl Clock {
    pub(crate) fn start(mut timer: MmioTimer<'static>, mut system_timer: SYST) -> Self {
        timer.write_reload(u32::MAX);
        timer.write_value(u32::MAX);
        timer.write_control(TIMER_ON);
        system_timer.set_clock_source(SystClkSource::Core);
        system_timer.set_reload(WAKE_CYCLES.wrapping_sub(1));
        system_timer.clear_current();
        system_timer.enable_interrupt();
        system_timer.enable_counter();
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

/// Sleeps until the next interrupt, at most 20 ms.
pub(crate) fn sleep() {
    // Interrupts are masked: a pending one still ends the wait, and stays pending until it is cleared.
    cortex_m::asm::wfi();
    SCB::clear_pendst();
}

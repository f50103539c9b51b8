//! The registers of the board. The only unsafe code of the firmware.
//!
//! Addresses and layouts: Arm MPS2 AN386 (DAI 0386), Cortex-M System Design Kit r1p1 (DDI 0479).
#![allow(unsafe_code)]

use cortex_m::{interrupt::InterruptNumber, peripheral::NVIC};
use derive_mmio::Mmio;

/// CMSDK APB UART.
#[derive(Mmio)]
#[repr(C)]
pub(crate) struct Uart {
    data: u32,
    /// Bit 0: the transmit buffer is full. Bit 1: the receive buffer is full.
    state: u32,
    /// Bits 0 and 1: enable transmitter and receiver. Bit 3: enable the receive interrupt.
    ctrl: u32,
    /// Write 2 to clear the receive interrupt.
    interrupt: u32,
    /// Clock cycles per bit, at least 16.
    divider: u32,
}

/// CMSDK APB timer.
#[derive(Mmio)]
#[repr(C)]
pub(crate) struct Timer {
    /// Bit 0: enable.
    control: u32,
    /// Counts down, once a clock cycle.
    value: u32,
    /// The value after 0.
    reload: u32,
}

/// CMSDK APB watchdog.
#[derive(Mmio)]
#[repr(C)]
pub(crate) struct Watchdog {
    /// Clock cycles per expiry; the second expiry without a clear resets the board.
    load: u32,
    value: u32,
    /// Bit 0: enable. Bit 1: the second expiry resets the board.
    control: u32,
    /// Any write restarts the count.
    clear: u32,
}

/// An interrupt line of the board.
#[derive(Clone, Copy)]
pub(crate) enum Irq {
    Uart0Receive = 0,
    Uart1Receive = 2,
}

// SAFETY: the numbers are those of AN386, which has 32 interrupt lines; each number belongs to one line.
unsafe impl InterruptNumber for Irq {
    fn number(self) -> u16 {
        self as u16
    }
}

/// The peripherals of the board.
pub(crate) struct Peripherals {
    pub(crate) link: MmioUart<'static>,
    pub(crate) console: MmioUart<'static>,
    pub(crate) timer: MmioTimer<'static>,
    pub(crate) watchdog: MmioWatchdog<'static>,
}

/// All peripherals. Must be called only once: a second caller would share the registers.
pub(crate) fn take_peripherals() -> Peripherals {
    // SAFETY: AN386 has these peripherals at these addresses, with the layouts above.
    // Nothing else in the program accesses them: no other code creates these types.
    unsafe {
        Peripherals {
            link: Uart::new_mmio_at(0x4000_4000),
            console: Uart::new_mmio_at(0x4000_5000),
            timer: Timer::new_mmio_at(0x4000_0000),
            watchdog: Watchdog::new_mmio_at(0x4000_8000),
        }
    }
}

/// Lets the interrupt wake the processor. Its handler never runs, because interrupts are masked.
pub(crate) fn wake_on(irq: Irq) {
    // SAFETY: unmasking can break critical sections that rely on the mask; there is no handler that could run.
    unsafe { NVIC::unmask(irq) }
}

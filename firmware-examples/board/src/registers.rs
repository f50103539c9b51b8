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
    /// Bits 0 and 1: transmitter and receiver on. Bit 3: interrupt on reception.
    ctrl: u32,
    /// Write 2: the interrupt of a reception was seen.
    interrupt: u32,
    /// Clock cycles per bit, at least 16.
    divider: u32,
}

/// CMSDK APB timer.
#[derive(Mmio)]
#[repr(C)]
pub(crate) struct Timer {
    /// Bit 0: counts.
    control: u32,
    /// Counts down, once a clock cycle.
    value: u32,
    /// What it starts from when it has come to 0.
    reload: u32,
}

/// CMSDK APB watchdog.
#[derive(Mmio)]
#[repr(C)]
pub(crate) struct Watchdog {
    /// Clock cycles to the first of the two expiries that reset the board.
    load: u32,
    value: u32,
    /// Bit 0: counts. Bit 1: the second expiry resets.
    control: u32,
    /// Any write starts the count again.
    clear: u32,
}

/// An interrupt line of the board.
#[derive(Clone, Copy)]
pub(crate) enum Irq {
    Uart0Receive = 0,
    Uart1Receive = 2,
}

// SAFETY: the numbers are those of AN386, below the 32 lines that it has, and each stands for one line.
unsafe impl InterruptNumber for Irq {
    fn number(self) -> u16 {
        self as u16
    }
}

/// The devices of the board.
pub(crate) struct Devices {
    pub(crate) link: MmioUart<'static>,
    pub(crate) console: MmioUart<'static>,
    pub(crate) timer: MmioTimer<'static>,
    pub(crate) watchdog: MmioWatchdog<'static>,
}

/// All devices. To be called once; a second caller would share the registers.
pub(crate) fn take() -> Devices {
    // SAFETY: AN386 has these devices at these addresses, with the layouts above, for as long as it is on.
    // Nothing else in the program touches them: this is the only place that makes them.
    unsafe {
        Devices {
            link: Uart::new_mmio_at(0x4000_4000),
            console: Uart::new_mmio_at(0x4000_5000),
            timer: Timer::new_mmio_at(0x4000_0000),
            watchdog: Watchdog::new_mmio_at(0x4000_8000),
        }
    }
}

/// Lets the interrupt wake the processor. Its handler does not run: interrupts are disabled throughout.
pub(crate) fn wake_on(irq: Irq) {
    // SAFETY: unmasking can break critical sections that rely on the mask; there is no handler to break in.
    unsafe { NVIC::unmask(irq) }
}

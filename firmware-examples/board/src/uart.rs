//! Bytes in and out of a UART.

use cortex_m::peripheral::NVIC;

use crate::{
    clock::CYCLES_PER_US,
    registers::{Irq, MmioUart, wake_on},
};

const BAUD: u32 = 115_200;
const TRANSMIT_FULL: u32 = 1;
const RECEIVE_FULL: u32 = 2;
/// Transmitter, receiver, interrupt on reception.
const ON: u32 = 0b1011;
const RECEIVED: u32 = 2;

/// One UART.
///
/// It has room for one byte in either direction. The emulator holds the next byte back until this one was
/// read; on silicon a byte every 87 µs would be lost while a frame is worked on, so there the interrupt's
/// handler or DMA puts bytes into a queue, and the loop takes them from it.
pub(crate) struct Port {
    registers: MmioUart<'static>,
    irq: Irq,
}

impl Port {
    pub(crate) fn open(mut registers: MmioUart<'static>, irq: Irq) -> Self {
        registers.write_divider(CYCLES_PER_US.wrapping_mul(1_000_000) / BAUD);
        registers.write_ctrl(ON);
        wake_on(irq);
        Self { registers, irq }
    }

    /// The next byte, if one has come.
    pub(crate) fn read(&mut self) -> Option<u8> {
        // In this order: a byte that comes after the look wakes the processor again.
        self.registers.write_interrupt(RECEIVED);
        NVIC::unpend(self.irq);
        let full = self.registers.read_state() & RECEIVE_FULL != 0;
        full.then(|| self.registers.read_data() as u8)
    }

    /// Sends a byte, once there is room.
    pub(crate) fn write(&mut self, byte: u8) {
        while self.registers.read_state() & TRANSMIT_FULL != 0 {}
        self.registers.write_data(byte.into());
    }
}

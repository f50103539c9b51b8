//! Reads and writes bytes over a UART.

use cortex_m::peripheral::NVIC;

use crate::{
    clock::CYCLES_PER_US,
    registers::{Irq, MmioUart, wake_on},
};

const BAUD: u32 = 115_200;
const TRANSMIT_FULL: u32 = 1;
const RECEIVE_FULL: u32 = 2;
/// Transmitter, receiver and receive interrupt enabled.
const ON: u32 = 0b1011;
const RECEIVED: u32 = 2;

/// One UART.
///
/// It buffers one byte in either direction. The emulator holds back the next byte until this one was read. Real
/// hardware would lose bytes, one every 87 µs, while a frame is processed: there, the interrupt handler or DMA must
/// fill a queue that the loop empties.
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

    /// The next received byte, if there is one.
    pub(crate) fn read(&mut self) -> Option<u8> {
        // In this order, a byte that arrives after the check wakes the processor again.
        self.registers.write_interrupt(RECEIVED);
        NVIC::unpend(self.irq);
        let full = self.registers.read_state() & RECEIVE_FULL != 0;
        full.then(|| self.registers.read_data() as u8)
    }

    /// Sends a byte; waits until the transmit buffer is free.
    pub(crate) fn write(&mut self, byte: u8) {
        while self.registers.read_state() & TRANSMIT_FULL != 0 {}
        self.registers.write_data(byte.into());
    }
}

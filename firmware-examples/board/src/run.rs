//! The loop that every example runs in.

use cortex_m::Peripherals;
use device::Device;

use crate::{
    clock::{CYCLES_PER_US, Clock, rest},
    registers::{Irq, MmioWatchdog, take},
    uart::Port,
};

/// A loop that takes so long is stuck; the second expiry resets the board.
const WATCHDOG_US: u32 = 500_000;
/// Counts, and resets.
const WATCHDOG_ON: u32 = 0b11;

/// Runs `device` for ever.
pub fn run(device: &mut impl Device) -> ! {
    // Interrupts wake the processor, and no handler runs: the device is never interrupted.
    cortex_m::interrupt::disable();
    let devices = take();
    let mut link = Port::open(devices.link, Irq::Uart0Receive);
    let mut console = Port::open(devices.console, Irq::Uart1Receive);
    let Some(peripherals) = Peripherals::take() else { halt() };
    let mut clock = Clock::start(devices.timer, peripherals.SYST);
    let mut watchdog = Dog::start(devices.watchdog);
    loop {
        while let Some(byte) = link.read() {
            device.receive(byte, clock.now_us());
            show(device, &mut console);
        }
        while let Some(byte) = console.read() {
            match byte {
                b'0' => device.input(false, clock.now_us()),
                b'1' => device.input(true, clock.now_us()),
                b'h' => halt(),
                _ => {}
            }
        }
        while let Some(frame) = device.speak(clock.now_us()) {
            frame.iter().for_each(|&byte| link.write(byte));
        }
        show(device, &mut console);
        watchdog.feed();
        rest();
    }
}

fn show(device: &mut impl Device, console: &mut Port) {
    while let Some(line) = device.show() {
        line.bytes().chain(*b"\r\n").for_each(|byte| console.write(byte));
    }
}

/// The watchdog then resets the board.
fn halt() -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}

struct Dog(MmioWatchdog<'static>);

impl Dog {
    fn start(mut registers: MmioWatchdog<'static>) -> Self {
        registers.write_load(WATCHDOG_US.wrapping_mul(CYCLES_PER_US));
        registers.write_control(WATCHDOG_ON);
        Self(registers)
    }

    fn feed(&mut self) {
        self.0.write_clear(1);
    }
}

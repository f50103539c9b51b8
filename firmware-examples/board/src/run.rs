//! The loop that every example runs in.

use cortex_m::Peripherals;
use device::Device;

use crate::{
    clock::{CYCLES_PER_US, Clock},
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
    let (link, console, watchdog) = take();
    let mut link = Port::open(link, Irq::Uart0Receive);
    let mut console = Port::open(console, Irq::Uart1Receive);
    let Some(peripherals) = Peripherals::take() else { halt() };
    let mut clock = Clock::start(peripherals.SYST);
    let mut watchdog = Dog::start(watchdog);
    loop {
        while let Some(byte) = link.read() {
            device.receive(byte, clock.now_us());
            show(device, &mut console, &mut clock);
        }
        while let Some(byte) = console.read() {
            match byte {
                b'0' => device.input(false, clock.now_us()),
                b'1' => device.input(true, clock.now_us()),
                _ => {}
            }
        }
        while let Some(frame) = device.speak(clock.now_us()) {
            frame.iter().for_each(|&byte| link.write(byte));
        }
        show(device, &mut console, &mut clock);
        watchdog.feed();
        clock.rest();
    }
}

fn show(device: &mut impl Device, console: &mut Port, clock: &mut Clock) {
    while let Some(line) = device.show() {
        line.bytes().chain(*b"\r\n").for_each(|byte| console.write(byte));
        // A line takes milliseconds, and the clock is to be read in each of its rounds.
        clock.now_us();
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

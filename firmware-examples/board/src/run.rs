//! The main loop of every example.

use device::Device;

use crate::{
    clock::{CYCLES_PER_US, Clock, sleep},
    registers::{Irq, MmioWatchdog, take_peripherals},
    uart::Port,
};

/// Expiry of the watchdog, µs. The second expiry resets the board, so a loop may be stuck for 0.5 s to 1 s.
const WATCHDOG_US: u32 = 500_000;
/// Enabled, and resets the board.
const WATCHDOG_ON: u32 = 0b11;

/// Runs `device` forever.
pub fn run(device: &mut impl Device) -> ! {
    // Interrupts wake the processor, but no handler runs: the device is never interrupted.
    cortex_m::interrupt::disable();
    let peripherals = take_peripherals();
    let mut link = Port::open(peripherals.link, Irq::Uart0Receive);
    let mut console = Port::open(peripherals.console, Irq::Uart1Receive);
    let Some(core) = cortex_m::Peripherals::take() else { halt() };
    let mut clock = Clock::start(peripherals.timer, core.SYST);
    let mut watchdog = Watchdog::start(peripherals.watchdog);
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
        while let Some(frame) = device.poll(clock.now_us()) {
            frame.iter().for_each(|&byte| link.write(byte));
        }
        show(device, &mut console);
        watchdog.feed();
        sleep();
    }
}

fn show(device: &mut impl Device, console: &mut Port) {
    while let Some(line) = device.show() {
        line.bytes().chain(*b"\r\n").for_each(|byte| console.write(byte));
    }
}

/// Stops; the watchdog then resets the board.
fn halt() -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}

struct Watchdog(MmioWatchdog<'static>);

impl Watchdog {
    fn start(mut registers: MmioWatchdog<'static>) -> Self {
        registers.write_load(WATCHDOG_US.wrapping_mul(CYCLES_PER_US));
        registers.write_control(WATCHDOG_ON);
        Self(registers)
    }

    fn feed(&mut self) {
        self.0.write_clear(1);
    }
}

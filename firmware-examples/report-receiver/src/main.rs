//! The program for the emulated board.
#![no_std]
#![no_main]

use panic_halt as _;
use report_receiver::Receiver;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut DEVICE: Receiver = Receiver::new();
    board::run(DEVICE)
}

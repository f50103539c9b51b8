//! The program for the emulated board.
#![no_std]
#![no_main]

use collimator::{Collimator, JAW};
use panic_halt as _;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut DEVICE: Collimator = Collimator::new(&JAW);
    board::run(DEVICE)
}

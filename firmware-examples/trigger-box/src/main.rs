//! The program for the emulated board.
#![no_std]
#![no_main]

use panic_halt as _;
use trigger_box::TriggerBox;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut DEVICE: TriggerBox = TriggerBox::new();
    board::run(DEVICE)
}

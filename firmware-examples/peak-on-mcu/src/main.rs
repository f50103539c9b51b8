//! The program for the emulated board: prints a line for every heat map.
#![no_std]
#![no_main]

use device::{Device, Line, Notes};
use fiducia_link::Wire;
use panic_halt as _;
use peak_on_mcu::{line, scene};

/// Prints one heat map after the other; the link is not used.
struct Peaks {
    next: usize,
    notes: Notes,
}

impl Device for Peaks {
    fn receive(&mut self, _byte: u8, _now_us: u64) {}

    fn input(&mut self, _active: bool, _now_us: u64) {}

    fn poll(&mut self, _now_us: u64) -> Option<Wire> {
        None
    }

    fn show(&mut self) -> Option<Line> {
        let case = scene::CASES.get(self.next)?;
        self.next = self.next.saturating_add(1);
        let found = case.tile().and_then(|tile| tile.decode(scene::RADIUS));
        match found.and_then(|found| line(case.name, &found)) {
            Ok(line) => self.notes.note(format_args!("{line}")),
            Err(fault) => self.notes.note(format_args!("{}: {fault}", case.name)),
        }
        self.notes.take()
    }
}

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut PEAKS: Peaks = Peaks { next: 0, notes: Notes::new() };
    board::run(PEAKS)
}

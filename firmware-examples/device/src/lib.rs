//! The interface between an example and the board or test that runs it.
//!
//! ```text
//! board or test ─bytes, input, time→ Device ─frames, lines→ board or test
//! ```
//!
//! A device does no I/O of its own, so the same code runs on a microcontroller and in a test.
#![no_std]

mod exposures;
mod hundredths;
mod notes;

pub use exposures::Exposures;
pub use hundredths::Hundredths;
pub use notes::{Line, Notes};

use fiducia_link::{Hello, Role, Wire};

/// The logic of a program for a microcontroller. Times are µs since the start.
pub trait Device {
    /// Takes a byte received over the link.
    fn receive(&mut self, byte: u8, now_us: u64);

    /// Takes a change of the device's single input: an exposure line or a button.
    fn input(&mut self, active: bool, now_us: u64);

    /// The next frame to send. Call it until it returns `None`, and at least every 20 ms: it also checks the
    /// time-outs.
    fn poll(&mut self, now_us: u64) -> Option<Wire>;

    /// The next line for the console.
    fn show(&mut self) -> Option<Line>;
}

/// Converts a time to the millisecond counter of the link, which wraps after 49 days.
pub const fn milliseconds(time_us: u64) -> u32 {
    (time_us / 1000) as u32
}

/// The hello of a device without a model.
pub const fn hello(role: Role) -> Hello {
    Hello { role, answer: false, software: [0, 1, 0], model: [0; 8], landmarks: 0 }
}

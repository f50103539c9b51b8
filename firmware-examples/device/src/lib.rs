//! What a board and a test need to know of an example.
//!
//! ```text
//! board or test ─bytes, input, time→ Device ─frames, lines→ board or test
//! ```
//!
//! A device does no input or output of its own, so the same one runs on a micro-controller and in a test.
#![no_std]

mod exposures;
mod hundredths;
mod notes;

pub use exposures::Exposures;
pub use hundredths::Hundredths;
pub use notes::{Line, Notes};

use fiducia_link::{Hello, Role, Wire};

/// The body of a program for a micro-controller. Times are µs since the start.
pub trait Device {
    /// A byte came over the link.
    fn receive(&mut self, byte: u8, now_us: u64);

    /// The one input changed: an exposure line, a button.
    fn input(&mut self, active: bool, now_us: u64);

    /// The next frame to send. To be called until there is none, and at least every 20 ms: this is also
    /// where time runs out.
    fn speak(&mut self, now_us: u64) -> Option<Wire>;

    /// The next line for people to read.
    fn show(&mut self) -> Option<Line>;
}

/// The same time in the form the link counts it; wraps after 49 days.
pub const fn milliseconds(time_us: u64) -> u32 {
    (time_us / 1000) as u32
}

/// What a device without a model says of itself.
pub const fn introduction(role: Role) -> Hello {
    Hello { role, answer: false, software: [0, 1, 0], model: [0; 8], landmarks: 0 }
}

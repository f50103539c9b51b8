//! Lines that wait to be shown.

use core::fmt::{self, Write};

use heapless::{Deque, String};

/// A line of text without its end; what is longer is cut.
pub type Line = String<80>;

/// The last few lines. Showing must not hold up the device: where it is slow, the oldest line is lost.
#[derive(Debug, Default)]
pub struct Notes(Deque<Line, 4>);

impl Notes {
    /// No lines.
    pub const fn new() -> Self {
        Self(Deque::new())
    }

    /// Adds a line.
    pub fn note(&mut self, text: fmt::Arguments<'_>) {
        let mut line = Line::new();
        // A line that is too long is cut where a piece of it no longer fits.
        let _ = line.write_fmt(text);
        if self.0.is_full() {
            self.0.pop_front();
        }
        // There is room now.
        let _ = self.0.push_back(line);
    }

    /// Takes the oldest line.
    pub fn take(&mut self) -> Option<Line> {
        self.0.pop_front()
    }
}

//! A queue of lines for the console.

use core::fmt::{self, Write};

use heapless::{Deque, String};

/// A line of text without its line end; longer text is truncated.
pub type Line = String<80>;

/// The last few lines. The console must not delay the device: if it is slow, the oldest line is dropped.
#[derive(Debug, Default)]
pub struct Notes(Deque<Line, 4>);

impl Notes {
    /// An empty queue.
    pub const fn new() -> Self {
        Self(Deque::new())
    }

    /// Adds a line.
    pub fn note(&mut self, text: fmt::Arguments<'_>) {
        let mut line = Line::new();
        // A line that is too long ends before the first fragment that does not fit.
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

//! Formats fixed-point lengths without floating-point code.

use core::fmt;

/// A length in mm/100, displayed in mm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hundredths(pub i32);

impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:02}", size / 100, size % 100)
    }
}

//! Fixed-point lengths as text, without floating-point formatting.

use core::fmt;

/// A length in hundredths of a millimetre, shown in millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hundredths(pub i32);

impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:02}", size / 100, size % 100)
    }
}

//! One landmark as a line of text, without floating-point formatting.

use core::fmt::{self, Write};

use heapless::String;

use crate::{Fault, Measured};

/// Most bytes of a line: a name of 31 and three values of up to 10 with their spaces.
pub const LINE_BYTES: usize = 64;
/// Farthest value that a line can say, mm: more than any detector is wide.
const FARTHEST_MM: f32 = 10_000.0;

/// A line of a report, without its line end.
pub type Line = String<LINE_BYTES>;

/// `name x y expected_error`, mm with two decimals.
///
/// # Errors
/// [`Fault::Range`] for a value that is no number or beyond 10 m, [`Fault::Full`] where the line is
/// longer than [`LINE_BYTES`].
pub fn line(name: &str, measured: &Measured) -> Result<Line, Fault> {
    let mut line = Line::new();
    let [x, y] = [Hundredths::of(measured.x_mm)?, Hundredths::of(measured.y_mm)?];
    let error = Hundredths::of(measured.expected_error_mm)?;
    write!(line, "{name} {x} {y} {error}").map_err(|_| Fault::Full)?;
    Ok(line)
}

/// A number of hundredths, rounded half away from zero.
struct Hundredths(i32);

impl Hundredths {
    fn of(mm: f32) -> Result<Self, Fault> {
        if !(-FARTHEST_MM..=FARTHEST_MM).contains(&mm) {
            return Err(Fault::Range);
        }
        Ok(Self((100.0 * mm + f32::copysign(0.5, mm)) as i32))
    }
}

impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:02}", size / 100, size % 100)
    }
}

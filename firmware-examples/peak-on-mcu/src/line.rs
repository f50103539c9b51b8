//! Formats a landmark as a line of text without floating-point code.

use core::fmt::Write;

use device::Hundredths;
use heapless::String;

use crate::{Fault, Measured};

/// Capacity of a line: a name of 31 bytes and three values of up to 10 bytes, each with a space.
pub const LINE_BYTES: usize = 64;
/// Largest absolute value in a line, mm: more than the size of any detector.
const MAX_MM: f32 = 10_000.0;

/// A line of a report, without its line end.
pub type Line = String<LINE_BYTES>;

/// `name x y expected_error`, mm with two decimals.
///
/// # Errors
/// [`Fault::Range`] for a value that is not a number or beyond 10 m, [`Fault::Full`] if the line is longer than
/// [`LINE_BYTES`].
pub fn line(name: &str, measured: &Measured) -> Result<Line, Fault> {
    let mut line = Line::new();
    let [x, y] = [hundredths(measured.x_mm)?, hundredths(measured.y_mm)?];
    let error = hundredths(measured.expected_error_mm)?;
    write!(line, "{name} {x} {y} {error}").map_err(|_| Fault::Full)?;
    Ok(line)
}

/// Rounds half away from zero.
fn hundredths(mm: f32) -> Result<Hundredths, Fault> {
    if !(-MAX_MM..=MAX_MM).contains(&mm) {
        return Err(Fault::Range);
    }
    Ok(Hundredths((100.0 * mm + f32::copysign(0.5, mm)) as i32))
}

//! Converts a numpy array, or anything that numpy converts to one, to a `Radiograph`.

use fiducia::{Depth, GreyBuffer, Radiograph};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::raised;

/// Pixel spacing as passed from Python, mm: one number, or (x, y).
#[derive(FromPyObject)]
pub(crate) enum Spacing {
    Both(f64),
    Each(f64, f64),
}

impl Spacing {
    fn xy(&self) -> [f64; 2] {
        match *self {
            Self::Both(mm) => [mm; 2],
            Self::Each(x, y) => [x, y],
        }
    }
}

/// The image in `array`, `[height, width]` of `uint8` or `uint16` with any strides and byte order.
///
/// # Errors
/// `TypeError` for another data type, `ValueError` for another number of axes, or an invalid size or spacing.
pub(crate) fn radiograph(
    array: &Bound<'_, PyAny>,
    spacing: Option<&Spacing>,
    name: &str,
) -> PyResult<Radiograph> {
    let py = array.py();
    let array = py.import("numpy")?.call_method1("asarray", (array,))?;
    let dtype = array.getattr("dtype")?;
    let unsigned = dtype.getattr("kind")?.extract::<String>()? == "u";
    let (depth, native) = match (unsigned, dtype.getattr("itemsize")?.extract()?) {
        (true, 1) => (Depth::Eight, "uint8"),
        (true, 2) => (Depth::Sixteen, "uint16"),
        _ => {
            let message = format!("the image has dtype {dtype}, expected uint8 or uint16");
            return Err(PyTypeError::new_err(message));
        }
    };
    let shape: Vec<usize> = array.getattr("shape")?.extract()?;
    let [height, width] = shape[..] else {
        let message = format!("the image has shape {shape:?}, expected [height, width]");
        return Err(PyValueError::new_err(message));
    };
    // Rows without padding, in native byte order.
    let bytes = array.call_method1("astype", (native,))?.call_method0("tobytes")?;
    let bytes = bytes.cast::<PyBytes>()?.as_bytes();
    let buffer = GreyBuffer { bytes, width, height, depth, stride: width * depth.bytes() };
    let spacing = spacing.map(Spacing::xy);
    Radiograph::from_buffer(name.to_owned(), &buffer, spacing).map_err(|e| raised(&e))
}

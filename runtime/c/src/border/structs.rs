//! Structs that may be of an older or newer version of the interface, distinguished by the size that the caller set.

use std::{ptr, slice};

use crate::failure::Failure;
use crate::types::{DetectorOptions, DeviceInfo, ImageView, LandmarkPoint, Summary};

/// Upper bound of the size of any struct of the interface, bytes; a larger `struct_size` was never set.
const MAX_STRUCT_SIZE: usize = 4096;

/// A struct of `types` that later versions may extend at its end.
///
/// # Safety
/// It is `repr(C)`. Its first field is a `usize`, the size of the struct. All bit patterns, zero included, are valid
/// for the other fields (numbers and raw pointers).
pub(super) unsafe trait Grows: Copy {
    /// Size in version 1 of the interface, bytes: no caller has a smaller one.
    const FIRST_SIZE: usize = size_of::<Self>();
}

// SAFETY: `repr(C)`; numbers and pointers follow `struct_size`.
unsafe impl Grows for DetectorOptions {}
// SAFETY: as above.
unsafe impl Grows for ImageView {}
// SAFETY: as above.
unsafe impl Grows for DeviceInfo {}
// SAFETY: as above.
unsafe impl Grows for Summary {}
// SAFETY: as above.
unsafe impl Grows for LandmarkPoint {}

impl DetectorOptions {
    /// The defaults, for a caller that passes no options.
    pub(super) fn none() -> Self {
        let (adapter, landmarks) = (ptr::null(), ptr::null());
        Self { struct_size: 0, adapter, landmarks, landmark_count: 0, backend: 0, reserved: 0 }
    }
}

/// The `struct_size` of the caller's struct, bytes, checked.
///
/// # Safety
/// `from` is null or points to a struct whose size is the value of its first field.
unsafe fn given_size<T: Grows>(from: *const T, what: &str) -> Result<usize, Failure> {
    if from.is_null() {
        return Err(Failure::usage(format!("{what} is NULL")));
    }
    // SAFETY: not null; the first field is a `usize`. The read does not assume alignment.
    let size = unsafe { from.cast::<usize>().read_unaligned() };
    if (T::FIRST_SIZE..=MAX_STRUCT_SIZE).contains(&size) {
        return Ok(size);
    }
    let message = format!("{what}.struct_size is {size}; set it to the sizeof of the struct");
    Err(Failure::usage(message))
}

/// A copy of the caller's struct. Fields that an older caller lacks are zero; fields of a newer caller that this
/// version does not know must be zero.
///
/// # Safety
/// As in [`given_size`].
pub(super) unsafe fn given_struct<T: Grows>(from: *const T, what: &str) -> Result<T, Failure> {
    // SAFETY: by the contract of this function.
    let size = unsafe { given_size(from, what) }?;
    let known = size.min(size_of::<T>());
    // SAFETY: `size` bytes are readable, in one allocation.
    let unknown = unsafe { slice::from_raw_parts(from.cast::<u8>().add(known), size - known) };
    if unknown.iter().any(|&byte| byte != 0) {
        let message =
            format!("{what} sets a field that this version of libfiducia does not support");
        return Err(Failure::usage(message));
    }
    // SAFETY: zero is valid for every field.
    let mut read = unsafe { std::mem::zeroed::<T>() };
    // SAFETY: both sides have `known` bytes, and any bytes are valid for `T`.
    unsafe { ptr::copy_nonoverlapping(from.cast::<u8>(), (&raw mut read).cast::<u8>(), known) };
    Ok(read)
}

/// Copies `value` to the caller's struct, except for `struct_size`: as much as fits an older struct; fields of a
/// newer one that this version does not know become zero.
///
/// # Safety
/// As in [`given_size`], and `to` may be written.
pub(super) unsafe fn fill<T: Grows>(to: *mut T, what: &str, value: T) -> Result<(), Failure> {
    // SAFETY: by the contract of this function.
    let size = unsafe { given_size(to, what) }?;
    let head = size_of::<usize>();
    let known = size.min(size_of::<T>());
    let (from, to) = ((&raw const value).cast::<u8>(), to.cast::<u8>());
    // SAFETY: `size` bytes may be written at `to`, `known` of them can be read from `value`.
    unsafe {
        ptr::copy_nonoverlapping(from.add(head), to.add(head), known - head);
        to.add(known).write_bytes(0, size - known);
    }
    Ok(())
}

//! What a call returns: a status, a message, a handle, or a text that a handle owns.

use std::ffi::{CStr, c_char};
use std::ptr;

use super::arguments::given;
use crate::failure::Failure;
use crate::guard::guarded;
use crate::handles::c_text;
use crate::types::Status;

/// The caller's output pointer, set to null.
///
/// # Safety
/// `out` is null or points to a pointer that may be written during `'a`.
pub(super) unsafe fn out_pointer<'a, T>(
    out: *mut *mut T,
    what: &str,
) -> Result<&'a mut *mut T, Failure> {
    if out.is_null() {
        return Err(Failure::usage(format!("{what} is NULL")));
    }
    // SAFETY: not null, and by the contract of this function. The old value is not read.
    unsafe {
        out.write(ptr::null_mut());
        Ok(&mut *out)
    }
}

/// Runs `call`, stores its result as a handle at `out`, and returns the status.
///
/// # Safety
/// `out` as in [`out_pointer`], `message` as in [`answer`].
pub(super) unsafe fn hand_out<T>(
    out: *mut *mut T,
    what: &str,
    message: *mut *mut c_char,
    call: impl FnOnce() -> Result<T, Failure>,
) -> Status {
    let call = || {
        // SAFETY: by the contract of this function.
        let out = unsafe { out_pointer(out, what) }?;
        *out = Box::into_raw(Box::new(call()?));
        Ok(())
    };
    // SAFETY: by the contract of this function.
    unsafe { answer(message, call) }
}

/// Runs `call` and returns its status; stores the error message at `message`, or null on success.
///
/// # Safety
/// `message` is null or may be written.
pub(super) unsafe fn answer(
    message: *mut *mut c_char,
    call: impl FnOnce() -> Result<(), Failure>,
) -> Status {
    let (status, text) = match guarded(call) {
        Ok(()) => (Status::Ok, ptr::null_mut()),
        // The caller does not want the message.
        Err(failure) if message.is_null() => (failure.status, ptr::null_mut()),
        Err(failure) => (failure.status, c_text(&failure.message).into_raw()),
    };
    if !message.is_null() {
        // SAFETY: by the contract of this function. The old value is not read.
        unsafe { message.write(text) };
    }
    status
}

/// A text that the handle owns; null if `handle` is null or there is no such text.
///
/// # Safety
/// As in [`given`].
pub(super) unsafe fn text_of<T>(
    handle: *const T,
    text: impl FnOnce(&T) -> Option<&CStr>,
) -> *const c_char {
    // SAFETY: by the contract of this function.
    let call = || Ok(text(unsafe { given(handle, "handle") }?).map_or(ptr::null(), CStr::as_ptr));
    guarded(call).unwrap_or(ptr::null())
}

/// Frees a handle.
///
/// # Safety
/// `handle` is null, or was made with `Box::into_raw` by this library and is not used again.
pub(super) unsafe fn free<T>(handle: *mut T) {
    let call = || {
        if !handle.is_null() {
            // SAFETY: by the contract of this function.
            drop(unsafe { Box::from_raw(handle) });
        }
        Ok(())
    };
    // There is no way to report a panic in a destructor; what could not be dropped is leaked.
    let _ = guarded(call);
}

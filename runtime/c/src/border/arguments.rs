//! Turns pointer arguments into references, slices and texts; null and impossible sizes are errors.

use std::ffi::{CStr, c_char, c_void};
use std::path::PathBuf;
use std::slice;

use fiducia::PublicKey;

use crate::failure::Failure;
use crate::types::FIDUCIA_KEY_SIZE;

/// A handle; null is an error.
///
/// # Safety
/// `from` is null or points to a `T` that is valid during `'a`.
pub(super) unsafe fn given<'a, T>(from: *const T, what: &str) -> Result<&'a T, Failure> {
    // SAFETY: by the contract of this function; no mutable reference to a handle exists.
    unsafe { from.as_ref() }.ok_or_else(|| Failure::usage(format!("{what} is NULL")))
}

/// A buffer; null is an error.
///
/// # Safety
/// `bytes` is null or points to `size` bytes that are valid and do not change during `'a`.
pub(super) unsafe fn given_bytes<'a>(
    bytes: *const c_void,
    size: usize,
    what: &str,
) -> Result<&'a [u8], Failure> {
    if bytes.is_null() {
        return Err(Failure::usage(format!("{what} is NULL")));
    }
    if size > isize::MAX as usize {
        return Err(Failure::usage(format!("{what}: {size} bytes are more than memory can hold")));
    }
    // SAFETY: not null, a possible size, and by the contract of this function.
    Ok(unsafe { slice::from_raw_parts(bytes.cast::<u8>(), size) })
}

/// An optional UTF-8 text.
///
/// # Safety
/// `text` is null, or ends with a zero byte and is valid during `'a`.
pub(super) unsafe fn given_text<'a>(
    text: *const c_char,
    what: &str,
) -> Result<Option<&'a str>, Failure> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not null, and by the contract of this function.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|_| Failure::usage(format!("{what} is not UTF-8")))
}

/// An optional list of UTF-8 texts.
///
/// # Safety
/// `names` is null or points to `count` pointers, each as in [`given_text`].
pub(super) unsafe fn given_names(
    names: *const *const c_char,
    count: usize,
) -> Result<Option<Vec<String>>, Failure> {
    const WHAT: &str = "options.landmarks";
    if names.is_null() && count == 0 {
        return Ok(None);
    }
    if names.is_null() || count > isize::MAX as usize / size_of::<*const c_char>() {
        return Err(Failure::usage(format!("{WHAT} does not hold {count} names")));
    }
    // SAFETY: not null, a possible size, and by the contract of this function.
    let names = unsafe { slice::from_raw_parts(names, count) };
    let name = |&name: &*const c_char| {
        // SAFETY: by the contract of this function.
        let name = unsafe { given_text(name, WHAT) }?;
        name.map(str::to_owned).ok_or_else(|| Failure::usage(format!("{WHAT} contains NULL")))
    };
    names.iter().map(name).collect::<Result<_, _>>().map(Some)
}

/// A path in the encoding of the operating system; null is an error.
///
/// # Safety
/// As in [`given_text`].
pub(super) unsafe fn given_path(path: *const c_char) -> Result<PathBuf, Failure> {
    if path.is_null() {
        return Err(Failure::usage("path is NULL"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        // SAFETY: not null, and by the contract of this function.
        let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
        Ok(std::ffi::OsStr::from_bytes(bytes).into())
    }
    #[cfg(not(unix))]
    {
        // SAFETY: by the contract of this function.
        Ok(unsafe { given_text(path, "path") }?.unwrap_or_default().into())
    }
}

/// An optional public key.
///
/// # Safety
/// `key` is null or points to `FIDUCIA_KEY_SIZE` bytes.
pub(super) unsafe fn given_key(key: *const u8) -> Result<Option<PublicKey>, Failure> {
    if key.is_null() {
        return Ok(None);
    }
    // SAFETY: not null, and by the contract of this function; byte arrays need no alignment.
    let bytes = unsafe { &*key.cast::<[u8; FIDUCIA_KEY_SIZE]>() };
    let found = PublicKey::from_bytes(bytes);
    found.map(Some).ok_or_else(|| Failure::usage("signer_key is not an Ed25519 public key"))
}

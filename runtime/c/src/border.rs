//! The functions that C calls: pointers in, checked; a status out. All unsafe code of the crate is in this file.
//!
//! The contract of the caller, on which each `SAFETY` comment below builds (fiducia.h states it): a pointer that
//! is not null points to what its type says, to as much of it as the size given with it, for as long as the call
//! lasts; a text ends with a zero byte; a handle came from this library and is not yet freed.
#![allow(unsafe_code, reason = "C hands over raw pointers")]
#![allow(
    clippy::missing_safety_doc,
    reason = "what callers must keep to stands above, once for all"
)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::PathBuf;
use std::{ptr, slice};

use fiducia::{Backend, Depth, GreyBuffer, PublicKey, Radiograph};

use crate::failure::Failure;
use crate::guard::guarded;
use crate::handles::{DetectorHandle, PackHandle, ReportHandle};
use crate::types::{
    BackendChoice, DetectorOptions, DeviceInfo, FIDUCIA_ABI_VERSION, FIDUCIA_KEY_SIZE, ImageView,
    LandmarkPoint, Status, Summary,
};

#[cfg(test)]
mod tests;

/// Larger than any struct of the interface will be; more is a size that was never set.
const MAX_STRUCT_SIZE: usize = 4096;

/// The version of the binary interface that the library has; a program that was compiled with the same
/// `FIDUCIA_ABI_VERSION` can use it.
#[unsafe(no_mangle)]
pub extern "C" fn fiducia_abi_version() -> u32 {
    FIDUCIA_ABI_VERSION
}

/// The version of fiducia, such as `0.1.0`. Never freed.
#[unsafe(no_mangle)]
pub extern "C" fn fiducia_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// Frees a message. NULL is let be.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_string_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: the caller's part: the text came from `answer`, which made it with `CString::into_raw`.
        drop(unsafe { CString::from_raw(text) });
    }
}

/// Reads a maker's public key from a PEM file, as `fiducia-train keygen` or `openssl pkey -pubout` write it, into
/// the `FIDUCIA_KEY_SIZE` bytes at `key`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_key_read(
    path: *const c_char,
    key: *mut u8,
    message: *mut *mut c_char,
) -> Status {
    let call = || {
        // SAFETY: the caller's part.
        let path = unsafe { given_path(path) }?;
        if key.is_null() {
            return Err(Failure::usage("key is NULL"));
        }
        let found = PublicKey::open(&path)?;
        // SAFETY: the caller's part: `key` has room for FIDUCIA_KEY_SIZE bytes.
        unsafe { ptr::copy_nonoverlapping(found.as_bytes().as_ptr(), key, FIDUCIA_KEY_SIZE) };
        Ok(())
    };
    // SAFETY: the caller's part.
    unsafe { answer(message, call) }
}

/// Reads and checks the model file at `path` (bytes as the operating system takes them). With a `signer_key` of
/// `FIDUCIA_KEY_SIZE` bytes only a model that its maker signed is taken; NULL takes any. The caller frees `*pack`
/// with `fiducia_pack_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_pack_open(
    path: *const c_char,
    signer_key: *const u8,
    pack: *mut *mut PackHandle,
    message: *mut *mut c_char,
) -> Status {
    // SAFETY: the caller's part, for each of the pointers.
    let call = || unsafe { PackHandle::open(&given_path(path)?, given_key(signer_key)?.as_ref()) };
    // SAFETY: the caller's part.
    unsafe { hand_out(pack, "pack", message, call) }
}

/// As `fiducia_pack_open`, from the `size` bytes of a model file in memory. They are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_pack_from_memory(
    bytes: *const c_void,
    size: usize,
    signer_key: *const u8,
    pack: *mut *mut PackHandle,
    message: *mut *mut c_char,
) -> Status {
    // SAFETY: the caller's part, for each of the pointers.
    let call = || unsafe {
        let key = given_key(signer_key)?;
        PackHandle::from_bytes(given_bytes(bytes, size, "bytes")?, key.as_ref())
    };
    // SAFETY: the caller's part.
    unsafe { hand_out(pack, "pack", message, call) }
}

/// Frees a model. Detectors made from it stay usable. NULL is let be.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_pack_free(pack: *mut PackHandle) {
    // SAFETY: the caller's part.
    unsafe { free(pack) }
}

/// The name of the model, which lives as long as `pack`; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_pack_name(pack: *const PackHandle) -> *const c_char {
    // SAFETY: the caller's part.
    unsafe { text_of(pack, |pack| Some(pack.name())) }
}

/// SHA-256 of the whole model file, hexadecimal, which lives as long as `pack`; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_pack_sha256(pack: *const PackHandle) -> *const c_char {
    // SAFETY: the caller's part.
    unsafe { text_of(pack, |pack| Some(pack.sha256())) }
}

/// How many landmarks the model has; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_pack_landmark_count(pack: *const PackHandle) -> usize {
    // SAFETY: the caller's part.
    let call = || Ok(unsafe { given(pack, "pack") }?.landmarks().len());
    guarded(call).unwrap_or(0)
}

/// The name of landmark number `index`, from 0 on, which lives as long as `pack`; NULL where there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_pack_landmark(
    pack: *const PackHandle,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller's part.
    unsafe { text_of(pack, |pack| Some(pack.landmarks().get(index)?.as_c_str())) }
}

/// Makes a model ready to run, which takes a while. NULL `options` are all zero: all landmarks, on a real GPU where
/// there is one, else on the CPU. `pack` may be freed afterwards. The caller frees `*detector` with
/// `fiducia_detector_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_detector_new(
    pack: *const PackHandle,
    options: *const DetectorOptions,
    detector: *mut *mut DetectorHandle,
    message: *mut *mut c_char,
) -> Status {
    // SAFETY: the caller's part, for each of the pointers and those in `options`.
    let call = || unsafe {
        let pack = given(pack, "pack")?;
        let options = match options.is_null() {
            true => DetectorOptions::none(),
            false => given_struct(options, "options")?,
        };
        let backend = backend(options.backend)?;
        let adapter = given_text(options.adapter, "adapter")?;
        let landmarks = given_names(options.landmarks, options.landmark_count)?;
        if options.reserved != 0 {
            return Err(Failure::usage("options.reserved must be 0"));
        }
        DetectorHandle::new(pack, backend, adapter, landmarks.as_deref())
    };
    // SAFETY: the caller's part.
    unsafe { hand_out(detector, "detector", message, call) }
}

/// Frees a detector. Its reports stay usable. No other thread may be using it. NULL is let be.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_detector_free(detector: *mut DetectorHandle) {
    // SAFETY: the caller's part.
    unsafe { free(detector) }
}

/// Fills `*device`, whose `struct_size` the caller has set, with what runs the networks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_detector_device(
    detector: *const DetectorHandle,
    device: *mut DeviceInfo,
) -> Status {
    // SAFETY: the caller's part.
    let call = || unsafe { fill(device, "device", given(detector, "detector")?.device()) };
    // SAFETY: a null message is let be.
    unsafe { answer(ptr::null_mut(), call) }
}

/// Finds the landmarks on `image`. The caller frees `*report` with `fiducia_report_free`.
///
/// `FIDUCIA_STATUS_REFUSED` means that the image does not look like what the model was made for. The message says
/// why; `*report` then holds the reasons and no landmarks, or is NULL where the image is too small or too flat to
/// be looked at. Images of other kinds are refused, but not every wrong image is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_detect(
    detector: *const DetectorHandle,
    image: *const ImageView,
    report: *mut *mut ReportHandle,
    message: *mut *mut c_char,
) -> Status {
    let call = || {
        // SAFETY: the caller's part.
        let out = unsafe { place(report, "report") }?;
        // SAFETY: the caller's part, for the pointers in `image` too.
        let (detector, radiograph) = unsafe {
            let detector = given(detector, "detector")?;
            (detector, radiograph(&given_struct(image, "image")?)?)
        };
        let found = detector.detect(&radiograph)?;
        let refusal = found.refusal();
        *out = Box::into_raw(Box::new(found));
        refusal.map_or(Ok(()), Err)
    };
    // SAFETY: the caller's part.
    unsafe { answer(message, call) }
}

/// Frees a report and the texts that it lent. NULL is let be.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_report_free(report: *mut ReportHandle) {
    // SAFETY: the caller's part.
    unsafe { free(report) }
}

/// Fills `*summary`, whose `struct_size` the caller has set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_report_summary(
    report: *const ReportHandle,
    summary: *mut Summary,
) -> Status {
    // SAFETY: the caller's part.
    let call = || unsafe { fill(summary, "summary", given(report, "report")?.summary()) };
    // SAFETY: a null message is let be.
    unsafe { answer(ptr::null_mut(), call) }
}

/// Fills `*landmark`, whose `struct_size` the caller has set, with landmark number `index`, from 0 on.
/// `FIDUCIA_STATUS_USAGE` where there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_report_landmark(
    report: *const ReportHandle,
    index: usize,
    landmark: *mut LandmarkPoint,
) -> Status {
    // SAFETY: the caller's part.
    let call = || unsafe {
        let found = given(report, "report")?.landmark(index);
        fill(landmark, "landmark", found.ok_or_else(|| Failure::usage("no such landmark"))?)
    };
    // SAFETY: a null message is let be.
    unsafe { answer(ptr::null_mut(), call) }
}

/// Reason number `index`, from 0 on, for refusing the image, which lives as long as `report`; NULL where there is
/// none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_report_reason(
    report: *const ReportHandle,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller's part.
    unsafe { text_of(report, |report| Some(report.reasons().get(index)?.as_c_str())) }
}

/// The whole report as JSON (schema `fiducia.report/1`), which lives as long as `report`; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_report_json(report: *const ReportHandle) -> *const c_char {
    // SAFETY: the caller's part.
    unsafe { text_of(report, ReportHandle::json) }
}

fn backend(code: u32) -> Result<Backend, Failure> {
    let choices = [
        (BackendChoice::Auto, Backend::Auto),
        (BackendChoice::Cpu, Backend::Cpu),
        (BackendChoice::Gpu, Backend::Gpu),
    ];
    let chosen = choices.into_iter().find(|(choice, _)| *choice as u32 == code);
    chosen.map(|(_, backend)| backend).ok_or_else(|| {
        Failure::usage(format!("there is no backend {code}; take a fiducia_backend"))
    })
}

/// The image as fiducia keeps it.
///
/// # Safety
/// The pointers in `view` keep the contract at the top of this file.
unsafe fn radiograph(view: &ImageView) -> Result<Radiograph, Failure> {
    let (width, height) = (view.width as usize, view.height as usize);
    let depth = match view.bits {
        8 => Depth::Eight,
        16 => Depth::Sixteen,
        bits => return Err(Failure::usage(format!("image.bits is {bits}; give 8 or 16"))),
    };
    let stride = match view.stride {
        0 => width.saturating_mul(depth.bytes()),
        stride => stride,
    };
    // SAFETY: the caller's part.
    let (name, bytes) = unsafe {
        let name = given_text(view.name, "image.name")?.unwrap_or("image").to_owned();
        (name, given_bytes(view.pixels, view.pixels_size, "image.pixels")?)
    };
    let spacing = [view.spacing_x_mm, view.spacing_y_mm];
    let spacing = (spacing != [0.0; 2]).then_some(spacing);
    let buffer = GreyBuffer { bytes, width, height, depth, stride };
    let radiograph = Radiograph::from_buffer(name, &buffer, spacing)?;
    Ok(if view.invert == 0 { radiograph } else { radiograph.inverted() })
}

/// A struct of `types`.
///
/// # Safety
/// `repr(C)`; its first field is the `usize` of its size; any bytes are a value of the others (numbers and raw
/// pointers), zero among them.
unsafe trait Grows: Copy {
    /// Its size in version 1 of the interface: no caller has a smaller one.
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
    /// What a caller without options wants.
    fn none() -> Self {
        let (adapter, landmarks) = (ptr::null(), ptr::null());
        Self { struct_size: 0, adapter, landmarks, landmark_count: 0, backend: 0, reserved: 0 }
    }
}

/// The size that the caller wrote at the start of its struct.
///
/// # Safety
/// `from` is null or points to a struct of the size that it begins with.
unsafe fn size_given<T: Grows>(from: *const T, what: &str) -> Result<usize, Failure> {
    if from.is_null() {
        return Err(Failure::usage(format!("{what} is NULL")));
    }
    // SAFETY: not null; the first field is a `usize`. Read byte by byte, whatever the alignment.
    let size = unsafe { from.cast::<usize>().read_unaligned() };
    if (T::FIRST_SIZE..=MAX_STRUCT_SIZE).contains(&size) {
        return Ok(size);
    }
    let message = format!("{what}.struct_size is {size}; set it to the size of the struct");
    Err(Failure::usage(message))
}

/// The caller's struct, which may be of an older or newer version: what it lacks is zero, and what this version
/// does not know must be.
///
/// # Safety
/// As [`size_given`].
unsafe fn given_struct<T: Grows>(from: *const T, what: &str) -> Result<T, Failure> {
    // SAFETY: as promised by the caller of this function.
    let size = unsafe { size_given(from, what) }?;
    let known = size.min(size_of::<T>());
    // SAFETY: `size` bytes are there, in one piece of memory.
    let unknown = unsafe { slice::from_raw_parts(from.cast::<u8>().add(known), size - known) };
    if unknown.iter().any(|&byte| byte != 0) {
        let message = format!("{what} asks for something that this version of libfiducia lacks");
        return Err(Failure::usage(message));
    }
    // SAFETY: zero is a value of every field.
    let mut read = unsafe { std::mem::zeroed::<T>() };
    // SAFETY: `known` bytes are there on both sides, and any bytes are a value of `T`.
    unsafe { ptr::copy_nonoverlapping(from.cast::<u8>(), (&raw mut read).cast::<u8>(), known) };
    Ok(read)
}

/// Writes as much of `value` as the caller's struct has room for; what this version does not know becomes zero.
///
/// # Safety
/// As [`size_given`], and `to` may be written.
unsafe fn fill<T: Grows>(to: *mut T, what: &str, value: T) -> Result<(), Failure> {
    // SAFETY: as promised by the caller of this function.
    let size = unsafe { size_given(to, what) }?;
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

/// # Safety
/// `from` is null or points to a `T` that lives as long as `'a`.
unsafe fn given<'a, T>(from: *const T, what: &str) -> Result<&'a T, Failure> {
    // SAFETY: as promised by the caller of this function; handles are never handed out mutably.
    unsafe { from.as_ref() }.ok_or_else(|| Failure::usage(format!("{what} is NULL")))
}

/// Where the caller wants a pointer; it is null until there is something.
///
/// # Safety
/// `out` is null or points to a pointer that may be written as long as `'a`.
unsafe fn place<'a, T>(out: *mut *mut T, what: &str) -> Result<&'a mut *mut T, Failure> {
    if out.is_null() {
        return Err(Failure::usage(format!("{what} is NULL")));
    }
    // SAFETY: not null, and as promised by the caller of this function. What it held is not looked at.
    unsafe {
        out.write(ptr::null_mut());
        Ok(&mut *out)
    }
}

/// # Safety
/// `bytes` is null or points to `size` bytes that live and stay as they are as long as `'a`.
unsafe fn given_bytes<'a>(
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
    // SAFETY: not null, a possible size, and as promised by the caller of this function.
    Ok(unsafe { slice::from_raw_parts(bytes.cast::<u8>(), size) })
}

/// # Safety
/// `text` is null or ends with a zero byte, and lives as long as `'a`.
unsafe fn given_text<'a>(text: *const c_char, what: &str) -> Result<Option<&'a str>, Failure> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not null, and as promised by the caller of this function.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|_| Failure::usage(format!("{what} is not UTF-8")))
}

/// # Safety
/// `names` is null or points to `count` pointers, each as for [`given_text`].
unsafe fn given_names(
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
    // SAFETY: not null, a possible size, and as promised by the caller of this function.
    let names = unsafe { slice::from_raw_parts(names, count) };
    let name = |&name: &*const c_char| {
        // SAFETY: as promised by the caller of this function.
        let name = unsafe { given_text(name, WHAT) }?;
        name.map(str::to_owned).ok_or_else(|| Failure::usage(format!("a name of {WHAT} is NULL")))
    };
    names.iter().map(name).collect::<Result<_, _>>().map(Some)
}

/// # Safety
/// As [`given_text`].
unsafe fn given_path(path: *const c_char) -> Result<PathBuf, Failure> {
    if path.is_null() {
        return Err(Failure::usage("path is NULL"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        // SAFETY: not null, and as promised by the caller of this function.
        let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
        Ok(std::ffi::OsStr::from_bytes(bytes).into())
    }
    #[cfg(not(unix))]
    {
        // SAFETY: as promised by the caller of this function.
        Ok(unsafe { given_text(path, "path") }?.unwrap_or_default().into())
    }
}

/// # Safety
/// `key` is null or points to `FIDUCIA_KEY_SIZE` bytes.
unsafe fn given_key(key: *const u8) -> Result<Option<PublicKey>, Failure> {
    if key.is_null() {
        return Ok(None);
    }
    // SAFETY: not null, and as promised by the caller of this function; bytes have no alignment.
    let bytes = unsafe { &*key.cast::<[u8; FIDUCIA_KEY_SIZE]>() };
    let found = PublicKey::from_bytes(bytes);
    found.map(Some).ok_or_else(|| Failure::usage("signer_key is no Ed25519 public key"))
}

/// Runs `call`, hands out what it made, answers with its status.
///
/// # Safety
/// `out` as for [`place`], `message` as for [`answer`].
unsafe fn hand_out<T>(
    out: *mut *mut T,
    what: &str,
    message: *mut *mut c_char,
    call: impl FnOnce() -> Result<T, Failure>,
) -> Status {
    let call = || {
        // SAFETY: as promised by the caller of this function.
        let out = unsafe { place(out, what) }?;
        *out = Box::into_raw(Box::new(call()?));
        Ok(())
    };
    // SAFETY: as promised by the caller of this function.
    unsafe { answer(message, call) }
}

/// Runs `call` and answers with its status; what went wrong is left at `message`, else null.
///
/// # Safety
/// `message` is null or may be written.
unsafe fn answer(message: *mut *mut c_char, call: impl FnOnce() -> Result<(), Failure>) -> Status {
    let (status, text) = match guarded(call) {
        Ok(()) => (Status::Ok, ptr::null_mut()),
        // A message that nobody wants is not made.
        Err(failure) if message.is_null() => (failure.status, ptr::null_mut()),
        Err(failure) => (failure.status, crate::handles::c_text(&failure.message).into_raw()),
    };
    if !message.is_null() {
        // SAFETY: as promised by the caller of this function. What it held is not looked at.
        unsafe { message.write(text) };
    }
    status
}

/// A text that the handle lends.
///
/// # Safety
/// As [`given`].
unsafe fn text_of<T>(handle: *const T, text: impl FnOnce(&T) -> Option<&CStr>) -> *const c_char {
    // SAFETY: as promised by the caller of this function.
    let call = || Ok(text(unsafe { given(handle, "handle") }?).map_or(ptr::null(), CStr::as_ptr));
    guarded(call).unwrap_or(ptr::null())
}

/// # Safety
/// `handle` is null or came from [`hand_out`] and is not used again.
unsafe fn free<T>(handle: *mut T) {
    let call = || {
        if !handle.is_null() {
            // SAFETY: as promised by the caller of this function; `hand_out` made it with `Box::into_raw`.
            drop(unsafe { Box::from_raw(handle) });
        }
        Ok(())
    };
    // There is nobody to tell; what could not be dropped is leaked.
    let _ = guarded(call);
}

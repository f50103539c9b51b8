//! The functions that C calls. All unsafe code of the crate is in this file and in the folder `border`.
//!
//! ```text
//! C ─arguments, structs→ checked values ─handles→ results ─answers→ status, message, handle, text
//! ```
//!
//! The caller's contract, which every `SAFETY` comment refers to (fiducia.h states it): a pointer that is not null
//! points to a value of its type, with the size given beside it, and stays valid during the call; a text ends with
//! a zero byte; a handle was returned by this library and has not been freed.
#![allow(unsafe_code, reason = "C hands over raw pointers")]
#![allow(clippy::missing_safety_doc, reason = "one contract for all functions, stated above")]

mod arguments;
mod structs;
mod answers;
#[cfg(test)]
mod tests;

use std::ffi::{CString, c_char, c_void};
use std::ptr;

use fiducia::{Backend, Depth, GreyBuffer, PublicKey, Radiograph};

use self::answers::{answer, free, hand_out, out_pointer, text_of};
use self::arguments::{given, given_bytes, given_key, given_names, given_path, given_text};
use self::structs::{fill, given_struct};
use crate::failure::Failure;
use crate::guard::guarded;
use crate::handles::{DetectorHandle, PackHandle, ReportHandle};
use crate::types::{
    BackendChoice, DetectorOptions, DeviceInfo, FIDUCIA_ABI_VERSION, FIDUCIA_KEY_SIZE, ImageView,
    LandmarkPoint, Status, Summary,
};

/// The ABI version of the library. It is compatible with programs compiled with the same `FIDUCIA_ABI_VERSION`.
#[unsafe(no_mangle)]
pub extern "C" fn fiducia_abi_version() -> u32 {
    FIDUCIA_ABI_VERSION
}

/// The version of fiducia, such as `0.1.0`. A constant; do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn fiducia_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// Frees a message. NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_string_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: the caller's contract: `answer` made the text with `CString::into_raw`.
        drop(unsafe { CString::from_raw(text) });
    }
}

/// Reads a public key from a PEM file, as written by `fiducia-train keygen` or `openssl pkey -pubout`, into the
/// `FIDUCIA_KEY_SIZE` bytes at `key`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_key_read(
    path: *const c_char,
    key: *mut u8,
    message: *mut *mut c_char,
) -> Status {
    let call = || {
        // SAFETY: the caller's contract.
        let path = unsafe { given_path(path) }?;
        if key.is_null() {
            return Err(Failure::usage("key is NULL"));
        }
        let found = PublicKey::open(&path)?;
        // SAFETY: the caller's contract: `key` has room for FIDUCIA_KEY_SIZE bytes.
        unsafe { ptr::copy_nonoverlapping(found.as_bytes().as_ptr(), key, FIDUCIA_KEY_SIZE) };
        Ok(())
    };
    // SAFETY: the caller's contract.
    unsafe { answer(message, call) }
}

/// Reads and checks the model file at `path` (in the encoding of the operating system). With a `signer_key` of
/// `FIDUCIA_KEY_SIZE` bytes, the model must be signed with that key; NULL accepts any model. The caller frees
/// `*pack` with `fiducia_pack_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_pack_open(
    path: *const c_char,
    signer_key: *const u8,
    pack: *mut *mut PackHandle,
    message: *mut *mut c_char,
) -> Status {
    // SAFETY: the caller's contract, for each of the pointers.
    let call = || unsafe { PackHandle::open(&given_path(path)?, given_key(signer_key)?.as_ref()) };
    // SAFETY: the caller's contract.
    unsafe { hand_out(pack, "pack", message, call) }
}

/// Like `fiducia_pack_open`, from the `size` bytes of a model file in memory. The bytes are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_pack_from_memory(
    bytes: *const c_void,
    size: usize,
    signer_key: *const u8,
    pack: *mut *mut PackHandle,
    message: *mut *mut c_char,
) -> Status {
    // SAFETY: the caller's contract, for each of the pointers.
    let call = || unsafe {
        let key = given_key(signer_key)?;
        PackHandle::from_bytes(given_bytes(bytes, size, "bytes")?, key.as_ref())
    };
    // SAFETY: the caller's contract.
    unsafe { hand_out(pack, "pack", message, call) }
}

/// Frees a model. Detectors created from it stay valid. NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_pack_free(pack: *mut PackHandle) {
    // SAFETY: the caller's contract.
    unsafe { free(pack) }
}

/// The name of the model, valid as long as `pack`; NULL if `pack` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_pack_name(pack: *const PackHandle) -> *const c_char {
    // SAFETY: the caller's contract.
    unsafe { text_of(pack, |pack| Some(pack.name())) }
}

/// SHA-256 of the model file in hexadecimal, valid as long as `pack`; NULL if `pack` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_pack_sha256(pack: *const PackHandle) -> *const c_char {
    // SAFETY: the caller's contract.
    unsafe { text_of(pack, |pack| Some(pack.sha256())) }
}

/// Number of landmarks of the model; 0 if `pack` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_pack_landmark_count(pack: *const PackHandle) -> usize {
    // SAFETY: the caller's contract.
    let call = || Ok(unsafe { given(pack, "pack") }?.landmarks().len());
    guarded(call).unwrap_or(0)
}

/// The name of landmark `index` (from 0), valid as long as `pack`; NULL if the index is out of range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_pack_landmark(
    pack: *const PackHandle,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller's contract.
    unsafe { text_of(pack, |pack| Some(pack.landmarks().get(index)?.as_c_str())) }
}

/// Creates a detector, which takes a while. NULL `options` select the defaults: all landmarks, on a hardware GPU if
/// there is one, else on the CPU. `pack` may be freed afterwards. The caller frees `*detector` with
/// `fiducia_detector_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_detector_new(
    pack: *const PackHandle,
    options: *const DetectorOptions,
    detector: *mut *mut DetectorHandle,
    message: *mut *mut c_char,
) -> Status {
    // SAFETY: the caller's contract, for each of the pointers and those in `options`.
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
    // SAFETY: the caller's contract.
    unsafe { hand_out(detector, "detector", message, call) }
}

/// Frees a detector. Its reports stay valid. No other thread may be using it. NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_detector_free(detector: *mut DetectorHandle) {
    // SAFETY: the caller's contract.
    unsafe { free(detector) }
}

/// Fills `*device` with the device that runs the networks. Set its `struct_size` first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_detector_device(
    detector: *const DetectorHandle,
    device: *mut DeviceInfo,
) -> Status {
    // SAFETY: the caller's contract.
    let call = || unsafe { fill(device, "device", given(detector, "detector")?.device()) };
    // SAFETY: a null message is allowed.
    unsafe { answer(ptr::null_mut(), call) }
}

/// Detects the landmarks on `image`. The caller frees `*report` with `fiducia_report_free`.
///
/// `FIDUCIA_STATUS_REFUSED` means that the image does not look like the images that the model was trained on. The
/// message says why. `*report` then holds the reasons and no landmarks, or is NULL if the image is too small or has
/// no contrast. The check detects most unsuitable images, but not all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_detect(
    detector: *const DetectorHandle,
    image: *const ImageView,
    report: *mut *mut ReportHandle,
    message: *mut *mut c_char,
) -> Status {
    let call = || {
        // SAFETY: the caller's contract.
        let out = unsafe { out_pointer(report, "report") }?;
        // SAFETY: the caller's contract, for the pointers in `image` too.
        let (detector, radiograph) = unsafe {
            let detector = given(detector, "detector")?;
            (detector, radiograph(&given_struct(image, "image")?)?)
        };
        let found = detector.detect(&radiograph)?;
        let refusal = found.refusal();
        *out = Box::into_raw(Box::new(found));
        refusal.map_or(Ok(()), Err)
    };
    // SAFETY: the caller's contract.
    unsafe { answer(message, call) }
}

/// Frees a report and all texts that belong to it. NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_report_free(report: *mut ReportHandle) {
    // SAFETY: the caller's contract.
    unsafe { free(report) }
}

/// Fills `*summary`. Set its `struct_size` first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_report_summary(
    report: *const ReportHandle,
    summary: *mut Summary,
) -> Status {
    // SAFETY: the caller's contract.
    let call = || unsafe { fill(summary, "summary", given(report, "report")?.summary()) };
    // SAFETY: a null message is allowed.
    unsafe { answer(ptr::null_mut(), call) }
}

/// Fills `*landmark` with landmark `index` (from 0). Set its `struct_size` first. `FIDUCIA_STATUS_USAGE` if the
/// index is out of range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_report_landmark(
    report: *const ReportHandle,
    index: usize,
    landmark: *mut LandmarkPoint,
) -> Status {
    // SAFETY: the caller's contract.
    let call = || unsafe {
        let found = given(report, "report")?.landmark(index);
        fill(
            landmark,
            "landmark",
            found.ok_or_else(|| Failure::usage("landmark index out of range"))?,
        )
    };
    // SAFETY: a null message is allowed.
    unsafe { answer(ptr::null_mut(), call) }
}

/// Reason `index` (from 0) for refusing the image, valid as long as `report`; NULL if the index is out of range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_report_reason(
    report: *const ReportHandle,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller's contract.
    unsafe { text_of(report, |report| Some(report.reasons().get(index)?.as_c_str())) }
}

/// The report as JSON (schema `fiducia.report/1`), valid as long as `report`; NULL if `report` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fiducia_report_json(report: *const ReportHandle) -> *const c_char {
    // SAFETY: the caller's contract.
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
        Failure::usage(format!("invalid backend {code}: use a value of fiducia_backend"))
    })
}

/// A copy of the caller's image.
///
/// # Safety
/// The pointers in `view` satisfy the contract at the top of this file.
unsafe fn radiograph(view: &ImageView) -> Result<Radiograph, Failure> {
    let (width, height) = (view.width as usize, view.height as usize);
    let depth = match view.bits {
        8 => Depth::Eight,
        16 => Depth::Sixteen,
        bits => return Err(Failure::usage(format!("image.bits is {bits}, expected 8 or 16"))),
    };
    let stride = match view.stride {
        0 => width.saturating_mul(depth.bytes()),
        stride => stride,
    };
    // SAFETY: the caller's contract.
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

//! Codes and structs of the interface, with C layout.
//!
//! Every struct begins with its size as the caller knows it, and zero means "not given" in every input field, so
//! that later versions may add fields at the end.

use std::ffi::{c_char, c_void};

/// ABI version. It changes when programs have to be recompiled.
pub const FIDUCIA_ABI_VERSION: u32 = 1;

/// Size of a public key, bytes.
pub const FIDUCIA_KEY_SIZE: usize = 32;

/// Result of a call. 1 to 6 have the meaning of the exit codes of the `fiducia` program.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Success.
    Ok = 0,
    /// Internal error, described in the message.
    Internal = 1,
    /// Invalid argument: a NULL pointer, inconsistent sizes, an unknown landmark.
    Usage = 2,
    /// A model or key file cannot be read: missing, damaged, or of an unknown format.
    Unreadable = 3,
    /// The image does not look like the images that the model was trained on; there are no landmarks.
    Refused = 4,
    /// A GPU was requested, but no GPU was found, or none of them can run the model.
    NoGpu = 5,
    /// The model is not signed with the given key.
    Untrusted = 6,
    /// Not enough GPU memory for the model or the image.
    GpuMemory = 7,
    /// The GPU computes wrong results; it failed the self-test.
    GpuWrong = 8,
    /// The GPU was lost during the computation; a new detector may find it again.
    GpuLost = 9,
}

/// The processor that runs the networks; the field `backend` of `fiducia_detector_options`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendChoice {
    /// A hardware GPU if there is one, else the CPU.
    Auto = 0,
    /// The CPU.
    Cpu = 1,
    /// A GPU; an error if no GPU can be used.
    Gpu = 2,
}

/// Options of a detector. All zero except `struct_size` selects the defaults: all landmarks, on a hardware GPU if
/// there is one, else on the CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DetectorOptions {
    /// `sizeof(fiducia_detector_options)`.
    pub struct_size: usize,
    /// Use the first GPU whose name contains this text (UTF-8); NULL for any. A software rasteriser is only used if
    /// it is named here.
    pub adapter: *const c_char,
    /// Names (UTF-8) of the landmarks to detect; NULL for all. Fewer landmarks take less time; their positions are
    /// the same as among all.
    pub landmarks: *const *const c_char,
    /// Number of names in `landmarks`.
    pub landmark_count: usize,
    /// A value of `fiducia_backend`.
    pub backend: u32,
    /// Must be 0.
    pub reserved: u32,
}

/// A greyscale image in the caller's memory, rows from top to bottom. It is only read, and only during the call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ImageView {
    /// `sizeof(fiducia_image)`.
    pub struct_size: usize,
    /// The first pixel of the top row.
    pub pixels: *const c_void,
    /// Size of the buffer at `pixels`, bytes. The padding after the last row may be missing.
    pub pixels_size: usize,
    /// Distance between the starts of consecutive rows, bytes; 0: rows without padding.
    pub stride: usize,
    /// Width, px.
    pub width: u32,
    /// Height, px.
    pub height: u32,
    /// 8: one byte per pixel. 16: two bytes per pixel in native byte order, without alignment requirement; the values
    /// may use fewer than 16 bits.
    pub bits: u32,
    /// Not 0: invert the grey values first, for images with dark bone (MONOCHROME1).
    pub invert: u32,
    /// Pixel spacing in the detector plane in x, mm. If both spacings are 0 (unknown), all results in mm are NaN.
    pub spacing_x_mm: f64,
    /// Pixel spacing in the detector plane in y, mm.
    pub spacing_y_mm: f64,
    /// Name of the image in messages and in the report (UTF-8); NULL: `image`.
    pub name: *const c_char,
}

/// The device that runs the networks of a detector. The texts are valid as long as the detector.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DeviceInfo {
    /// `sizeof(fiducia_device)`, set by the caller.
    pub struct_size: usize,
    /// `cpu` or `gpu`.
    pub kind: *const c_char,
    /// Name of the processor or adapter.
    pub name: *const c_char,
    /// Engine or driver and its version.
    pub driver: *const c_char,
    /// Why this device was selected, if the choice was automatic; else NULL.
    pub chosen_because: *const c_char,
}

/// A report without its landmarks. The texts are valid as long as the report.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// `sizeof(fiducia_summary)`, set by the caller.
    pub struct_size: usize,
    /// Width of the image, px.
    pub width: u32,
    /// Height of the image, px.
    pub height: u32,
    /// Pixel spacing in x, mm; NaN: unknown.
    pub spacing_x_mm: f64,
    /// Pixel spacing in y, mm; NaN: unknown.
    pub spacing_y_mm: f64,
    /// Number of landmarks; 0 if the image was refused.
    pub landmark_count: usize,
    /// Number of reasons for the refusal; 0 if the image was not refused.
    pub reason_count: usize,
    /// 1: the image looks like the images that the model was trained on. 0: it was refused.
    pub plausible: u32,
    /// 1: the grey values were inverted before the detection.
    pub inverted: u32,
    /// Wall-clock time of the detection, ms.
    pub total_ms: f64,
    /// Name of the image as given by the caller.
    pub image: *const c_char,
    /// Name of the model.
    pub model_name: *const c_char,
    /// SHA-256 of the model file, hexadecimal.
    pub model_sha256: *const c_char,
    /// `cpu` or `gpu`: the processor that ran the networks.
    pub device_kind: *const c_char,
    /// Name of the processor or adapter.
    pub device_name: *const c_char,
    /// Engine or driver and its version.
    pub device_driver: *const c_char,
}

/// One landmark. The origin is the centre of the top-left pixel, x to the right, y down; mm = px times spacing. The
/// name is valid as long as the report.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct LandmarkPoint {
    /// `sizeof(fiducia_landmark)`, set by the caller.
    pub struct_size: usize,
    /// Name of the landmark in the model.
    pub name: *const c_char,
    /// Position, px.
    pub x_px: f64,
    /// Position, px.
    pub y_px: f64,
    /// Position, mm; NaN if the spacing is unknown.
    pub x_mm: f64,
    /// Position, mm; NaN if the spacing is unknown.
    pub y_mm: f64,
    /// Expected distance to the true position, px.
    pub expected_error_px: f64,
    /// Expected distance to the true position, mm; NaN if the spacing is unknown.
    pub expected_error_mm: f64,
    /// Covariance of the position: xx, xy, yy; px^2.
    pub covariance_px2: [f64; 3],
    /// 0: low confidence, verify the position by eye.
    pub confident: u32,
    /// Always 0.
    pub reserved: u32,
}

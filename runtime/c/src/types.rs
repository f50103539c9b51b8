//! What crosses the border: codes and structs with the layout of C.
//!
//! Every struct begins with its size as the caller knows it, and zero means "not given" in every field that is
//! read, so that structs may grow at their end.

use std::ffi::{c_char, c_void};

/// Version of the binary interface. It changes when a program would have to be compiled again.
pub const FIDUCIA_ABI_VERSION: u32 = 1;

/// Bytes of a maker's public key.
pub const FIDUCIA_KEY_SIZE: usize = 32;

/// Outcome of a call. 1 to 6 mean what the exit codes of the `fiducia` command mean.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// A fault of fiducia, which the message describes.
    Internal = 1,
    /// An argument is wrong: a null pointer, sizes that do not fit each other, an unknown landmark.
    Usage = 2,
    /// A model or key cannot be read: missing, damaged, of an unknown form.
    Unreadable = 3,
    /// The image does not look like what the model was made for; there are no landmarks.
    Refused = 4,
    /// A GPU was asked for and there is none, or none that can run the model.
    NoGpu = 5,
    /// The model is not signed by the maker whose key was given.
    Untrusted = 6,
    /// The GPU cannot hold the model or the image.
    GpuMemory = 7,
    /// The GPU computes something else than it should.
    GpuWrong = 8,
    /// The GPU went away while it was working; a new detector may find it again.
    GpuLost = 9,
}

/// What runs the networks; the field `backend` of `fiducia_detector_options`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendChoice {
    /// A real GPU where there is one, else the CPU.
    Auto = 0,
    /// The CPU.
    Cpu = 1,
    /// A GPU, or an error.
    Gpu = 2,
}

/// How to make a detector. All zero but the size: all landmarks, on a real GPU where there is one.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DetectorOptions {
    /// `sizeof(fiducia_detector_options)`.
    pub struct_size: usize,
    /// Run on the first GPU whose name contains this (UTF-8), the only way to a software rasteriser; NULL for any.
    pub adapter: *const c_char,
    /// Names (UTF-8) of the landmarks to look for; NULL for all. They come out as they do among all, in less time.
    pub landmarks: *const *const c_char,
    /// How many names `landmarks` holds.
    pub landmark_count: usize,
    /// A `fiducia_backend`.
    pub backend: u32,
    /// Zero.
    pub reserved: u32,
}

/// A grey image in the caller's memory, row by row from the top. It is only read, and only during the call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ImageView {
    /// `sizeof(fiducia_image)`.
    pub struct_size: usize,
    /// The first pixel of the first row.
    pub pixels: *const c_void,
    /// How many bytes may be read from `pixels` on; the last row need not be followed by a gap.
    pub pixels_size: usize,
    /// From the start of a row to the start of the next one, bytes; 0: no gap between rows.
    pub stride: usize,
    /// Width, px.
    pub width: u32,
    /// Height, px.
    pub height: u32,
    /// 8: a byte per pixel. 16: two bytes in the byte order of the machine, at any alignment; values need not use
    /// all 16 bits.
    pub bits: u32,
    /// Not 0: invert the grey values first, for images on which bone is dark (MONOCHROME1).
    pub invert: u32,
    /// Size of a pixel at the detector in x, mm; 0 in both: unknown, and all mm of the result are NaN.
    pub spacing_x_mm: f64,
    /// Size of a pixel at the detector in y, mm.
    pub spacing_y_mm: f64,
    /// How messages and the report call the image (UTF-8); NULL: `image`.
    pub name: *const c_char,
}

/// What runs the networks of a detector. The texts live as long as the detector.
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
    /// Why it was taken, where the choice was left to fiducia; else NULL.
    pub chosen_because: *const c_char,
}

/// A report but for its landmarks. The texts live as long as the report.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// `sizeof(fiducia_summary)`, set by the caller.
    pub struct_size: usize,
    /// Width of the image, px.
    pub width: u32,
    /// Height of the image, px.
    pub height: u32,
    /// Size of a pixel in x, mm; NaN: unknown.
    pub spacing_x_mm: f64,
    /// Size of a pixel in y, mm; NaN: unknown.
    pub spacing_y_mm: f64,
    /// Number of landmarks; 0 where the image was refused.
    pub landmark_count: usize,
    /// Number of reasons for the refusal; 0 where the image was not refused.
    pub reason_count: usize,
    /// 1: the image looks like those that the model was made for. 0: it was refused.
    pub plausible: u32,
    /// 1: the grey values were inverted before anything was looked for.
    pub inverted: u32,
    /// Wall time of the detection, ms.
    pub total_ms: f64,
    /// The image as the caller named it.
    pub image: *const c_char,
    /// Name of the model.
    pub model_name: *const c_char,
    /// SHA-256 of the whole model file, hexadecimal.
    pub model_sha256: *const c_char,
    /// `cpu` or `gpu`: what ran the networks.
    pub device_kind: *const c_char,
    /// Name of the processor or adapter.
    pub device_name: *const c_char,
    /// Engine or driver and its version.
    pub device_driver: *const c_char,
}

/// One landmark. (0, 0) is the centre of the top-left pixel, x to the right, y down; mm = px times spacing. The
/// name lives as long as the report.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct LandmarkPoint {
    /// `sizeof(fiducia_landmark)`, set by the caller.
    pub struct_size: usize,
    /// Its name in the model.
    pub name: *const c_char,
    /// Position, px.
    pub x_px: f64,
    /// Position, px.
    pub y_px: f64,
    /// Position, mm; NaN where the spacing is unknown.
    pub x_mm: f64,
    /// Position, mm; NaN where the spacing is unknown.
    pub y_mm: f64,
    /// Expected distance to the true position, px.
    pub expected_error_px: f64,
    /// Expected distance to the true position, mm; NaN where the spacing is unknown.
    pub expected_error_mm: f64,
    /// Covariance of the position: xx, xy, yy; px^2.
    pub covariance_px2: [f64; 3],
    /// 0: check this landmark by eye.
    pub confident: u32,
    /// Zero.
    pub reserved: u32,
}

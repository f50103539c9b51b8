//! Calls the functions as C does.
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "the tests follow the contract, or break it on purpose"
)]

mod models;
mod detection;
mod arguments;
mod structs;
mod faults;

use std::ffi::CStr;
use std::path::{Path, PathBuf};

use super::*;

fn model_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

fn head() -> CString {
    CString::new(model_folder().join("head.fid").to_str().unwrap()).unwrap()
}

/// The demo image: width, height, 8-bit pixels.
fn demo() -> (u32, u32, Vec<u8>) {
    let image = image::open(model_folder().join("demo.png")).unwrap().into_luma8();
    (image.width(), image.height(), image.into_raw())
}

/// Reads and frees a message.
fn read_message(message: *mut c_char) -> String {
    assert!(!message.is_null(), "there is no message");
    let text = unsafe { CStr::from_ptr(message) }.to_str().unwrap().to_owned();
    unsafe { fiducia_string_free(message) };
    text
}

fn text(owned_by_handle: *const c_char) -> String {
    assert!(!owned_by_handle.is_null());
    unsafe { CStr::from_ptr(owned_by_handle) }.to_str().unwrap().to_owned()
}

fn open_head() -> *mut PackHandle {
    let (mut pack, mut message) = (ptr::null_mut(), ptr::null_mut());
    let path = head();
    let status = unsafe { fiducia_pack_open(path.as_ptr(), ptr::null(), &mut pack, &mut message) };
    assert_eq!((status, message), (Status::Ok, ptr::null_mut()));
    pack
}

fn any_device() -> DetectorOptions {
    DetectorOptions { struct_size: size_of::<DetectorOptions>(), ..DetectorOptions::none() }
}

fn on_cpu() -> DetectorOptions {
    DetectorOptions { backend: BackendChoice::Cpu as u32, ..any_device() }
}

fn detector_of(
    pack: *const PackHandle,
    options: &DetectorOptions,
) -> Result<*mut DetectorHandle, (Status, String)> {
    let (mut detector, mut message) = (ptr::null_mut(), ptr::null_mut());
    match unsafe { fiducia_detector_new(pack, options, &mut detector, &mut message) } {
        Status::Ok => Ok(detector),
        status => {
            assert!(detector.is_null());
            Err((status, read_message(message)))
        }
    }
}

fn head_on_cpu() -> *mut DetectorHandle {
    let pack = open_head();
    let detector = detector_of(pack, &on_cpu()).unwrap();
    unsafe { fiducia_pack_free(pack) };
    detector
}

fn view(width: u32, height: u32, pixels: &[u8]) -> ImageView {
    ImageView {
        struct_size: size_of::<ImageView>(),
        pixels: pixels.as_ptr().cast(),
        pixels_size: pixels.len(),
        stride: 0,
        width,
        height,
        bits: 8,
        invert: 0,
        spacing_x_mm: 0.2,
        spacing_y_mm: 0.2,
        name: ptr::null(),
    }
}

struct Outcome {
    status: Status,
    message: Option<String>,
    report: *mut ReportHandle,
}

fn detect(detector: *const DetectorHandle, image: &ImageView) -> Outcome {
    let (mut report, mut message) = (ptr::dangling_mut(), ptr::dangling_mut());
    let status = unsafe { fiducia_detect(detector, image, &mut report, &mut message) };
    Outcome { status, message: (!message.is_null()).then(|| read_message(message)), report }
}

fn summary(report: *const ReportHandle) -> Summary {
    let mut summary: Summary = unsafe { std::mem::zeroed() };
    summary.struct_size = size_of::<Summary>();
    assert_eq!(unsafe { fiducia_report_summary(report, &mut summary) }, Status::Ok);
    summary
}

fn landmarks(report: *const ReportHandle) -> Vec<LandmarkPoint> {
    let read = |index| {
        let mut point: LandmarkPoint = unsafe { std::mem::zeroed() };
        point.struct_size = size_of::<LandmarkPoint>();
        assert_eq!(unsafe { fiducia_report_landmark(report, index, &mut point) }, Status::Ok);
        point
    };
    (0..summary(report).landmark_count).map(read).collect()
}

fn positions(report: *const ReportHandle) -> Vec<(String, f64, f64)> {
    landmarks(report).iter().map(|l| (text(l.name), l.x_px, l.y_px)).collect()
}

/// Calls every function that returns a status with these handles and otherwise valid arguments.
fn every_call(
    pack: *const PackHandle,
    detector: *const DetectorHandle,
    report: *const ReportHandle,
    before: impl Fn(),
) -> Vec<(&'static str, Status, *mut c_char)> {
    let (width, height, pixels) = demo();
    let image = view(width, height, &pixels);
    let path = head();
    let bytes = std::fs::read(model_folder().join("head.fid")).unwrap();
    let mut key = [0_u8; 32];
    let (mut new_pack, mut new_detector, mut new_report) =
        (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    let mut device: DeviceInfo = unsafe { std::mem::zeroed() };
    device.struct_size = size_of::<DeviceInfo>();
    let mut summary: Summary = unsafe { std::mem::zeroed() };
    summary.struct_size = size_of::<Summary>();
    let mut point: LandmarkPoint = unsafe { std::mem::zeroed() };
    point.struct_size = size_of::<LandmarkPoint>();
    let mut done = Vec::new();
    let mut call = |name, status: &mut dyn FnMut(&mut *mut c_char) -> Status| {
        let mut message = ptr::null_mut();
        before();
        let status = status(&mut message);
        done.push((name, status, message));
    };
    unsafe {
        call("key_read", &mut |m| fiducia_key_read(path.as_ptr(), key.as_mut_ptr(), m));
        call("pack_open", &mut |m| fiducia_pack_open(path.as_ptr(), ptr::null(), &mut new_pack, m));
        call("pack_from_memory", &mut |m| {
            let start = bytes.as_ptr().cast();
            fiducia_pack_from_memory(start, bytes.len(), ptr::null(), &mut new_pack, m)
        });
        call("detector_new", &mut |m| fiducia_detector_new(pack, &on_cpu(), &mut new_detector, m));
        call("detector_device", &mut |_| fiducia_detector_device(detector, &mut device));
        call("detect", &mut |m| fiducia_detect(detector, &image, &mut new_report, m));
        call("report_summary", &mut |_| fiducia_report_summary(report, &mut summary));
        call("report_landmark", &mut |_| fiducia_report_landmark(report, 0, &mut point));
    }
    done
}

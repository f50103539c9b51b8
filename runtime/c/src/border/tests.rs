//! The functions as C calls them.
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "the tests keep to the contract, or break it on purpose"
)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::{Path, PathBuf};
use std::{ptr, thread};

use ed25519_dalek::{
    Signer, SigningKey, pkcs8::EncodePublicKey, pkcs8::spki::der::pem::LineEnding,
};
use fiducia::{Backend, Detector, Pack, PublicKey, Radiograph};

use super::*;
use crate::guard::trap;
use crate::types::{BackendChoice, Status};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

fn head() -> CString {
    CString::new(models().join("head.fid").to_str().unwrap()).unwrap()
}

/// The demo image: width, height, 8-bit pixels.
fn demo() -> (u32, u32, Vec<u8>) {
    let image = image::open(models().join("demo.png")).unwrap().into_luma8();
    (image.width(), image.height(), image.into_raw())
}

/// Takes a message over.
fn taken(message: *mut c_char) -> String {
    assert!(!message.is_null(), "there is no message");
    let text = unsafe { CStr::from_ptr(message) }.to_str().unwrap().to_owned();
    unsafe { fiducia_string_free(message) };
    text
}

fn text(lent: *const c_char) -> String {
    assert!(!lent.is_null());
    unsafe { CStr::from_ptr(lent) }.to_str().unwrap().to_owned()
}

fn open_head() -> *mut PackHandle {
    let (mut pack, mut message) = (ptr::null_mut(), ptr::null_mut());
    let path = head();
    let status = unsafe { fiducia_pack_open(path.as_ptr(), ptr::null(), &mut pack, &mut message) };
    assert_eq!((status, message), (Status::Ok, ptr::null_mut()));
    pack
}

fn any() -> DetectorOptions {
    DetectorOptions { struct_size: size_of::<DetectorOptions>(), ..DetectorOptions::none() }
}

fn on_cpu() -> DetectorOptions {
    DetectorOptions { backend: BackendChoice::Cpu as u32, ..any() }
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
            Err((status, taken(message)))
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
    Outcome { status, message: (!message.is_null()).then(|| taken(message)), report }
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

#[test]
fn what_comes_out_is_what_the_library_finds() {
    let (width, height, pixels) = demo();
    let pack = Pack::open(&models().join("head.fid")).unwrap();
    let radiograph = Radiograph::open(&models().join("demo.png"), Some([0.2, 0.2])).unwrap();
    let want = Detector::new(&pack, Backend::Cpu).unwrap().detect(&radiograph).unwrap();

    let detector = head_on_cpu();
    let name = CString::new("film 7").unwrap();
    let found =
        detect(detector, &ImageView { name: name.as_ptr(), ..view(width, height, &pixels) });
    assert_eq!((found.status, found.message), (Status::Ok, None));
    let seen = summary(found.report);
    assert_eq!((seen.width, seen.height), (width, height));
    assert_eq!((seen.spacing_x_mm, seen.spacing_y_mm), (0.2, 0.2));
    assert_eq!((seen.plausible, seen.inverted, seen.reason_count), (1, 0, 0));
    assert!(seen.total_ms > 0.0);
    assert_eq!(text(seen.image), "film 7");
    assert_eq!(
        (text(seen.model_name), text(seen.model_sha256)),
        ("head".into(), want.model.sha256)
    );
    assert_eq!(
        (text(seen.device_kind), text(seen.device_name)),
        ("cpu".into(), want.backend.device)
    );
    assert_eq!(text(seen.device_driver), want.backend.driver);
    let points = landmarks(found.report);
    assert_eq!(points.len(), want.landmarks.len());
    for (point, want) in points.iter().zip(&want.landmarks) {
        assert_eq!(text(point.name), want.name);
        assert_eq!((point.x_px, point.y_px), (want.x_px, want.y_px));
        assert_eq!((Some(point.x_mm), Some(point.y_mm)), (want.x_mm, want.y_mm));
        assert_eq!(point.expected_error_px, want.expected_error_px);
        assert_eq!(Some(point.expected_error_mm), want.expected_error_mm);
        assert_eq!(point.covariance_px2, want.covariance_px2);
        assert_eq!(point.confident != 0, want.confident);
    }
    let json: serde_json::Value =
        serde_json::from_str(&text(unsafe { fiducia_report_json(found.report) })).unwrap();
    assert_eq!((&json["schema"], &json["image"]), (&"fiducia.report/1".into(), &"film 7".into()));
    assert_eq!(json["landmarks"].as_array().unwrap().len(), points.len());

    // A report outlives its detector.
    unsafe { fiducia_detector_free(detector) };
    assert_eq!(positions(found.report).len(), points.len());
    unsafe { fiducia_report_free(found.report) };
}

#[test]
fn depth_stride_and_inversion_change_nothing_that_they_should_not() {
    let (width, height, pixels) = demo();
    let detector = head_on_cpu();
    let plain = detect(detector, &view(width, height, &pixels));
    let want = positions(plain.report);

    let padded: Vec<u8> = pixels
        .chunks(width as usize)
        .flat_map(|row| row.iter().copied().chain([255; 37]))
        .collect();
    // The last row's gap need not be there.
    let padded = &padded[..padded.len() - 37];
    let strided =
        detect(detector, &ImageView { stride: width as usize + 37, ..view(width, height, padded) });

    let deep: Vec<u8> =
        std::iter::once(0).chain(pixels.iter().flat_map(|&v| u16::from(v).to_ne_bytes())).collect();
    let deep = detect(detector, &ImageView { bits: 16, ..view(width, height, &deep[1..]) });

    // Inverting is reversing within the range that occurs, so that twice gives the very values.
    let [low, high] = [pixels.iter().min().unwrap(), pixels.iter().max().unwrap()];
    let negative: Vec<u8> = pixels.iter().map(|v| high - (v - low)).collect();
    let inverted = detect(detector, &ImageView { invert: 1, ..view(width, height, &negative) });
    assert_eq!(summary(inverted.report).inverted, 1);

    for other in [strided, deep, inverted] {
        assert_eq!((other.status, positions(other.report)), (Status::Ok, want.clone()));
        unsafe { fiducia_report_free(other.report) };
    }
    unsafe {
        fiducia_report_free(plain.report);
        fiducia_detector_free(detector);
    }
}

#[test]
fn without_spacing_there_are_no_millimetres() {
    let (width, height, pixels) = demo();
    let detector = head_on_cpu();
    let image = ImageView { spacing_x_mm: 0.0, spacing_y_mm: 0.0, ..view(width, height, &pixels) };
    let found = detect(detector, &image);
    assert_eq!(found.status, Status::Ok);
    assert!(summary(found.report).spacing_x_mm.is_nan());
    for point in landmarks(found.report) {
        assert!([point.x_mm, point.y_mm, point.expected_error_mm].iter().all(|v| v.is_nan()));
        assert!(point.expected_error_px > 0.0);
    }
    unsafe {
        fiducia_report_free(found.report);
        fiducia_detector_free(detector);
    }
}

#[test]
fn some_landmarks_come_out_as_among_all() {
    let (width, height, pixels) = demo();
    let pack = open_head();
    let names = [c"nasion", c"sella"].map(CStr::as_ptr);
    let options = DetectorOptions { landmarks: names.as_ptr(), landmark_count: 2, ..on_cpu() };
    let detector = detector_of(pack, &options).unwrap();
    let found = positions(detect(detector, &view(width, height, &pixels)).report);
    let all = positions(detect(head_on_cpu(), &view(width, height, &pixels)).report);
    assert_eq!(found.iter().map(|p| &p.0[..]).collect::<Vec<_>>(), ["nasion", "sella"]);
    for (name, x, y) in found {
        let among = all.iter().find(|p| p.0 == name).unwrap();
        assert!((x - among.1).abs() < 1e-3 && (y - among.2).abs() < 1e-3, "{name}");
    }
    let unknown = [c"antler".as_ptr()];
    for (options, words) in [
        (DetectorOptions { landmarks: unknown.as_ptr(), landmark_count: 1, ..on_cpu() }, "antler"),
        (
            DetectorOptions { landmarks: [ptr::null()].as_ptr(), landmark_count: 1, ..on_cpu() },
            "NULL",
        ),
        (DetectorOptions { landmark_count: 1, ..on_cpu() }, "does not hold 1"),
        (DetectorOptions { landmarks: unknown.as_ptr(), ..on_cpu() }, "no landmark is asked for"),
        (DetectorOptions { adapter: c"x".as_ptr(), ..on_cpu() }, "adapter `x`"),
        (DetectorOptions { adapter: c"\xFF".as_ptr(), ..on_cpu() }, "not UTF-8"),
        (DetectorOptions { backend: 3, ..on_cpu() }, "backend 3"),
        (DetectorOptions { reserved: 1, ..on_cpu() }, "reserved"),
    ] {
        let (status, message) = detector_of(pack, &options).unwrap_err();
        assert_eq!(status, Status::Usage, "{message}");
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_refused_image_has_reasons_and_no_points() {
    let (width, height, mut pixels) = demo();
    let detector = head_on_cpu();
    pixels.reverse();
    let found = detect(detector, &view(width, height, &pixels));
    assert_eq!(found.status, Status::Refused);
    let message = found.message.unwrap();
    assert!(
        message.starts_with("image does not look like an image for the model head"),
        "{message}"
    );
    assert!(message.contains("looks turned by 180 degrees"), "{message}");
    let seen = summary(found.report);
    assert_eq!((seen.plausible, seen.landmark_count), (0, 0));
    assert!(seen.reason_count >= 2);
    for index in 0..seen.reason_count {
        assert!(message.contains(&text(unsafe { fiducia_report_reason(found.report, index) })));
    }
    assert!(unsafe { fiducia_report_reason(found.report, seen.reason_count) }.is_null());
    let mut point: LandmarkPoint = unsafe { std::mem::zeroed() };
    point.struct_size = size_of::<LandmarkPoint>();
    assert_eq!(unsafe { fiducia_report_landmark(found.report, 0, &mut point) }, Status::Usage);
    let json: serde_json::Value =
        serde_json::from_str(&text(unsafe { fiducia_report_json(found.report) })).unwrap();
    assert_eq!((&json["plausible"], &json["landmarks"]), (&false.into(), &serde_json::json!([])));
    unsafe { fiducia_report_free(found.report) };

    for (image, words) in [
        (view(32, 32, &pixels), "too small"),
        (view(width, height, &vec![9; pixels.len()]), "no contrast"),
    ] {
        let found = detect(detector, &image);
        assert_eq!((found.status, found.report), (Status::Refused, ptr::null_mut()));
        assert!(found.message.unwrap().contains(words));
    }
    unsafe { fiducia_detector_free(detector) };
}

#[test]
fn wrong_images_are_named() {
    let (width, height, pixels) = demo();
    let detector = head_on_cpu();
    let image = view(width, height, &pixels);
    let latin = CString::new([0xE9]).unwrap();
    for (image, words) in [
        (ImageView { pixels: ptr::null(), ..image }, "image.pixels is NULL"),
        (ImageView { bits: 12, ..image }, "image.bits is 12"),
        (ImageView { bits: 16, ..image }, "do not fit"),
        (ImageView { height: height + 1, ..image }, "do not fit"),
        (ImageView { pixels_size: pixels.len() - 1, ..image }, "do not fit"),
        (ImageView { pixels_size: usize::MAX, ..image }, "more than memory"),
        (ImageView { width: u32::MAX, ..image }, "no image"),
        (ImageView { width: 0, ..image }, "no image"),
        (ImageView { stride: 1, ..image }, "stride of 1"),
        (ImageView { stride: usize::MAX, ..image }, "do not fit"),
        (ImageView { spacing_x_mm: 0.0, ..image }, "spacing"),
        (ImageView { spacing_y_mm: f64::NAN, ..image }, "spacing"),
        (ImageView { name: latin.as_ptr(), ..image }, "image.name is not UTF-8"),
        (ImageView { struct_size: 0, ..image }, "image.struct_size is 0"),
        (ImageView { struct_size: size_of::<ImageView>() - 1, ..image }, "struct_size"),
        (ImageView { struct_size: usize::MAX, ..image }, "struct_size"),
    ] {
        let found = detect(detector, &image);
        assert_eq!((found.status, found.report), (Status::Usage, ptr::null_mut()));
        let message = found.message.unwrap();
        assert!(message.contains(words), "{message}");
    }
    unsafe { fiducia_detector_free(detector) };
}

/// A struct of a version that has a field more.
#[repr(C)]
#[derive(Clone, Copy)]
struct Newer {
    struct_size: usize,
    old: u64,
    new: u64,
}

// SAFETY: `repr(C)`; numbers follow `struct_size`.
unsafe impl Grows for Newer {
    const FIRST_SIZE: usize = 16;
}

#[test]
fn an_older_caller_lacks_what_came_later() {
    let memory = [16_usize, 7, 0xBAD];
    let read: Newer = unsafe { given_struct(memory.as_ptr().cast(), "it") }.ok().unwrap();
    assert_eq!((read.old, read.new), (7, 0));
    let mut memory = memory;
    let value = Newer { struct_size: 0, old: 1, new: 2 };
    unsafe { fill(memory.as_mut_ptr().cast(), "it", value) }.unwrap();
    assert_eq!(memory, [16, 1, 0xBAD], "more was written than there is room for");
}

#[test]
fn a_newer_caller_is_served_as_far_as_it_goes() {
    let memory = [32_usize, 7, 8, 0, 0xBAD];
    let read: Newer = unsafe { given_struct(memory.as_ptr().cast(), "it") }.ok().unwrap();
    assert_eq!((read.old, read.new), (7, 8));
    let memory = [32_usize, 7, 8, 1];
    let refused = unsafe { given_struct::<Newer>(memory.as_ptr().cast(), "it") }.err().unwrap();
    assert!(refused.message.contains("this version of libfiducia lacks"), "{}", refused.message);
    let mut memory = [32_usize, 0, 0, 0xBAD, 0xBAD];
    unsafe { fill(memory.as_mut_ptr().cast(), "it", Newer { struct_size: 0, old: 1, new: 2 }) }
        .unwrap();
    assert_eq!(memory, [32, 1, 2, 0, 0xBAD]);
}

#[test]
fn models_are_checked_and_signatures_held_to() {
    let bytes = std::fs::read(models().join("head.fid")).unwrap();
    let from = |bytes: &[u8], key: Option<&[u8; 32]>| {
        let (mut pack, mut message) = (ptr::null_mut(), ptr::null_mut());
        let key = key.map_or(ptr::null(), |key| key.as_ptr());
        let start = bytes.as_ptr().cast::<c_void>();
        let status =
            unsafe { fiducia_pack_from_memory(start, bytes.len(), key, &mut pack, &mut message) };
        assert_eq!(pack.is_null(), status != Status::Ok);
        (status, pack, if message.is_null() { String::new() } else { taken(message) })
    };
    let (status, pack, _) = from(&bytes, None);
    assert_eq!(status, Status::Ok);
    let want = Pack::from_bytes(bytes.clone()).unwrap();
    unsafe {
        assert_eq!(text(fiducia_pack_name(pack)), "head");
        assert_eq!(text(fiducia_pack_sha256(pack)), want.sha256());
        let count = fiducia_pack_landmark_count(pack);
        let names: Vec<String> =
            (0..count).map(|index| text(fiducia_pack_landmark(pack, index))).collect();
        assert_eq!(names, want.manifest().landmarks);
        assert!(fiducia_pack_landmark(pack, count).is_null());
        fiducia_pack_free(pack);
    }

    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    assert_eq!(from(&damaged, None).0, Status::Unreadable);
    assert_eq!(from(&[], None).0, Status::Unreadable);

    let maker = SigningKey::from_bytes(&[7; 32]);
    let public = maker.verifying_key();
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("maker.pub.pem");
    std::fs::write(&pem, public.to_public_key_pem(LineEnding::LF).unwrap()).unwrap();
    let pem = CString::new(pem.to_str().unwrap()).unwrap();
    let (mut key, mut message) = ([0; 32], ptr::null_mut());
    let status = unsafe { fiducia_key_read(pem.as_ptr(), key.as_mut_ptr(), &mut message) };
    assert_eq!((status, &key), (Status::Ok, public.as_bytes()));
    assert_eq!(
        unsafe { fiducia_key_read(head().as_ptr(), key.as_mut_ptr(), ptr::null_mut()) },
        Status::Unreadable
    );
    let (status, _, message) = from(&bytes, Some(&key));
    assert_eq!(status, Status::Untrusted);
    assert!(message.contains("not signed"), "{message}");
    let signature = maker.sign(&want.signed_digest()).to_bytes();
    let signer = PublicKey::from_bytes(public.as_bytes()).unwrap();
    let signed = want.with_signature(&signer, &signature);
    assert_eq!(from(&signed, Some(&key)).0, Status::Ok);
    let stranger = *SigningKey::from_bytes(&[8; 32]).verifying_key().as_bytes();
    assert_eq!(from(&signed, Some(&stranger)).0, Status::Untrusted);
    // No point of the curve has this y.
    let no_key = [2; 32];
    assert_eq!(from(&signed, Some(&no_key)).0, Status::Usage);

    let (mut pack, mut message) = (ptr::null_mut(), ptr::null_mut());
    let nowhere = c"nowhere/it.fid".as_ptr();
    let status = unsafe { fiducia_pack_open(nowhere, ptr::null(), &mut pack, &mut message) };
    assert_eq!((status, pack), (Status::Unreadable, ptr::null_mut()));
    assert!(taken(message).contains("nowhere/it.fid"));
}

#[test]
fn the_device_is_told() {
    let detector = head_on_cpu();
    let mut device: DeviceInfo = unsafe { std::mem::zeroed() };
    device.struct_size = size_of::<DeviceInfo>();
    assert_eq!(unsafe { fiducia_detector_device(detector, &mut device) }, Status::Ok);
    assert_eq!(text(device.kind), "cpu");
    assert!(!text(device.name).is_empty() && text(device.driver).starts_with("tract"));
    assert!(device.chosen_because.is_null());
    unsafe { fiducia_detector_free(detector) };
}

/// On the first adapter of any kind, a software rasteriser for one; as in the runtime's tests, `FIDUCIA_GPU=required`
/// makes it a failure that there is none.
#[cfg(feature = "gpu")]
#[test]
fn a_gpu_finds_what_the_cpu_finds() {
    let (width, height, pixels) = demo();
    let pack = open_head();
    let detector = match detector_of(pack, &DetectorOptions { adapter: c"".as_ptr(), ..any() }) {
        Ok(detector) => detector,
        Err((status, message)) => {
            let required = std::env::var("FIDUCIA_GPU").is_ok_and(|v| v == "required");
            assert!(status == Status::NoGpu && !required, "{message}");
            eprintln!("SKIPPED: a_gpu_finds_what_the_cpu_finds: {message}");
            return;
        }
    };
    let found = detect(detector, &view(width, height, &pixels));
    assert_eq!(found.status, Status::Ok);
    assert_eq!(text(summary(found.report).device_kind), "gpu");
    let want = positions(detect(head_on_cpu(), &view(width, height, &pixels)).report);
    for ((name, x, y), (_, want_x, want_y)) in positions(found.report).into_iter().zip(want) {
        assert!(
            (x - want_x).hypot(y - want_y) < 0.05,
            "{name}: {x} {y}, on the CPU {want_x} {want_y}"
        );
    }
    unsafe {
        fiducia_report_free(found.report);
        fiducia_detector_free(detector);
        fiducia_pack_free(pack);
    }
}

/// Calls every function that answers with a status, with these handles and sound arguments otherwise.
fn every_call(
    pack: *const PackHandle,
    detector: *const DetectorHandle,
    report: *const ReportHandle,
    before: impl Fn(),
) -> Vec<(&'static str, Status, *mut c_char)> {
    let (width, height, pixels) = demo();
    let image = view(width, height, &pixels);
    let path = head();
    let bytes = std::fs::read(models().join("head.fid")).unwrap();
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

#[test]
fn no_panic_crosses_the_border() {
    let (width, height, pixels) = demo();
    let (pack, detector) = (open_head(), head_on_cpu());
    let report = detect(detector, &view(width, height, &pixels)).report;
    let set = || trap::set(trap::Place::Border);
    for (name, status, message) in every_call(pack, detector, report, set) {
        assert_eq!(status, Status::Internal, "{name}");
        if !message.is_null() {
            let message = taken(message);
            assert!(message.contains("a panic that a test has set"), "{name}: {message}");
            assert!(message.contains("guard.rs"), "no place in: {message}");
        }
    }
    unsafe {
        for lent in [
            &|| fiducia_pack_name(pack),
            &|| fiducia_pack_sha256(pack),
            &|| fiducia_pack_landmark(pack, 0),
            &|| fiducia_report_reason(report, 0),
            &|| fiducia_report_json(report) as *const c_char,
        ] as [&dyn Fn() -> *const c_char; 5]
        {
            set();
            assert!(lent().is_null());
        }
        set();
        assert_eq!(fiducia_pack_landmark_count(pack), 0);
        // Freeing has nothing to answer: it must just come back.
        set();
        fiducia_report_free(report);
        set();
        fiducia_pack_free(pack);
        set();
        fiducia_detector_free(detector);
    }
}

#[test]
fn a_detector_in_which_a_fault_happened_says_so_from_then_on() {
    let (width, height, pixels) = demo();
    let detector = head_on_cpu();
    let image = view(width, height, &pixels);
    trap::set(trap::Place::Detection);
    let found = detect(detector, &image);
    assert_eq!((found.status, found.report), (Status::Internal, ptr::null_mut()));
    assert!(found.message.unwrap().contains("a panic that a test has set"));
    let found = detect(detector, &image);
    assert_eq!((found.status, found.report), (Status::Internal, ptr::null_mut()));
    assert!(found.message.unwrap().contains("make a new one"));
    unsafe { fiducia_detector_free(detector) };
}

#[test]
fn null_is_an_error_or_nothing() {
    let none = ptr::null_mut::<*mut c_char>();
    for (name, status, message) in every_call(ptr::null(), ptr::null(), ptr::null(), || ()) {
        let sound = name.starts_with("pack");
        let key = name == "key_read";
        let want = if sound {
            Status::Ok
        } else if key {
            Status::Unreadable
        } else {
            Status::Usage
        };
        assert_eq!(status, want, "{name}");
        if status == Status::Usage && !message.is_null() {
            assert!(taken(message).ends_with("is NULL"), "{name}");
        }
    }
    let (width, height, pixels) = demo();
    let (pack, detector) = (open_head(), head_on_cpu());
    let report = detect(detector, &view(width, height, &pixels)).report;
    let path = head();
    unsafe {
        let image = view(width, height, &pixels);
        let no_path = ptr::null();
        let mut key = [0_u8; 32];
        let mut new_pack = ptr::dangling_mut();
        for status in [
            fiducia_key_read(no_path, key.as_mut_ptr(), none),
            fiducia_key_read(path.as_ptr(), ptr::null_mut(), none),
            fiducia_pack_open(no_path, ptr::null(), &mut new_pack, none),
            fiducia_pack_open(path.as_ptr(), ptr::null(), ptr::null_mut(), none),
            fiducia_pack_from_memory(ptr::null(), 9, ptr::null(), &mut new_pack, none),
            fiducia_detector_new(pack, ptr::null(), ptr::null_mut(), none),
            fiducia_detector_device(detector, ptr::null_mut()),
            fiducia_detect(detector, ptr::null(), &mut ptr::null_mut(), none),
            fiducia_detect(detector, &image, ptr::null_mut(), none),
            fiducia_report_summary(report, ptr::null_mut()),
            fiducia_report_landmark(report, 0, ptr::null_mut()),
        ] {
            assert_eq!(status, Status::Usage);
        }
        assert!(new_pack.is_null(), "a handle that was not made must be NULL");
        assert!(fiducia_pack_name(ptr::null()).is_null());
        assert!(fiducia_pack_landmark(ptr::null(), 0).is_null());
        assert_eq!(fiducia_pack_landmark_count(ptr::null()), 0);
        assert!(fiducia_report_json(ptr::null()).is_null());
        fiducia_string_free(ptr::null_mut());
        fiducia_pack_free(ptr::null_mut());
        fiducia_detector_free(ptr::null_mut());
        fiducia_report_free(ptr::null_mut());
        fiducia_report_free(report);
        fiducia_detector_free(detector);
        fiducia_pack_free(pack);
    }
}

#[test]
fn threads_share_a_detector() {
    let (width, height, pixels) = demo();
    let detector = head_on_cpu();
    let want = positions(detect(detector, &view(width, height, &pixels)).report);
    let upside_down: Vec<u8> = pixels.iter().rev().copied().collect();
    let address = detector.expose_provenance();
    thread::scope(|scope| {
        for turn in 0..4 {
            let (pixels, upside_down, want) = (&pixels, &upside_down, &want);
            scope.spawn(move || {
                let detector = ptr::with_exposed_provenance::<DetectorHandle>(address);
                for round in 0..3 {
                    // Sound and unsound images in turns: nothing of one may be seen in the other.
                    let sound = (turn + round) % 2 == 0;
                    let pixels = if sound { pixels } else { upside_down };
                    let found = detect(detector, &view(width, height, pixels));
                    assert_eq!(found.status, if sound { Status::Ok } else { Status::Refused });
                    if sound {
                        assert_eq!(&positions(found.report), want);
                    }
                    unsafe { fiducia_report_free(found.report) };
                }
            });
        }
    });
    unsafe { fiducia_detector_free(detector) };
}

#[test]
fn versions_are_told() {
    assert_eq!(fiducia_abi_version(), FIDUCIA_ABI_VERSION);
    assert_eq!(text(fiducia_version()), env!("CARGO_PKG_VERSION"));
}

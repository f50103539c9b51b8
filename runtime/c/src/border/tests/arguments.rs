//! Invalid arguments and null pointers.

use super::*;

#[test]
fn errors_name_what_is_wrong_with_an_image() {
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

#[test]
fn null_is_an_error_or_a_no_op() {
    let none = ptr::null_mut::<*mut c_char>();
    for (name, status, message) in every_call(ptr::null(), ptr::null(), ptr::null(), || ()) {
        let takes_no_handle = name.starts_with("pack");
        let reads_key = name == "key_read";
        let want = if takes_no_handle {
            Status::Ok
        } else if reads_key {
            Status::Unreadable
        } else {
            Status::Usage
        };
        assert_eq!(status, want, "{name}");
        if status == Status::Usage && !message.is_null() {
            assert!(read_message(message).ends_with("is NULL"), "{name}");
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
        assert!(new_pack.is_null(), "the handle must be NULL after a failure");
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
fn the_versions_are_those_of_the_crate() {
    assert_eq!(fiducia_abi_version(), FIDUCIA_ABI_VERSION);
    assert_eq!(text(fiducia_version()), env!("CARGO_PKG_VERSION"));
}

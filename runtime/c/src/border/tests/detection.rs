//! Detections: the same results as the library, for all layouts of an image.

use fiducia::{Detector, Pack};

use super::*;

#[test]
fn results_equal_those_of_the_library() {
    let (width, height, pixels) = demo();
    let pack = Pack::open(&model_folder().join("head.fid")).unwrap();
    let radiograph = Radiograph::open(&model_folder().join("demo.png"), Some([0.2, 0.2])).unwrap();
    let want = Detector::new(&pack, Backend::Cpu).unwrap().detect(&radiograph).unwrap();

    let detector = head_on_cpu();
    let name = CString::new("image 7").unwrap();
    let found =
        detect(detector, &ImageView { name: name.as_ptr(), ..view(width, height, &pixels) });
    assert_eq!((found.status, found.message), (Status::Ok, None));
    let seen = summary(found.report);
    assert_eq!((seen.width, seen.height), (width, height));
    assert_eq!((seen.spacing_x_mm, seen.spacing_y_mm), (0.2, 0.2));
    assert_eq!((seen.plausible, seen.inverted, seen.reason_count), (1, 0, 0));
    assert!(seen.total_ms > 0.0);
    assert_eq!(text(seen.image), "image 7");
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
    assert_eq!((&json["schema"], &json["image"]), (&"fiducia.report/1".into(), &"image 7".into()));
    assert_eq!(json["landmarks"].as_array().unwrap().len(), points.len());

    // A report outlives its detector.
    unsafe { fiducia_detector_free(detector) };
    assert_eq!(positions(found.report).len(), points.len());
    unsafe { fiducia_report_free(found.report) };
}

#[test]
fn depth_stride_and_inversion_do_not_change_positions() {
    let (width, height, pixels) = demo();
    let detector = head_on_cpu();
    let plain = detect(detector, &view(width, height, &pixels));
    let want = positions(plain.report);

    let padded: Vec<u8> = pixels
        .chunks(width as usize)
        .flat_map(|row| row.iter().copied().chain([255; 37]))
        .collect();
    // The padding after the last row may be missing.
    let padded = &padded[..padded.len() - 37];
    let strided =
        detect(detector, &ImageView { stride: width as usize + 37, ..view(width, height, padded) });

    let deep: Vec<u8> =
        std::iter::once(0).chain(pixels.iter().flat_map(|&v| u16::from(v).to_ne_bytes())).collect();
    let deep = detect(detector, &ImageView { bits: 16, ..view(width, height, &deep[1..]) });

    // Inversion mirrors the values within their range, so inverting twice restores them exactly.
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
fn a_subset_of_landmarks_has_the_positions_found_among_all() {
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
fn a_refused_image_has_reasons_and_no_landmarks() {
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
fn the_device_is_reported() {
    let detector = head_on_cpu();
    let mut device: DeviceInfo = unsafe { std::mem::zeroed() };
    device.struct_size = size_of::<DeviceInfo>();
    assert_eq!(unsafe { fiducia_detector_device(detector, &mut device) }, Status::Ok);
    assert_eq!(text(device.kind), "cpu");
    assert!(!text(device.name).is_empty() && text(device.driver).starts_with("tract"));
    assert!(device.chosen_because.is_null());
    unsafe { fiducia_detector_free(detector) };
}

/// On the first adapter of any kind, software rasterisers included.
#[cfg(feature = "gpu")]
#[test]
fn a_gpu_finds_what_the_cpu_finds() {
    let (width, height, pixels) = demo();
    let pack = open_head();
    let options = DetectorOptions { adapter: c"".as_ptr(), ..any_device() };
    let opened = detector_of(pack, &options).map_err(|(status, message)| {
        assert_eq!(status, Status::NoGpu, "{message}");
        message
    });
    let detector = fiducia_test_support::gpu_or_skip!(opened);
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

//! Panics, and threads that share a detector.

use std::thread;

use super::*;
use crate::guard::trap;

#[test]
fn no_panic_unwinds_into_c() {
    let (width, height, pixels) = demo();
    let (pack, detector) = (open_head(), head_on_cpu());
    let report = detect(detector, &view(width, height, &pixels)).report;
    let set = || trap::set(trap::Place::Border);
    for (name, status, message) in every_call(pack, detector, report, set) {
        assert_eq!(status, Status::Internal, "{name}");
        if !message.is_null() {
            let message = read_message(message);
            assert!(message.contains("a panic injected by a test"), "{name}: {message}");
            assert!(message.contains("guard.rs"), "no location in: {message}");
        }
    }
    unsafe {
        for read_text in [
            &|| fiducia_pack_name(pack),
            &|| fiducia_pack_sha256(pack),
            &|| fiducia_pack_landmark(pack, 0),
            &|| fiducia_report_reason(report, 0),
            &|| fiducia_report_json(report) as *const c_char,
        ] as [&dyn Fn() -> *const c_char; 5]
        {
            set();
            assert!(read_text().is_null());
        }
        set();
        assert_eq!(fiducia_pack_landmark_count(pack), 0);
        // Freeing returns no status: it must only not unwind.
        set();
        fiducia_report_free(report);
        set();
        fiducia_pack_free(pack);
        set();
        fiducia_detector_free(detector);
    }
}

#[test]
fn a_detector_stays_unusable_after_a_panic() {
    let (width, height, pixels) = demo();
    let detector = head_on_cpu();
    let image = view(width, height, &pixels);
    trap::set(trap::Place::Detection);
    let found = detect(detector, &image);
    assert_eq!((found.status, found.report), (Status::Internal, ptr::null_mut()));
    assert!(found.message.unwrap().contains("a panic injected by a test"));
    let found = detect(detector, &image);
    assert_eq!((found.status, found.report), (Status::Internal, ptr::null_mut()));
    assert!(found.message.unwrap().contains("create a new one"));
    unsafe { fiducia_detector_free(detector) };
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
                    // Valid and refused images in turns: results must not mix.
                    let is_valid = (turn + round) % 2 == 0;
                    let pixels = if is_valid { pixels } else { upside_down };
                    let found = detect(detector, &view(width, height, pixels));
                    assert_eq!(found.status, if is_valid { Status::Ok } else { Status::Refused });
                    if is_valid {
                        assert_eq!(&positions(found.report), want);
                    }
                    unsafe { fiducia_report_free(found.report) };
                }
            });
        }
    });
    unsafe { fiducia_detector_free(detector) };
}

//! Landmarks added in the field and taken out again; the others do not notice.

use fiducia::pack::layout;
use fiducia::{Backend, Detector, ErrorKind, Pack, Patch, Report};

use fiducia_test_support::toy::{self, NEW, spots};

fn pack() -> Pack {
    Pack::from_bytes(toy::pack()).unwrap()
}

fn patch() -> Patch {
    Patch::from_bytes(toy::patch()).unwrap()
}

/// The toy pack with the patch.
fn patched() -> Vec<u8> {
    pack().with_patch(&patch()).unwrap().bytes().to_vec()
}

fn detect(bytes: Vec<u8>) -> Report {
    let pack = Pack::from_bytes(bytes).unwrap();
    Detector::new(&pack, Backend::Cpu).unwrap().detect(&spots()).unwrap()
}

#[test]
fn a_patch_brings_its_landmark_and_leaves_the_others_as_they_are() {
    let (before, after) = (detect(toy::pack()), detect(patched()));
    assert!(before.plausible && after.plausible);
    assert_eq!(after.landmarks[..3], before.landmarks[..]);
    let new = &after.landmarks[3];
    let [x, y] = toy::truth(600)[1];
    assert_eq!(new.name, NEW);
    assert!((new.x_px - x).hypot(new.y_px - y) < 1.0, "{new:?} {x} {y}");
}

#[test]
fn the_sections_of_the_model_stay_byte_for_byte() {
    let (before, after) = (pack(), Pack::from_bytes(patched()).unwrap());
    for section in before.sections() {
        assert_eq!(before.section(section.kind), after.section(section.kind), "{}", section.kind);
    }
    assert_eq!(after.foundation(), before.foundation());
    assert_eq!(after.patches()[0].bytes(), toy::patch());
    assert_eq!(after.adapter_bytes(3), 4);
}

#[test]
fn what_is_taken_out_again_was_never_there() {
    let after = Pack::from_bytes(patched()).unwrap();
    assert_eq!(after.without(NEW).unwrap().bytes(), toy::pack());
}

#[test]
fn a_landmark_of_the_model_can_go_and_the_others_stay_where_they_are() {
    let before = detect(patched());
    let less = Pack::from_bytes(patched()).unwrap().without("small").unwrap();
    let after = detect(less.bytes().to_vec());
    let names: Vec<&str> = after.landmarks.iter().map(|l| &*l.name).collect();
    assert_eq!(names, ["middle", "large", NEW]);
    for (a, b) in after.landmarks.iter().zip(&before.landmarks[1..]) {
        assert_eq!((a.x_px, a.y_px), (b.x_px, b.y_px), "{}", a.name);
    }
    // It still guides the others, so a patch cannot bring it back under the same foundation.
    let mut parts = toy::patch_parts();
    parts[0].1 = String::from_utf8(parts[0].1.clone()).unwrap().replace(NEW, "small").into();
    let small = Patch::from_bytes(toy::assemble_as(layout::PATCH_MAGIC, &parts)).unwrap();
    let refused = less.with_patch(&small).unwrap_err();
    assert!(refused.to_string().contains("knows `small` already"), "{refused}");
}

#[test]
fn a_patch_does_not_decide_what_is_plausible() {
    let mut parts = toy::patch_parts();
    // Looked for so far beside its spot that its residual alone would lie beyond the limit of the image.
    let [x, y] = toy::truth(toy::REFERENCE[1])[1].map(|v| v as f32);
    parts[3].1 = [x + 16.0, y].iter().flat_map(|v| v.to_le_bytes()).collect();
    let patch = Patch::from_bytes(toy::assemble_as(layout::PATCH_MAGIC, &parts)).unwrap();
    let after = detect(pack().with_patch(&patch).unwrap().bytes().to_vec());
    assert!(after.plausible, "{:?}", after.reasons);
    assert!(!after.landmarks[3].confident, "it is far from where it is looked for");
}

#[test]
fn the_last_landmark_of_the_model_stays() {
    let one = pack().without("small").unwrap();
    let one = one.without("middle").unwrap();
    let refused = one.without("large").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Usage);
}

#[test]
fn patches_for_other_models_and_patches_that_do_not_fit_are_refused() {
    let with = |at: usize, content: Vec<u8>| {
        let mut parts = toy::patch_parts();
        parts[at].1 = content;
        toy::assemble_as(layout::PATCH_MAGIC, &parts)
    };
    let text = String::from_utf8(toy::patch_parts()[0].1.clone()).unwrap();
    let foundation = pack().foundation();
    let foreign = with(0, text.replace(&foundation, &"0".repeat(64)).into());
    let twice = Pack::from_bytes(patched()).unwrap().with_patch(&patch()).unwrap_err();
    let refused = |bytes: Vec<u8>| {
        let patch = Patch::from_bytes(bytes)?;
        pack().with_patch(&patch)
    };
    for (error, kind, says) in [
        (twice, ErrorKind::Usage, "knows `middle again` already"),
        (refused(foreign).unwrap_err(), ErrorKind::Usage, "trained for another model"),
        (refused(with(1, vec![0; 8])).unwrap_err(), ErrorKind::Unreadable, "ADAP"),
        (
            refused(with(1, f32::NAN.to_le_bytes().into())).unwrap_err(),
            ErrorKind::Unreadable,
            "ADAP",
        ),
        (refused(with(2, vec![0; 12])).unwrap_err(), ErrorKind::Unreadable, "CALI"),
        (refused(with(3, vec![0; 24])).unwrap_err(), ErrorKind::Unreadable, "FOLL"),
        (refused(with(3, vec![0; 6])).unwrap_err(), ErrorKind::Unreadable, "FOLL"),
        (refused(with(0, b"{}".into())).unwrap_err(), ErrorKind::Unreadable, "PATC"),
    ] {
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn every_damaged_byte_of_a_patch_is_noticed() {
    let good = toy::patch();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x80;
        assert!(Patch::from_bytes(bytes).is_err(), "byte {at}");
        assert!(Patch::from_bytes(good[..at].to_vec()).is_err(), "cut at {at}");
    }
}

#[test]
fn a_damaged_list_of_patches_is_an_error() {
    let good = toy::patch();
    let entry = [&(good.len() as u64).to_le_bytes()[..], &good].concat();
    let with = |content: Vec<u8>| {
        let mut parts = toy::parts();
        parts.push((*b"PTCH", content));
        Pack::from_bytes(toy::assemble(&parts))
    };
    assert_eq!(with(entry.clone()).unwrap().manifest().landmarks.len(), 4);
    let huge = [&u64::MAX.to_le_bytes()[..], &good].concat();
    let cut = entry[..entry.len() - 1].to_vec();
    let more = [&entry[..], &[0; 3]].concat();
    let twice = [&entry[..], &entry].concat();
    for content in [huge, cut, more, twice] {
        let error = with(content).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert!(error.to_string().contains("PTCH"), "{error}");
    }
}

//! Packs that are damaged, cut, foreign or hostile: each is an error, none a panic.

use fiducia::pack::{FileKind, Manifest, SectionKind, layout};
use fiducia::{Backend, Detector, Error, ErrorKind, Pack};

use fiducia_test_support::toy;

fn refusal(bytes: Vec<u8>) -> String {
    let error = Pack::from_bytes(bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    error.to_string()
}

fn load(bytes: Vec<u8>) -> Result<Detector, Error> {
    Detector::new(&Pack::from_bytes(bytes)?, Backend::Cpu)
}

#[test]
fn a_good_pack_is_read() {
    let bytes = toy::pack();
    let pack = Pack::from_bytes(bytes.clone()).unwrap();
    assert_eq!(pack.manifest(), &toy::manifest());
    assert_eq!((pack.version(), pack.file_len()), ([layout::MAJOR, layout::MINOR], bytes.len()));
    assert_eq!(pack.sections().len(), toy::parts().len());
    assert_eq!((pack.adapter(2).len(), pack.sha256().len()), (1, 64));
    load(bytes).unwrap();
}

#[test]
fn header_and_table_byte_for_byte() {
    let parts = vec![(*b"MANI", b"{}".to_vec()), (*b"zzzz", b"!".to_vec())];
    let pack = toy::assemble(&parts);
    #[rustfmt::skip]
    let want: [u8; 97] = [
        0x89, b'F', b'I', b'D', 0x0D, 0x0A, 0x1A, 0x0A, // magic
        1, 0, 5, 0,                                     // version 1.5
        2, 0, 0, 0,                                     // two sections
        97, 0, 0, 0, 0, 0, 0, 0,                        // file length
        0xBC, 0x4D, 0x8F, 0x16,                         // crc of header and table
        0, 0, 0, 0,
        b'M', b'A', b'N', b'I', 0x43, 0xBF, 0xA6, 0xA3, // kind, crc
        80, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, // offset, length
        b'z', b'z', b'z', b'z', 0xD3, 0xFF, 0x6B, 0x9E,
        96, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
        b'{', b'}', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // padded to 16
        b'!',
    ];
    assert_eq!(pack, want, "{pack:02x?}");
    assert_eq!(fiducia::pack::assemble(FileKind::Pack, &parts), want, "the writer disagrees");
    // The reader accepts these bytes as a pack; only the manifest in them is none.
    assert!(refusal(pack).starts_with("section MANI is not a manifest"));
}

#[test]
fn every_damaged_byte_is_noticed() {
    let good = toy::pack();
    for at in 0..good.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut bytes = good.clone();
            bytes[at] ^= flip;
            assert!(Pack::from_bytes(bytes).is_err(), "byte {at} ^ {flip:#x}");
        }
    }
}

#[test]
fn damage_in_a_section_names_the_section() {
    let good = toy::pack();
    for section in Pack::from_bytes(good.clone()).unwrap().sections() {
        let mut bytes = good.clone();
        bytes[section.offset + section.len / 2] ^= 1;
        let message = refusal(bytes);
        assert!(message.contains(&format!("section {} is damaged", section.kind)), "{message}");
    }
}

#[test]
fn every_cut_is_noticed_and_so_is_an_extension() {
    let good = toy::pack();
    for len in 0..good.len() {
        refusal(good[..len].to_vec());
    }
    refusal([good, vec![0]].concat());
}

#[test]
fn an_unknown_section_is_skipped() {
    let mut parts = toy::parts();
    parts.insert(1, (*b"NEWS", b"from the future".to_vec()));
    let pack = Pack::from_bytes(toy::assemble(&parts)).unwrap();
    assert_eq!(pack.sections()[1].kind, SectionKind::Unknown(*b"NEWS"));
    assert_eq!(pack.manifest(), &toy::manifest());
}

#[test]
fn a_newer_minor_version_is_read_and_a_newer_major_refused() {
    let sections = toy::parts().len();
    let mut newer = toy::pack();
    newer[10..12].copy_from_slice(&(layout::MINOR + 1).to_le_bytes());
    toy::seal(&mut newer, sections);
    Pack::from_bytes(newer.clone()).unwrap();
    newer[8..10].copy_from_slice(&(layout::MAJOR + 1).to_le_bytes());
    toy::seal(&mut newer, sections);
    let message = refusal(newer.clone());
    assert!(message.contains("newer") && message.contains("update fiducia"), "{message}");
    newer[8..10].copy_from_slice(&0u16.to_le_bytes());
    toy::seal(&mut newer, sections);
    refusal(newer);
}

#[test]
fn impossible_counts_and_offsets_are_refused_though_the_crc_is_right() {
    let good = toy::pack();
    let sections = toy::parts().len();
    for count in [0u32, 1, 7, 9, layout::MAX_SECTIONS, layout::MAX_SECTIONS + 1, u32::MAX] {
        let mut bytes = good.clone();
        bytes[12..16].copy_from_slice(&count.to_le_bytes());
        let covered = (count as usize).min((good.len() - layout::HEADER_LEN) / layout::ENTRY_LEN);
        toy::seal(&mut bytes, covered.min(layout::MAX_SECTIONS as usize));
        refusal(bytes);
    }
    for field in [8, 16] {
        for value in [0, 1, 1 << 32, u64::MAX - 15, u64::MAX] {
            let mut bytes = good.clone();
            let at = layout::HEADER_LEN + layout::ENTRY_LEN + field;
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
            toy::seal(&mut bytes, sections);
            refusal(bytes);
        }
    }
}

#[test]
fn a_missing_or_doubled_section_is_refused() {
    for i in 0..toy::parts().len() {
        let mut parts = toy::parts();
        let (code, _) = parts.remove(i);
        let name = String::from_utf8_lossy(&code).into_owned();
        assert!(refusal(toy::assemble(&parts)).contains(&name));
        let mut parts = toy::parts();
        parts.push(parts[i].clone());
        assert!(refusal(toy::assemble(&parts)).contains("doubled"));
    }
}

#[test]
fn a_hostile_manifest_is_refused_by_its_field() {
    let change = |field: &str, change: &dyn Fn(&mut Manifest)| {
        let mut manifest = toy::manifest();
        change(&mut manifest);
        let content = serde_json::to_vec(&manifest).unwrap();
        let message = refusal(toy::with(SectionKind::Manifest, content));
        assert!(message.contains(field), "{field}: {message}");
    };
    change("name", &|m| m.name = String::new());
    change("landmarks", &|m| m.landmarks.clear());
    change("landmarks", &|m| m.landmarks[1] = m.landmarks[0].clone());
    change("landmarks", &|m| m.landmarks = (0..5000).map(|i| i.to_string()).collect());
    change("whole.width", &|m| m.whole.width = usize::MAX);
    change("whole.height", &|m| m.whole.height = 0);
    change("whole.stride", &|m| m.whole.stride = 0);
    change("whole.stride", &|m| m.whole.stride = 7);
    change("whole.unit_per_px", &|m| m.whole.unit_per_px = -1.0);
    change("refine.size", &|m| m.refine.size = 1 << 40);
    change("refine.size", &|m| {
        m.refine.size = 1024;
        m.landmarks = (0..1000).map(|i| i.to_string()).collect();
    });
    change("refine.peak_radius", &|m| m.refine.peak_radius = 0);
    change("adapter", &|m| m.adapter.clear());
    change("adapter.shape", &|m| m.adapter[0].shape = vec![0]);
    // 65536^4 is 2^64: it wraps to no value at all.
    change("adapter.shape", &|m| m.adapter[0].shape = vec![1 << 16; 4]);
    change("shape_modes", &|m| m.shape_modes = 1 << 60);
    change("plausibility.scale_range", &|m| m.plausibility.scale_range = [0.0, 1.0]);
    // A valid count that the other sections do not bear out.
    change("SHAP", &|m| m.shape_modes = 2);
    change("ADAP", &|m| m.adapter[0].shape = vec![2, 2]);
    for text in ["", "{}", "[]", "null", "{\"name\":\"toy\"}", "\u{0}"] {
        let message = refusal(toy::with(SectionKind::Manifest, text.into()));
        assert!(message.contains("section MANI is not a manifest"), "{message}");
    }
}

#[test]
fn numbers_must_be_numbers_and_text_must_be_text() {
    let nan = f32::NAN.to_le_bytes();
    let adapters = [nan, nan, nan].concat();
    assert!(refusal(toy::with(SectionKind::Adapters, adapters)).contains("not a finite number"));
    assert!(refusal(toy::with(SectionKind::Shape, vec![0; 3])).contains("section SHAP"));
    assert!(refusal(toy::with(SectionKind::Card, vec![0xFF, 0xFE])).contains("not UTF-8"));
}

#[test]
fn a_graph_that_is_none_is_an_error_naming_the_graph() {
    let graph = |kind| Pack::from_bytes(toy::pack()).unwrap().section(kind).to_vec();
    let (backbone, refine) = (graph(SectionKind::Backbone), graph(SectionKind::Refine));
    let cases = [
        (SectionKind::Backbone, vec![]),
        (SectionKind::Backbone, b"this is no graph".to_vec()),
        (SectionKind::Backbone, vec![0xFF; 4096]),
        (SectionKind::Backbone, backbone[..backbone.len() / 2].to_vec()),
        (SectionKind::Backbone, refine.clone()),
        (SectionKind::Refine, vec![0x08; 100]),
        (SectionKind::Refine, refine[..refine.len() / 2].to_vec()),
        (SectionKind::Refine, backbone),
    ];
    for (kind, content) in cases {
        let error = load(toy::with(kind, content)).unwrap_err();
        let place = if kind == SectionKind::Backbone { "backbone graph" } else { "refine graph" };
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert!(error.to_string().starts_with(place), "{error}");
    }
}

#[test]
fn a_damaged_graph_with_a_right_crc_never_panics() {
    let good = Pack::from_bytes(toy::pack()).unwrap().section(SectionKind::Refine).to_vec();
    // The names, operators and shapes stand around the weights; a weight itself may be anything.
    for at in (0..200.min(good.len())).chain(good.len().saturating_sub(200)..good.len()) {
        let mut graph = good.clone();
        graph[at] ^= 0x15;
        let _ = load(toy::with(SectionKind::Refine, graph));
    }
}

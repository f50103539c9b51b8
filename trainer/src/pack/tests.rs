use fiducia::pack::{AdapterInput, FullImageInput, Plausibility, RefineFrame, Scale};

use super::*;

fn parts() -> Parts {
    let calibration =
        Calibration { gain: 1.5, floor: 0.25, max_expected_error: 4.0, max_shape_residual: 6.0 };
    Parts {
        manifest: Manifest {
            name: "toy".to_owned(),
            landmarks: vec!["p".to_owned(), "q".to_owned()],
            model_landmarks: Vec::new(),
            scale: Scale::Millimetres { field_height: 64.0, unit_mm: 1.0 },
            whole: FullImageInput {
                width: 64,
                height: 64,
                unit_per_px: 1.0,
                stride: 4,
                norm_radius: 8,
                peak_radius: 2,
            },
            refine: RefineFrame { size: 32, unit_per_px: 0.5, stride: 2, peak_radius: 3 },
            adapter: vec![
                AdapterInput { input: "gain".to_owned(), shape: vec![2, 1] },
                AdapterInput { input: "bias".to_owned(), shape: vec![1] },
            ],
            shape_modes: 1,
            plausibility: Plausibility {
                min_coarse_mass: 0.0,
                max_pose_residual: 9.0,
                scale_range: [0.5, 2.0],
                max_rotation: 0.5,
                max_shape_residual: 9.0,
                min_side: None,
            },
            grey_values: Default::default(),
        },
        backbone: b"backbone".to_vec(),
        refine: b"refine graph".to_vec(),
        adapters: vec![vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]],
        shape: ShapeModel {
            mean: vec![[10.0, 20.0], [30.0, 40.0]],
            deviations: vec![2.0],
            modes: vec![vec![0.0, 1.0, 0.0, 0.0]],
        },
        calibration: vec![calibration; 2],
        provenance: serde_json::json!({"seed": 7}),
        card: "# Toy\n".to_owned(),
    }
}

#[test]
fn what_is_written_is_read() {
    let parts = parts();
    let pack = Pack::from_bytes(to_bytes(&parts).unwrap()).unwrap();
    assert_eq!(pack.manifest(), &parts.manifest);
    assert_eq!(pack.section(SectionKind::Backbone), parts.backbone);
    assert_eq!(pack.section(SectionKind::Refine), parts.refine);
    assert_eq!([pack.adapter(0), pack.adapter(1)], parts.adapters[..]);
    assert_eq!(pack.shape(), parts.shape);
    assert_eq!(pack.calibration(), parts.calibration);
    assert_eq!(pack.provenance(), "{\"seed\":7}");
    assert_eq!(pack.card(), parts.card);
    assert_eq!(to_bytes(&parts).unwrap(), to_bytes(&parts).unwrap());
}

/// Written by hand from the drawing in `fiducia::pack::layout`; the CRCs were computed with zlib.
#[test]
fn unknown_sections_are_skipped() {
    let parts = parts();
    let mut all = sections(&parts);
    all.insert(3, (*b"XTRA", b"from a later version".to_vec()));
    let pack = Pack::from_bytes(assemble(FileKind::Pack, &all)).unwrap();
    assert_eq!(pack.manifest(), &parts.manifest);
    assert_eq!(pack.adapter(1), parts.adapters[1]);
    assert_eq!(pack.sections()[3].kind, SectionKind::Unknown(*b"XTRA"));
}

#[test]
fn a_newer_major_version_is_refused() {
    let mut bytes = to_bytes(&parts()).unwrap();
    bytes[8] += 1;
    assert!(Pack::from_bytes(bytes).unwrap_err().to_string().contains("newer"));
}

#[test]
fn every_damaged_byte_is_found() {
    let bytes = to_bytes(&parts()).unwrap();
    let sections = Pack::from_bytes(bytes.clone()).unwrap().sections().to_vec();
    for place in 0..bytes.len() {
        // The minor version may grow, but the header's CRC covers it.
        for bit in [0x01, 0x80] {
            let mut damaged = bytes.clone();
            damaged[place] ^= bit;
            let error = Pack::from_bytes(damaged).expect_err(&format!("byte {place} of the file"));
            assert_eq!(error.kind(), ErrorKind::Unreadable);
            let inside =
                |s: &&fiducia::pack::Section| (s.offset..s.offset + s.len).contains(&place);
            if let Some(section) = sections.iter().find(inside) {
                let kind = section.kind.to_string();
                assert!(error.to_string().contains(&kind), "byte {place} in {kind}: {error}");
            }
        }
    }
}

#[test]
fn every_cut_is_found() {
    let bytes = to_bytes(&parts()).unwrap();
    for len in 0..bytes.len() {
        assert!(Pack::from_bytes(bytes[..len].to_vec()).is_err(), "cut to {len} bytes");
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(Pack::from_bytes(longer).is_err());
}

#[test]
fn wrong_sizes_are_refused_by_name() {
    let refused = |change: fn(&mut Parts), word: &str| {
        let mut parts = parts();
        change(&mut parts);
        let error = to_bytes(&parts).expect_err(word);
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains(word), "{error}");
    };
    refused(|p| p.adapters.truncate(1), "adapters: 1, expected 2");
    refused(|p| p.adapters[1].push(0.0), "adapter values of `q`: 4, expected 3");
    refused(|p| p.shape.mean.truncate(1), "mean shape");
    refused(|p| p.shape.modes.clear(), "shape modes: 0, expected 1");
    refused(|p| p.shape.deviations.push(1.0), "deviations");
    refused(|p| p.shape.modes[0].truncate(3), "shape mode: 3, expected 4");
    refused(|p| p.calibration.truncate(1), "calibrations: 1, expected 2");
    refused(|p| p.backbone.clear(), "graph is empty");
    refused(|p| p.manifest.landmarks[1] = "p".to_owned(), "landmarks");
    refused(|p| p.adapters[0][0] = f32::NAN, "ADAP");
    refused(|p| p.calibration[0].gain = f32::INFINITY, "CALI");
}

#[test]
fn a_refused_pack_leaves_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.fid");
    write(&parts(), &path).unwrap();
    let mut wrong = parts();
    wrong.adapters.clear();
    assert!(write(&wrong, &path).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), to_bytes(&parts()).unwrap());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

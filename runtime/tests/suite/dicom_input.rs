//! DICOM files: what is read from them, and what is refused.

use fiducia::radiograph::{GreyValues, Voi};
use fiducia::{ErrorKind, MmSource, Radiograph, Reading};

use fiducia_test_support::dicom_files::{
    Object, SIZE, Tag, bare, codings, data_set, head, jpeg_of_eight_bits, picture, put, put_bits,
    put_bytes, put_lut, put_u16, put_words, tags, uids, written,
};

fn read(bytes: &[u8]) -> Radiograph {
    Radiograph::decode("film.dcm".into(), bytes, None).unwrap()
}

/// The picture with other attributes, as it is read.
fn read_with(change: impl FnOnce(&mut Object)) -> Radiograph {
    read(&file(change))
}

fn file(change: impl FnOnce(&mut Object)) -> Vec<u8> {
    let mut object = bare(SIZE);
    put_words(&mut object, &picture());
    change(&mut object);
    written(&object, uids::EXPLICIT_LITTLE)
}

fn refusal(bytes: &[u8]) -> String {
    let error = Radiograph::decode("film.dcm".into(), bytes, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreadable, "{error}");
    error.to_string()
}

fn ds(object: &mut Object, tag: Tag, value: &str) {
    put(object, tag, b"DS", value);
}

#[test]
fn the_picture_comes_out_of_every_coding() {
    for (syntax, bytes, error) in codings() {
        let film = read(&bytes);
        assert_eq!([film.width, film.height], SIZE, "{syntax}");
        let worst = film.pixels.iter().zip(picture()).map(|(a, b)| a.abs_diff(b)).max().unwrap();
        assert!(worst <= error, "{syntax}: {worst}");
        assert_eq!(film.dicom.unwrap().transfer_syntax_uid, syntax);
    }
    let eight = read(&jpeg_of_eight_bits());
    let worst = eight.pixels.iter().zip(picture()).map(|(a, b)| a.abs_diff(b >> 4)).max().unwrap();
    assert!(worst <= 16, "{worst}");
}

#[test]
fn monochrome_1_is_turned_so_that_bone_is_bright() {
    let film = read_with(|o| put(o, tags::PHOTOMETRIC_INTERPRETATION, b"CS", "MONOCHROME1"));
    let negative: Vec<u16> = picture().iter().map(|v| 4095 - v).collect();
    assert_eq!(film.pixels, negative);
    // Not what the caller asked for, so not what `inverted` speaks of.
    assert!(!film.inverted && film.dicom.unwrap().photometric_interpretation == "MONOCHROME1");
}

#[test]
fn signed_pixels_keep_their_order() {
    let film = read_with(|o| {
        put_u16(o, tags::PIXEL_REPRESENTATION, 1);
        let signed: Vec<u16> = picture().iter().map(|&v| v.wrapping_sub(2048)).collect();
        put_words(o, &signed);
    });
    assert_eq!(film.pixels, picture());
}

#[test]
fn bits_above_the_stored_ones_are_no_pixels() {
    let film = read_with(|o| {
        let marked: Vec<u16> = picture().iter().map(|v| v | 0xA000).collect();
        put_words(o, &marked);
    });
    assert_eq!(film.pixels, picture());
}

#[test]
fn eight_bits_of_eight() {
    let mut object = bare(SIZE);
    put_bits(&mut object, 8, 8);
    let bytes: Vec<u8> = picture().iter().map(|v| (v >> 4) as u8).collect();
    put_bytes(&mut object, &bytes);
    let film = read(&written(&object, uids::EXPLICIT_LITTLE));
    assert!(film.pixels.iter().zip(&bytes).all(|(a, b)| *a == u16::from(*b)));
}

#[test]
fn a_model_chooses_between_presented_and_measured_values() {
    let bytes = file(|o| {
        ds(o, tags::WINDOW_CENTER, "500");
        ds(o, tags::WINDOW_WIDTH, "801");
    });
    let presented = read(&bytes);
    // 100 to 900 are spread over 16 bits (PS3.3, C.11.2.1.2).
    let expected = |v: u16| ((f64::from(v) - 499.5) / 800.0 + 0.5).clamp(0.0, 1.0) * 65535.0;
    for (found, stored) in presented.pixels.iter().zip(picture()) {
        assert!((f64::from(*found) - expected(stored)).abs() <= 0.5, "{stored}: {found}");
    }
    assert_eq!(presented.dicom.unwrap().voi, Voi::Window);
    let reading = Reading { grey_values: GreyValues::Modality, ..Reading::default() };
    let measured = Radiograph::decode_as("film.dcm".into(), &bytes, &reading).unwrap();
    assert_eq!((measured.pixels, measured.dicom.unwrap().voi), (picture(), Voi::None));
}

#[test]
fn look_up_tables_are_followed_beyond_their_ends() {
    let entries: Vec<u16> = (0..1000).map(|i| 1023 - i).collect();
    let expected = |v: u16| 1023 - v.saturating_sub(200).min(999);
    for (sequence, voi) in
        [(tags::VOI_LUT_SEQUENCE, Voi::Lut), (tags::MODALITY_LUT_SEQUENCE, Voi::None)]
    {
        let film = read_with(|o| put_lut(o, sequence, &entries, [200, 10]));
        let wanted: Vec<u16> = picture().into_iter().map(expected).collect();
        assert_eq!((film.pixels, film.dicom.unwrap().voi), (wanted, voi), "{sequence:?}");
    }
}

#[test]
fn a_falling_rescaling_turns_the_grey_values() {
    let film = read_with(|o| {
        ds(o, tags::RESCALE_SLOPE, "-2");
        ds(o, tags::RESCALE_INTERCEPT, "8190");
    });
    assert!(film.pixels.iter().zip(picture()).all(|(a, b)| *a == 4095 - b));
}

#[test]
fn padding_does_not_count_as_image() {
    let mut pixels = picture();
    pixels[..10 * SIZE[0]].fill(4095);
    let film = read_with(|o| {
        put_words(o, &pixels);
        put_u16(o, tags::PIXEL_PADDING_VALUE, 4095);
    });
    let image = &film.pixels[10 * SIZE[0]..];
    assert_eq!(image, &picture()[10 * SIZE[0]..]);
    // The lower end of the grey window of the image alone: one pixel in a thousand is below it.
    let mut sorted = image.to_vec();
    sorted.sort();
    let dark = sorted[image.len() / 1000];
    assert!(film.pixels[..10 * SIZE[0]].iter().all(|&v| v == dark));
}

#[test]
fn millimetres_say_where_they_are_from() {
    let pair = |tag, value: &'static str| move |o: &mut Object| ds(o, tag, value);
    let film = read_with(pair(tags::IMAGER_PIXEL_SPACING, "0.139\\0.14"));
    // Rows come first in the file, x first in the report.
    assert_eq!((film.spacing_mm, film.mm_source), (Some([0.14, 0.139]), MmSource::Detector));
    let film = read_with(|o| {
        ds(o, tags::PIXEL_SPACING, "0.12\\0.12");
        ds(o, tags::IMAGER_PIXEL_SPACING, "0.139\\0.139");
    });
    assert_eq!(film.mm_source, MmSource::CalibratedUnstated);
    let film = read_with(pair(tags::PIXEL_SPACING, "0.000\\0.000"));
    assert_eq!((film.spacing_mm, film.mm_source), (None, MmSource::None));
    let why = film.dicom.unwrap().mm_withheld.unwrap();
    assert!(why.starts_with("PixelSpacing (0028,0030) is 0.000\\0.000: "), "{why}");
}

#[test]
fn the_caller_has_the_last_word_on_millimetres() {
    let bytes = file(|o| ds(o, tags::IMAGER_PIXEL_SPACING, "0.139\\0.139"));
    let film = Radiograph::decode("film.dcm".into(), &bytes, Some([0.1, 0.1])).unwrap();
    assert_eq!((film.spacing_mm, film.mm_source), (Some([0.1, 0.1]), MmSource::User));
    let facts = film.dicom.unwrap();
    assert_eq!((facts.spacing_mm, facts.mm_source), (Some([0.139; 2]), MmSource::Detector));
}

#[test]
fn magnification_is_corrected_on_demand_only() {
    let bytes = file(|o| {
        ds(o, tags::IMAGER_PIXEL_SPACING, "0.15\\0.15");
        ds(o, tags::DISTANCE_SOURCE_TO_DETECTOR, "1650");
        ds(o, tags::DISTANCE_SOURCE_TO_PATIENT, "1500");
    });
    let plain = read(&bytes);
    assert_eq!(plain.spacing_mm, Some([0.15; 2]));
    assert!((plain.dicom.unwrap().magnification.unwrap() - 1.1).abs() < 1e-9);
    let reading = Reading { correct_magnification: true, ..Reading::default() };
    let in_body = Radiograph::decode_as("film.dcm".into(), &bytes, &reading).unwrap();
    assert_eq!(in_body.mm_source, MmSource::DetectorMagnified);
    assert!((in_body.spacing_mm.unwrap()[0] - 0.15 / 1.1).abs() < 1e-9);
    // Without a magnification there is nothing to correct, and no millimetres that only look corrected.
    let bytes = file(|o| ds(o, tags::IMAGER_PIXEL_SPACING, "0.15\\0.15"));
    let unknown = Radiograph::decode_as("film.dcm".into(), &bytes, &reading).unwrap();
    assert_eq!(unknown.spacing_mm, None);
}

#[test]
fn what_is_refused_is_named_with_its_value() {
    let text = |tag, vr: &'static [u8; 2], value: &'static str| {
        move |o: &mut Object| put(o, tag, vr, value)
    };
    let word = |tag, value| move |o: &mut Object| put_u16(o, tag, value);
    let refused = |change: &dyn Fn(&mut Object)| refusal(&file(change));
    let ct = refused(&text(tags::SOP_CLASS_UID, b"UI", uids::CT));
    assert!(ct.contains("SOPClassUID (0008,0016) is 1.2.840.10008.5.1.4.1.1.2 (CT Image Storage): that is no projection radiograph"), "{ct}");
    let colour = refused(&text(tags::PHOTOMETRIC_INTERPRETATION, b"CS", "YBR_FULL_422"));
    assert!(colour.contains("PhotometricInterpretation (0028,0004) is YBR_FULL_422: "), "{colour}");
    let frames = refused(&text(tags::NUMBER_OF_FRAMES, b"IS", "12"));
    assert!(frames.contains("NumberOfFrames (0028,0008) is 12: "), "{frames}");
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 3),
        (tags::ROWS, 0),
        (tags::COLUMNS, 16_385),
        (tags::BITS_ALLOCATED, 32),
        (tags::BITS_STORED, 0),
        (tags::HIGH_BIT, 16),
        (tags::PIXEL_REPRESENTATION, 2),
    ] {
        let said = refused(&word(tag, value));
        assert!(said.contains(&format!("({:04X},{:04X}) is {value}: ", tag.0, tag.1)), "{said}");
    }
    let shape = refused(&text(tags::PRESENTATION_LUT_SHAPE, b"CS", "INVERSE"));
    assert!(
        shape.contains("PresentationLUTShape (2050,0020) is INVERSE: that contradicts"),
        "{shape}"
    );
    let none = refused(&|o| o.remove(tags::PIXEL_DATA));
    assert!(none.contains("PixelData (7FE0,0010) is missing"), "{none}");
}

#[test]
fn a_file_without_preamble_or_meta_is_known_by_its_content() {
    let mut object = bare(SIZE);
    put_words(&mut object, &picture());
    assert_eq!(read(&file(|_| ())[132..]).pixels, picture());
    for syntax in [uids::IMPLICIT_LITTLE, uids::EXPLICIT_LITTLE, uids::EXPLICIT_BIG] {
        assert_eq!(read(&data_set(&object, syntax)).pixels, picture(), "{syntax}");
    }
}

#[test]
fn the_size_is_told_by_the_attributes() {
    let folder = tempfile::tempdir().unwrap();
    for (i, (syntax, bytes, _)) in codings().into_iter().enumerate() {
        let path = folder.path().join(i.to_string());
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(Radiograph::size_px(&path).unwrap(), SIZE, "{syntax}");
    }
    let error = Radiograph::size_px(&folder.path().join("none")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreadable);
}

#[test]
fn every_cut_of_a_file_is_refused() {
    for (syntax, bytes, _) in codings() {
        // A sequence of fragments ends with a delimiter; a coded frame may end with a pad byte and an end marker.
        for end in (0..bytes.len() - 24).step_by(7) {
            assert!(
                Radiograph::decode("x".into(), &bytes[..end], None).is_err(),
                "{syntax}: {end} of {}",
                bytes.len()
            );
        }
    }
}

#[test]
fn lengths_are_not_believed() {
    // Pixel data of 4 GiB that are not there, in a file of two kilobytes.
    let mut bytes = file(|_| ());
    let at = bytes.len() - 2 * picture().len() - 4;
    bytes[at..at + 4].copy_from_slice(&0xFFFF_FFFEu32.to_le_bytes());
    let said = refusal(&bytes);
    assert!(
        said.contains("PixelData (7FE0,0010) is 4294967294 bytes long, of which 2880 are there"),
        "{said}"
    );
}

#[test]
fn sequences_a_thousand_deep_are_refused() {
    let mut bytes = head(uids::EXPLICIT_LITTLE);
    for _ in 0..1000 {
        // A sequence and an item, both of undefined length.
        bytes.extend([0x40, 0, 0x08, 0x02, b'S', b'Q', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
        bytes.extend([0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF]);
    }
    assert!(refusal(&bytes).contains("inside 64 sequences"));
}

#[test]
fn elements_of_the_patient_do_not_come_out() {
    let film = read_with(|o| {
        put(o, tags::PATIENT_NAME, b"PN", "Somebody^Real");
        put(o, tags::PATIENT_ID, b"LO", "4711");
    });
    let facts = serde_json::to_string(&film.dicom.unwrap()).unwrap();
    assert!(!facts.contains("Somebody") && !facts.contains("4711"), "{facts}");
}

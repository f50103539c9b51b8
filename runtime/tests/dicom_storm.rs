//! A storm of damaged DICOM files: 10,000 of them. Each is refused with a reason or read as an image; none panics,
//! none makes the reader take more memory than its length justifies. A program of its own, because memory is counted.

use std::sync::atomic::{AtomicU32, Ordering};

use fiducia::{ErrorKind, Radiograph};
use fiducia_test_support::{
    Rng,
    dicom_files::{self, tags, uids},
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const DAMAGED: u32 = 10_000;
/// A byte of codestream may stand for 256 pixels, and decoders keep up to 16 bytes for one.
const LARGEST_SHARE: usize = 256 * 16;
/// Tables of grey values and histograms of 16 bits, and what decoders keep for themselves, bytes.
const OVERHEAD: usize = 4 << 20;

/// The picture in every coding, and once with a look-up table, a window, padding and a private sequence.
fn whole() -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = dicom_files::codings().into_iter().map(|(_, f, _)| f).collect();
    files.push(dicom_files::jpeg_of_eight_bits());
    let mut rich = dicom_files::bare(dicom_files::SIZE);
    dicom_files::put_words(&mut rich, &dicom_files::picture());
    dicom_files::put_lut(&mut rich, tags::MODALITY_LUT_SEQUENCE, &[7; 300], [20, 12]);
    dicom_files::put_lut(&mut rich, tags::VOI_LUT_SEQUENCE, &[9; 300], [20, 12]);
    dicom_files::put_u16(&mut rich, tags::PIXEL_PADDING_VALUE, 7);
    dicom_files::put(&mut rich, tags::WINDOW_CENTER, b"DS", "300");
    dicom_files::put(&mut rich, tags::WINDOW_WIDTH, b"DS", "500");
    dicom_files::put(&mut rich, tags::PIXEL_SPACING, b"DS", "0.1\\0.1");
    dicom_files::put(&mut rich, (0x0020, 0x000D), b"UI", "2.25.2");
    dicom_files::put(&mut rich, (0x0020, 0x000E), b"UI", "2.25.3");
    files.push(dicom_files::written(&rich, uids::IMPLICIT_LITTLE));
    files.push(dicom_files::written(&rich, uids::EXPLICIT_LITTLE));
    files.push(deflated(&dicom_files::data_set(&rich, uids::EXPLICIT_LITTLE)));
    files
}

/// A file whose data set is deflated.
fn deflated(data_set: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let head = dicom_files::head("1.2.840.10008.1.2.1.99");
    let mut encoder = flate2::write::DeflateEncoder::new(head, flate2::Compression::default());
    encoder.write_all(data_set).unwrap();
    encoder.finish().unwrap()
}

fn damage(mut bytes: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
    let len = bytes.len();
    // The preamble holds nothing; damage goes behind it.
    let place = |rng: &mut Rng| 132 + rng.below(len - 132);
    match rng.below(6) {
        0 => bytes.truncate(place(rng)),
        1 => {
            for _ in 0..=rng.below(8) {
                bytes[place(rng)] = rng.next() as u8;
            }
        }
        // A number becomes huge, or anything.
        2 => {
            let at = place(rng).min(len - 4);
            let value = [0, 1, u32::MAX, 0x7FFF_FFFF, 0xFFFF_FFFE, rng.next() as u32];
            bytes[at..at + 4].copy_from_slice(&value[rng.below(6)].to_le_bytes());
        }
        // Rows or columns become something else, so that pixels and attributes disagree.
        3 => {
            let size: &[u8] =
                if rng.below(2) == 0 { &[0x28, 0, 0x10, 0] } else { &[0x28, 0, 0x11, 0] };
            if let Some(at) = bytes.windows(4).position(|w| w == size) {
                bytes[at + 8] = rng.next() as u8;
                bytes[at + 9] = rng.next() as u8;
            }
        }
        4 => {
            let (from, to) = (place(rng), place(rng));
            bytes.drain(from.min(to)..from.max(to));
        }
        _ => {
            let (from, count) = (place(rng), rng.below(64));
            let copied: Vec<u8> = bytes[from..len.min(from + count)].to_vec();
            let at = place(rng);
            bytes.splice(at..at, copied);
        }
    }
    bytes
}

/// What results repeat of a damaged file is refused or repeated; a panic would end the test.
#[cfg(feature = "results")]
fn check_source(bytes: &[u8]) {
    match fiducia::results::Source::read(bytes) {
        Ok(source) => assert!(source.study().len() <= 64),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Unreadable, "{error}"),
    }
}

#[test]
fn ten_thousand_damaged_files_are_refused_or_read_and_take_no_more_memory_than_they_should() {
    // Panics inside a decoder are caught by the reader; how many there are is counted here.
    static PANICS: AtomicU32 = AtomicU32::new(0);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let ours = info.location().is_none_or(|at| !at.file().contains("registry"));
        if ours {
            usual(info);
        }
        PANICS.fetch_add(1, Ordering::Relaxed);
    }));
    let good = whole();
    for file in &good {
        Radiograph::decode("whole".into(), file, None).unwrap();
    }
    assert_eq!(PANICS.load(Ordering::Relaxed), 0);
    let mut rng = Rng::new(8);
    let (mut refused, mut read, mut most) = (0, 0, 0);
    for i in 0..DAMAGED {
        let bytes = damage(good[i as usize % good.len()].clone(), &mut rng);
        let before = HEAP.current_usage();
        HEAP.reset_peak_usage();
        let outcome = Radiograph::decode("damaged".into(), &bytes, None);
        let memory = HEAP.peak_usage() - before;
        assert!(
            memory <= LARGEST_SHARE * bytes.len() + OVERHEAD,
            "file {i}: {memory} for {}",
            bytes.len()
        );
        most = most.max(memory);
        #[cfg(feature = "results")]
        check_source(&bytes);
        match outcome {
            Ok(film) => {
                assert_eq!(film.pixels.len(), film.width * film.height);
                read += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unreadable, "{error}");
                refused += 1;
            }
        }
    }
    let panics = PANICS.load(Ordering::Relaxed);
    println!("{refused} refused, {read} read, {panics} panics caught, at most {most} bytes");
    assert!(refused > DAMAGED / 4 && read > 0, "{refused} refused, {read} read");
}

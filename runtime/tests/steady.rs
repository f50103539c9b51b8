//! A detector that works for months must not grow: from the second image on, what lives on the heap after an image
//! is what lived there after the one before, in bytes and in number. A program of its own, because memory is counted.

use std::alloc::System;

use fiducia::{Backend, Detector, Pack, Radiograph, Report};
use fiducia_test_support::{gpu_or_skip, shipped::shipped, toy};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Times that all films are shown.
const ROUNDS: usize = 20;
/// Spacing of the demo image, mm per px.
const DEMO_MM: f64 = 0.2;

/// What lives on the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Live {
    bytes: usize,
    allocations: usize,
}

impl Live {
    fn now() -> Self {
        let s = HEAP.stats();
        let bytes = s.bytes_allocated - s.bytes_deallocated;
        Self { bytes, allocations: s.allocations - s.deallocations }
    }
}

/// The demo image; it upside down, which is refused after it was looked at in other ways; a smaller one.
fn films() -> Vec<Radiograph> {
    let demo = Radiograph::open(&shipped("demo.png"), Some([DEMO_MM; 2])).unwrap();
    let [width, height] = [demo.width / 2, demo.height / 2];
    let pixel = |i: usize| demo.pixels[2 * (i / width * demo.width + i % width)];
    let mut small = demo.clone();
    small.pixels = (0..width * height).map(pixel).collect();
    (small.width, small.height) = (width, height);
    small.spacing_mm = Some([2.0 * DEMO_MM; 2]);
    let mut turned = demo.clone();
    turned.pixels.reverse();
    vec![demo, turned, small]
}

/// What lives after each round of `films`; what is done with a report counts as part of its image.
fn after_rounds(
    detector: &mut Detector,
    films: &[Radiograph],
    mut done: impl FnMut(Report),
) -> [Live; ROUNDS] {
    // No memory of its own, which would be counted.
    let mut live = [Live { bytes: 0, allocations: 0 }; ROUNDS];
    for after in &mut live {
        for film in films {
            done(detector.detect(film).unwrap());
        }
        *after = Live::now();
    }
    live
}

/// The first round in which more or less lived than in the second.
fn change(live: &[Live]) -> Option<usize> {
    live.iter().skip(2).position(|l| *l != live[1]).map(|i| i + 2)
}

#[track_caller]
fn assert_steady(detector: &mut Detector, films: &[Radiograph], what: &str) {
    let live = after_rounds(detector, films, drop);
    println!("{what}: {:?}", live[1]);
    assert_eq!(change(&live), None, "{what}: {live:?}");
}

/// One test, so that nothing else takes memory meanwhile; on one thread, since with several it is rng which of
/// them first needs working memory for the largest layer. That they end at some size is what
/// `benches/src/bin/endurance.rs` shows.
#[test]
fn nothing_grows_from_the_second_image_on() {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    one.install(nothing_grows);
}

fn nothing_grows() {
    let pack = Pack::open(&shipped("head.fid")).unwrap();
    let films = films();
    let mut detector = Detector::new(&pack, Backend::Cpu).unwrap();
    let plausible: Vec<bool> =
        films.iter().map(|film| detector.detect(film).unwrap().plausible).collect();
    assert_eq!(plausible, [true, false, true], "the films show other paths than they should");
    drop(detector);

    for film in &films {
        let mut detector = Detector::new(&pack, Backend::Cpu).unwrap();
        assert_steady(&mut detector, std::slice::from_ref(film), "CPU, one film");
    }
    let mut detector = Detector::new(&pack, Backend::Cpu).unwrap();
    assert_steady(&mut detector, &films, "CPU, three films");

    // The comparison is able to fail: reports that are kept are noticed.
    let mut kept = Vec::with_capacity(ROUNDS * films.len());
    let live = after_rounds(&mut detector, &films, |report| kept.push(report));
    assert_eq!(change(&live), Some(2));
    // So is one byte.
    let mut bytes = Vec::with_capacity(ROUNDS);
    let live = after_rounds(&mut detector, &films[..1], |_| bytes.push(Box::new(0u8)));
    assert_eq!(change(&live), Some(2));
    assert_eq!(live[3].bytes, live[2].bytes + 1);

    #[cfg(feature = "gpu")]
    on_a_gpu();
}

/// The toy model, since a software rasteriser is slow.
#[cfg(feature = "gpu")]
fn on_a_gpu() {
    use fiducia::{ErrorKind, MmSource};

    let pack = Pack::from_bytes(toy::pack()).unwrap();
    let opened = match Detector::on_adapter(&pack, "") {
        Err(e) if e.kind() == ErrorKind::NoGpu && fiducia::adapters().is_empty() => Err(e),
        opened => Ok(opened.unwrap()),
    };
    let mut detector = gpu_or_skip!(opened);
    let [width, height] = toy::REFERENCE;
    let film = Radiograph {
        name: "spots".to_owned(),
        width: width as usize,
        height: height as usize,
        pixels: toy::picture(width, height).into_raw().into_iter().map(u16::from).collect(),
        spacing_mm: None,
        mm_source: MmSource::User,
        inverted: false,
        dicom: None,
    };
    assert_steady(&mut detector, std::slice::from_ref(&film), "GPU, one film");
}

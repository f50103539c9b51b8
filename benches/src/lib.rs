//! Shared parts of the benchmarks: inputs computed from a seed, models with any number of landmarks, devices,
//! records. The only files read are the shipped models and their demo images.

mod machine;
mod backends;
mod models;
mod networks;
mod record;
mod times;

pub use backends::{Measured, backend, backends, test_adapter};
pub use machine::{LOAD, about, machine, peak_resident, resident};
pub use models::{Kind, model};
pub use networks::{Networks, write_networks};
pub use record::{Record, Row};
pub use times::Times;

use std::path::{Path, PathBuf};

use fiducia::{Error, MmSource, Pack, Radiograph};

/// `[width, height]` of a usual cephalogram, px.
pub const CEPHALOGRAM_PX: [usize; 2] = [1935, 2400];
/// Spacing of a usual cephalogram, mm per px along both axes.
pub const CEPHALOGRAM_MM: f64 = 0.1;
/// Noise amplitude of the synthetic radiograph, grey levels.
const GRAIN: f64 = 6.0;
/// Noise amplitude of the demo image, grey levels.
const DEMO_GRAIN: f64 = 3.0;
/// Bright structures of the synthetic radiograph: centre and radius as fractions of the height, grey levels.
const STRUCTURES: [(f64, f64, f64, f64); 5] = [
    (0.40, 0.45, 0.30, 90.0),
    (0.35, 0.30, 0.10, 60.0),
    (0.55, 0.60, 0.08, 80.0),
    (0.60, 0.35, 0.05, 70.0),
    (0.30, 0.80, 0.12, 50.0),
];

/// Spacing of the demo image, mm per px.
pub const DEMO_MM: f64 = 0.2;

/// Path of a file in the folder of the shipped models.
pub fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name)
}

/// Path of the shipped model.
pub fn shipped_pack_path() -> PathBuf {
    shipped("head.fid")
}

/// The demo image of the shipped model at twice its resolution (about that of a usual cephalogram), with
/// noise from the seed.
///
/// # Errors
/// As [`Radiograph::open`].
pub fn demo(seed: u64) -> Result<Radiograph, Error> {
    let small = Radiograph::open(&shipped("demo.png"), Some([DEMO_MM; 2]))?;
    Ok(doubled(&small, seed))
}

/// A radiograph at twice its resolution, with noise from the seed.
pub fn doubled(small: &Radiograph, seed: u64) -> Radiograph {
    let [width, height] = [2 * small.width, 2 * small.height];
    let pixel = |i: usize| {
        let level = small.pixels[i / width / 2 * small.width + i % width / 2];
        (f64::from(level) + DEMO_GRAIN * noise(seed, i)).clamp(0.0, 255.0).round() as u16
    };
    let pixels = (0..width * height).map(pixel).collect();
    Radiograph {
        name: format!("{}, seed {seed}", small.name),
        width,
        height,
        pixels,
        spacing_mm: small.spacing_mm.map(|mm| mm.map(|mm| mm / 2.0)),
        ..small.clone()
    }
}

/// The exit status of a program whose work is `done`; prints an error to standard error.
pub fn exit_code(done: Result<(), Error>) -> std::process::ExitCode {
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            std::process::ExitCode::FAILURE
        }
    }
}

/// The shipped head model; `None` if its file does not exist.
///
/// # Errors
/// As [`Pack::open`] for a model file that exists but cannot be read.
pub fn shipped_pack() -> Result<Option<Pack>, Error> {
    let path = shipped_pack_path();
    if path.is_file() { Pack::open(&path).map(Some) } else { Ok(None) }
}

/// A radiograph of smooth bright structures with noise, values 0 to 255: no anatomy, but the same amount of
/// work.
pub fn radiograph(seed: u64, [width, height]: [usize; 2]) -> Radiograph {
    let pixel = |i: usize| {
        let (x, y) = ((i % width) as f64 / height as f64, (i / width) as f64 / height as f64);
        let structure = |&(cx, cy, radius, level): &(f64, f64, f64, f64)| {
            let r2 = (x - cx).powi(2) + (y - cy).powi(2);
            level * (-r2 / (2.0 * radius * radius)).exp()
        };
        let level = 30.0 + STRUCTURES.iter().map(structure).sum::<f64>() + GRAIN * noise(seed, i);
        level.clamp(0.0, 255.0).round() as u16
    };
    Radiograph {
        name: format!("synthetic, seed {seed}"),
        width,
        height,
        pixels: (0..width * height).map(pixel).collect(),
        spacing_mm: Some([CEPHALOGRAM_MM; 2]),
        mm_source: MmSource::User,
        inverted: false,
        dicom: None,
    }
}

/// A plane `[height, width]` of grey values, 0 to 255.
pub fn plane(seed: u64, [width, height]: [usize; 2]) -> Vec<f32> {
    radiograph(seed, [width, height]).pixels.into_iter().map(f32::from).collect()
}

/// Logits `[height, width]` of one landmark: an off-centre Gaussian of 1.5 cells with noise.
pub fn heat_map(seed: u64, [width, height]: [usize; 2]) -> Vec<f32> {
    let (cx, cy) = (0.37 * width as f64, 0.61 * height as f64);
    let cell = |i: usize| {
        let r2 = ((i % width) as f64 - cx).powi(2) + ((i / width) as f64 - cy).powi(2);
        (12.0 * (-r2 / 4.5).exp() + 0.5 * noise(seed, i)) as f32
    };
    (0..width * height).map(cell).collect()
}

/// White noise, −1 to 1.
pub fn noise_values(seed: u64, len: usize) -> Vec<f32> {
    (0..len).map(|i| noise(seed, i) as f32).collect()
}

/// Pixel `i` of white noise, −1 to 1: the finaliser of SplitMix64 (Steele et al., OOPSLA 2014).
fn noise(seed: u64, i: usize) -> f64 {
    let mut z = seed.wrapping_add((i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) as f64 / (u64::MAX as f64 / 2.0) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides() {
        assert_eq!(radiograph(1, [70, 90]).pixels, radiograph(1, [70, 90]).pixels);
        assert_ne!(radiograph(1, [70, 90]).pixels, radiograph(2, [70, 90]).pixels);
        assert_ne!(heat_map(1, [48, 60]), heat_map(2, [48, 60]));
    }

    #[test]
    fn noise_is_centred() {
        let mean = (0..10_000).map(|i| noise(7, i)).sum::<f64>() / 10_000.0;
        // Standard error of the mean of 10,000 uniform deviates: 0.006.
        assert!(mean.abs() < 0.03, "{mean}");
    }
}

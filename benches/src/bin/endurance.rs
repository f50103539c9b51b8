//! Many images through one detector. `endurance [IMAGES]` (default 10,000) prints rows (benches/results):
//! memory growth per image with a 95 % interval, and time per image.
//!
//! The images are the demo image with different noise, one of them smaller, and regularly one upside down,
//! which is refused after recognition of its orientation.

use std::time::Instant;

use fiducia::{Backend, Detector, Error, ErrorKind, Radiograph};
use fiducia_benches::{Row, demo, resident, shipped, shipped_pack_path};
use fiducia_trainer::statistics::{Rank, order_statistic};
use indicatif::ProgressBar;

const IMAGES: usize = 10_000;
/// Number of different images, besides the smaller and the upside-down one.
const VARIANTS: u64 = 6;
/// One in so many images is refused; recognising its orientation takes as long as eight detections.
const REFUSED: usize = 50;
/// Images between two memory samples.
const SAMPLE_INTERVAL: usize = 50;
/// Percentage of the images before the first memory sample; by then all buffers have their final size.
const SETTLING_PERCENT: usize = 10;
/// 97.5 % quantile of the standard normal distribution.
const NORMAL: f64 = 1.959_964;

fn main() -> std::process::ExitCode {
    let images = std::env::args().nth(1).map_or(Ok(IMAGES), |n| n.parse());
    let done = match images {
        Ok(images) if images >= 20 * SAMPLE_INTERVAL => run(images),
        _ => {
            let message = format!("usage: endurance [IMAGES], at least {}", 20 * SAMPLE_INTERVAL);
            Err(Error::new(ErrorKind::Usage, message))
        }
    };
    fiducia_benches::exit_code(done)
}

fn run(images: usize) -> Result<(), Error> {
    let radiographs = (1..=VARIANTS).map(demo).collect::<Result<Vec<_>, _>>()?;
    let small = Radiograph::open(
        &shipped("demo.png"),
        radiographs[0].spacing_mm.map(|s| s.map(|v| 2.0 * v)),
    )?;
    let mut turned = radiographs[0].clone();
    turned.pixels.reverse();
    let pack = fiducia::Pack::open(&shipped_pack_path())?;
    let mut detector = Detector::new(&pack, Backend::Cpu)?;
    let bar = ProgressBar::new(images as u64);
    let mut times = Vec::with_capacity(images);
    let mut samples: Vec<[f64; 2]> = Vec::with_capacity(images / SAMPLE_INTERVAL + 1);
    let mut refused = 0;
    for image in 0..images {
        let radiograph = match image {
            i if i % REFUSED == REFUSED - 1 => &turned,
            i if i % (radiographs.len() + 1) == radiographs.len() => &small,
            i => &radiographs[i % (radiographs.len() + 1)],
        };
        let start = Instant::now();
        let report = detector.detect(radiograph)?;
        if report.plausible {
            times.push(start.elapsed().as_secs_f64() * 1e3);
        } else {
            refused += 1;
        }
        if image % SAMPLE_INTERVAL == 0 && image * 100 >= images * SETTLING_PERCENT {
            let bytes = resident().ok_or_else(unsupported)?;
            samples.push([image as f64, bytes as f64]);
            bar.set_position(image as u64);
        }
    }
    bar.finish_and_clear();
    let slope = Slope::of(&samples);
    let at =
        |q| order_statistic(times.clone(), q, Rank::Nearest, f64::total_cmp).unwrap_or(f64::NAN);
    let name = format!("endurance/cpu/{images}");
    let bytes = |figure: &str, value: f64| Row::number(&name, figure, value, "bytes");
    let ms = |figure: &str, value: f64| Row::number(&name, figure, value, "ms");
    let rows = [
        bytes("slope per image", slope.slope),
        bytes("slope low", slope.slope - NORMAL * slope.error),
        bytes("slope high", slope.slope + NORMAL * slope.error),
        bytes("rss first", samples[0][1]),
        bytes("rss last", samples[samples.len() - 1][1]),
        bytes("rss most", samples.iter().map(|l| l[1]).fold(0.0, f64::max)),
        ms("p50", at(0.5)),
        ms("p99", at(0.99)),
        ms("max", at(1.0)),
        Row::number(&name, "refused", f64::from(refused), ""),
    ];
    rows.iter().for_each(|row| println!("{}", row.line()));
    Ok(())
}

fn unsupported() -> Error {
    Error::new(ErrorKind::Usage, "this system does not report the memory of a process; use Linux")
}

/// A straight line by least squares.
struct Slope {
    slope: f64,
    /// Standard error. Memory changes in steps, so successive samples are correlated; the estimate accounts
    /// for correlation over up to a tenth of the samples (Newey and West 1987).
    error: f64,
}

impl Slope {
    fn of(points: &[[f64; 2]]) -> Self {
        let (n, lags) = (points.len() as f64, points.len() / 10);
        let mean = |axis: usize| points.iter().map(|p| p[axis]).sum::<f64>() / n;
        let (x, y) = (mean(0), mean(1));
        let spread: f64 = points.iter().map(|p| (p[0] - x).powi(2)).sum();
        let slope = points.iter().map(|p| (p[0] - x) * (p[1] - y)).sum::<f64>() / spread;
        let left: Vec<f64> = points.iter().map(|p| p[1] - y - slope * (p[0] - x)).collect();
        let pull: Vec<f64> = points.iter().zip(&left).map(|(p, r)| (p[0] - x) * r).collect();
        let lagged = |lag: usize| {
            let weight = if lag == 0 { 1.0 } else { 2.0 * (1.0 - lag as f64 / (lags + 1) as f64) };
            weight * pull.iter().zip(&pull[lag..]).map(|(a, b)| a * b).sum::<f64>()
        };
        let error = (0..=lags).map(lagged).sum::<f64>().max(0.0).sqrt() / spread;
        Self { slope, error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fiducia_benches::noise_values;

    fn noisy(slope: f64) -> Slope {
        let points: Vec<[f64; 2]> = noise_values(3, 500)
            .iter()
            .enumerate()
            .map(|(i, noise)| [i as f64, 1e6 + slope * i as f64 + 1e3 * f64::from(*noise)])
            .collect();
        Slope::of(&points)
    }

    #[test]
    fn a_leak_is_seen_in_noise_and_none_is_seen_where_there_is_none() {
        let flat = noisy(0.0);
        assert!(flat.slope.abs() < 2.5 * flat.error, "{} {}", flat.slope, flat.error);
        let leak = noisy(2.0);
        assert!((leak.slope - 2.0).abs() < 2.5 * leak.error);
        assert!(leak.slope > 4.0 * leak.error, "{} {}", leak.slope, leak.error);
    }

    #[test]
    fn the_error_is_that_of_theory() {
        let s = noisy(0.0);
        // Uniform noise within ±1,000 has the standard deviation 1000 / sqrt 3; x has the variance n² / 12.
        let expected = 1e3 / 3f64.sqrt() / (500f64.powi(3) / 12.0).sqrt();
        // The estimate itself varies: 50 lags of 500 samples.
        assert!((0.6..1.4).contains(&(s.error / expected)), "{} {expected}", s.error);
    }

    #[test]
    fn steps_that_come_and_go_widen_the_interval() {
        let with = |length: usize| {
            let level = |i: usize| 1e6 * f64::from(noise_values(5, 500)[i / length] > 0.0);
            let points: Vec<[f64; 2]> = (0..500).map(|i| [i as f64, level(i)]).collect();
            Slope::of(&points).error
        };
        assert!(with(25) > 2.0 * with(1), "{} {}", with(25), with(1));
    }

    #[test]
    fn constant_memory_has_no_slope() {
        let points: Vec<[f64; 2]> = (0..20).map(|i| [f64::from(i), 7e6]).collect();
        let s = Slope::of(&points);
        assert_eq!((s.slope, s.error), (0.0, 0.0));
    }
}

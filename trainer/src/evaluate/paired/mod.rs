//! Paired comparison of two models on the same images: the difference and its confidence interval.
//!
//! The difference of two means varies with the sample of images. Images are drawn with replacement and both
//! models are measured on each draw (a paired bootstrap, Efron 1979), so that the difficulty of an image,
//! which affects both models, cancels out. The interval does not include the variation between training
//! seeds: [`Paired::runs`] holds the mean error of every single run.

use fiducia::{Error, ErrorKind};

use super::metrics::{RESAMPLES, SEED, THRESHOLDS, bootstrap_mean};
use crate::statistics::mean;

/// Radial errors, `[run][image][landmark]`, mm; a run is one trained model, usually one of several seeds.
pub type Errors = [Vec<Vec<f64>>];

/// The differences `A - B` of two models: for errors, below 0 means that A is better.
#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    /// Number of images.
    pub images: usize,
    /// Mean radial error of each run of A and of B, mm.
    pub runs: [Vec<f64>; 2],
    /// Mean radial error of A and of B, mm.
    pub mre: [f64; 2],
    /// Difference of the mean radial errors, mm.
    pub difference: f64,
    /// 95 % interval of `difference`: paired bootstrap over images, 2000 resamples, fixed seed.
    pub interval: [f64; 2],
    /// Difference of the SDR at 2 mm, percentage points: above 0 means that A is better.
    pub sdr_2_difference: f64,
    /// 95 % interval of `sdr_2_difference`.
    pub sdr_2_interval: [f64; 2],
    /// Number of landmarks whose mean error is smaller with A.
    pub better: usize,
    /// Number of landmarks whose mean error is larger with A.
    pub worse: usize,
    /// One per landmark.
    pub per_landmark: Vec<PairedLandmark>,
}

/// The differences `A - B` of the models at one landmark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedLandmark {
    /// Mean radial error of A and of B, mm.
    pub mre: [f64; 2],
    /// Difference of the mean radial errors, mm.
    pub difference: f64,
    /// 95 % interval of `difference`, over the same draws of images as that of all landmarks.
    ///
    /// For models that do not differ, one of 20 landmarks has an interval without 0 by chance.
    pub interval: [f64; 2],
    /// Difference of the SDR at 2 mm, percentage points.
    pub sdr_2_difference: f64,
}

/// Compares the radial errors of A with those of B, both on the same images and landmarks.
///
/// Errors, and hits within 2 mm, are averaged over the runs of each side first.
///
/// Two models with one run each, on three images with two landmarks:
///
/// ```rust
/// use fiducia_trainer::evaluate::paired;
///
/// let new = [vec![vec![0.8, 1.1], vec![1.0, 0.9], vec![1.2, 1.0]]];
/// let old = [vec![vec![1.0, 1.3], vec![1.3, 1.2], vec![1.3, 1.2]]];
/// let comparison = paired(&new, &old)?;
/// assert!(comparison.difference < 0.0, "the new model is better");
/// assert_eq!((comparison.better, comparison.worse), (2, 0));
/// let [low, high] = comparison.interval;
/// assert!(low <= comparison.difference && comparison.difference <= high);
/// # Ok::<(), fiducia::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Usage`] where a side has no runs, images or landmarks, where the sides (or two runs) do not
/// have the same number of them, or where an error is not finite.
pub fn paired(a_errors: &Errors, b_errors: &Errors) -> Result<Paired, Error> {
    check(a_errors, b_errors)?;
    let sides = [a_errors, b_errors];
    let errors = sides.map(|side| over_runs(side, |e| e));
    let hits = sides.map(|side| over_runs(side, |e| f64::from(u8::from(e <= THRESHOLDS[0]))));
    let (differences, gains) = (subtract(&errors), subtract(&hits));
    let landmarks = differences[0].len();
    let per_landmark: Vec<PairedLandmark> = (0..landmarks)
        .map(|l| PairedLandmark {
            mre: [mean(&column(&errors[0], l)), mean(&column(&errors[1], l))],
            difference: mean(&column(&differences, l)),
            interval: bootstrap_mean(&column(&differences, l), RESAMPLES, SEED),
            sdr_2_difference: 100.0 * mean(&column(&gains, l)),
        })
        .collect();
    let by_image = means(&differences);
    let gain_by_image: Vec<f64> = means(&gains).iter().map(|g| 100.0 * g).collect();
    Ok(Paired {
        images: by_image.len(),
        runs: sides.map(|side| side.iter().map(|run| mean(&means(run))).collect()),
        mre: [mean(&means(&errors[0])), mean(&means(&errors[1]))],
        difference: mean(&by_image),
        interval: bootstrap_mean(&by_image, RESAMPLES, SEED),
        sdr_2_difference: mean(&gain_by_image),
        sdr_2_interval: bootstrap_mean(&gain_by_image, RESAMPLES, SEED),
        better: per_landmark.iter().filter(|l| l.difference < 0.0).count(),
        worse: per_landmark.iter().filter(|l| l.difference > 0.0).count(),
        per_landmark,
    })
}

fn check(a_errors: &Errors, b_errors: &Errors) -> Result<(), Error> {
    let fail = |message: String| Err(Error::new(ErrorKind::Usage, message));
    let (a, b) = (a_errors.len(), b_errors.len());
    if a == 0 || a != b {
        return fail(format!(
            "{a} runs against {b}: both sides need the same number of runs, at least one"
        ));
    }
    let images = a_errors[0].len();
    let landmarks = a_errors[0].first().map_or(0, Vec::len);
    if images == 0 || landmarks == 0 {
        return fail("nothing to compare: no images or no landmarks".to_owned());
    }
    for run in a_errors.iter().chain(b_errors) {
        if run.len() != images {
            return fail(format!("{images} images in one run, but {} in another", run.len()));
        }
        if let Some(image) = run.iter().find(|image| image.len() != landmarks) {
            return fail(format!(
                "{landmarks} landmarks on one image, but {} on another",
                image.len()
            ));
        }
        if let Some(error) = run.iter().flatten().find(|e| !e.is_finite()) {
            return fail(format!("a radial error is {error}; only finite errors can be compared"));
        }
    }
    Ok(())
}

/// The mean over runs of `value` of every error, `[image][landmark]`.
fn over_runs(runs: &Errors, value: impl Fn(f64) -> f64) -> Vec<Vec<f64>> {
    let of =
        |i: usize, l: usize| mean(&runs.iter().map(|run| value(run[i][l])).collect::<Vec<_>>());
    let image = |i: usize| (0..runs[0][i].len()).map(|l| of(i, l)).collect();
    (0..runs[0].len()).map(image).collect()
}

/// `A - B` of every image and landmark.
fn subtract([a, b]: &[Vec<Vec<f64>>; 2]) -> Vec<Vec<f64>> {
    let image = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a - b).collect();
    a.iter().zip(b).map(image).collect()
}

/// The mean of every image.
fn means(images: &[Vec<f64>]) -> Vec<f64> {
    images.iter().map(|image| mean(image)).collect()
}

/// One landmark on every image.
fn column(images: &[Vec<f64>], landmark: usize) -> Vec<f64> {
    images.iter().map(|image| image[landmark]).collect()
}

#[cfg(test)]
mod tests;

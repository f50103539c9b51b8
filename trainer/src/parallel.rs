//! Parallel work on many images with one reusable state (such as a detector) per thread.

use fiducia::engine::Observation;
use fiducia::{Backend, Detector, Error, Pack};
use indicatif::ProgressBar;
use rayon::prelude::*;

use crate::data::Unlabelled;

/// Runs the runtime on every image for the landmarks `names` of `pack`, in the order of the images.
pub(crate) fn observe_all(
    pack: &Pack,
    names: &[String],
    images: &[Unlabelled],
    bar: &ProgressBar,
) -> Result<Vec<Observation>, Error> {
    let detector = || Detector::for_landmarks(pack, Backend::Cpu, names);
    let seen = map_chunks(images, detector, |detector, image| {
        bar.inc(1);
        detector.observe(&image.read()?)
    })?;
    bar.finish();
    Ok(seen)
}

/// Applies `one` to every item; returns the results in order. The items are split into one chunk per thread.
/// Each chunk has its own `state`, such as a detector, whose construction costs more than its use.
pub(crate) fn map_chunks<I: Sync, S, T: Send>(
    items: &[I],
    state: impl Fn() -> Result<S, Error> + Sync,
    one: impl Fn(&mut S, &I) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    let chunk = items.len().div_ceil(rayon::current_num_threads()).max(1);
    let some = |items: &[I]| {
        let mut state = state()?;
        items.iter().map(|item| one(&mut state, item)).collect::<Result<Vec<T>, Error>>()
    };
    let all: Result<Vec<Vec<T>>, Error> = items.par_chunks(chunk).map(some).collect();
    Ok(all?.into_iter().flatten().collect())
}

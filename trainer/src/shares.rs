//! Work on many images, shared out over the cores.

use fiducia::{Backend, Detector, Error, Observation, Pack};
use indicatif::ProgressBar;
use rayon::prelude::*;

use crate::data::Unlabelled;

/// What the runtime sees of the landmarks `names` of `pack` on every image.
pub(crate) fn observed(
    pack: &Pack,
    names: &[String],
    images: &[Unlabelled],
    bar: &ProgressBar,
) -> Result<Vec<Observation>, Error> {
    let detector = || Detector::for_landmarks(pack, Backend::Cpu, names);
    let seen = on_shares(images, detector, |detector, image| {
        bar.inc(1);
        detector.observe(&image.read()?)
    })?;
    bar.finish();
    Ok(seen)
}

/// `one` on every item; the results in the order of the items. Each share of them is worked on with a
/// state of its own, such as a detector, which costs more to make than to use.
pub(crate) fn on_shares<I: Sync, S, T: Send>(
    items: &[I],
    state: impl Fn() -> Result<S, Error> + Sync,
    one: impl Fn(&mut S, &I) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    let share = items.len().div_ceil(rayon::current_num_threads()).max(1);
    let some = |items: &[I]| {
        let mut state = state()?;
        items.iter().map(|item| one(&mut state, item)).collect::<Result<Vec<T>, Error>>()
    };
    let all: Result<Vec<Vec<T>>, Error> = items.par_chunks(share).map(some).collect();
    Ok(all?.into_iter().flatten().collect())
}

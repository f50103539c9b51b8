//! Which image to annotate, found from unlabelled images alone.
//!
//! ```text
//! Unlabelled ─view→ Views ─quality→ sharpness, noise, clipping
//!   ─frame→ all aligned to the one nearest to all ─→ candidates: correlate best with the others
//!   ─explain→ candidate registered to others and back ─score→ ranking
//! ```
//! A template is good if registration takes it to every other image with little deformation, ends
//! with a good match and finds the way back. All of that shows without a label. What does not show
//! is how well a person will annotate the image. Quality is a guard: images that are far worse than
//! usual are no candidates; among the others it is shown and decides nothing.

mod quality;
mod frame;
mod explain;
mod score;
mod picture;

use fiducia::{Error, ErrorKind};
use rayon::prelude::*;
use serde::Serialize;

use self::explain::explain;
use self::frame::CommonFrame;
use self::score::{outliers, scores};
use crate::data::Unlabelled;
use crate::progress::Progress;
use crate::run::{LEAST_IMAGES, read_views};

pub use explain::Explained;
pub use picture::{check_pictures_place, write_pictures};
pub use quality::Quality;

/// Images that are registered to others; the rest are less typical.
const CANDIDATES: usize = 24;
/// Images that each candidate is registered to.
const OTHERS: usize = 48;

/// The ranking and what it rests on.
#[derive(Clone, Debug, Serialize)]
pub struct Choice {
    /// Unit of lengths: `unit`, a 240th of the height of the usual image.
    pub unit: &'static str,
    /// Images looked at.
    pub images: usize,
    /// Images left out since they are much less sharp, noisier or more clipped than is usual in the set.
    pub poor: Vec<String>,
    /// Images that each candidate was registered to.
    pub compared_with: usize,
    /// Candidates, the best first.
    pub ranking: Vec<Candidate>,
}

/// One image that could be annotated, with the reasons for its place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// File name.
    pub image: String,
    /// Mean of the places in all measures, as shares: 1 for the best in each, 0 for the last in each.
    pub score: f64,
    /// Mean correlation with all other images after affine alignment, −1 to 1.
    pub typicality: f64,
    /// How well it explains other images.
    #[serde(flatten)]
    pub explained: Explained,
    /// How well it shows what it shows.
    #[serde(flatten)]
    pub quality: Quality,
}

/// Ranks `images` as templates. No randomness: the same images give the same ranking.
///
/// # Errors
/// [`ErrorKind::Usage`] for fewer images than a training takes; as [`read_views`] for an image that
/// cannot be read.
pub fn choose(images: &[Unlabelled], progress: &Progress) -> Result<Choice, Error> {
    if images.len() < LEAST_IMAGES {
        let message = format!(
            "{} images are too few to choose a template from; at least {LEAST_IMAGES}",
            images.len()
        );
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let (views, _) = read_views(images, progress)?;
    let qualities: Vec<Quality> = views.par_iter().map(Quality::of).collect();
    let frame = CommonFrame::new(&views, progress);
    let mut order: Vec<usize> = (0..views.len()).collect();
    order.sort_by(|&a, &b| frame.typicality[b].total_cmp(&frame.typicality[a]));
    let others = spread(&order, OTHERS);
    let poor = outliers(&qualities);
    order.retain(|&n| !poor[n]);
    order.truncate(CANDIDATES);

    let bar = progress.bar("compare", order.len());
    let candidate = |&n: &usize| {
        let explained = explain(&frame, n, &others);
        bar.inc(1);
        Candidate {
            image: views[n].name.clone(),
            score: 0.0,
            typicality: frame.typicality[n],
            explained,
            quality: qualities[n],
        }
    };
    let candidates = order.par_iter().map(candidate).collect();
    let name = |n: usize| poor[n].then(|| views[n].name.clone());
    Ok(Choice {
        unit: "unit",
        images: views.len(),
        poor: (0..views.len()).filter_map(name).collect(),
        compared_with: others.len(),
        ranking: ranked(candidates),
    })
}

/// At most `count` of `order`, evenly spaced from its first to its last.
fn spread(order: &[usize], count: usize) -> Vec<usize> {
    let count = count.min(order.len());
    (0..count).map(|i| order[i * (order.len() - 1) / (count - 1).max(1)]).collect()
}

/// Scores the candidates and sorts them, the best first, equals by name.
fn ranked(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    let scores = scores(&candidates);
    candidates.iter_mut().zip(scores).for_each(|(c, score)| c.score = score);
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.image.cmp(&b.image)));
    candidates
}

#[cfg(test)]
mod tests;

//! Which image to annotate, computed from unlabelled images only.
//!
//! ```text
//! Unlabelled ─pyramid→ ImagePyramids ─quality→ sharpness, noise, clipping
//!   ─frame→ all aligned to the most typical image ─→ candidates: highest correlation with the others
//!   ─explain→ candidates registered to others and back ─score→ ranking
//! ```
//! A good template registers to every other image with little deformation, with a high final correlation
//! and with a small round-trip error. All of that is measured without labels. How well a person will annotate
//! the image cannot be measured here. Quality is a filter: images far below the usual quality are no
//! candidates; among the others it is reported but does not affect the ranking.

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
use crate::run::{LEAST_IMAGES, read_pyramids};

pub use explain::Explained;
pub use picture::{check_pictures_place, write_pictures};
pub use quality::Quality;

/// Number of candidates that are registered to other images; the remaining images are less typical.
const CANDIDATES: usize = 24;
/// Images that each candidate is registered to.
const OTHERS: usize = 48;

/// The ranking and its inputs.
#[derive(Clone, Debug, Serialize)]
pub struct Choice {
    /// Unit of lengths: `unit`, the normalised unit, 1/240 of the height of the usual image.
    pub unit: &'static str,
    /// Number of images examined.
    pub images: usize,
    /// Images left out because they are far less sharp, noisier or more clipped than usual in the set.
    pub poor: Vec<String>,
    /// Images that each candidate was registered to.
    pub compared_with: usize,
    /// Candidates, the best first.
    pub ranking: Vec<Candidate>,
}

/// One image that could be annotated, with its measures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// File name.
    pub image: String,
    /// Mean rank over all measures, scaled to 1 for the best and 0 for the last in every measure.
    pub score: f64,
    /// Mean correlation with all other images after affine alignment, −1 to 1.
    pub typicality: f64,
    /// How well it registers to other images.
    #[serde(flatten)]
    pub explained: Explained,
    /// Image quality.
    #[serde(flatten)]
    pub quality: Quality,
}

/// Ranks `images` as templates. It uses no random numbers: the same images give the same ranking.
///
/// ```rust
/// use fiducia_trainer::choose::choose;
/// use fiducia_trainer::data::DataSet;
/// use fiducia_trainer::progress::Progress;
///
/// # let folder = tempfile::tempdir()?;
/// # for n in 0..8 {
/// #     let value = |x: u32, y: u32| {
/// #         let (x, y) = (f64::from(x) - 80.0, f64::from(y) - 80.0 - f64::from(n) / 2.0);
/// #         (128.0 + 60.0 * (x / 15.0).sin() * (y / 20.0).cos() + 40.0 * (-(x * x + y * y) / 800.0).exp()) as u8
/// #     };
/// #     let image = image::GrayImage::from_fn(160, 160, |x, y| image::Luma([value(x, y)]));
/// #     image.save(folder.path().join(format!("{n}.png")))?;
/// # }
/// // A folder of images without any annotation.
/// let images = DataSet::from_folder(folder.path(), None)?.unlabelled(None)?;
/// let choice = choose(&images, &Progress::hidden())?;
/// println!("annotate {}", choice.ranking[0].image);
/// assert_eq!(choice.images, 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Usage`] for fewer images than a training needs; as [`read_pyramids`] for an image that cannot
/// be read.
pub fn choose(images: &[Unlabelled], progress: &Progress) -> Result<Choice, Error> {
    if images.len() < LEAST_IMAGES {
        let message = format!(
            "{} images are too few to choose a template from; at least {LEAST_IMAGES}",
            images.len()
        );
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let (pyramids, _) = read_pyramids(images, progress)?;
    let qualities: Vec<Quality> = pyramids.par_iter().map(Quality::of).collect();
    let frame = CommonFrame::new(&pyramids, progress);
    let mut order: Vec<usize> = (0..pyramids.len()).collect();
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
            image: pyramids[n].name.clone(),
            score: 0.0,
            typicality: frame.typicality[n],
            explained,
            quality: qualities[n],
        }
    };
    let candidates = order.par_iter().map(candidate).collect();
    let name = |n: usize| poor[n].then(|| pyramids[n].name.clone());
    Ok(Choice {
        unit: "unit",
        images: pyramids.len(),
        poor: (0..pyramids.len()).filter_map(name).collect(),
        compared_with: others.len(),
        ranking: ranked(candidates),
    })
}

/// At most `count` of `order`, evenly spaced from its first to its last.
fn spread(order: &[usize], count: usize) -> Vec<usize> {
    let count = count.min(order.len());
    (0..count).map(|i| order[i * (order.len() - 1) / (count - 1).max(1)]).collect()
}

/// Scores the candidates and sorts them, best first; ties by name.
fn ranked(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    let scores = scores(&candidates);
    candidates.iter_mut().zip(scores).for_each(|(c, score)| c.score = score);
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.image.cmp(&b.image)));
    candidates
}

#[cfg(test)]
mod tests;

//! What the networks find on one image, before it is judged.

use serde::Serialize;

use crate::shape::Pose;

/// One landmark as its heat map shows it, before calibration.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Position, units of the model ([`Manifest::scale`](crate::pack::Manifest::scale)).
    pub point: [f64; 2],
    /// Position, px of the image.
    pub px: [f64; 2],
    /// Covariance of the heat map `[xx, xy, yy]`, px².
    pub covariance_px2: [f64; 3],
    /// Mean distance of the heat map's probability from the position, units.
    pub spread: f64,
    /// Distance to the fitted shape, units.
    pub residual: f64,
}

/// Everything the networks find on one image, before limits and calibration are applied.
#[derive(Clone, Debug)]
pub struct Observation {
    /// One entry per landmark, in the order of the pack.
    pub found: Vec<Found>,
    /// Mean peak mass of the coarse heat maps, 0 to 1.
    pub coarse_mass: f64,
    /// Root mean square distance of the coarse points to the posed mean shape, units.
    pub pose_residual: f64,
    /// About 1 where left and right are as in the training set, about -1 where they are exchanged; `None` where the
    /// model does not predict the side.
    pub side: Option<f64>,
    /// Position of the mean shape in the image.
    pub pose: Pose,
    /// Amount of each mode of the shape model in the coarse points, units; empty on a GPU, which does not send the
    /// coarse points back.
    pub amounts: Vec<f64>,
    /// Root mean square distance of the fine points to the shape model, units.
    pub shape_residual: f64,
    /// Number of grey levels that occur in the image ([`Grey::levels`](crate::preprocess::Grey::levels)).
    pub grey_levels: usize,
    /// Fraction of the pixels that are nearly white, 0 to 1
    /// ([`Grey::white_fraction`](crate::preprocess::Grey::white_fraction)).
    pub white_fraction: f64,
    /// Wall time per stage.
    pub timings_ms: Timings,
}

/// Wall time per stage, ms.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Timings {
    /// Windowing, reduction and resampling of the whole image.
    pub preprocess: f64,
    /// The shared backbone, once per image.
    pub backbone: f64,
    /// Cutting the regions of interest.
    pub crop: f64,
    /// The refine network on all regions.
    pub refine: f64,
    /// Peaks, pose, plausibility.
    pub decode: f64,
    /// All of it.
    pub total: f64,
}

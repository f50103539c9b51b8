//! Is the image like those of the training set?

use crate::engine::observation::Observation;
use crate::pack::Plausibility;

/// Fewer grey levels than this cost accuracy: on 16 radiographs of the shipped model the mean error, 1.98 mm,
/// grew by 0.05 mm with 16 levels, by 0.3 mm with 11 and by 0.6 mm with 6.
const MIN_GREY_LEVELS: usize = 16;
/// A radiograph with a larger fraction of white pixels is overexposed: on the same radiographs the mean error grew by
/// 0.3 mm with a fifth of the image white and by 1.2 mm with two fifths. Good radiographs of the head, the chest and
/// the spine have 0.18 at most.
const MAX_WHITE_FRACTION: f64 = 0.33;
/// An image with a larger fraction of low-confidence landmarks is another kind of image, even if the points together
/// look right: in the negative of a chest radiograph all are in place and 95 % of them have low confidence.
const MAX_LOW_CONFIDENCE_FRACTION: f64 = 0.5;
/// With fewer landmarks, their confidence says nothing about the image as a whole.
const MIN_LANDMARKS: usize = 4;

/// One limit that an image must keep.
struct Limit {
    /// What is wrong if it does not.
    what: &'static str,
    value: f64,
    at_least: f64,
    at_most: f64,
}

impl Limit {
    fn at_least(what: &'static str, value: f64, at_least: f64) -> Self {
        Self { what, value, at_least, at_most: f64::INFINITY }
    }

    fn at_most(what: &'static str, value: f64, at_most: f64) -> Self {
        Self { what, value, at_least: f64::NEG_INFINITY, at_most }
    }

    /// The reason against the image, where the limit is not kept.
    fn refusal(&self) -> Option<String> {
        let Self { what, value, at_least, at_most } = self;
        if value < at_least {
            Some(format!("{what}: {value:.2}, at least {at_least:.2} expected"))
        } else if value > at_most {
            Some(format!("{what}: {value:.2}, at most {at_most:.2} expected"))
        } else {
            None
        }
    }
}

/// Why the image is unlike the training set; empty where it is like it.
pub(super) fn reasons(limits: &Plausibility, seen: &Observation) -> Vec<String> {
    let (levels, min_levels) = (seen.grey_levels as f64, MIN_GREY_LEVELS as f64);
    let [min_scale, max_scale] = limits.scale_range;
    let (angle, max_angle) = (seen.pose.angle.abs(), limits.max_rotation);
    let (scale, shape) = (seen.pose.scale, seen.shape_residual);
    let mut all = vec![
        Limit::at_least("too few grey levels, image too dark or too flat", levels, min_levels),
        Limit::at_most("too much white, image too bright", seen.white_fraction, MAX_WHITE_FRACTION),
        Limit::at_least("heat maps too diffuse", seen.coarse_mass, limits.min_coarse_mass),
        Limit::at_most("points unlike the anatomy", seen.pose_residual, limits.max_pose_residual),
        Limit::at_least("anatomy too small", scale, min_scale),
        Limit::at_most("anatomy too large", scale, max_scale),
        Limit::at_most("rotated too far, rad", angle, max_angle),
        Limit::at_most("unusual shape", shape, limits.max_shape_residual),
    ];
    // Models without a side prediction refuse nothing for it.
    if let (Some(side), Some(min_side)) = (seen.side, limits.min_side) {
        all.push(Limit::at_least("left and right exchanged", side, min_side));
    }
    all.iter().filter_map(Limit::refusal).collect()
}

/// The reason against an image on which too many landmarks have low confidence; `confident` has one entry for each
/// model landmark that was detected.
pub(super) fn too_few_confident(confident: &[bool]) -> Option<String> {
    if confident.len() < MIN_LANDMARKS {
        return None;
    }
    let low = confident.iter().filter(|c| !**c).count();
    let fraction = low as f64 / confident.len() as f64;
    let what = "too many low-confidence landmarks";
    Limit::at_most(what, fraction, MAX_LOW_CONFIDENCE_FRACTION).refusal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_landmarks_must_be_confident_where_there_are_some() {
        for (confident, low, refused) in
            [(19, 0, false), (2, 2, false), (2, 3, true), (0, 3, false), (0, 0, false)]
        {
            let all = [vec![true; confident], vec![false; low]].concat();
            assert_eq!(too_few_confident(&all).is_some(), refused, "{confident} {low}");
        }
    }

    #[test]
    fn a_refusal_names_value_and_limit() {
        let diffuse = Limit::at_least("heat maps too diffuse", 0.29, 0.65).refusal();
        assert_eq!(diffuse.unwrap(), "heat maps too diffuse: 0.29, at least 0.65 expected");
        assert!(Limit::at_least("", 0.65, 0.65).refusal().is_none());
        let white = Limit::at_most("too much white", 0.5, 0.33).refusal();
        assert_eq!(white.unwrap(), "too much white: 0.50, at most 0.33 expected");
        // A value that is not a number breaks no limit.
        assert!(Limit::at_most("", f64::NAN, 1.0).refusal().is_none());
    }
}

//! Is the image like those that the model was trained on?

use super::Observation;
use crate::Plausibility;

/// Fewer grey levels than this cost accuracy: on 16 films of the shipped model the mean error, 1.98 mm,
/// grew by 0.05 mm with 16 levels, by 0.3 mm with 11 and by 0.6 mm with 6.
const MIN_GREY_LEVELS: usize = 16;
/// A film of which a larger share is white is burnt out: on the same films the mean error grew by 0.3 mm
/// with a fifth of the picture white and by 1.2 mm with two fifths. Sound films of the head, the chest
/// and the spine have 0.18 at most.
const MAX_WHITE_SHARE: f64 = 0.33;

/// Why what was seen is unlike the training set; empty where it is like it.
pub(super) fn reasons(limits: &Plausibility, seen: &Observation) -> Vec<String> {
    let pose = &seen.pose;
    let below = |value: f64, limit: f64| (value < limit, value, limit);
    let above = |value: f64, limit: f64| (value > limit, value, limit);
    let [smallest, largest] = limits.scale_range;
    let (too_far, _, _) = above(pose.angle.abs(), limits.max_rotation);
    let (levels, min_levels) = (seen.grey_levels as f64, MIN_GREY_LEVELS as f64);
    let checks = [
        ("too few grey levels, image too dark or too flat", below(levels, min_levels)),
        ("share of white too large, image too bright", above(seen.white_share, MAX_WHITE_SHARE)),
        ("heat maps diffuse", below(seen.coarse_mass, limits.min_coarse_mass)),
        ("points unlike the anatomy", above(seen.pose_residual, limits.max_pose_residual)),
        ("anatomy too small", below(pose.scale, smallest)),
        ("anatomy too large", above(pose.scale, largest)),
        ("rotated, rad", (too_far, pose.angle, limits.max_rotation)),
        ("unusual shape", above(seen.shape_residual, limits.max_shape_residual)),
    ];
    checks
        .into_iter()
        .filter(|(_, (bad, ..))| *bad)
        .map(|(what, (_, value, limit))| format!("{what}: {value:.2} (limit {limit:.2})"))
        .collect()
}

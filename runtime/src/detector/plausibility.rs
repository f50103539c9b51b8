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
/// An image on which a larger share of the landmarks is doubtful is another kind of image, whatever the
/// points look like together: the negative of a chest film has all in place and 95 % of them doubtful.
const MAX_DOUBTFUL_SHARE: f64 = 0.5;
/// Fewer landmarks say nothing of the image as a whole.
const LEAST_LANDMARKS: usize = 4;

/// Why what was seen is unlike the training set; empty where it is like it.
pub(super) fn reasons(limits: &Plausibility, seen: &Observation) -> Vec<String> {
    let pose = &seen.pose;
    let below = |value: f64, limit: f64| (value < limit, value, limit);
    let above = |value: f64, limit: f64| (value > limit, value, limit);
    let [smallest, largest] = limits.scale_range;
    let (too_far, _, _) = above(pose.angle.abs(), limits.max_rotation);
    // Models that do not know the side refuse nothing for it.
    let exchanged = match (seen.side, limits.min_side) {
        (Some(side), Some(limit)) => below(side, limit),
        _ => (false, 0.0, 0.0),
    };
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
        ("left and right exchanged", exchanged),
    ];
    checks
        .into_iter()
        .filter(|(_, (bad, ..))| *bad)
        .map(|(what, (_, value, limit))| format!("{what}: {value:.2} (limit {limit:.2})"))
        .collect()
}

/// Why so many doubtful landmarks make the image unlike the training set, where they do; `confident` has one
/// entry for each of the model's own landmarks that were looked for.
pub(super) fn too_doubtful(confident: &[bool]) -> Option<String> {
    let doubtful = confident.iter().filter(|c| !**c).count();
    let share = doubtful as f64 / confident.len().max(1) as f64;
    let bad = confident.len() >= LEAST_LANDMARKS && share > MAX_DOUBTFUL_SHARE;
    bad.then(|| {
        format!("share of doubtful landmarks too large: {share:.2} (limit {MAX_DOUBTFUL_SHARE:.2})")
    })
}

#[cfg(test)]
mod tests {
    use super::too_doubtful;

    #[test]
    fn most_landmarks_must_be_sure_where_there_are_some() {
        for (sure, unsure, refused) in
            [(19, 0, false), (2, 2, false), (2, 3, true), (0, 3, false), (0, 0, false)]
        {
            let confident = [vec![true; sure], vec![false; unsure]].concat();
            assert_eq!(too_doubtful(&confident).is_some(), refused, "{sure} {unsure}");
        }
    }
}

//! The pose step between the heat maps.

use super::*;
use crate::gpu::probes::pose::{Scene, pose_probe};

/// Model landmarks, modes, and whether the landmarks are all of the model landmarks.
const MODELS: [(usize, usize, bool); 6] =
    [(19, 8, true), (6, 3, true), (68, 12, true), (40, 20, false), (2, 0, true), (1, 0, true)];

fn scenes() -> Vec<Scene> {
    let mut rng = Rng(21);
    MODELS
        .into_iter()
        .map(|(model_landmarks, modes, all)| Scene::new(&mut rng, model_landmarks, modes, all))
        .collect()
}

#[test]
fn the_pose_equals_its_reference() {
    let cases: Vec<Probe> = scenes().iter().map(pose_probe).collect();
    let mutants = [
        mutant("off / POSE_ROBUST_UNITS", "off / SHAPE_ROBUST_UNITS"),
        mutant("/ SHAPE_ROBUST_UNITS", "/ POSE_ROBUST_UNITS"),
        mutant("round < ROUNDS", "round + 3u < ROUNDS"),
        mutant("sum += ridge(a) * mean_weight", "sum += ridge(a)"),
        mutant("known += ", "known -= "),
        mutant("factor * work[system_at(k, j)]", "work[system_at(k, j)]"),
        mutant("s.x * d.y - s.y * d.x", "s.x * d.y + s.y * d.x"),
        mutant("distance(point, fitted) > p.outlier", "false"),
        mutant("work[amount_at(mode)] * vec2<f32>", "vec2<f32>"),
        mutant("clamp(size, p.scale_low, p.scale_high)", "p.scale_high"),
        mutant(
            "set_vec(points_at(model_landmark), fine_point(i))",
            "set_vec(points_at(i), fine_point(i))",
        ),
        mutant("* PLACE_STEPS", "* (PLACE_STEPS - 2000.0)"),
        mutant("(y >> 8u) | (spread << 16u)", "(y >> 8u)"),
        mutant("peak.xy * grown", "peak.xx * grown"),
    ];
    check("pose", &cases, &mutants);
}

#[test]
fn another_coarse_map_shows_in_the_result() {
    let gpu = gpu_or_skip!(device());
    for scene in
        scenes().into_iter().zip(MODELS).filter(|(_, (model_landmarks, ..))| *model_landmarks > 4)
    {
        let (scene, (model_landmarks, modes, _)) = scene;
        let got = pose_probe(&scene).run(&gpu, &|kernel| text(kernel, None)).unwrap();
        let other = pose_probe(&scene.disturbed());
        assert!(other.complaint(&got).is_some(), "{model_landmarks} landmarks, {modes} modes");
    }
}

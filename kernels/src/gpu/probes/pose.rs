//! The pose step between the heat maps, against the fits of `crate::pose` in `f64`.

extern crate std;
use std::{format, vec, vec::Vec};

use super::picture::{plan_with_unused, reading};
use super::{Probe, Reading, Rng, Tolerance};
use crate::affine::Affine;
use crate::box_mean::BoxMean;
use crate::gpu::Slot;
use crate::gpu::steps::{self, PoseBuffers, pack_shape};
use crate::gpu::wire::{Found, Picture, PoseStep, Row};
use crate::pose::{Place, Pose, Shape, Work, distance, fit_pose};

/// Positions of the step in `f32`, units; a cephalogram has ten pixels to a unit.
const POINT_UNITS: f32 = 1.4e-3;
/// Values in half precision, relative, and the step in `f32`.
const HALF_PRECISION: f32 = 1e-3;
/// Residuals: half precision, and the positions that they are between.
const RESIDUAL: f32 = 2e-3;

/// The image, px, and its scale.
const SIZE: [usize; 2] = [1935, 2400];
const UNIT_PER_PX: [f64; 2] = [0.1, 0.11];
/// Cells along a fine heat map, and region pixels in a cell.
const FINE_CELLS: usize = 32;
const FINE_STRIDE: f64 = 2.0;
const REGION_SIZE: f64 = 64.0;
const REGION_UNIT: f64 = 0.4;
const OUTLIER_UNITS: f64 = 8.0;
const SCALES: [f64; 2] = [0.6, 1.6];
/// From coarse cells to units.
const CELL_UNITS: f64 = 4.0;
const CELL_SHIFT: f64 = 1.5;

/// A decoded heat map as the shaders keep it.
#[derive(Clone, Copy)]
struct Decoded {
    at: [f32; 2],
    mass: f32,
    spread: f32,
    covariance: [f32; 3],
    valid: bool,
}

impl Decoded {
    fn words(&self) -> [f32; 8] {
        let [x, y] = self.at;
        let [a, b, c] = self.covariance;
        [x, y, self.mass, self.spread, a, b, c, f32::from_bits(self.valid.into())]
    }
}

/// A landmark: a model landmark, or a derived landmark with its mean and its modes.
enum Landmark {
    ModelLandmark(usize),
    Derived([f64; 2], Vec<[f64; 2]>),
}

impl Landmark {
    fn place(&self) -> Place<'_> {
        match self {
            Self::ModelLandmark(model_landmark) => Place::ModelLandmark(*model_landmark),
            Self::Derived(mean, modes) => Place::Derived { mean: *mean, modes },
        }
    }
}

/// A shape model, and the heat maps of an image of it.
pub(in crate::gpu) struct Scene {
    mean: Vec<[f64; 2]>,
    deviations: Vec<f64>,
    modes: Vec<Vec<f64>>,
    landmarks: Vec<Landmark>,
    coarse: Vec<Decoded>,
    fine: Vec<Decoded>,
}

/// A likely shape: its pose, the positions of the model landmarks, and the amounts of the modes.
type Likely = (Pose, Vec<[f64; 2]>, Vec<f64>);

impl Scene {
    /// A random shape model of `model_landmarks` and `modes`, with an image of it in which some points are outliers and
    /// some maps have no peak. The landmarks are all model landmarks, or some of them and two derived landmarks.
    pub(in crate::gpu) fn new(
        rng: &mut Rng,
        model_landmarks: usize,
        modes: usize,
        all: bool,
    ) -> Self {
        let mean: Vec<[f64; 2]> = (0..model_landmarks)
            .map(|_| [100.0 + 80.0 * real(rng), 120.0 + 90.0 * real(rng)])
            .collect();
        let mode = |rng: &mut Rng| {
            let v: Vec<f64> = (0..2 * model_landmarks).map(|_| real(rng)).collect();
            let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
            v.into_iter().map(|x| single(x / length)).collect()
        };
        let deviations = (0..modes).map(|i| single(12.0 / (1.0 + i as f64))).collect();
        let shape_modes = (0..modes).map(|_| mode(rng)).collect();
        let mean: Vec<[f64; 2]> = mean.into_iter().map(|p| p.map(single)).collect();
        let (angle, scale) = (0.3 * real(rng), 1.0 + 0.3 * real(rng));
        let turn = Affine::similarity(angle, scale, [100.0, 120.0], [90.0, 130.0]);
        let coarse =
            (0..model_landmarks).map(|i| coarse_peak(rng, i, turn.apply(mean[i]))).collect();
        let mut landmarks: Vec<Landmark> = if all {
            (0..model_landmarks).map(Landmark::ModelLandmark).collect()
        } else {
            (0..model_landmarks).rev().step_by(3).map(Landmark::ModelLandmark).collect()
        };
        if !all {
            // Two that no map shows, one of them first.
            let mut derived = || {
                let modes = (0..modes).map(|_| [real(rng), real(rng)]).collect();
                Landmark::Derived([90.0, 140.0], modes)
            };
            landmarks.insert(0, derived());
            landmarks.push(derived());
        }
        let fine = (0..landmarks.len()).map(|i| {
            let at = [32.0 + 9.0 * real(rng), 30.0 + 9.0 * real(rng)];
            Decoded { valid: i != 3, ..decoded(rng, at) }
        });
        let fine = fine.collect();
        Self { mean, deviations, modes: shape_modes, landmarks, coarse, fine }
    }

    /// The same scene in which coarse map number 1 has another mass and place.
    #[cfg(test)]
    pub(in crate::gpu) fn disturbed(mut self) -> Self {
        self.coarse[1].mass *= 0.2;
        self.coarse[1].at[0] += 0.5;
        self
    }

    fn shape(&self) -> Shape<'_, Vec<f64>> {
        Shape { mean: &self.mean, deviations: &self.deviations, modes: &self.modes }
    }

    fn step(&self) -> PoseStep {
        PoseStep {
            model_landmarks: self.mean.len() as u32,
            landmarks: self.landmarks.len() as u32,
            modes: self.modes.len() as u32,
            fine_cells: FINE_CELLS as u32,
            fine_stride: FINE_STRIDE as f32,
            region_size: REGION_SIZE as f32,
            region_unit: REGION_UNIT as f32,
            outlier: OUTLIER_UNITS as f32,
            scale_low: SCALES[0] as f32,
            scale_high: SCALES[1] as f32,
            coarse_middle: [24.0, 30.0],
        }
    }

    fn likely(&self, points: &[[f64; 2]], weights: &[f64]) -> Likely {
        let (shape, modes) = (self.shape(), self.modes.len());
        let mut robust = vec![0.0; points.len()];
        let pose = fit_pose(&self.mean, points, weights, &mut robust);
        let back = pose.to_image.inverse().unwrap_or(Affine::IDENTITY);
        let local: Vec<[f64; 2]> = points.iter().map(|&p| back.apply(p)).collect();
        let mut system = vec![0.0; Shape::<Vec<f64>>::system_len(modes)];
        let mut amounts = vec![0.0; modes];
        let work = Work { robust: &mut robust, system: &mut system };
        shape.fit(&local, weights, work, &mut amounts);
        let at = |i| pose.to_image.apply(shape.point(i, &amounts));
        let points = (0..points.len()).map(at).collect();
        (pose, points, amounts)
    }

    /// The results of the step, as [`values`] reads them, with the tolerance of each.
    fn expected(&self) -> Vec<(f64, f32)> {
        let middle = self.step().coarse_middle;
        let to_units = |p: &Decoded| {
            (if p.valid { p.at } else { middle }).map(|v| f64::from(v) * CELL_UNITS + CELL_SHIFT)
        };
        let coarse: Vec<[f64; 2]> = self.coarse.iter().map(to_units).collect();
        let masses: Vec<f64> = self.coarse.iter().map(|p| p.mass.into()).collect();
        let (pose, fitted, amounts) = self.likely(&coarse, &masses);
        let pick = |(&c, f)| if distance(c, f) > OUTLIER_UNITS { f } else { c };
        let guided: Vec<[f64; 2]> = coarse.iter().zip(fitted).map(pick).collect();
        let posed = self.mean.iter().map(|&p| pose.to_image.apply(p));
        let pose_residual = rms(coarse.iter().zip(posed).map(|(&c, p)| distance(c, p)));

        let scale = REGION_UNIT * pose.scale.clamp(SCALES[0], SCALES[1]);
        let fine = self.fine.iter().zip(&self.landmarks).map(|(p, landmark)| {
            let middle = (FINE_CELLS as f64 - 1.0) / 2.0;
            let cell = if p.valid { p.at.map(f64::from) } else { [middle; 2] };
            let centre = landmark.place().among(&guided, &pose, &amounts);
            let frame =
                Affine::similarity(pose.angle, scale, [(REGION_SIZE - 1.0) / 2.0; 2], centre);
            frame.apply(cell.map(|v| FINE_STRIDE * v + (FINE_STRIDE - 1.0) / 2.0))
        });
        let fine: Vec<[f64; 2]> = fine.collect();
        let mut points = guided;
        for (&p, landmark) in fine.iter().zip(&self.landmarks) {
            if let Landmark::ModelLandmark(model_landmark) = landmark {
                points[*model_landmark] = p;
            }
        }
        let (last, likely, amounts) = self.likely(&points, &vec![1.0; points.len()]);
        let residual = |(&p, landmark): (&[f64; 2], &Landmark)| {
            distance(p, landmark.place().among(&likely, &last, &amounts))
        };
        let residuals: Vec<f64> = fine.iter().zip(&self.landmarks).map(residual).collect();
        let own = residuals.iter().zip(&self.landmarks);
        let own = own.filter(|(_, landmark)| matches!(landmark, Landmark::ModelLandmark(_)));
        let shape_residual = rms(own.map(|(&residual, _)| residual));

        let mass = masses.iter().sum::<f64>() / masses.len() as f64;
        let (sin, cos) = pose.angle.sin_cos();
        let about = [mass, pose_residual, shape_residual, pose.scale * cos, pose.scale * sin];
        let mut all: Vec<(f64, f32)> = about.into_iter().map(|v| (v, POINT_UNITS)).collect();
        for ((p, point), residual) in self.fine.iter().zip(fine).zip(residuals) {
            all.extend(point.map(|v| (v, POINT_UNITS)));
            let (spread, covariance) = p.moments();
            let halves = [spread * scale * FINE_STRIDE].into_iter().chain(covariance);
            all.extend(halves.map(|v| (v, HALF_PRECISION * (1.0 + v.abs() as f32))));
            all.push((residual, RESIDUAL * (1.0 + residual as f32)));
        }
        all
    }
}

impl Decoded {
    /// Spread and covariance, cells; those of a map without a peak.
    fn moments(&self) -> (f64, [f64; 3]) {
        if self.valid {
            return (self.spread.into(), self.covariance.map(f64::from));
        }
        let middle = (FINE_CELLS as f64 - 1.0) / 2.0;
        (middle, [middle * middle, 0.0, middle * middle])
    }
}

/// From −1 to 1.
fn real(rng: &mut Rng) -> f64 {
    rng.real().into()
}

/// The value as a model file holds it.
fn single(v: f64) -> f64 {
    f64::from(v as f32)
}

/// Root mean square.
fn rms(distances: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = distances.fold((0.0, 0.0), |(sum, count), d| (sum + d * d, count + 1.0));
    (sum / f64::max(count, 1.0)).sqrt()
}

fn decoded(rng: &mut Rng, at: [f64; 2]) -> Decoded {
    Decoded {
        at: at.map(|v| v as f32),
        mass: (0.55 + 0.4 * real(rng)) as f32,
        spread: (1.0 + 0.5 * real(rng)) as f32,
        covariance: [1.5, (0.3 * real(rng)) as f32, 0.75],
        valid: true,
    }
}

/// The coarse peak of landmark number `i` at `p`, units: noisy, now and then an outlier or missing.
fn coarse_peak(rng: &mut Rng, i: usize, p: [f64; 2]) -> Decoded {
    let far = if i % 7 == 5 { 60.0 } else { 0.0 };
    let noisy = [p[0] + 2.0 * real(rng) + far, p[1] + 2.0 * real(rng)];
    let found = decoded(rng, noisy.map(|v| (v - CELL_SHIFT) / CELL_UNITS));
    if i % 11 == 9 { Decoded { valid: false, at: [0.0; 2], mass: 0.0, ..found } } else { found }
}

/// Both parts of the step on a scene.
pub(in crate::gpu) fn pose_probe(scene: &Scene) -> Probe {
    let (step, landmarks) = (scene.step(), scene.landmarks.len());
    let reduction = BoxMean { width: SIZE[0], height: SIZE[1], factor_x: 4, factor_y: 4 };
    let mut picture = Picture::new(SIZE[0], SIZE[1], 0, [reduction; 2]);
    picture.cell_to_units = [CELL_UNITS, CELL_UNITS, CELL_SHIFT, CELL_SHIFT].map(|v| v as f32);
    picture.unit_per_px = UNIT_PER_PX.map(|v| v as f32);
    let bytes = size_of::<Found>() + size_of::<Row>() * landmarks;
    let (mut plan, out, unused) = plan_with_unused(bytes / 4);
    let on = PoseBuffers {
        picture: unused,
        work: plan.buffer("work", 4 * step.work()),
        regions: plan.buffer("regions", 8 * (1 + landmarks)),
        results: out,
    };
    let header = [bytemuck::bytes_of(&picture), &[0; 16]].concat();
    let picture = plan.constant_bytes(&header);
    let places: Vec<Place<'_>> = scene.landmarks.iter().map(Landmark::place).collect();
    let model = plan.constant(&pack_shape(&scene.shape(), &places));
    let mut peaks = |peaks: &[Decoded]| -> Slot {
        plan.constant(&peaks.iter().flat_map(Decoded::words).collect::<Vec<f32>>())
    };
    let (coarse, fine) = (peaks(&scene.coarse), peaks(&scene.fine));
    steps::pose_coarse(&mut plan, &step, on, model, coarse);
    reading(&mut plan, &[(1, picture)]);
    steps::pose_fine(&mut plan, &step, on, model, fine);
    reading(&mut plan, &[(1, picture)]);
    let (want, limits) = scene.expected().into_iter().map(|(v, limit)| (v as f32, limit)).unzip();
    let name = format!("{} landmarks, {} modes", step.model_landmarks, step.modes);
    let tolerance = Tolerance::Each(limits);
    Probe { plan, out, bytes, reading: Reading::Pose, want, tolerance, name }
}

/// The results out of their bytes: mean mass, residuals of pose and shape, scale times cosine and sine of the pose; then for
/// each landmark x and y, spread, units, covariance `[xx, xy, yy]`, cells², and residual, units.
pub(super) fn values(bytes: &[u8]) -> Vec<f32> {
    let (head, rows) = bytes.split_at(size_of::<Found>());
    let head: Found = bytemuck::pod_read_unaligned(head);
    let about =
        [head.coarse_mass, head.pose_residual, head.shape_residual, head.along, head.across];
    let mut all = about.to_vec();
    for row in rows.chunks_exact(size_of::<Row>()) {
        let fine = bytemuck::pod_read_unaligned::<Row>(row).decode(SIZE, FINE_CELLS);
        let point = [fine.px[0] * UNIT_PER_PX[0], fine.px[1] * UNIT_PER_PX[1]];
        let [xx, xy, yy] = fine.covariance_cells2;
        let row = [point[0], point[1], fine.spread, xx, xy, yy, fine.residual];
        all.extend(row.map(|v| v as f32));
    }
    all
}

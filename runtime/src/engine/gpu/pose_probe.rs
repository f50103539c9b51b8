//! The step between the heat maps against the shape model that the CPU path uses: what tests vary, and what a
//! device is asked before it is trusted.

use fiducia_kernels::gpu::steps::{self, PoseBuffers};
use fiducia_kernels::gpu::{Gpu, GpuError, GpuErrorKind, Plan, Program, ReadBack};
use fiducia_kernels::{Affine, BoxMean, Found as Head, Picture, PoseStep, Row};

use super::prepare::shape_values;
use crate::engine::search::SearchPoint;
use crate::shape::{Follower, Pose, ShapeModel};
use crate::shape::{distance, rms};

/// Positions of the step in `f32`, units; a head film has ten pixels to a unit.
pub(super) const POINT_UNITS: f64 = 2e-3;

/// Compares the step with the shape model on `gpu`.
///
/// # Errors
/// [`GpuErrorKind::Wrong`], saying what differs; else as a run.
pub(super) fn self_test(gpu: &Gpu) -> Result<(), GpuError> {
    let s = scene(&mut Dice(33), 19, 8, true);
    let (head, rows) = on_device(gpu, &s)?;
    let (off, what) = disagreement(&s, &head, &rows);
    if off < POINT_UNITS {
        return Ok(());
    }
    let name = &gpu.adapter().name;
    let message =
        format!("{name} computes wrongly: shader pose is {off} off ({what}); update the driver");
    Err(GpuError::new(GpuErrorKind::Wrong, message))
}

pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn real(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1u32 << 30) - 1.0
    }
}

/// A decoded heat map as the shaders keep it.
#[derive(Clone, Copy)]
pub(super) struct Peak {
    pub(super) at: [f32; 2],
    pub(super) mass: f32,
    pub(super) spread: f32,
    pub(super) covariance: [f32; 3],
    pub(super) valid: bool,
}

impl Peak {
    fn words(&self) -> [f32; 8] {
        let [x, y] = self.at;
        let [a, b, c] = self.covariance;
        [x, y, self.mass, self.spread, a, b, c, f32::from_bits(self.valid.into())]
    }
}

pub(super) struct Scene {
    pub(super) shape: ShapeModel,
    pub(super) step: PoseStep,
    pub(super) places: Vec<SearchPoint>,
    pub(super) coarse: Vec<Peak>,
    pub(super) fine: Vec<Peak>,
}

/// A random shape model with an image on which it is found, with outliers and maps without a peak.
pub(super) fn scene(dice: &mut Dice, guides: usize, modes: usize, all: bool) -> Scene {
    let mean: Vec<[f64; 2]> =
        (0..guides).map(|_| [100.0 + 80.0 * dice.real(), 120.0 + 90.0 * dice.real()]).collect();
    let mode = |dice: &mut Dice| {
        let v: Vec<f64> = (0..2 * guides).map(|_| dice.real()).collect();
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.into_iter().map(|x| x / length).collect::<Vec<_>>()
    };
    let shape = ShapeModel {
        deviations: (0..modes).map(|i| 12.0 / (1.0 + i as f64)).collect(),
        modes: (0..modes).map(|_| mode(dice)).collect(),
        mean,
    };
    // A pack holds these as f32.
    let shape = ShapeModel::from_values(guides, modes, &shape.to_values());
    let turn = Affine::similarity(
        0.3 * dice.real(),
        1.0 + 0.3 * dice.real(),
        [100.0, 120.0],
        [90.0, 130.0],
    );
    let peak = |at: [f64; 2], dice: &mut Dice| Peak {
        at: at.map(|v| v as f32),
        mass: (0.55 + 0.4 * dice.real()) as f32,
        spread: (1.0 + 0.5 * dice.real()) as f32,
        covariance: [1.5, (0.3 * dice.real()) as f32, 0.75],
        valid: true,
    };
    let coarse = (0..guides).map(|i| {
        let p = turn.apply(shape.mean[i]);
        // Cells of 4 units, and an outlier here and there.
        let far = if i % 7 == 5 { 60.0 } else { 0.0 };
        let noisy = [p[0] + 2.0 * dice.real() + far, p[1] + 2.0 * dice.real()];
        let mut found = peak(noisy.map(|v| (v - 1.5) / 4.0), dice);
        if i % 11 == 9 {
            found = Peak { valid: false, at: [0.0; 2], mass: 0.0, ..found };
        }
        found
    });
    let coarse: Vec<Peak> = coarse.collect();
    let mut places: Vec<SearchPoint> = if all {
        (0..guides).map(SearchPoint::ModelLandmark).collect()
    } else {
        (0..guides).rev().step_by(3).map(SearchPoint::ModelLandmark).collect()
    };
    if !all {
        // Two that no map shows, one of them first.
        let mut follower = || {
            let modes = (0..modes).map(|_| [dice.real(), dice.real()]).collect();
            SearchPoint::Derived(Follower { mean: [90.0, 140.0], modes })
        };
        places.insert(0, follower());
        places.push(follower());
    }
    let fine: Vec<Peak> = (0..places.len())
        .map(|i| {
            let found = peak([32.0 + 9.0 * dice.real(), 30.0 + 9.0 * dice.real()], dice);
            if i == 3 { Peak { valid: false, ..found } } else { found }
        })
        .collect();
    let step = PoseStep {
        guides: guides as u32,
        landmarks: places.len() as u32,
        modes: modes as u32,
        fine_cells: 32,
        fine_stride: 2.0,
        region_size: 64.0,
        region_unit: 0.4,
        outlier: 8.0,
        scale_low: 0.6,
        scale_high: 1.6,
        coarse_middle: [24.0, 30.0],
    };
    Scene { shape, step, places, coarse, fine }
}

pub(super) const SIZE: [usize; 2] = [1935, 2400];
const UNIT_PER_PX: [f64; 2] = [0.1, 0.11];

/// Point of a landmark, units, and its residual.
type Wanted = ([f64; 2], f64);

/// What the CPU path makes of it: head of the result, then point and residual of each landmark.
pub(super) fn expected(s: &Scene) -> ([f64; 3], Pose, Vec<Wanted>) {
    let to_units = |cell: [f32; 2]| cell.map(|v| f64::from(v) * 4.0 + 1.5);
    let middle = s.step.coarse_middle;
    let coarse: Vec<[f64; 2]> =
        s.coarse.iter().map(|p| to_units(if p.valid { p.at } else { middle })).collect();
    let masses: Vec<f64> = s.coarse.iter().map(|p| p.mass.into()).collect();
    let pose = s.shape.pose(&coarse, &masses);
    let fitted = s.shape.fit(&pose, &coarse, &masses);
    let amounts = amounts(&s.shape, &pose, &fitted);
    let pick = |(&c, f)| if distance(c, f) > 8.0 { f } else { c };
    let guided: Vec<[f64; 2]> = coarse.iter().zip(fitted).map(pick).collect();
    let posed: Vec<[f64; 2]> = s.shape.mean.iter().map(|&p| pose.to_image.apply(p)).collect();
    let pose_residual = rms(coarse
        .iter()
        .zip(&posed)
        .map(|(&c, &p)| distance(c, p))
        .collect::<Vec<_>>()
        .into_iter());
    let scale = 0.4 * pose.scale.clamp(0.6, 1.6);
    let fine: Vec<[f64; 2]> = s
        .fine
        .iter()
        .zip(&s.places)
        .map(|(p, place)| {
            let cell = if p.valid { p.at.map(f64::from) } else { [15.5; 2] };
            let centre = place.position(&guided, &pose, &amounts);
            let frame = Affine::similarity(pose.angle, scale, [31.5; 2], centre);
            frame.apply(cell.map(|v| 2.0 * v + 0.5))
        })
        .collect();
    let mut points = guided.clone();
    for (&p, place) in fine.iter().zip(&s.places) {
        if let SearchPoint::ModelLandmark(g) = place {
            points[*g] = p;
        }
    }
    let ones = vec![1.0; points.len()];
    let last = s.shape.pose(&points, &ones);
    let likely = s.shape.fit(&last, &points, &ones);
    let amounts = self::amounts(&s.shape, &last, &likely);
    let row = |(&p, place): (&[f64; 2], &SearchPoint)| {
        (p, distance(p, place.position(&likely, &last, &amounts)))
    };
    let rows: Vec<Wanted> = fine.iter().zip(&s.places).map(row).collect();
    let own = rows
        .iter()
        .zip(&s.places)
        .filter(|(_, place)| matches!(place, SearchPoint::ModelLandmark(_)));
    let own: Vec<f64> = own.map(|((_, residual), _)| *residual).collect();
    let mass = masses.iter().sum::<f64>() / masses.len() as f64;
    let shape_residual = rms(own.into_iter());
    ([mass, pose_residual, shape_residual], pose, rows)
}

/// How much of each mode the fitted shape has: its modes are all but at right angles, so a few rounds of taking
/// off what each explains find it.
fn amounts(shape: &ShapeModel, pose: &Pose, fitted: &[[f64; 2]]) -> Vec<f64> {
    let back = pose.to_image.inverse().unwrap_or(Affine::IDENTITY);
    let mut rest: Vec<f64> = Vec::new();
    for (&p, mean) in fitted.iter().zip(&shape.mean) {
        let local = back.apply(p);
        rest.extend([local[0] - mean[0], local[1] - mean[1]]);
    }
    let mut amounts = vec![0.0; shape.modes.len()];
    for _ in 0..400 {
        for (amount, mode) in amounts.iter_mut().zip(&shape.modes) {
            let length: f64 = mode.iter().map(|v| v * v).sum();
            let more = rest.iter().zip(mode).map(|(r, m)| r * m).sum::<f64>() / length;
            *amount += more;
            rest.iter_mut().zip(mode).for_each(|(r, m)| *r -= more * m);
        }
    }
    amounts
}

pub(super) fn on_device(gpu: &Gpu, s: &Scene) -> Result<(Head, Vec<Row>), GpuError> {
    let reduction = BoxMean { width: SIZE[0], height: SIZE[1], factor_x: 4, factor_y: 4 };
    let mut picture = Picture::new(SIZE[0], SIZE[1], 0, [reduction; 2]);
    picture.cell_to_units = [4.0, 4.0, 1.5, 1.5];
    picture.unit_per_px = UNIT_PER_PX.map(|v| v as f32);
    let mut plan = Plan::default();
    let bytes = 256 + 16 * s.places.len();
    let on = PoseBuffers {
        picture: plan.buffer("picture", 512),
        work: plan.buffer("work", 4 * s.step.work()),
        regions: plan.buffer("regions", 8 * (1 + s.places.len())),
        results: plan.buffer("results", bytes),
    };
    let model = plan.constant(&shape_values(&s.shape, &s.places));
    let peaks = |peaks: &[Peak]| peaks.iter().flat_map(Peak::words).collect::<Vec<f32>>();
    let (coarse, fine) = (plan.constant(&peaks(&s.coarse)), plan.constant(&peaks(&s.fine)));
    steps::pose_coarse(&mut plan, &s.step, on, model, coarse);
    steps::pose_fine(&mut plan, &s.step, on, model, fine);
    let read_back = ReadBack { buffer: on.results, bytes, ticks_at: 128 };
    let mut program = Program::new(gpu.clone(), plan, read_back)?;
    let read = program.run(on.picture, bytemuck::bytes_of(&picture), <[u8]>::to_vec)?;
    let rows = read[256..].chunks_exact(16).map(bytemuck::pod_read_unaligned).collect();
    Ok((bytemuck::pod_read_unaligned(&read[..256]), rows))
}

/// The largest disagreement, and what it is about.
pub(super) fn disagreement(s: &Scene, head: &Head, rows: &[Row]) -> (f64, String) {
    let ([mass, pose_residual, shape_residual], pose, wanted) = expected(s);
    let mut all = vec![
        ((mass - f64::from(head.coarse_mass)).abs(), "mass".to_owned()),
        ((pose_residual - f64::from(head.pose_residual)).abs(), "pose residual".to_owned()),
        ((shape_residual - f64::from(head.shape_residual)).abs(), "shape residual".to_owned()),
        ((pose.scale * pose.angle.cos() - f64::from(head.along)).abs(), "along".to_owned()),
        ((pose.scale * pose.angle.sin() - f64::from(head.across)).abs(), "across".to_owned()),
    ];
    for (i, (row, (point, residual))) in rows.iter().zip(&wanted).enumerate() {
        let fine = row.decode(SIZE, 32);
        let found = [fine.px[0] * UNIT_PER_PX[0], fine.px[1] * UNIT_PER_PX[1]];
        all.push((distance(found, *point), format!("point {i}: {found:?} {point:?}")));
        // Half precision.
        let relative = (fine.residual - residual).abs() / (1.0 + residual.abs());
        all.push((relative, format!("residual {i}: {} {residual}", fine.residual)));
    }
    all.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default()
}

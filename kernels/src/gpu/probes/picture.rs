//! What happens to the uploaded image before and between the networks.

extern crate std;
use std::{format, vec, vec::Vec};

use super::{Dice, Probe, plan_for};
use crate::gpu::steps::{self, PoseBuffers};
use crate::gpu::{BufferId, Plan, Slot};
use crate::{
    Affine, BoxMean, Found, LocalNorm, Picture, box_mean, crop_norm, grey_window, histogram,
    local_norm, warp,
};

/// Positions in `f32` instead of `f64`, a thousandth of a pixel at most, on an image of pure noise.
const POSITION_TOLERANCE: f32 = 1e-3;
/// Mean and spread of thousands of values, each added in another order.
const NORM_TOLERANCE: f32 = 1e-4;
/// A sum of whole numbers, scaled.
const SCALE_TOLERANCE: f32 = 1e-6;

/// Random pixels below a bound.
pub(in crate::gpu) struct Film {
    pub(in crate::gpu) picture: Picture,
    pub(in crate::gpu) pixels: Vec<u16>,
    size: [usize; 2],
    factors: [usize; 4],
}

impl Film {
    /// `size` `[width, height]` px below `most`; `factors` reduce the whole image along x and y, and the regions.
    pub(in crate::gpu) fn new(
        dice: &mut Dice,
        size: [usize; 2],
        most: usize,
        factors: [usize; 4],
    ) -> Self {
        let [w, h] = size;
        let pixels: Vec<u16> = (0..w * h).map(|_| dice.among(most / 4, most) as u16).collect();
        let planes = [reduction(size, &factors[..2]), reduction(size, &factors[2..])];
        let mut picture = Picture::new(w, h, (w * h / 1000) as u32, planes);
        picture.measure(&pixels);
        picture.unit_per_px = [0.11, 0.13];
        Self { picture, pixels, size, factors }
    }

    /// Header and packed pixels.
    pub(in crate::gpu) fn bytes(&self) -> Vec<u8> {
        let mut bytes = bytemuck::bytes_of(&self.picture).to_vec();
        let head = bytes.len();
        bytes.resize(head + 4 * self.picture.words as usize, 0);
        self.picture.pack(&self.pixels, &mut bytes[head..]);
        bytes
    }
}

fn reduction([width, height]: [usize; 2], factors: &[usize]) -> BoxMean {
    BoxMean { width, height, factor_x: factors[0], factor_y: factors[1] }
}

/// The step that was pushed last, reading constants where it reads buffers.
fn reading(plan: &mut Plan, reads: &[(u32, Slot)]) {
    if let Some(step) = plan.steps.last_mut() {
        for (binding, slot) in reads {
            step.reads.iter_mut().filter(|read| read.0 == *binding).for_each(|read| read.1 = *slot);
        }
    }
}

/// A plan for `len` results, and a buffer that stands for those that constants replace.
fn plan_with_unused(len: usize) -> (Plan, BufferId, BufferId) {
    let (mut plan, out) = plan_for(len);
    let unused = plan.buffer("unused", 16);
    (plan, out, unused)
}

/// Grey levels of a film.
pub(in crate::gpu) fn histogram_probe(film: &Film) -> Probe {
    let mut bins = vec![0; 1 << 16];
    histogram(&film.pixels, &mut bins);
    let (mut plan, out, unused) = plan_with_unused(bins.len());
    let picture = plan.constant_bytes(&film.bytes());
    steps::histogram(&mut plan, unused, out);
    reading(&mut plan, &[(1, picture)]);
    let want = bins.iter().map(|&n| n as f32).collect();
    let name = format!("grey levels of {:?}", film.size);
    Probe { plan, out, whole: bins.len(), want, tolerance: 0.0, name }
}

/// The grey window of a film.
pub(in crate::gpu) fn grey_window_probe(film: &Film) -> Probe {
    let mut bins = vec![0; 1 << 16];
    histogram(&film.pixels, &mut bins);
    let found = grey_window(&bins, film.picture.tail);
    let gain = 255.0 / f32::from((found.high - found.low).max(1));
    let whole = [found.low.into(), found.high.into(), found.levels, found.white as u32];
    let real = [gain, -f32::from(found.low) * gain];
    let want = whole.map(|v| v as f32).into_iter().chain(real).collect();
    let (mut plan, out, unused) = plan_with_unused(64);
    let picture = plan.constant_bytes(&film.bytes());
    let bins = plan.constant_bytes(bytemuck::cast_slice(&bins));
    steps::grey_window(&mut plan, unused, unused, out);
    reading(&mut plan, &[(1, picture), (2, bins)]);
    let name = format!("{found:?} of {:?}", film.size);
    Probe { plan, out, whole: 4, want, tolerance: SCALE_TOLERANCE, name }
}

fn found(gain: f32, offset: f32) -> Found {
    let nothing: Found = bytemuck::Zeroable::zeroed();
    Found { gain, offset, ..nothing }
}

/// A film reduced to plane `number`.
pub(in crate::gpu) fn box_mean_probe(film: &Film, number: usize) -> Probe {
    let reduction = reduction(film.size, &film.factors[2 * number..]);
    let [w, h] = reduction.output();
    let mut want = vec![0.0; w * h];
    box_mean(&reduction, &film.pixels, 0.37, -4.5, &mut want);
    let (mut plan, out, unused) = plan_with_unused(w * h);
    let picture = plan.constant_bytes(&film.bytes());
    let found = plan.constant_bytes(bytemuck::bytes_of(&found(0.37, -4.5)));
    let step = steps::box_mean(&mut plan, number, unused, unused, out);
    plan.steps[step].groups = steps::box_mean_groups([w, h]);
    reading(&mut plan, &[(1, picture), (2, found)]);
    let name = format!("{:?} by {:?}", film.size, film.factors);
    Probe { plan, out, whole: 0, want, tolerance: SCALE_TOLERANCE, name }
}

/// A plane of the size of `film` seen through a random map.
pub(in crate::gpu) fn warp_probe(dice: &mut Dice, film: &mut Film) -> Probe {
    let map = [dice.real() + 1.5, dice.real() + 1.5, 9.0 * dice.real(), 9.0 * dice.real()];
    film.picture.input_to_plane = map;
    let plane: Vec<f32> =
        dice.reals(film.size[0] * film.size[1]).iter().map(|v| 127.0 * v).collect();
    let [w, h] = [dice.among(20, 90), dice.among(20, 90)];
    let mut want = vec![0.0; w * h];
    let [sx, sy, tx, ty] = map.map(f64::from);
    let to_source = Affine { m: [[sx, 0.0, tx], [0.0, sy, ty]] };
    warp(&plane, film.size, &to_source, &mut want, [w, h]);
    let (mut plan, out, unused) = plan_with_unused(w * h);
    let picture = plan.constant_bytes(&film.bytes());
    let plane = plan.constant(&plane);
    steps::warp(&mut plan, [w, h], unused, unused, Slot::Buffer(out));
    reading(&mut plan, &[(1, picture), (2, plane)]);
    let name = format!("{:?} through {map:?}", film.size);
    Probe { plan, out, whole: 0, want, tolerance: POSITION_TOLERANCE, name }
}

/// A bright noisy plane, normalised.
pub(in crate::gpu) fn local_norm_probe(dice: &mut Dice, p: &LocalNorm) -> Probe {
    let plane: Vec<f32> = dice.reals(p.width * p.height).iter().map(|v| 200.0 + 40.0 * v).collect();
    let mut want = plane.clone();
    local_norm(p, &mut want, &mut vec![0.0; p.scratch()]);
    let (mut plan, out) = plan_for(want.len());
    let plane = plan.constant(&plane);
    steps::local_norm(&mut plan, p, plane, Slot::Buffer(out));
    Probe { plan, out, whole: 0, want, tolerance: NORM_TOLERANCE, name: format!("{p:?}") }
}

/// Regions of `edge` px, some of them partly outside.
pub(in crate::gpu) fn crop_probe(dice: &mut Dice, film: &Film, edge: usize, count: usize) -> Probe {
    let reduction = reduction(film.size, &film.factors[2..]);
    let size = reduction.output();
    let plane: Vec<f32> = dice.reals(size[0] * size[1]).iter().map(|v| 127.0 * v + 100.0).collect();
    let unit_per_px = film.picture.unit_per_px;
    let (along, across) = (0.21 + 0.1 * dice.real(), 0.1 * dice.real());
    let [a, b, ux, uy] = [along, across, unit_per_px[0], unit_per_px[1]].map(f64::from);
    let to_plane = reduction.to_input().inverse().unwrap_or(Affine::IDENTITY);
    let to_plane = to_plane.after(&Affine::scale(1.0 / ux, 1.0 / uy));
    let middle = (edge as f64 - 1.0) / 2.0;
    let (mut regions, mut want) = (vec![along, across], vec![]);
    for _ in 0..count {
        let centre =
            [0, 1].map(|axis| dice.real().abs() * film.size[axis] as f32 * unit_per_px[axis]);
        regions.extend(centre);
        let [cx, cy] = centre.map(f64::from);
        let frame = Affine { m: [[a, -b, cx], [b, a, cy]] }.after(&Affine::shift(-middle, -middle));
        let mut region = vec![0.0; edge * edge];
        warp(&plane, size, &to_plane.after(&frame), &mut region, [edge, edge]);
        crop_norm(&mut region, 8.0);
        want.extend(region);
    }
    let (mut plan, out, unused) = plan_with_unused(want.len());
    let on = PoseBuffers { picture: unused, work: unused, regions: unused, results: unused };
    let picture = plan.constant_bytes(&film.bytes());
    let (plane, regions) = (plan.constant(&plane), plan.constant(&regions));
    steps::crop(&mut plan, [edge, count], 8.0, on, unused, Slot::Buffer(out));
    reading(&mut plan, &[(1, picture), (2, plane), (3, regions)]);
    let name = format!("{count} regions of {edge} px of {:?}", film.size);
    Probe { plan, out, whole: 0, want, tolerance: POSITION_TOLERANCE, name }
}

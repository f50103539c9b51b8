//! The steps on the uploaded image before and between the networks.

extern crate std;
use std::{format, vec, vec::Vec};

use super::{Probe, Rng, plan_for};
use crate::affine::Affine;
use crate::box_mean::BoxMean;
use crate::gpu::steps::{self, PoseBuffers};
use crate::gpu::wire::{Found, Picture};
use crate::gpu::{BufferId, Plan, Slot};
use crate::grey_window::histogram;
use crate::local_norm::LocalNorm;
use crate::{box_mean, crop_norm, grey_window, local_norm, warp};

/// Positions in `f32` instead of `f64`, a thousandth of a pixel at most, on an image of pure noise.
const POSITION_TOLERANCE: f32 = 1e-3;
/// Mean and spread of thousands of values, each added in another order.
const NORM_TOLERANCE: f32 = 1e-4;
/// A sum of integers, scaled.
const SCALE_TOLERANCE: f32 = 1e-6;

/// Random pixels below a bound.
pub(in crate::gpu) struct Image {
    pub(in crate::gpu) picture: Picture,
    pub(in crate::gpu) pixels: Vec<u16>,
    size: [usize; 2],
    factors: [usize; 4],
}

impl Image {
    /// `size` `[width, height]` px below `most`; `factors` reduce the whole image along x and y, and the regions.
    pub(in crate::gpu) fn new(
        rng: &mut Rng,
        size: [usize; 2],
        most: usize,
        factors: [usize; 4],
    ) -> Self {
        let [w, h] = size;
        let pixels: Vec<u16> = (0..w * h).map(|_| rng.among(most / 4, most) as u16).collect();
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

/// Lets the last step of the plan read constants in place of buffers.
pub(super) fn reading(plan: &mut Plan, reads: &[(u32, Slot)]) {
    if let Some(step) = plan.steps.last_mut() {
        for (binding, slot) in reads {
            step.reads.iter_mut().filter(|read| read.0 == *binding).for_each(|read| read.1 = *slot);
        }
    }
}

/// A plan for `len` results, and a buffer in place of those that constants replace.
pub(super) fn plan_with_unused(len: usize) -> (Plan, BufferId, BufferId) {
    let (mut plan, out) = plan_for(len);
    let unused = plan.buffer("unused", 16);
    (plan, out, unused)
}

/// Grey levels of an image.
pub(in crate::gpu) fn histogram_probe(image: &Image) -> Probe {
    let mut bins = vec![0; 1 << 16];
    histogram(&image.pixels, &mut bins);
    let (mut plan, out, unused) = plan_with_unused(bins.len());
    let picture = plan.constant_bytes(&image.bytes());
    steps::histogram(&mut plan, unused, out);
    reading(&mut plan, &[(1, picture)]);
    let want = bins.iter().map(|&n| n as f32).collect();
    let name = format!("grey levels of {:?}", image.size);
    Probe::new(plan, out, want, 0.0, name).with_counts(bins.len())
}

/// The grey window of an image.
pub(in crate::gpu) fn grey_window_probe(image: &Image) -> Probe {
    let mut bins = vec![0; 1 << 16];
    histogram(&image.pixels, &mut bins);
    let found = grey_window(&bins, image.picture.tail);
    let gain = 255.0 / f32::from((found.high - found.low).max(1));
    let counts = [found.low.into(), found.high.into(), found.levels, found.white as u32];
    let real = [gain, -f32::from(found.low) * gain];
    let want = counts.map(|v| v as f32).into_iter().chain(real).collect();
    let (mut plan, out, unused) = plan_with_unused(64);
    let picture = plan.constant_bytes(&image.bytes());
    let bins = plan.constant_bytes(bytemuck::cast_slice(&bins));
    steps::grey_window(&mut plan, unused, unused, out);
    reading(&mut plan, &[(1, picture), (2, bins)]);
    let name = format!("{found:?} of {:?}", image.size);
    Probe::new(plan, out, want, SCALE_TOLERANCE, name).with_counts(4)
}

fn found(gain: f32, offset: f32) -> Found {
    let nothing: Found = bytemuck::Zeroable::zeroed();
    Found { gain, offset, ..nothing }
}

/// An image reduced to plane `number`.
pub(in crate::gpu) fn box_mean_probe(image: &Image, number: usize) -> Probe {
    let reduction = reduction(image.size, &image.factors[2 * number..]);
    let [w, h] = reduction.output();
    let mut want = vec![0.0; w * h];
    box_mean(&reduction, &image.pixels, 0.37, -4.5, &mut want);
    let (mut plan, out, unused) = plan_with_unused(w * h);
    let picture = plan.constant_bytes(&image.bytes());
    let found = plan.constant_bytes(bytemuck::bytes_of(&found(0.37, -4.5)));
    let step = steps::box_mean(&mut plan, number, unused, unused, out);
    plan.steps[step].groups = steps::box_mean_groups([w, h]);
    reading(&mut plan, &[(1, picture), (2, found)]);
    let name = format!("{:?} by {:?}", image.size, image.factors);
    Probe::new(plan, out, want, SCALE_TOLERANCE, name)
}

/// A plane of the size of `image` seen through a random map.
pub(in crate::gpu) fn warp_probe(rng: &mut Rng, image: &mut Image) -> Probe {
    let map = [rng.real() + 1.5, rng.real() + 1.5, 9.0 * rng.real(), 9.0 * rng.real()];
    image.picture.input_to_plane = map;
    let plane: Vec<f32> =
        rng.reals(image.size[0] * image.size[1]).iter().map(|v| 127.0 * v).collect();
    let [w, h] = [rng.among(20, 90), rng.among(20, 90)];
    let mut want = vec![0.0; w * h];
    let [sx, sy, tx, ty] = map.map(f64::from);
    let to_source = Affine { m: [[sx, 0.0, tx], [0.0, sy, ty]] };
    warp(&plane, image.size, &to_source, &mut want, [w, h]);
    let (mut plan, out, unused) = plan_with_unused(w * h);
    let picture = plan.constant_bytes(&image.bytes());
    let plane = plan.constant(&plane);
    steps::warp(&mut plan, [w, h], unused, unused, Slot::Buffer(out));
    reading(&mut plan, &[(1, picture), (2, plane)]);
    let name = format!("{:?} through {map:?}", image.size);
    Probe::new(plan, out, want, POSITION_TOLERANCE, name)
}

/// A bright noisy plane, normalised.
pub(in crate::gpu) fn local_norm_probe(rng: &mut Rng, p: &LocalNorm) -> Probe {
    let plane: Vec<f32> = rng.reals(p.width * p.height).iter().map(|v| 200.0 + 40.0 * v).collect();
    let mut want = plane.clone();
    local_norm(p, &mut want, &mut vec![0.0; p.scratch()]);
    let (mut plan, out) = plan_for(want.len());
    let plane = plan.constant(&plane);
    steps::local_norm(&mut plan, p, plane, Slot::Buffer(out));
    Probe::new(plan, out, want, NORM_TOLERANCE, format!("{p:?}"))
}

/// Regions of `edge` px, some of them partly outside.
pub(in crate::gpu) fn crop_probe(rng: &mut Rng, image: &Image, edge: usize, count: usize) -> Probe {
    let reduction = reduction(image.size, &image.factors[2..]);
    let size = reduction.output();
    let plane: Vec<f32> = rng.reals(size[0] * size[1]).iter().map(|v| 127.0 * v + 100.0).collect();
    let unit_per_px = image.picture.unit_per_px;
    let (along, across) = (0.21 + 0.1 * rng.real(), 0.1 * rng.real());
    let [a, b, ux, uy] = [along, across, unit_per_px[0], unit_per_px[1]].map(f64::from);
    let to_plane = reduction.to_input().inverse().unwrap_or(Affine::IDENTITY);
    let to_plane = to_plane.after(&Affine::scale(1.0 / ux, 1.0 / uy));
    let middle = (edge as f64 - 1.0) / 2.0;
    let (mut regions, mut want) = (vec![along, across], vec![]);
    for _ in 0..count {
        let centre =
            [0, 1].map(|axis| rng.real().abs() * image.size[axis] as f32 * unit_per_px[axis]);
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
    let picture = plan.constant_bytes(&image.bytes());
    let (plane, regions) = (plan.constant(&plane), plan.constant(&regions));
    steps::crop(&mut plan, [edge, count], 8.0, on, unused, Slot::Buffer(out));
    reading(&mut plan, &[(1, picture), (2, plane), (3, regions)]);
    let name = format!("{count} regions of {edge} px of {:?}", image.size);
    Probe::new(plan, out, want, POSITION_TOLERANCE, name)
}

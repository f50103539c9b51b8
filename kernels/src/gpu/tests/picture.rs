//! What happens to the uploaded image before and between the networks.

use super::*;
use crate::gpu::steps::{self, PoseBuffers};
use crate::{
    Affine, BoxMean, Found, LocalNorm, Picture, box_mean, crop_norm, grey_window, histogram,
    local_norm, warp,
};

/// Grey levels out of 255: positions in `f32` instead of `f64`, a thousandth of a pixel at most, on an image of
/// pure noise.
const POSITION_TOLERANCE: f32 = 1e-3;
/// Mean and spread of thousands of values, each added in another order.
const NORM_TOLERANCE: f32 = 1e-4;

struct Film {
    picture: Picture,
    pixels: Vec<u16>,
    bytes: Vec<u8>,
}

fn film(dice: &mut Dice, [w, h]: [usize; 2], most: usize, factors: [usize; 4]) -> Film {
    let pixels: Vec<u16> = (0..w * h).map(|_| dice.among(most / 4, most) as u16).collect();
    let reduction = |x: usize, y: usize| BoxMean { width: w, height: h, factor_x: x, factor_y: y };
    let planes = [reduction(factors[0], factors[1]), reduction(factors[2], factors[3])];
    let mut picture = Picture::new(w, h, (w * h / 1000) as u32, planes);
    picture.measure(&pixels);
    picture.input_to_plane = [1.37, 0.81, -3.2, 1.7];
    picture.unit_per_px = [0.11, 0.13];
    Film { picture, bytes: bytes(&picture, &pixels), pixels }
}

fn bytes(picture: &Picture, pixels: &[u16]) -> Vec<u8> {
    let mut bytes = bytemuck::bytes_of(picture).to_vec();
    bytes.resize(bytes.len() + 4 * picture.words as usize, 0);
    let head = bytes.len() - 4 * picture.words as usize;
    picture.pack(pixels, &mut bytes[head..]);
    bytes
}

fn read(binding: u32, slot: Slot) -> (u32, Slot) {
    (binding, slot)
}

/// The step that was pushed last, reading constants where it read buffers.
fn reading(plan: &mut Plan, reads: Vec<(u32, Slot)>) {
    let last = plan.steps.len() - 1;
    for (binding, slot) in reads {
        for place in &mut plan.steps[last].reads {
            if place.0 == binding {
                place.1 = slot;
            }
        }
    }
}

const FILMS: [([usize; 2], usize); 5] =
    [([64, 64], 256), ([67, 65], 256), ([70, 91], 4096), ([131, 77], 65_536), ([300, 201], 200)];
/// More words of pixels than the threads that count levels.
const LARGE_FILM: ([usize; 2], usize) = ([800, 700], 250);

#[test]
fn histogram_equals_its_twin() {
    let mut dice = Dice(11);
    let mut cases = vec![];
    for (size, most) in FILMS.into_iter().chain([LARGE_FILM]) {
        let film = film(&mut dice, size, most, [1; 4]);
        let mut bins = vec![0; 1 << 16];
        histogram(&film.pixels, &mut bins);
        let mut plan = Plan::default();
        let out = plan.buffer("bins", 4 * bins.len() + 128);
        plan.cleared.push(out);
        let unused = plan.buffer("unused", 16);
        let picture = plan.constant_bytes(&film.bytes);
        steps::histogram(&mut plan, unused, out);
        reading(&mut plan, vec![read(1, picture)]);
        let want = bins.iter().map(|&n| n as f32).collect();
        cases.push(Case { plan, out, want, tolerance: 0.0, name: format!("{size:?} {most}") });
    }
    // Counts are whole numbers: compared as such.
    let Some(gpu) = device("histogram") else { return };
    let agree = |case: &Case, mutant: Option<&Mutant>| {
        let got: Vec<f32> = case.run(&gpu, mutant).iter().map(|v| v.to_bits() as f32).collect();
        case.complaint(&got).is_none()
    };
    assert!(cases.iter().all(|case| agree(case, None)));
    for mutant in [
        mutant("word * per_word + i < pixels", "word * per_word < pixels"),
        mutant("i * bits", "0u"),
        mutant("let level = (packed", "let level = 1u + (packed"),
        mutant("word += groups.x * 256u", "word += groups.x * 512u"),
    ] {
        let caught = cases.iter().any(|case| !agree(case, Some(&mutant)));
        assert!(caught, "{}", mutant.from);
    }
}

#[test]
fn grey_window_equals_its_twin() {
    let mut dice = Dice(12);
    let mut cases = vec![];
    for (i, (size, most)) in FILMS.into_iter().enumerate() {
        let mut film = film(&mut dice, size, most, [1; 4]);
        film.picture.tail = [0, 5, 60, 9, 4][i];
        if i == 4 {
            film.pixels.fill(77);
        }
        let mut bins = vec![0; 1 << 16];
        histogram(&film.pixels, &mut bins);
        let found = grey_window(&bins, film.picture.tail);
        let gain = 255.0 / f32::from((found.high - found.low).max(1));
        let whole = [found.low.into(), found.high.into(), found.levels, found.white as u32];
        let real = [gain, -f32::from(found.low) * gain];
        let want = whole.map(|v| v as f32).into_iter().chain(real).collect();
        let (mut plan, out) = plan_for(64);
        let unused = plan.buffer("unused", 16);
        let picture = plan.constant_bytes(&bytes(&film.picture, &film.pixels));
        let bins = plan.constant_bytes(bytemuck::cast_slice(&bins));
        steps::grey_window(&mut plan, unused, unused, out);
        reading(&mut plan, vec![read(1, picture), read(2, bins)]);
        cases.push(Case { plan, out, want, tolerance: 1e-6, name: format!("{size:?} {found:?}") });
    }
    let Some(gpu) = device("grey window") else { return };
    let agree = |case: &Case, mutant: Option<&Mutant>| {
        let mut got = case.run(&gpu, mutant);
        got[..4].iter_mut().for_each(|v| *v = v.to_bits() as f32);
        case.complaint(&got)
    };
    for case in &cases {
        assert_eq!(agree(case, None), None);
    }
    for mutant in [
        mutant("seen + bins[low] <= picture.tail", "seen + bins[low] < picture.tail"),
        mutant("seen + bins[high] <= picture.tail", "seen + bins[high] < picture.tail"),
        mutant("level >= first_white", "level > first_white"),
        mutant("level <= high", "level < high"),
        mutant("seen = 0u;\n        part = 255u", "part = 255u"),
    ] {
        assert!(cases.iter().any(|case| agree(case, Some(&mutant)).is_some()), "{}", mutant.from);
    }
}

fn found(gain: f32, offset: f32) -> Vec<u8> {
    let found = Found {
        low: 0,
        high: 0,
        levels: 0,
        white: 0,
        gain,
        offset,
        coarse_mass: 0.0,
        pose_residual: 0.0,
        along: 0.0,
        across: 0.0,
        shift: [0.0; 2],
        shape_residual: 0.0,
        pad: [0; 51],
    };
    bytemuck::bytes_of(&found).to_vec()
}

#[test]
fn box_mean_equals_its_twin() {
    let mut dice = Dice(13);
    let mut cases = vec![];
    for (i, (size, most)) in FILMS.into_iter().enumerate() {
        let factors = [dice.among(1, 9), dice.among(1, 9), dice.among(1, 9), dice.among(1, 9)];
        let film = film(&mut dice, size, most, factors);
        let number = i % 2;
        let [x, y] = [factors[2 * number], factors[2 * number + 1]];
        let reduction = BoxMean { width: size[0], height: size[1], factor_x: x, factor_y: y };
        let [w, h] = reduction.output();
        let mut want = vec![0.0; w * h];
        box_mean(&reduction, &film.pixels, 0.37, -4.5, &mut want);
        let (mut plan, out) = plan_for(w * h);
        let unused = plan.buffer("unused", 16);
        let picture = plan.constant_bytes(&film.bytes);
        let found = plan.constant_bytes(&found(0.37, -4.5));
        let step = steps::box_mean(&mut plan, number, unused, unused, out);
        plan.steps[step].groups = steps::box_mean_groups([w, h]);
        reading(&mut plan, vec![read(1, picture), read(2, found)]);
        cases.push(Case {
            plan,
            out,
            want,
            tolerance: 1e-6,
            name: format!("{size:?} {factors:?}"),
        });
    }
    let mutants = [
        mutant("at % 4u * 8u", "at % 2u * 8u"),
        mutant("at % 2u * 16u", "0u"),
        mutant("+ found.offset", ""),
        mutant("id.y * factor_y + row", "id.y * factor_y"),
        mutant("factor_x[PLANE]", "factor_y[PLANE]"),
    ];
    check("box mean", &cases, &mutants);
}

#[test]
fn a_box_of_more_than_32_bits_is_summed() {
    // 300 x 300 pixels of 60,000 are 5.4e9.
    let picture_of = |pixels: &[u16]| {
        let reduction = BoxMean { width: 300, height: 300, factor_x: 300, factor_y: 300 };
        let mut picture = Picture::new(300, 300, 0, [reduction; 2]);
        picture.measure(pixels);
        bytes(&picture, pixels)
    };
    let (mut plan, out) = plan_for(1);
    let unused = plan.buffer("unused", 16);
    let picture = plan.constant_bytes(&picture_of(&[60_000; 90_000]));
    let found = plan.constant_bytes(&found(1.0, 0.0));
    let step = steps::box_mean(&mut plan, 0, unused, unused, out);
    plan.steps[step].groups = [1, 1, 1];
    reading(&mut plan, vec![read(1, picture), read(2, found)]);
    let case = Case { plan, out, want: vec![60_000.0], tolerance: 1e-6, name: "large".into() };
    check("large box", &[case], &[mutant("f32(carries) * 4294967296.0 + ", "")]);
}

#[test]
fn warp_equals_its_twin() {
    let mut dice = Dice(14);
    let mut cases = vec![];
    for (size, _) in FILMS {
        let mut film = film(&mut dice, size, 256, [1; 4]);
        let map = [dice.real() + 1.5, dice.real() + 1.5, 9.0 * dice.real(), 9.0 * dice.real()];
        film.picture.input_to_plane = map;
        let plane: Vec<f32> = dice.reals(size[0] * size[1]).iter().map(|v| 127.0 * v).collect();
        let [w, h] = [dice.among(20, 90), dice.among(20, 90)];
        let mut want = vec![0.0; w * h];
        let [sx, sy, tx, ty] = map.map(f64::from);
        let to_source = Affine { m: [[sx, 0.0, tx], [0.0, sy, ty]] };
        warp(&plane, size, &to_source, &mut want, [w, h]);
        let (mut plan, out) = plan_for(w * h);
        let unused = plan.buffer("unused", 16);
        let picture = plan.constant_bytes(&bytes(&film.picture, &film.pixels));
        let plane = plan.constant(&plane);
        steps::warp(&mut plan, [w, h], unused, unused, Slot::Buffer(out));
        reading(&mut plan, vec![read(1, picture), read(2, plane)]);
        let name = format!("{size:?} {map:?}");
        cases.push(Case { plan, out, want, tolerance: POSITION_TOLERANCE, name });
    }
    let mutants = [
        mutant("* map[1] + map[3]", "* map[0] + map[3]"),
        mutant("min(x0 + 1u, width - 1u)", "x0"),
        mutant("low * fy", "low * fx"),
        mutant("0.0, f32(height - 1u)", "0.0, f32(height - 2u)"),
    ];
    check("warp", &cases, &mutants);
}

#[test]
fn local_norm_equals_its_twin() {
    let mut dice = Dice(15);
    let mut cases = vec![];
    for ([width, height], radius) in
        [([64, 40], 5), ([33, 70], 40), ([192, 240], 40), ([5, 7], 1), ([130, 3], 2)]
    {
        let p = LocalNorm { width, height, radius, floor: 6.0, gain: 0.5 };
        let plane: Vec<f32> = dice.reals(width * height).iter().map(|v| 200.0 + 40.0 * v).collect();
        let mut want = plane.clone();
        local_norm(&p, &mut want, &mut vec![0.0; p.scratch()]);
        let (mut plan, out) = plan_for(want.len());
        let plane = plan.constant(&plane);
        steps::local_norm(&mut plan, &p, plane, Slot::Buffer(out));
        cases.push(Case { plan, out, want, tolerance: NORM_TOLERANCE, name: format!("{p:?}") });
    }
    let mutants = [
        mutant("id.x - min(id.x, p.radius)", "id.x"),
        mutant("id.y + p.radius + 1u", "id.y + p.radius"),
        mutant("means.y + between / count", "means.y"),
        mutant("sd + p.floor", "sd"),
        mutant("spread / count", "spread"),
    ];
    check("local norm", &cases, &mutants);
}

#[test]
fn crop_equals_its_twin() {
    let mut dice = Dice(16);
    let mut cases = vec![];
    for (i, (size, most)) in FILMS.into_iter().enumerate() {
        let factors = [1, 1, 1 + i % 3, 1 + i % 2];
        let film = film(&mut dice, size, most, factors);
        let [w, h] = [0, 1].map(|axis| size[axis] / factors[2 + axis]);
        let plane: Vec<f32> = dice.reals(w * h).iter().map(|v| 127.0 * v + 100.0).collect();
        let (edge, count) = ([16, 33, 64, 20, 8][i], 1 + 3 * i);
        let (along, across) = (0.21 + 0.1 * dice.real(), 0.1 * dice.real());
        let mut regions = vec![along, across];
        let mut want = vec![];
        for _ in 0..count {
            // Some lie partly outside.
            let centre = [
                dice.real().abs() * size[0] as f32 * 0.11,
                dice.real().abs() * size[1] as f32 * 0.13,
            ];
            regions.extend(centre);
            let (a, b) = (f64::from(along), f64::from(across));
            let middle = (edge as f64 - 1.0) / 2.0;
            let [cx, cy] = centre.map(f64::from);
            let frame =
                Affine { m: [[a, -b, cx], [b, a, cy]] }.after(&Affine::shift(-middle, -middle));
            let [ux, uy] = film.picture.unit_per_px.map(f64::from);
            let reduction = BoxMean {
                width: size[0],
                height: size[1],
                factor_x: factors[2],
                factor_y: factors[3],
            };
            let to_plane = reduction.to_input().inverse().unwrap();
            let map = to_plane.after(&Affine::scale(1.0 / ux, 1.0 / uy)).after(&frame);
            let mut region = vec![0.0; edge * edge];
            warp(&plane, [w, h], &map, &mut region, [edge, edge]);
            crop_norm(&mut region, 8.0);
            want.extend(region);
        }
        let (mut plan, out) = plan_for(want.len());
        let unused = plan.buffer("unused", 16);
        let on = PoseBuffers { picture: unused, work: unused, regions: unused, results: unused };
        let picture = plan.constant_bytes(&film.bytes);
        let plane = plan.constant(&plane);
        let regions = plan.constant(&regions);
        steps::crop(&mut plan, [edge, count], 8.0, on, unused, Slot::Buffer(out));
        reading(&mut plan, vec![read(1, picture), read(2, plane), read(3, regions)]);
        let name = format!("{count} regions of {edge} px of {size:?}");
        cases.push(Case { plan, out, want, tolerance: POSITION_TOLERANCE, name });
    }
    let mutants = [
        mutant("- regions.across * d.y", "+ regions.across * d.y"),
        mutant("(factor - 1.0) / (2.0 * factor)", "vec2<f32>(0.0)"),
        mutant("sd + p.floor", "sd"),
        mutant("unit_per_px[0], picture.unit_per_px[1]", "unit_per_px[1], picture.unit_per_px[0]"),
        mutant("parts[thread] += parts[thread + half]", "parts[thread] += parts[thread + 1u]"),
        mutant("centres[group.x]", "centres[0]"),
    ];
    check("crop", &cases, &mutants);
}

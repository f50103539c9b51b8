//! The steps on the uploaded image before and between the networks.

use super::*;
use crate::gpu::probes::picture::{
    Image, box_mean_probe, crop_probe, grey_window_probe, histogram_probe, local_norm_probe,
    warp_probe,
};
use crate::local_norm::LocalNorm;

/// Size and bound of the pixels of images.
const IMAGES: [([usize; 2], usize); 5] =
    [([64, 64], 256), ([67, 65], 256), ([70, 91], 4096), ([131, 77], 65_536), ([300, 201], 200)];
/// More words of pixels than the threads that count levels.
const LARGE_IMAGE: ([usize; 2], usize) = ([800, 700], 250);

#[test]
fn histogram_equals_its_reference() {
    let mut rng = Rng(11);
    let images = IMAGES.into_iter().chain([LARGE_IMAGE]);
    let cases: Vec<Probe> = images
        .map(|(size, most)| histogram_probe(&Image::new(&mut rng, size, most, [1; 4])))
        .collect();
    let mutants = [
        mutant("word * per_word + i < pixels", "word * per_word < pixels"),
        mutant("i * bits", "0u"),
        mutant("let level = (packed", "let level = 1u + (packed"),
        mutant("word += groups.x * 256u", "word += groups.x * 512u"),
    ];
    check("histogram", &cases, &mutants);
}

#[test]
fn grey_window_equals_its_reference() {
    let mut rng = Rng(12);
    let mut cases = vec![];
    for (i, (size, most)) in IMAGES.into_iter().enumerate() {
        let mut image = Image::new(&mut rng, size, most, [1; 4]);
        image.picture.tail = [0, 5, 60, 9, 4][i];
        if i == 4 {
            image.pixels.fill(77);
        }
        cases.push(grey_window_probe(&image));
    }
    let mutants = [
        mutant("seen + bins[low] <= picture.tail", "seen + bins[low] < picture.tail"),
        mutant("seen + bins[high] <= picture.tail", "seen + bins[high] < picture.tail"),
        mutant("level >= first_white", "level > first_white"),
        mutant("level <= high", "level < high"),
        mutant("seen = 0u;\n        part = 255u", "part = 255u"),
    ];
    check("grey window", &cases, &mutants);
}

#[test]
fn box_mean_equals_its_reference() {
    let mut rng = Rng(13);
    let mut cases = vec![];
    for (i, (size, most)) in IMAGES.into_iter().enumerate() {
        let factors = [0; 4].map(|_| rng.among(1, 9));
        cases.push(box_mean_probe(&Image::new(&mut rng, size, most, factors), i % 2));
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
    let mut image = Image::new(&mut Rng(17), [300, 300], 65_536, [300; 4]);
    image.pixels.fill(60_000);
    let case = box_mean_probe(&image, 0);
    check("large box", &[case], &[mutant("f32(carries) * 4294967296.0 + ", "")]);
}

#[test]
fn warp_equals_its_reference() {
    let mut rng = Rng(14);
    let mut cases = vec![];
    for (size, _) in IMAGES {
        let mut image = Image::new(&mut rng, size, 256, [1; 4]);
        cases.push(warp_probe(&mut rng, &mut image));
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
fn local_norm_equals_its_reference() {
    let mut rng = Rng(15);
    let mut cases = vec![];
    for ([width, height], radius) in
        [([64, 40], 5), ([33, 70], 40), ([192, 240], 40), ([5, 7], 1), ([130, 3], 2)]
    {
        let p = LocalNorm { width, height, radius, floor: 6.0, gain: 0.5 };
        cases.push(local_norm_probe(&mut rng, &p));
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
fn crop_equals_its_reference() {
    let mut rng = Rng(16);
    let mut cases = vec![];
    for (i, (size, most)) in IMAGES.into_iter().enumerate() {
        let image = Image::new(&mut rng, size, most, [1, 1, 1 + i % 3, 1 + i % 2]);
        cases.push(crop_probe(&mut rng, &image, [16, 33, 64, 20, 8][i], 1 + 3 * i));
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

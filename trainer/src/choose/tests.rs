use std::path::Path;
use std::sync::OnceLock;

use image::{GrayImage, Luma};
use rand::RngExt;

use super::*;
use crate::data::DataSet;
use crate::training::rng::{item_rng, normal};

/// Side of the toy images, px.
const SIDE: u32 = 160;

/// How a synthetic image differs from the common anatomy.
#[derive(Clone, Copy, Default)]
struct Twist {
    /// Amplitude of a smooth deformation, px, with its phase.
    bend: f64,
    phase: f64,
    /// Standard deviation of the noise, grey levels.
    noise: f64,
    /// Standard deviation of the blur, px.
    blur: f32,
}

/// Bright and dark bodies of several sizes on a wavy ground.
fn anatomy(x: f64, y: f64) -> f64 {
    let body = |cx: f64, cy: f64, r: f64, grey: f64| {
        let d = (x - cx).hypot(y - cy) - r;
        grey / (1.0 + (d / 1.2).exp())
    };
    80.0 + 15.0 * (x * 0.11).sin() * (y * 0.07).cos()
        + body(60.0, 50.0, 22.0, 60.0)
        + body(104.0, 84.0, 16.0, -50.0)
        + body(54.0, 108.0, 12.0, 70.0)
        + body(96.0, 44.0, 8.0, 50.0)
        + body(70.0, 78.0, 6.0, -40.0)
        + body(110.0, 118.0, 9.0, 60.0)
}

fn toy(twist: Twist, seed: usize) -> GrayImage {
    let mut rng = item_rng(7, "toy", 0, seed);
    let image = GrayImage::from_fn(SIDE, SIDE, |x, y| {
        let (x, y) = (f64::from(x), f64::from(y));
        let dx = twist.bend * (y * 0.06 + twist.phase).sin();
        let dy = twist.bend * (x * 0.05 + 2.0 * twist.phase).cos();
        Luma([anatomy(x + dx, y + dy).round() as u8])
    });
    let mut image = match twist.blur > 0.0 {
        true => image::imageops::blur(&image, twist.blur),
        false => image,
    };
    for pixel in image.pixels_mut() {
        let grey = f64::from(pixel.0[0]) + normal(&mut rng, twist.noise.max(1.0));
        pixel.0[0] = grey.round().clamp(0.0, 255.0) as u8;
    }
    image
}

/// Sixteen images: `typical.png` is the centre of eleven mild deformations; two are strongly deformed, one is
/// the central image blurred and one the central image with noise.
fn folder() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let save = |name: &str, twist: Twist, seed: usize| {
        toy(twist, seed).save(root.path().join(name)).unwrap();
    };
    save("typical.png", Twist::default(), 0);
    for i in 0..11 {
        let phase = f64::from(i) * std::f64::consts::TAU / 11.0;
        save(
            &format!("mild{i:02}.png"),
            Twist { bend: 4.0, phase, ..Twist::default() },
            i as usize + 1,
        );
    }
    let mut rng = item_rng(7, "bent", 0, 0);
    for i in 0..2 {
        let twist = Twist { bend: 11.0, phase: rng.random_range(0.0..6.0), ..Twist::default() };
        save(&format!("bent{i}.png"), twist, 20 + i);
    }
    save("blurred.png", Twist { blur: 3.0, ..Twist::default() }, 30);
    save("noisy.png", Twist { noise: 14.0, ..Twist::default() }, 31);
    root
}

fn chosen(dir: &Path) -> Choice {
    let images = DataSet::from_folder(dir, None).unwrap().unlabelled(None).unwrap();
    choose(&images, &Progress::hidden()).unwrap()
}

/// The ranking of the plain folder, computed once for all tests.
fn plain_choice() -> &'static Choice {
    static CHOICE: OnceLock<Choice> = OnceLock::new();
    CHOICE.get_or_init(|| chosen(folder().path()))
}

#[test]
fn the_typical_image_comes_first() {
    let choice = plain_choice();
    let names: Vec<&str> = choice.ranking.iter().map(|c| c.image.as_str()).collect();
    assert_eq!(names[0], "typical.png", "{choice:#?}");
    assert_eq!(choice.poor, ["blurred.png", "noisy.png"]);
    for bent in ["bent0.png", "bent1.png"] {
        assert!(names.iter().position(|n| *n == bent).unwrap() >= 12, "{names:?}");
    }
    assert!(choice.ranking.is_sorted_by(|a, b| a.score >= b.score));
    assert_eq!((choice.images, choice.unit), (16, "unit"));
}

#[test]
fn the_same_images_give_the_same_ranking_whatever_the_labels() {
    let root = tempfile::tempdir().unwrap();
    let images = folder();
    std::fs::rename(images.path(), root.path().join("images")).unwrap();
    let set = r#"{"name":"toy","pixel_spacing_mm":null,"landmarks":["p"]}"#;
    std::fs::write(root.path().join("set.json"), set).unwrap();
    // A damaged table: reading it would be an error.
    std::fs::write(root.path().join("mean.csv"), "image,p_x\n../a,nan\n").unwrap();
    let unlabelled = DataSet::open(root.path()).unwrap().unlabelled(None).unwrap();
    let choice = choose(&unlabelled, &Progress::hidden()).unwrap();
    assert_eq!(choice.ranking, plain_choice().ranking);
}

#[test]
fn too_few_images_are_refused() {
    let root = folder();
    let images = DataSet::from_folder(root.path(), None).unwrap().unlabelled(None).unwrap();
    let error = choose(&images[..7], &Progress::hidden()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}

#[test]
fn pictures_are_named_by_place() {
    let root = folder();
    let images = DataSet::from_folder(root.path(), None).unwrap().unlabelled(None).unwrap();
    let candidate = |name: &str| Candidate {
        image: name.to_owned(),
        score: 1.0,
        typicality: 1.0,
        explained: Explained::default(),
        quality: Quality { sharpness: 1.0, noise: 0.0, clipped: 0.0 },
    };
    let out = root.path().join("pictures");
    write_pictures(&out, &[candidate("typical.png"), candidate("noisy.png")], &images).unwrap();
    let first = image::open(out.join("01-typical.png")).unwrap();
    assert_eq!((first.width(), first.height()), (SIDE, SIDE));
    assert!(out.join("02-noisy.png").is_file());
    assert_eq!(check_pictures_place(&out).unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn others_are_spread_from_first_to_last() {
    let order: Vec<usize> = (0..101).rev().collect();
    assert_eq!(spread(&order, 5), [100, 75, 50, 25, 0]);
    assert_eq!(spread(&order[..3], 5), [100, 99, 98]);
    assert_eq!(spread(&order[..1], 1), [100]);
}

#[test]
fn scores_are_mean_places() {
    let candidate = |v: f64, cycle: f64| Candidate {
        image: String::new(),
        score: 0.0,
        typicality: v,
        explained: Explained { correlation: v, deformation: -v, cycle },
        quality: Quality { sharpness: 0.0, noise: 0.0, clipped: 0.0 },
    };
    let candidates = [candidate(0.1, 2.0), candidate(0.3, 2.0), candidate(0.2, 2.0)];
    assert_eq!(score::scores(&candidates), [0.125, 0.875, 0.5]);
}

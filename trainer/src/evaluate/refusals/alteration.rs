//! Alterations of an image that should be refused, and the positions of its points after them.

use fiducia::{OrientationIssue, Radiograph};
use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

use crate::statistics::{Rank, order_statistic};

/// Quantile of the grey values that becomes white in [`Alteration::VeryBright`].
const UNSATURATED: f64 = 0.4;
/// Factor of all grey values in [`Alteration::VeryDark`].
const DARK: f64 = 0.02;

/// A way to alter an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alteration {
    /// Unchanged.
    AsItIs,
    /// Left and right exchanged.
    Mirrored,
    /// Rotated by 180 degrees.
    UpsideDown,
    /// Rotated anticlockwise by 90 degrees.
    TurnedLeft,
    /// Rotated clockwise by 90 degrees.
    TurnedRight,
    /// The photometric negative.
    Inverted,
    /// The photometric negative, left and right exchanged.
    InvertedMirrored,
    /// The upper half of the image.
    TopHalf,
    /// The lower half of the image.
    BottomHalf,
    /// Scaled so that more than half of the pixels are white.
    VeryBright,
    /// Scaled to 2 % of the range.
    VeryDark,
    /// Noise of the same size and range instead of the image.
    Noise,
}

/// An altered image.
#[derive(Clone, Debug)]
pub(super) struct Altered {
    /// The altered image.
    pub(super) radiograph: Radiograph,
    /// Position of each point of the ground truth after the alteration, px; `None` where it lies outside the
    /// image. Empty without ground truth.
    pub(super) truth_px: Vec<Option<[f64; 2]>>,
}

impl Alteration {
    /// All alterations, in the order of the table.
    pub const ALL: [Self; 12] = [
        Self::AsItIs,
        Self::Mirrored,
        Self::UpsideDown,
        Self::TurnedLeft,
        Self::TurnedRight,
        Self::Inverted,
        Self::InvertedMirrored,
        Self::TopHalf,
        Self::BottomHalf,
        Self::VeryBright,
        Self::VeryDark,
        Self::Noise,
    ];

    /// Name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::AsItIs => "as they are",
            Self::Mirrored => "mirrored",
            Self::UpsideDown => "upside down",
            Self::TurnedLeft => "turned left",
            Self::TurnedRight => "turned right",
            Self::Inverted => "inverted",
            Self::InvertedMirrored => "inverted and mirrored",
            Self::TopHalf => "top half",
            Self::BottomHalf => "bottom half",
            Self::VeryBright => "very bright",
            Self::VeryDark => "very dark",
            Self::Noise => "noise only",
        }
    }

    /// The orientation issue that the runtime should report.
    pub fn presentation(self) -> Option<OrientationIssue> {
        match self {
            Self::Mirrored => Some(OrientationIssue::Mirrored),
            Self::UpsideDown => Some(OrientationIssue::Turned180),
            Self::TurnedLeft => Some(OrientationIssue::Turned270),
            Self::TurnedRight => Some(OrientationIssue::Turned90),
            Self::Inverted => Some(OrientationIssue::Inverted),
            Self::InvertedMirrored => Some(OrientationIssue::InvertedMirrored),
            _ => None,
        }
    }

    /// Alters `radiograph` and transforms its points `truth_px`; `seed` is used for the noise.
    pub(super) fn apply(
        self,
        radiograph: &Radiograph,
        truth_px: &[[f64; 2]],
        seed: u64,
    ) -> Altered {
        let half = radiograph.height / 2;
        let altered = match self {
            Self::AsItIs => radiograph.clone(),
            Self::TopHalf => rows(radiograph, 0, half),
            Self::BottomHalf => rows(radiograph, half, radiograph.height),
            Self::VeryBright => scaled(radiograph, white(radiograph) / bright_grey(radiograph)),
            Self::VeryDark => scaled(radiograph, DARK),
            Self::Noise => noise(radiograph, seed),
            Self::Mirrored
            | Self::UpsideDown
            | Self::TurnedLeft
            | Self::TurnedRight
            | Self::Inverted
            | Self::InvertedMirrored => match self.presentation() {
                Some(presentation) => presentation.apply(radiograph),
                None => radiograph.clone(),
            },
        };
        let place = |&p: &[f64; 2]| inside(&altered, self.moved(p, radiograph)?);
        Altered { truth_px: truth_px.iter().map(place).collect(), radiograph: altered }
    }

    /// Position of the point `[x, y]` px of `from` after the alteration; `None` for noise.
    fn moved(self, [x, y]: [f64; 2], from: &Radiograph) -> Option<[f64; 2]> {
        let [right, bottom] = [from.width, from.height].map(|edge| edge as f64 - 1.0);
        match self {
            Self::AsItIs | Self::Inverted | Self::TopHalf | Self::VeryBright | Self::VeryDark => {
                Some([x, y])
            }
            Self::Mirrored | Self::InvertedMirrored => Some([right - x, y]),
            Self::UpsideDown => Some([right - x, bottom - y]),
            Self::TurnedRight => Some([bottom - y, x]),
            Self::TurnedLeft => Some([y, right - x]),
            Self::BottomHalf => Some([x, y - (from.height / 2) as f64]),
            Self::Noise => None,
        }
    }
}

/// `point` if it lies inside the image.
fn inside(picture: &Radiograph, point: [f64; 2]) -> Option<[f64; 2]> {
    let within = |v: f64, edge: usize| (-0.5..edge as f64 - 0.5).contains(&v);
    (within(point[0], picture.width) && within(point[1], picture.height)).then_some(point)
}

/// Rows `top` to `bottom` of the image.
fn rows(from: &Radiograph, top: usize, bottom: usize) -> Radiograph {
    let pixels = from.pixels.get(top * from.width..bottom * from.width).unwrap_or_default();
    Radiograph { height: bottom - top, pixels: pixels.to_vec(), ..from.clone() }
}

/// All grey values times `gain`, clipped at the brightest value of the image.
fn scaled(from: &Radiograph, gain: f64) -> Radiograph {
    let white = white(from);
    let scale = |&v: &u16| (f64::from(v) * gain).round().min(white) as u16;
    Radiograph { pixels: from.pixels.iter().map(scale).collect(), ..from.clone() }
}

/// The brightest grey value.
fn white(image: &Radiograph) -> f64 {
    image.pixels.iter().copied().max().unwrap_or(0).into()
}

/// The [`UNSATURATED`] quantile of the grey values; at least 1.
fn bright_grey(image: &Radiograph) -> f64 {
    let grey = order_statistic(image.pixels.clone(), UNSATURATED, Rank::InverseCdf, u16::cmp);
    grey.unwrap_or(1).max(1).into()
}

/// Uniform noise between black and white in every pixel. The same seed gives the same noise.
fn noise(like: &Radiograph, seed: u64) -> Radiograph {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let white = white(like) as u16;
    let pixels = like.pixels.iter().map(|_| rng.random_range(0..=white)).collect();
    Radiograph { pixels, ..like.clone() }
}

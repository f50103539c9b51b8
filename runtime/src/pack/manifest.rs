//! The manifest: all about a model but its weights.

use serde::{Deserialize, Serialize};

use super::layout::MAX_LANDMARKS;
use crate::error::{Error, ErrorKind};
use crate::radiograph::GreyValues;

/// A private part of a landmark is a few thousand values; more is a hostile manifest.
const MAX_ADAPTER_LEN: usize = 1 << 22;
/// Values of all regions of interest together: 256 MiB of `f32`, more than an edge board should hold.
const MAX_REGION_VALUES: usize = 1 << 26;

/// Names, frames and limits of a model; the JSON section `MANI`.
///
/// Lengths "in units" are millimetres where [`Manifest::scale`] is [`Scale::Millimetres`], else the
/// relative unit that [`Scale::ImageHeight`] defines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Short name of the model, such as `head`.
    pub name: String,
    /// Landmark names, in the order of every other list in the pack.
    pub landmarks: Vec<String>,
    /// The landmarks of backbone and shape model, if these are not the same as `landmarks`: after landmarks were added or
    /// removed. Empty in other packs.
    #[serde(rename = "guides", default, skip_serializing_if = "Vec::is_empty")]
    pub model_landmarks: Vec<String>,
    /// Definition of the unit.
    pub scale: Scale,
    /// Grid of the whole image as the backbone sees it.
    pub whole: FullImageInput,
    /// Grid of one region of interest as the refine network sees it.
    pub refine: RefineFrame,
    /// Private tensors of a landmark, in the order of its adapter slice.
    pub adapter: Vec<AdapterInput>,
    /// Number of modes in the shape model.
    pub shape_modes: usize,
    /// Limits beyond which an image is refused.
    pub plausibility: Plausibility,
    /// Grey values of DICOM files that the model was trained for; display values in packs that do not state it.
    #[serde(default, skip_serializing_if = "GreyValues::is_default")]
    pub grey_values: GreyValues,
}

/// How image pixels become units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Scale {
    /// A unit is `unit_mm`. An image with unknown spacing is assumed to be `field_height` high.
    Millimetres {
        /// Usual height of an image of the training set, units.
        field_height: f64,
        /// Length of a unit, mm; 1 in older packs.
        #[serde(default = "one")]
        unit_mm: f64,
    },
    /// The spacing of the training set is unknown: every image is `field_height` units high.
    ImageHeight {
        /// Height of every image, units.
        field_height: f64,
    },
}

/// Grid of the backbone's input `[1, 1, height, width]` and of its heat maps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FullImageInput {
    /// Input width, px.
    pub width: usize,
    /// Input height, px.
    pub height: usize,
    /// Input pixel, units.
    pub unit_per_px: f64,
    /// Input pixels per heat-map cell.
    pub stride: usize,
    /// Radius of the local normalisation window, input px.
    pub norm_radius: usize,
    /// Radius of a peak, heat-map cells; see [`fiducia_kernels::peak`].
    pub peak_radius: usize,
}

/// Grid of the refine network's input `[landmarks, 1, size, size]` and of its heat maps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefineFrame {
    /// Width and height, px.
    pub size: usize,
    /// Region pixel, units.
    pub unit_per_px: f64,
    /// Region pixels per heat-map cell.
    pub stride: usize,
    /// Radius of a peak, heat-map cells; see [`fiducia_kernels::peak`].
    pub peak_radius: usize,
}

/// One private tensor: an input of the refine graph whose first axis is the landmark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdapterInput {
    /// Name of the graph input.
    pub input: String,
    /// Shape for one landmark, without the landmark axis.
    pub shape: Vec<usize>,
}

/// Limits learnt from the training images; an image beyond any of them is refused.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plausibility {
    /// Least mean peak mass of the coarse heat maps, 0 to 1.
    pub min_coarse_mass: f64,
    /// Largest root mean square distance of the coarse points to the posed mean shape, units.
    pub max_pose_residual: f64,
    /// Smallest and largest size relative to the mean shape.
    pub scale_range: [f64; 2],
    /// Largest rotation against the mean shape, radians.
    pub max_rotation: f64,
    /// Largest root mean square distance of the fine points to the shape model, units.
    pub max_shape_residual: f64,
    /// Least side, the backbone's second output: 1 if left and right are as in the training set, -1 if they are
    /// exchanged. `None` in models that do not predict the side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_side: Option<f64>,
}

/// Converts the spread of a landmark's heat map to an expected error, with the limits of confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// Expected radial error, units, per unit of heat-map spread.
    pub gain: f32,
    /// Least expected radial error, units.
    pub floor: f32,
    /// A landmark whose expected error is larger is not confident, units.
    pub max_expected_error: f32,
    /// A landmark farther than this from the shape model is not confident, units.
    pub max_shape_residual: f32,
}

fn one() -> f64 {
    1.0
}

impl Scale {
    /// Height of the usual image, units.
    pub fn field_height(self) -> f64 {
        match self {
            Self::Millimetres { field_height, .. } | Self::ImageHeight { field_height } => {
                field_height
            }
        }
    }

    /// Units per image pixel `[x, y]`; see [`Manifest::unit_per_px`].
    pub fn unit_per_px(self, height: usize, spacing_mm: Option<[f64; 2]>) -> [f64; 2] {
        match (self, spacing_mm) {
            (Self::Millimetres { unit_mm, .. }, Some(spacing)) => spacing.map(|mm| mm / unit_mm),
            _ => [self.field_height() / height as f64; 2],
        }
    }
}

impl AdapterInput {
    /// Values per landmark.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Shape for `count` landmarks: the landmark axis first.
    pub fn batched(&self, count: usize) -> Vec<usize> {
        std::iter::once(count).chain(self.shape.iter().copied()).collect()
    }

    /// Whether the tensor is empty; such a manifest is refused.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Manifest {
    /// Shapes of the refine graph's inputs for `count` landmarks: the regions of interest `[count, 1, size, size]`,
    /// then `[count, …]` for each adapter input.
    pub fn refine_inputs(&self, count: usize) -> Vec<Vec<usize>> {
        let regions = vec![count, 1, self.refine.size, self.refine.size];
        let adapters = self.adapter.iter().map(|input| input.batched(count));
        std::iter::once(regions).chain(adapters).collect()
    }

    /// The model landmarks: those the backbone finds, in the order of its heat maps and of the shape model.
    pub fn model_landmarks(&self) -> &[String] {
        if self.model_landmarks.is_empty() { &self.landmarks } else { &self.model_landmarks }
    }

    /// Position of each of `names` in the list of landmarks.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for an unknown name, or none at all, with the names there are.
    pub(crate) fn places(&self, names: &[String]) -> Result<Vec<usize>, Error> {
        let known = || self.landmarks.join(", ");
        if names.is_empty() {
            let message =
                format!("no landmark is asked for; the model {} has {}", self.name, known());
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let place = |name: &String| {
            self.landmarks.iter().position(|l| l == name).ok_or_else(|| {
                let message =
                    format!("the model {} has no landmark `{name}`; it has {}", self.name, known());
                Error::new(ErrorKind::Usage, message)
            })
        };
        let places = names.iter().map(place).collect::<Result<Vec<usize>, Error>>()?;
        match names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
            None => Ok(places),
            Some((_, twice)) => {
                let message = format!("the landmark `{twice}` is asked for twice");
                Err(Error::new(ErrorKind::Usage, message))
            }
        }
    }

    /// Values in one landmark's adapter slice.
    pub fn adapter_len(&self) -> usize {
        self.adapter.iter().map(AdapterInput::len).sum()
    }

    /// As [`Manifest::adapter_len`]; `None` where the shapes of a hostile manifest overflow.
    fn adapter_len_checked(&self) -> Option<usize> {
        self.adapter.iter().try_fold(0usize, |sum, input| {
            let len = input.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
            sum.checked_add(len)
        })
    }

    /// Units per image pixel `[x, y]` for an image of `height` px with this spacing.
    ///
    /// The spacing is used if the model's unit is a length; without it the image is assumed to show the usual field
    /// height.
    ///
    /// ```
    /// # use std::path::Path;
    /// # use fiducia::Pack;
    /// # fn main() -> Result<(), fiducia::Error> {
    /// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
    /// let pack = Pack::open(&models.join("head.fid"))?;
    /// let fine = pack.manifest().unit_per_px(1000, Some([0.1, 0.1]));
    /// let coarse = pack.manifest().unit_per_px(1000, Some([0.2, 0.1]));
    /// assert!((coarse[0] - 2.0 * fine[0]).abs() < 1e-12 && coarse[1] == fine[1]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn unit_per_px(&self, height: usize, spacing_mm: Option<[f64; 2]>) -> [f64; 2] {
        self.scale.unit_per_px(height, spacing_mm)
    }

    /// Refuses the name of a landmark that the model has or that its backbone finds.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`], with the name.
    pub fn expect_new(&self, landmark: &String) -> Result<(), Error> {
        if !self.landmarks.contains(landmark) && !self.model_landmarks().contains(landmark) {
            return Ok(());
        }
        let message = format!("the model {} knows `{landmark}` already", self.name);
        Err(Error::new(ErrorKind::Usage, message))
    }

    /// Refuses more regions of interest than an edge board could hold.
    pub(super) fn check_landmarks(&self) -> Result<(), Error> {
        let (count, size) = (self.landmarks.len(), self.refine.size);
        let held = count <= MAX_LANDMARKS && count.saturating_mul(size * size) <= MAX_REGION_VALUES;
        if held {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unreadable, format!("{count} landmarks are too many")))
    }

    /// Refuses values that the runtime cannot use.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`], naming the field.
    pub fn check(&self) -> Result<(), Error> {
        let (w, r, p) = (&self.whole, &self.refine, &self.plausibility);
        let unit_mm = match self.scale {
            Scale::Millimetres { unit_mm, .. } => unit_mm,
            Scale::ImageHeight { .. } => 1.0,
        };
        let positive = |v: f64| v.is_finite() && v > 0.0;
        let names = &self.landmarks;
        let unique = |names: &[String]| {
            names.iter().collect::<std::collections::BTreeSet<_>>().len() == names.len()
        };
        let named = |names: &[String]| names.iter().all(|n| !n.is_empty() && n.len() <= 256);
        let checks = [
            ("name", !self.name.is_empty() && self.name.len() <= 256),
            ("landmarks", (1..=MAX_LANDMARKS).contains(&names.len()) && unique(names)),
            ("landmarks", named(names)),
            (
                "guides",
                self.model_landmarks.len() <= MAX_LANDMARKS && unique(&self.model_landmarks),
            ),
            (
                "guides",
                named(&self.model_landmarks)
                    && names.iter().all(|n| self.model_landmarks().contains(n)),
            ),
            ("scale.field_height", positive(self.scale.field_height())),
            ("scale.unit_mm", positive(unit_mm)),
            ("whole.width", (32..=4096).contains(&w.width)),
            ("whole.height", (32..=4096).contains(&w.height)),
            ("whole.unit_per_px", positive(w.unit_per_px)),
            (
                "whole.stride",
                w.stride >= 1
                    && w.width.is_multiple_of(w.stride)
                    && w.height.is_multiple_of(w.stride),
            ),
            ("whole.norm_radius", (1..=4096).contains(&w.norm_radius)),
            ("whole.peak_radius", (1..=64).contains(&w.peak_radius)),
            ("refine.size", (8..=1024).contains(&r.size)),
            ("refine.unit_per_px", positive(r.unit_per_px)),
            ("refine.stride", r.stride >= 1 && r.size.is_multiple_of(r.stride)),
            ("refine.peak_radius", (1..=64).contains(&r.peak_radius)),
            ("adapter", !self.adapter.is_empty() && self.adapter.len() <= 64),
            (
                "adapter.shape",
                self.adapter.iter().all(|a| {
                    a.shape.len() <= 6 && a.shape.iter().all(|d| (1..=1 << 16).contains(d))
                }),
            ),
            ("adapter.shape", self.adapter_len_checked().is_some_and(|n| n <= MAX_ADAPTER_LEN)),
            ("refine.size", self.check_landmarks().is_ok()),
            ("shape_modes", self.shape_modes <= 256),
            ("plausibility.min_coarse_mass", (0.0..=1.0).contains(&p.min_coarse_mass)),
            ("plausibility.max_pose_residual", positive(p.max_pose_residual)),
            ("plausibility.scale_range", positive(p.scale_range[0]) && positive(p.scale_range[1])),
            ("plausibility.max_rotation", positive(p.max_rotation)),
            ("plausibility.max_shape_residual", positive(p.max_shape_residual)),
            ("plausibility.min_side", p.min_side.is_none_or(f64::is_finite)),
        ];
        match checks.iter().find(|(_, good)| !good) {
            None => Ok(()),
            Some((field, _)) => Err(Error::new(
                ErrorKind::Unreadable,
                format!("manifest field {field} is out of range"),
            )),
        }
    }
}

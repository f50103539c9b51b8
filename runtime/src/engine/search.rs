//! Where the regions of interest lie in an image.

use fiducia_kernels::Affine;

use crate::pack::{Pack, RefineFrame};
use crate::shape::{DerivedLandmark, Pose};

/// A coarse point farther than this from the fitted shape is replaced by the shape's point, units.
pub(crate) const COARSE_OUTLIER_UNITS: f64 = 8.0;
/// Sizes outside this range are clamped before regions are cut; such images are refused anyway.
pub(crate) const CROP_SCALES: [f64; 2] = [0.6, 1.6];

/// What gives the centre of a landmark's region of interest.
#[derive(Clone, Debug)]
pub(crate) enum SearchPoint {
    /// The backbone's heat map with this number.
    ModelLandmark(usize),
    /// The shape of the model landmarks: a landmark that a patch added.
    Derived(DerivedLandmark),
}

impl SearchPoint {
    pub(crate) fn new(pack: &Pack, landmark: usize) -> Self {
        if let Some(derived) = pack.derived(landmark) {
            return Self::Derived(derived);
        }
        let manifest = pack.manifest();
        let name = &manifest.landmarks[landmark];
        // A checked manifest lists every landmark of the model itself among the backbone's.
        Self::ModelLandmark(manifest.model_landmarks().iter().position(|g| g == name).unwrap_or(0))
    }

    /// Its position, image units. `points` are those of the model landmarks, whose shape has `pose` and `amounts`.
    pub(crate) fn position(&self, points: &[[f64; 2]], pose: &Pose, amounts: &[f64]) -> [f64; 2] {
        match self {
            Self::ModelLandmark(number) => points[*number],
            Self::Derived(derived) => derived.place(pose, amounts),
        }
    }

    /// Whether the backbone has a heat map for it.
    pub(crate) fn is_model_landmark(&self) -> bool {
        matches!(self, Self::ModelLandmark(_))
    }
}

/// Size of a region pixel under `pose`, units.
pub(crate) fn region_unit(refine: &RefineFrame, pose: &Pose) -> f64 {
    refine.unit_per_px * pose.scale.clamp(CROP_SCALES[0], CROP_SCALES[1])
}

/// From heat-map cells to pixels of the network's input: each cell covers `stride` pixels.
pub(crate) fn cell_to_px(stride: usize) -> Affine {
    let half = (stride as f64 - 1.0) / 2.0;
    Affine::shift(half, half).after(&Affine::scale(stride as f64, stride as f64))
}

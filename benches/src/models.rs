//! Models with any number of landmarks on the same trunk: fused as shipped, joint with private heads only, or
//! for one landmark. The trunk has its published weights, all others are random; run time does not depend on
//! them.

use fiducia::pack::{Calibration, FullImageInput, Manifest, Plausibility, RefineFrame, Scale};
use fiducia::shape::ShapeModel;
use fiducia::{Error, Pack};
use fiducia_trainer::nets::{AdapterForm, CoarseDecoder, RefineNet, Trunk};
use fiducia_trainer::pack::{Parts, to_bytes};
use fiducia_trainer::run::device;

use crate::shipped;

/// The input grids of the shipped head model.
const WHOLE: FullImageInput = FullImageInput {
    width: 192,
    height: 240,
    unit_per_px: 1.0,
    stride: 4,
    norm_radius: 40,
    peak_radius: 2,
};
const REFINE: RefineFrame = RefineFrame { size: 64, unit_per_px: 0.4, stride: 1, peak_radius: 4 };
/// Private parameters of a landmark in the shipped models.
const SHIPPED: AdapterForm = AdapterForm::LowRank(8);
const MODES: usize = 8;

/// How landmarks share the networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One model; each landmark has the private parameters of the shipped models.
    Fused,
    /// One model; each landmark has a private head only.
    Joint,
    /// One model per landmark, with a head only.
    Single,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fused, Self::Joint, Self::Single];

    /// Its name in the results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fused => "fused",
            Self::Joint => "joint",
            Self::Single => "one-model-per-landmark",
        }
    }

    /// How many models find so many landmarks, and the number of landmarks of each.
    pub fn models(self, landmarks: usize) -> [usize; 2] {
        if self == Self::Single { [landmarks, 1] } else { [1, landmarks] }
    }
}

/// A model of this kind for this many landmarks.
///
/// # Errors
/// As [`Trunk::open`].
pub fn model(kind: Kind, landmarks: usize, seed: u64) -> Result<Pack, Error> {
    let cpu = device::open(device::Choice::Cpu)?;
    cpu.seed(seed);
    let trunk = Trunk::open(&shipped("efficientnet-lite0-f16.safetensors"))?;
    let form = if kind == Kind::Fused { SHIPPED } else { AdapterForm::Head };
    let refine = RefineNet::new(landmarks, form, &cpu);
    let modes = if landmarks > MODES { MODES } else { 0 };
    let calibration =
        Calibration { gain: 1.0, floor: 0.0, max_expected_error: 9.0, max_shape_residual: 9.0 };
    let parts = Parts {
        manifest: manifest(landmarks, &refine, modes),
        backbone: CoarseDecoder::new(landmarks, &cpu).export(&trunk, &WHOLE, None),
        refine: refine.export(REFINE.size),
        adapters: refine.adapters(),
        shape: shape(landmarks, modes),
        calibration: vec![calibration; landmarks],
        provenance: serde_json::json!({ "seed": seed }),
        card: "# DrawResult, for benches\n".to_owned(),
    };
    Pack::from_bytes(to_bytes(&parts)?)
}

fn manifest(landmarks: usize, refine: &RefineNet, shape_modes: usize) -> Manifest {
    Manifest {
        name: "drawn".to_owned(),
        landmarks: (0..landmarks).map(|l| format!("landmark {l}")).collect(),
        model_landmarks: Vec::new(),
        scale: Scale::Millimetres { field_height: WHOLE.height as f64, unit_mm: 1.0 },
        whole: WHOLE,
        refine: REFINE,
        adapter: refine.adapter_inputs(),
        shape_modes,
        plausibility: Plausibility {
            min_coarse_mass: 0.0,
            max_pose_residual: 1e6,
            scale_range: [0.5, 2.0],
            max_rotation: 3.0,
            max_shape_residual: 1e6,
            min_side: None,
        },
        grey_values: Default::default(),
    }
}

/// Landmarks on a circle; each mode moves one of them.
fn shape(landmarks: usize, modes: usize) -> ShapeModel {
    let point = |l: usize| {
        let angle = std::f64::consts::TAU * l as f64 / landmarks as f64;
        [96.0 + 60.0 * angle.cos(), 120.0 + 60.0 * angle.sin()]
    };
    let mode = |m: usize| (0..2 * landmarks).map(|i| if i == 2 * m { 1.0 } else { 0.0 }).collect();
    ShapeModel {
        mean: (0..landmarks).map(point).collect(),
        deviations: vec![2.0; modes],
        modes: (0..modes).map(mode).collect(),
    }
}

#[cfg(test)]
mod tests {
    use fiducia::pack::SectionKind;
    use fiducia::{Backend, Detector};

    use super::*;
    use crate::radiograph;

    #[test]
    fn the_networks_are_those_of_the_shipped_model() {
        let shipped = Pack::open(&shipped("head.fid")).unwrap();
        let drawn = model(Kind::Fused, shipped.manifest().landmarks.len(), 1).unwrap();
        let (a, b) = (drawn.manifest(), shipped.manifest());
        assert_eq!((a.whole, a.refine, &a.adapter), (b.whole, b.refine, &b.adapter));
        let joint = model(Kind::Joint, 6, 1).unwrap();
        assert!(joint.manifest().adapter_len() < a.adapter_len() / 10);
    }

    #[test]
    fn the_trunk_is_equal_and_each_landmark_has_a_coarse_map() {
        let [one, many] = [1, 6].map(|n| model(Kind::Joint, n, 1).unwrap());
        let backbone = |pack: &Pack| pack.section(SectionKind::Backbone).len();
        // 48 weights and a bias per head row; the tensor names in the graph take a few more bytes.
        let more = backbone(&many) - backbone(&one);
        assert!((5 * 49 * 4..5 * 49 * 4 + 16).contains(&more), "{more}");
    }

    #[test]
    fn models_run() {
        let image = radiograph(1, [480, 600]);
        for kind in Kind::ALL {
            for landmarks in [1, 6, 19] {
                let [_, each] = kind.models(landmarks);
                let pack = model(kind, each, 1).unwrap();
                let mut detector = Detector::new(&pack, Backend::Cpu).unwrap();
                assert_eq!(detector.observe(&image).unwrap().found.len(), each);
            }
        }
    }
}

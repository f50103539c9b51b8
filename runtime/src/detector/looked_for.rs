//! Where a landmark is looked for closely.

use crate::{Follower, Pack, Pose};

/// Where a landmark is looked for.
#[derive(Clone, Debug)]
pub(crate) enum LookedFor {
    /// Where the backbone shows this guide.
    Guide(usize),
    /// Where the shape of the guides puts it.
    Follower(Follower),
}

impl LookedFor {
    pub(crate) fn new(pack: &Pack, landmark: usize) -> Self {
        if let Some(follower) = pack.follower(landmark) {
            return Self::Follower(follower);
        }
        let manifest = pack.manifest();
        let name = &manifest.landmarks[landmark];
        // A checked manifest names every landmark of the model itself among its guides.
        Self::Guide(manifest.guides().iter().position(|g| g == name).unwrap_or(0))
    }

    /// Its place among the `guides`, whose shape has `pose` and `amounts`.
    pub(crate) fn among(&self, guides: &[[f64; 2]], pose: &Pose, amounts: &[f64]) -> [f64; 2] {
        match self {
            Self::Guide(g) => guides[*g],
            Self::Follower(follower) => follower.place(pose, amounts),
        }
    }
}

//! Trains a fiducia model file from one annotated template image and a folder of unlabelled X-rays.
//!
//! ```text
//! images ─choose→ which one to annotate
//! annotations ─import→ data folder ─data→ Template + Unlabelled ─pyramid→ ImagePyramids ─correspond→ Labels
//!   ─training::coarse⇄ Labels, CoarseDecoder ─training::rounds⇄ Labels, one RefineNet per landmark
//!   ─training::fuse→ one RefineNet with adapters
//!   ─run::calibrate→ limits ─pack→ model file ─quantise→ small model file ─evaluate→ metrics
//!   one more landmark ─add_landmark→ patch for a deployed model
//! ```
//! Lengths are in normalised units unless a name or comment says px or mm: a normalised unit is 1/240 of the
//! height of the usual image of a set, about 1 mm on a head radiograph. Coordinates are `[x, y]` with x to
//! the right and y down; (0, 0) is the centre of the top-left pixel.

pub mod data;
pub mod import;
pub mod pyramid;
pub mod framing;
pub mod labels;
pub mod material;
pub mod correspond;
pub mod choose;
pub mod shape_fit;
pub mod nets;
pub mod training;
pub mod run;
pub mod pack;
pub mod quantise;
pub mod add_landmark;
pub mod sign;
pub mod evaluate;
pub mod ablate;
pub mod atlas;
pub mod plot;
pub mod progress;
pub mod statistics;
mod folder;
mod parallel;

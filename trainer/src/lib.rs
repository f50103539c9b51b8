//! Trains a fiducia pack from one annotated template image and a folder of unlabelled X-rays.
//!
//! ```text
//! images ─choose→ which one to annotate
//! data folder ─data→ Template + Unlabelled ─view→ Views ─correspond→ Labels
//!   ─training::coarse⇄ Labels, CoarseDecoder ─training::rounds⇄ Labels, RefineNet, one per landmark
//!   ─training::fuse→ RefineNet with adapters
//!   ─run::calibrate→ limits ─pack→ model file ─quantise→ small model file ─evaluate→ figures
//!   one click more ─add_landmark→ patch for a model in the field
//! ```
//! A unit is a 240th of the height of the usual image: about a millimetre on a head film.

pub mod data;
pub mod import;
pub mod view;
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
mod folder;
mod shares;

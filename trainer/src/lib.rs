//! Trains a fiducia pack from one annotated template image and a folder of unlabelled X-rays.
//!
//! ```text
//! images ─choose→ which one to annotate
//! data folder ─data→ Template + Unlabelled ─view→ Views ─correspond→ Labels
//!   ─training::coarse⇄ Labels, CoarseDecoder ─training::refine⇄ Labels, RefineNet
//!   ─run::calibrate→ limits ─pack→ model file ─evaluate→ figures
//! ```
//! A unit is a millimetre where the pixel spacing of the set is known, else a 240th of the image height.

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
pub mod evaluate;
pub mod atlas;
pub mod progress;
mod folder;

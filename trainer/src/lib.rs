//! Trains a fiducia pack from one annotated template image and a folder of unlabelled X-rays.

pub mod data;
pub mod import;
pub mod pack;
pub mod evaluate;
pub mod progress;
pub mod view;
pub mod frame;
pub mod align;
pub mod flow;
pub mod matching;
pub mod correspond;
pub mod shape_fit;
pub mod onnx;
pub mod nets;
pub mod chance;
pub mod schedule;
pub mod heatmap;
pub mod checkpoint;
pub mod coarse;
pub mod refine;
pub mod calibrate;
pub mod config;
pub mod device;
pub mod run;
pub mod atlas;
mod folder;

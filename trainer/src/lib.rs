//! Trains a fiducia pack from one annotated template image and a folder of unlabelled X-rays.

pub mod data;
pub mod import;
pub mod pack;
pub mod evaluate;

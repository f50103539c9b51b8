//! The library as a whole: hostile packs and images on a toy model; the shipped models on the demo images.
//!
//! One test program, because linking the inference engine takes longer than the tests.

mod pack;
mod patch;
mod signature;
mod images;
#[cfg(feature = "dicom")]
mod dicom_input;
#[cfg(feature = "dicom")]
mod dicom_peers;
#[cfg(feature = "dicom")]
mod dicom_films;
#[cfg(feature = "results")]
mod dicom_results;
mod presentation;
#[cfg(feature = "gpu")]
mod gpu;

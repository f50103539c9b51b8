//! The runtime as a whole: on a toy model hostile packs, hostile images and the `fiducia` command; the
//! shipped model on the demo image.
//!
//! One test program, because linking the inference engine takes longer than the tests.

#[cfg(feature = "serve")]
mod chance;
mod graph;
mod toy;
mod pack;
mod patch;
mod signature;
mod images;
#[cfg(feature = "dicom")]
mod dicom_files;
#[cfg(feature = "dicom")]
mod dicom_input;
#[cfg(feature = "dicom")]
mod dicom_peers;
#[cfg(feature = "dicom")]
mod dicom_films;
#[cfg(feature = "results")]
mod dicom_results;
#[cfg(feature = "results")]
mod dicom_command;
mod presentation;
mod cli;
mod cli_refusals;
mod demo;
#[cfg(feature = "gpu")]
mod gpu;
mod foreign;
mod link;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "view")]
mod view;

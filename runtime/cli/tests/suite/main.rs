//! The program as a whole: its commands on a toy model and on the shipped models; the DICOM node as its peers see it.
//!
//! One test program, because linking the inference engine takes longer than the tests.

use fiducia_test_support::{dicom_files, toy};

mod cli;
mod cli_refusals;
mod demo;
mod foreign;
mod patch;
mod signature;
mod dicom_films;
#[cfg(feature = "results")]
mod dicom_command;
#[cfg(feature = "gpu")]
mod gpu;
mod link;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "view")]
mod view;

//! Tests of the whole program: its commands with a toy model and with the shipped models; the DICOM node as its peers
//! see it.
//!
//! One test binary, because linking the inference engine takes longer than the tests.

use fiducia_test_support::{dicom_files, toy};

mod workspace;
mod cli;
mod cli_refusals;
mod demo;
mod foreign;
mod patch;
mod signature;
mod dicom_input;
#[cfg(feature = "results")]
mod dicom_command;
#[cfg(feature = "gpu")]
mod gpu;
mod link;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "view")]
mod view;

//! Arguments of `fiducia view`.

use std::path::PathBuf;

use clap::Args;

use crate::arguments::DeviceChoice;
pub(super) use crate::arguments::spacing;

/// What is looked at with what, and where the page is.
#[derive(Args)]
pub(crate) struct ViewArguments {
    /// Model pack; by default models/head.fid in the working folder, else in ../share/fiducia beside the program's
    /// folder.
    #[arg(long, value_name = "PACK")]
    pub(super) model: Option<PathBuf>,
    /// Only a model that is signed with this public key (PEM).
    #[arg(long, value_name = "KEY")]
    pub(super) require_signed: Option<PathBuf>,
    #[command(flatten)]
    pub(super) device: DeviceChoice,
    /// Port of the page on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8417)]
    pub(super) port: u16,
}

//! Arguments of `fiducia view`.

use clap::Args;

use crate::options::{DeviceArguments, ModelArguments};

#[derive(Args)]
pub(crate) struct ViewArguments {
    #[command(flatten)]
    pub(super) model: ModelArguments,
    #[command(flatten)]
    pub(super) device: DeviceArguments,
    /// Port of the page on 127.0.0.1; 0 selects a free one.
    #[arg(long, default_value_t = 8417)]
    pub(super) port: u16,
}

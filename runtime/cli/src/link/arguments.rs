//! The arguments of `fiducia link`.

use std::{path::PathBuf, time::Duration};

use clap::{ArgGroup, Args};

use super::{port::Address, source::Source};
use crate::options::{DeviceArguments, ModelArguments, spacing};

pub(crate) const HELP: &str = "\
The peer announces an exposure, then requests its landmarks. With --watch the image of an exposure is the first
that arrives in the folder after the announcement: under a new name, or moved over an older file. An older file
that is only written to is not used. A file counts as complete when it no longer grows; it may be copied into the
folder, but moving it is faster. With --image that file is the image of every exposure: for demonstrations and
for tests of the peer.

Frames, messages and timing are specified in docs/format.md. The command runs until a signal. A port that is
missing or disappears is reopened; it is tried twice a second. Events are logged (RUST_LOG=info).

Examples:
  fiducia link --port /dev/ttyTHS1 --baud 115200 --watch /srv/films --spacing 0.139
  fiducia link --tcp localhost:4555 --image models/demo.png --spacing 0.2

Exit codes, only at the start:
  2  wrong usage
  3  the model, the folder or the image cannot be read
  5  a GPU was requested and none can be used
  6  the model is not signed by the required maker";

#[derive(Args)]
#[command(group(ArgGroup::new("line").args(["port", "tcp"]).required(true)))]
#[command(group(ArgGroup::new("images").args(["watch", "image"]).required(true)))]
pub(crate) struct LinkArguments {
    /// Serial port or pseudo-terminal; 8 data bits, no parity, 1 stop bit, no flow control.
    #[arg(long, value_name = "DEVICE")]
    port: Option<PathBuf>,
    /// Speed of the serial port, bits per second, 1,200 to 4,000,000.
    #[arg(long, value_name = "N", default_value_t = 115_200, conflicts_with = "tcp", value_parser = clap::value_parser!(u32).range(1_200..=4_000_000))]
    baud: u32,
    /// Connect to this address instead of a port: an emulator, or a serial-to-network converter.
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    tcp: Option<String>,
    /// Folder in which the images of exposures arrive.
    #[arg(long, value_name = "FOLDER")]
    watch: Option<PathBuf>,
    /// The image of every exposure.
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Pixel spacing at the detector, mm per px, 0.001 to 100: one number, or x,y.
    #[arg(long, value_name = "MM", value_parser = spacing)]
    pub(super) spacing: [f64; 2],
    /// Invert the grey values first: for images with dark bone. MONOCHROME1 is inverted automatically.
    #[arg(long)]
    pub(super) invert: bool,
    #[command(flatten)]
    pub(super) model: ModelArguments,
    #[command(flatten)]
    pub(super) device: DeviceArguments,
    /// How long to wait for an image if the request does not say, ms, 1 to 600,000.
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    timeout: u64,
}

impl LinkArguments {
    /// The address of the peer. The argument group ensures that there is exactly one.
    pub(super) fn address(&self) -> Address {
        match (&self.tcp, &self.port) {
            (Some(address), _) => Address::Tcp(address.clone()),
            (None, port) => {
                Address::Serial { device: port.clone().unwrap_or_default(), baud: self.baud }
            }
        }
    }

    /// The source of images; exactly one, as above.
    pub(super) fn source(&self) -> Source {
        match (&self.image, &self.watch) {
            (Some(file), _) => Source::File(file.clone()),
            (None, folder) => Source::Folder(folder.clone().unwrap_or_default()),
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout)
    }
}

fn host_and_port(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(text.to_owned())
        }
        _ => Err("expected host:port, such as localhost:4555".to_owned()),
    }
}

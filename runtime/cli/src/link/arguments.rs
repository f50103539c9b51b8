//! The arguments of `fiducia link`.

use std::{path::PathBuf, time::Duration};

use clap::{ArgGroup, Args};

use super::{port::Address, source::Source};
use crate::arguments::{DeviceChoice, spacing};

pub(crate) const HELP: &str = "\
The peer announces an exposure, then requests its landmarks. With --watch the image of an exposure is the
first that comes into the folder after the announcement: under a name of its own, or moved over an older one;
an older file that is only written on is not taken. An image counts as there once it no longer grows, so it
may be copied in, though moving it in whole is quicker. With --image every exposure is taken to have given
that file: for demonstrations, and for tests of the peer.

Frames, messages and timing are specified in docs/format.md. The command ends only by a signal; a port that
is not there, or goes away, is opened again twice a second. What happens is logged: RUST_LOG=info.

Examples:
  fiducia link --port /dev/ttyTHS1 --baud 115200 --watch /srv/films --spacing 0.139
  fiducia link --tcp localhost:4555 --image models/demo.png --spacing 0.2

Exit codes, at the start only:
  2  wrong usage
  3  the pack, the folder or the image cannot be read
  5  no GPU although asked for
  6  the pack is not signed by the maker asked for";

#[derive(Args)]
#[command(group(ArgGroup::new("line").args(["port", "tcp"]).required(true)))]
#[command(group(ArgGroup::new("images").args(["watch", "image"]).required(true)))]
pub(crate) struct LinkArguments {
    /// Serial port or pseudo-terminal; 8 data bits, no parity, 1 stop bit, no flow control.
    #[arg(long, value_name = "DEVICE")]
    port: Option<PathBuf>,
    /// Speed of the serial port, bits per second.
    #[arg(long, value_name = "N", default_value_t = 115_200, conflicts_with = "tcp", value_parser = clap::value_parser!(u32).range(1_200..=4_000_000))]
    baud: u32,
    /// Connect here instead: an emulator, or a converter from serial lines to a network.
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    tcp: Option<String>,
    /// Folder into which the images of exposures come.
    #[arg(long, value_name = "FOLDER")]
    watch: Option<PathBuf>,
    /// The image of every exposure.
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Size of an image pixel at the detector, mm: one number, or x,y.
    #[arg(long, value_name = "MM", value_parser = spacing)]
    pub(super) spacing: [f64; 2],
    /// Invert the grey values first: for images on which bone is dark (MONOCHROME1).
    #[arg(long)]
    pub(super) invert: bool,
    /// Model pack; by default models/head.fid in the working folder, else in ../share/fiducia beside the program's
    /// folder.
    #[arg(long, value_name = "PACK")]
    pub(super) model: Option<PathBuf>,
    /// Use the pack only where the maker with this public key (PEM) signed it and all patches in it.
    #[arg(long, value_name = "KEY")]
    pub(super) require_signed: Option<PathBuf>,
    #[command(flatten)]
    pub(super) device: DeviceChoice,
    /// How long to wait for an image where the request does not say, ms.
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    patience: u64,
}

impl LinkArguments {
    /// Where the peer is. The group sees to it that there is exactly one.
    pub(super) fn address(&self) -> Address {
        match (&self.tcp, &self.port) {
            (Some(address), _) => Address::Tcp(address.clone()),
            (None, port) => {
                Address::Serial { device: port.clone().unwrap_or_default(), baud: self.baud }
            }
        }
    }

    /// Where images come from; as above.
    pub(super) fn source(&self) -> Source {
        match (&self.image, &self.watch) {
            (Some(file), _) => Source::File(file.clone()),
            (None, folder) => Source::Folder(folder.clone().unwrap_or_default()),
        }
    }

    pub(super) fn patience(&self) -> Duration {
        Duration::from_millis(self.patience)
    }
}

fn host_and_port(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(text.to_owned())
        }
        _ => Err("expected a host and a port, such as localhost:4555".to_owned()),
    }
}

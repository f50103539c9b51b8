//! The arguments of each command.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

#[cfg(feature = "results")]
use super::dicom::DicomArguments;
use super::link::{self, LinkArguments};
use super::options::{DeviceArguments, ModelArguments, spacing};
#[cfg(feature = "serve")]
use super::serve::{self, ServeArguments};
#[cfg(feature = "view")]
use super::view::ViewArguments;

const EXIT_CODES: &str = "\
Exit codes:
  0  success
  1  internal fault, or the GPU failed while it ran
  2  wrong usage, or a result cannot be written
  3  an image, model or key cannot be read: missing, damaged, unknown format
  4  the image is not plausible for the model
  5  a GPU was requested and none can be used
  6  a model or patch is not signed by the required maker

With several images the exit code is that of the first failure; the others still get their reports.
The environment variable RUST_LOG sets the log level: error, warn (default), info or debug.";

/// Finds anatomical landmarks on X-ray images. Not for diagnosis.
#[derive(Parser)]
#[command(name = "fiducia", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Find landmarks on images.
    #[command(after_help = EXIT_CODES)]
    Detect(DetectArguments),
    /// Show the contents of a model file.
    #[command(after_help = EXIT_CODES)]
    Inspect(InspectArguments),
    /// Add, remove or list the landmarks of a model file.
    #[command(after_help = EXIT_CODES)]
    Patch(PatchArguments),
    /// Time the detection of one image, stage by stage, and report board power, clocks and temperatures.
    #[command(after_help = EXIT_CODES)]
    Bench(BenchArguments),
    /// List the devices that can run the networks.
    #[command(after_help = EXIT_CODES)]
    Devices(DevicesArguments),
    /// Send landmarks to a micro-controller over a serial line.
    #[command(after_help = link::HELP)]
    Link(LinkArguments),
    /// Run a DICOM node: receive images, send structured reports and presentation states.
    #[cfg(feature = "serve")]
    #[command(after_help = serve::HELP)]
    Serve(ServeArguments),
    /// Serve a local page for the browser: drop an image, see landmarks and measures, export them.
    #[cfg(feature = "view")]
    #[command(after_help = EXIT_CODES)]
    View(ViewArguments),
}

#[derive(Args)]
pub(super) struct BenchArguments {
    /// DICOM, PNG, JPEG or TIFF image.
    #[arg(value_name = "IMAGE")]
    pub(super) image: PathBuf,
    #[command(flatten)]
    pub(super) model: ModelArguments,
    #[command(flatten)]
    pub(super) device: DeviceArguments,
    /// Pixel spacing, mm per px, 0.001 to 100: one number, or x,y. Default: from the DICOM file, else unknown.
    #[arg(long, value_name = "MM", value_parser = spacing)]
    pub(super) spacing: Option<[f64; 2]>,
    /// Number of timed runs.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) runs: u16,
    /// Number of warm-up runs before the timed ones; they are not counted.
    #[arg(long, default_value_t = 5)]
    pub(super) warm_up: u16,
    /// Also time each step on the GPU, and compare it with the measured peak of this GPU.
    #[arg(long)]
    pub(super) profile: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args)]
pub(super) struct DetectArguments {
    /// DICOM, PNG, JPEG or TIFF images, or folders of them.
    #[arg(value_name = "IMAGE", required = true)]
    pub(super) images: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) model: ModelArguments,
    #[command(flatten)]
    pub(super) device: DeviceArguments,
    /// Detect only these landmarks, separated by commas; positions are unchanged. Default: all landmarks of the model.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(super) landmarks: Vec<String>,
    /// Pixel spacing at the detector, mm per px, 0.001 to 100: one number, or x,y. Overrides the file. Default: from a
    /// DICOM file if it can be trusted; else positions are in px only.
    #[arg(long, value_name = "MM", value_parser = spacing)]
    pub(super) spacing: Option<[f64; 2]>,
    /// Convert detector-plane to patient-plane spacing by the magnification in the DICOM file.
    #[arg(long, conflicts_with = "spacing")]
    pub(super) correct_magnification: bool,
    /// Invert the grey values of every image first: for images with dark bone. MONOCHROME1 is inverted automatically.
    #[arg(long)]
    pub(super) invert: bool,
    /// Write the report as JSON (- for standard output); an array for several images or a folder.
    #[arg(long, value_name = "FILE|-")]
    pub(super) json: Option<PathBuf>,
    /// Write one row per landmark as CSV (- for standard output).
    #[arg(long, value_name = "FILE|-")]
    pub(super) csv: Option<PathBuf>,
    /// Write the cephalometric measures (angles, lengths, ratios) of lateral head radiographs as CSV (- for standard
    /// output).
    #[arg(long, value_name = "FILE|-")]
    pub(super) measures: Option<PathBuf>,
    /// Write the image with its landmarks as PNG; for several images or a folder: an existing folder.
    #[arg(long, value_name = "PNG")]
    pub(super) overlay: Option<PathBuf>,
    #[cfg(feature = "results")]
    #[command(flatten)]
    pub(super) dicom: DicomArguments,
    /// Print errors only: no table, notes or progress.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

#[derive(Args)]
pub(super) struct InspectArguments {
    /// Model file.
    #[arg(value_name = "FILE")]
    pub(super) pack: PathBuf,
    /// Print JSON instead of text.
    #[arg(long)]
    pub(super) json: bool,
    /// Fail unless the maker with this public key (PEM file) signed the model and all its patches.
    #[arg(long, value_name = "KEY")]
    pub(super) verify: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct PatchArguments {
    /// Model file; a change replaces it as a whole or not at all.
    #[arg(value_name = "FILE")]
    pub(super) pack: PathBuf,
    #[command(subcommand)]
    pub(super) action: PatchAction,
}

#[derive(Subcommand)]
pub(super) enum PatchAction {
    /// Add the landmarks of patches (see `fiducia-train add-landmark`); the others stay byte for byte.
    Add {
        /// Patch files.
        #[arg(value_name = "FIDP", required = true)]
        patches: Vec<PathBuf>,
        /// Accept only patches that the maker with this public key (PEM file) signed. Default: signed or not.
        #[arg(long, value_name = "KEY")]
        require_signed: Option<PathBuf>,
    },
    /// Remove a landmark; the positions of the others are unchanged.
    Remove {
        /// Name of the landmark.
        #[arg(value_name = "LANDMARK")]
        landmark: String,
        /// Remove it even if the model loses its signature.
        #[arg(long)]
        unsign: bool,
    },
    /// List the landmarks and their origin: the model or a patch.
    List,
}

#[derive(Args)]
pub(super) struct DevicesArguments {
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(super) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_valid() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}

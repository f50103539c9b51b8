//! The arguments of each command.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, builder::PossibleValuesParser, builder::TypedValueParser};
use fiducia::{Backend, Precision};

#[cfg(feature = "results")]
use super::dicom::DicomArguments;
use super::link::{self, LinkArguments};
#[cfg(feature = "serve")]
use super::serve::{self, ServeArguments};
#[cfg(feature = "view")]
use super::view::ViewArguments;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  internal fault
  2  wrong usage, or a result cannot be written
  3  an image or pack cannot be read: missing, damaged, of an unknown form
  4  the image is not plausible for the model
  5  no GPU although asked for
  6  a pack or patch is not signed by the maker asked for

With several images the exit code is that of the first failure; the others still get their reports.
The environment variable RUST_LOG (error, warn, info, debug) sets how much is logged.";

/// Finds anatomical landmarks on X-ray images. Not for diagnosis.
#[derive(Parser)]
#[command(name = "fiducia", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Find the landmarks on one or several images.
    #[command(after_help = EXIT_CODES)]
    Detect(DetectArguments),
    /// Show what a model pack holds.
    #[command(after_help = EXIT_CODES)]
    Inspect(InspectArguments),
    /// Add landmarks to a model pack, take them out, list them.
    #[command(after_help = EXIT_CODES)]
    Patch(PatchArguments),
    /// Time the detection of one image, stage by stage, and say what the board says of itself meanwhile.
    #[command(after_help = EXIT_CODES)]
    Bench(BenchArguments),
    /// List what can run the networks.
    #[command(after_help = EXIT_CODES)]
    Devices(DevicesArguments),
    /// Answer a micro-controller over a serial line: exposure in, landmarks out.
    #[command(after_help = link::HELP)]
    Link(LinkArguments),
    /// Be a DICOM node: images in, structured reports and presentation states out.
    #[cfg(feature = "serve")]
    #[command(after_help = serve::HELP)]
    Serve(ServeArguments),
    /// Open a page on this machine: drop an image there, see landmarks and measures, export them.
    #[cfg(feature = "view")]
    #[command(after_help = EXIT_CODES)]
    View(ViewArguments),
}

/// What runs the networks.
#[derive(Args)]
pub(super) struct DeviceChoice {
    /// What runs the networks.
    #[arg(long, default_value = "auto", value_parser = PossibleValuesParser::new(["auto", "cpu", "gpu"]).map(backend))]
    pub(super) backend: Backend,
    /// Run on the first GPU adapter whose name contains this, such as one that `fiducia devices` lists; the
    /// only way to a software rasteriser.
    #[arg(long, value_name = "NAME")]
    pub(super) adapter: Option<String>,
    /// How a GPU keeps the networks' numbers: f16 halves the bytes between layers and moves landmarks by less than
    /// 0.2 px, int8 computes large layers in bytes and moves them by less than 0.3 px, few uncertain ones by more.
    #[arg(long, default_value = "f32", value_parser = PossibleValuesParser::new(["f32", "f16", "int8"]).map(precision))]
    pub(super) precision: Precision,
    /// Test the GPU's shaders now and compile them anew, whatever an earlier run found and kept.
    #[arg(long)]
    pub(super) self_test: bool,
    /// Folder in which the outcome of a GPU's self-test and the compiled shaders are kept; by default fiducia in the
    /// user's cache folder.
    #[arg(long, value_name = "FOLDER")]
    pub(super) cache: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct BenchArguments {
    /// DICOM, PNG, JPEG or TIFF image.
    #[arg(value_name = "IMAGE")]
    pub(super) image: PathBuf,
    /// Model pack; by default models/head.fid in the working folder, else in ../share/fiducia beside the program's
    /// folder.
    #[arg(long, value_name = "PACK")]
    pub(super) model: Option<PathBuf>,
    #[command(flatten)]
    pub(super) device: DeviceChoice,
    /// Size of an image pixel, mm: one number, or x,y.
    #[arg(long, value_name = "MM", value_parser = spacing)]
    pub(super) spacing: Option<[f64; 2]>,
    /// Timed runs.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) runs: u16,
    /// Runs before them, which do not count.
    #[arg(long, default_value_t = 5)]
    pub(super) warm_up: u16,
    /// Time each step of the GPU path too, and hold it against what this GPU reaches, which is measured as well.
    #[arg(long)]
    pub(super) profile: bool,
    /// As JSON.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args)]
pub(super) struct DetectArguments {
    /// DICOM, PNG, JPEG or TIFF images, or folders of them.
    #[arg(value_name = "IMAGE", required = true)]
    pub(super) images: Vec<PathBuf>,
    /// Model pack; by default models/head.fid in the working folder, else in ../share/fiducia beside the program's
    /// folder.
    #[arg(long, value_name = "PACK")]
    pub(super) model: Option<PathBuf>,
    #[command(flatten)]
    pub(super) device: DeviceChoice,
    /// Find these landmarks only, names separated by commas; they come out as they do among all.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(super) landmarks: Vec<String>,
    /// Use the pack only where the maker with this public key (PEM) signed it and all patches in it.
    #[arg(long, value_name = "KEY")]
    pub(super) require_signed: Option<PathBuf>,
    /// Size of an image pixel, mm: one number, or x,y; whatever the file says. Without it that of a DICOM file is
    /// taken where it can be trusted, else positions are in px only.
    #[arg(long, value_name = "MM", value_parser = spacing)]
    pub(super) spacing: Option<[f64; 2]>,
    /// Divide a spacing at the detector by the magnification that the DICOM file states: millimetres in the body.
    #[arg(long, conflicts_with = "spacing")]
    pub(super) correct_magnification: bool,
    /// Invert the grey values first, of every image: for films on which bone is dark. MONOCHROME1 of DICOM needs it
    /// not.
    #[arg(long)]
    pub(super) invert: bool,
    /// Write the report as JSON (- for standard output); an array for several images or a folder.
    #[arg(long, value_name = "FILE|-")]
    pub(super) json: Option<PathBuf>,
    /// Write one row per landmark as CSV (- for standard output).
    #[arg(long, value_name = "FILE|-")]
    pub(super) csv: Option<PathBuf>,
    /// Write angles, lengths and ratios between the landmarks of a lateral head film as CSV to this file, or - for
    /// standard output.
    #[arg(long, value_name = "FILE")]
    pub(super) measures: Option<PathBuf>,
    /// Draw the landmarks over the image; for several images or a folder, name an existing folder.
    #[arg(long, value_name = "PNG")]
    pub(super) overlay: Option<PathBuf>,
    #[cfg(feature = "results")]
    #[command(flatten)]
    pub(super) dicom: DicomArguments,
    /// No table, notes or progress, only errors.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

#[derive(Args)]
pub(super) struct InspectArguments {
    /// Model pack.
    #[arg(value_name = "PACK")]
    pub(super) pack: PathBuf,
    /// As JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// Fail unless the maker with this public key (PEM) signed the pack and all patches in it.
    #[arg(long, value_name = "KEY")]
    pub(super) verify: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct PatchArguments {
    /// Model pack; it is replaced as a whole or left as it is.
    #[arg(value_name = "PACK")]
    pub(super) pack: PathBuf,
    #[command(subcommand)]
    pub(super) action: PatchAction,
}

#[derive(Subcommand)]
pub(super) enum PatchAction {
    /// Add the landmarks of patches (`fiducia-train add-landmark`); the others stay byte for byte.
    Add {
        /// Patch files.
        #[arg(value_name = "FIDP", required = true)]
        patches: Vec<PathBuf>,
        /// Add a patch only where the maker with this public key (PEM) signed it.
        #[arg(long, value_name = "KEY")]
        require_signed: Option<PathBuf>,
    },
    /// Take a landmark out; the others are found as before.
    Remove {
        /// Its name.
        #[arg(value_name = "LANDMARK")]
        landmark: String,
        /// Go on although the pack loses its signature.
        #[arg(long)]
        unsign: bool,
    },
    /// Show the landmarks and where they come from.
    List,
}

#[derive(Args)]
pub(super) struct DevicesArguments {
    /// As JSON.
    #[arg(long)]
    pub(super) json: bool,
}

fn precision(name: String) -> Precision {
    match name.as_str() {
        "f16" => Precision::F16,
        "int8" => Precision::Int8,
        _ => Precision::F32,
    }
}

fn backend(name: String) -> Backend {
    match name.as_str() {
        "cpu" => Backend::Cpu,
        "gpu" => Backend::Gpu,
        _ => Backend::Auto,
    }
}

/// `0.1` or `0.1,0.12`; the range is checked where images are read.
pub(super) fn spacing(text: &str) -> Result<[f64; 2], String> {
    let parts: Result<Vec<f64>, _> = text.split(',').map(|t| t.trim().parse::<f64>()).collect();
    match parts.as_deref() {
        Ok([both]) => Ok([*both; 2]),
        Ok([x, y]) => Ok([*x, *y]),
        _ => Err("expected mm per px as one number or x,y, such as 0.1 or 0.1,0.12".to_owned()),
    }
    .and_then(|s| {
        let possible = s.iter().all(|v| (1e-3..=1e2).contains(v));
        if possible { Ok(s) } else { Err("expected 0.001 to 100 mm per px".to_owned()) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn spacing_is_one_number_or_two() {
        assert_eq!(spacing("0.1"), Ok([0.1, 0.1]));
        assert_eq!(spacing("0.1, 0.12"), Ok([0.1, 0.12]));
        for bad in ["", "a", "0.1,", "1,2,3", "0", "-1", "nan", "inf", "1000"] {
            assert!(spacing(bad).is_err(), "{bad}");
        }
    }
}

//! The arguments of each command.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, builder::PossibleValuesParser, builder::TypedValueParser};
use fiducia::Backend;

use super::link::{self, LinkArguments};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  internal fault
  2  wrong usage, or a result cannot be written
  3  an image or pack cannot be read: missing, damaged, of an unknown form
  4  the image is not plausible for the model
  5  no GPU although asked for

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
    /// Answer a micro-controller over a serial line: exposure in, landmarks out.
    #[command(after_help = link::HELP)]
    Link(LinkArguments),
}

#[derive(Args)]
pub(super) struct DetectArguments {
    /// PNG, JPEG or TIFF images, or folders of them.
    #[arg(value_name = "IMAGE", required = true)]
    pub(super) images: Vec<PathBuf>,
    /// Model pack; by default models/head.fid of the working folder or of the installation.
    #[arg(long, value_name = "PACK")]
    pub(super) model: Option<PathBuf>,
    /// What runs the networks.
    #[arg(long, default_value = "auto", value_parser = PossibleValuesParser::new(["auto", "cpu", "gpu"]).map(backend))]
    pub(super) backend: Backend,
    /// Size of an image pixel, mm: one number, or x,y. Without it positions are in px only.
    #[arg(long, value_name = "MM", value_parser = spacing)]
    pub(super) spacing: Option<[f64; 2]>,
    /// Invert the grey values first, of every image: for films on which bone is dark (MONOCHROME1).
    #[arg(long)]
    pub(super) invert: bool,
    /// Write the report as JSON (- for standard output); an array for several images or a folder.
    #[arg(long, value_name = "FILE|-")]
    pub(super) json: Option<PathBuf>,
    /// Write one row per landmark as CSV (- for standard output).
    #[arg(long, value_name = "FILE|-")]
    pub(super) csv: Option<PathBuf>,
    /// Draw the landmarks over the image; for several images or a folder, name an existing folder.
    #[arg(long, value_name = "PNG")]
    pub(super) overlay: Option<PathBuf>,
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
}

pub(super) fn backend(name: String) -> Backend {
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

//! The command line: one file and one line here per subcommand, in the order of use.

mod import;
mod run;
mod evaluate;
mod atlas;

use clap::{Parser, Subcommand};
use fiducia::{Error, ErrorKind};
use fiducia_trainer::data::DataSet;

/// Trains landmark models from one annotated X-ray image and a folder of unlabelled ones.
#[derive(Debug, Parser)]
#[command(name = "fiducia-train", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Turn annotations of another tool, or a folder of images, into a data folder
    Import(import::Args),
    /// Train a model from one annotated image and unlabelled ones
    Run(run::Args),
    /// Measure a model on labelled images
    Evaluate(evaluate::Args),
    /// Average the training images on their mean shape: a picture of nobody to demonstrate with
    Atlas(atlas::Args),
}

impl Cli {
    /// Runs the chosen subcommand.
    pub(crate) fn run(self) -> Result<(), Error> {
        match self.command {
            Command::Import(args) => import::run(args),
            Command::Run(args) => run::run(args),
            Command::Evaluate(args) => evaluate::run(args),
            Command::Atlas(args) => atlas::run(args),
        }
    }
}

/// A spacing on the command line: `MM`, or `X,Y` where it differs.
fn parse_spacing(text: &str) -> Result<[f64; 2], String> {
    let numbers: Result<Vec<f64>, _> = text.split(',').map(|v| v.trim().parse()).collect();
    match *numbers.map_err(|e| format!("{e}"))?.as_slice() {
        [side] => Ok([side, side]),
        [x, y] => Ok([x, y]),
        _ => Err("expected MM or X,Y".to_owned()),
    }
}

/// Writes a result to standard output.
fn print(text: &str) -> Result<(), Error> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // The reader has seen enough (`| head`).
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|e| {
            Error::new(ErrorKind::Unwritable, format!("cannot write to standard output: {e}"))
        }),
    }
}

/// The template named on the command line, else the one that the set names.
fn template_name(given: Option<String>, data: &DataSet) -> Result<String, Error> {
    given.or_else(|| data.template.clone()).ok_or_else(|| {
        Error::new(
            ErrorKind::Usage,
            format!("the set {} names no template; give --template IMAGE", data.name),
        )
    })
}

/// The split named on the command line, else `train` where the set has one, else all images.
fn split_name(given: Option<String>, data: &DataSet) -> Option<String> {
    given.or_else(|| data.splits().contains(&"train").then(|| "train".to_owned()))
}

//! The command line: one file and one line here per subcommand, in the order of use.

mod choose;
mod import;
mod run;
mod evaluate;
mod atlas;

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use fiducia::{Error, ErrorKind, write_atomically};
use fiducia_trainer::data::DataSet;
use fiducia_trainer::progress::Progress;

/// Trains landmark models from one annotated X-ray image and a folder of unlabelled ones.
#[derive(Debug, Parser)]
#[command(name = "fiducia-train", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Rank the images of a folder by how well they would do as the one to annotate; no label is read
    ChooseTemplate(choose::Args),
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
            Command::ChooseTemplate(args) => choose::run(args),
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

/// Writes `value` as JSON to a file, or to standard output for `-`.
fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Error> {
    let mut json = serde_json::to_string_pretty(value)
        .map_err(|e| Error::new(ErrorKind::Engine, format!("cannot write JSON: {e}")))?;
    json.push('\n');
    match path.as_os_str() == "-" {
        true => print(&json),
        false => write_atomically(path, json.as_bytes()),
    }
}

/// Where training images come from, for every subcommand that learns from them.
#[derive(Debug, clap::Args)]
struct Source {
    /// Data folder (see `import`)
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Annotated image [default: the one that set.json names]
    #[arg(long, value_name = "IMAGE")]
    template: Option<String>,
    /// Split whose images are used, without their labels [default: train where there are splits, else all]
    #[arg(long)]
    split: Option<String>,
    /// No progress bars
    #[arg(long)]
    quiet: bool,
}

impl Source {
    /// The data folder, the template's file name and the split.
    fn open(self) -> Result<(DataSet, String, Option<String>), Error> {
        let data = DataSet::open(&self.data)?;
        let template = self.template.or_else(|| data.template.clone()).ok_or_else(|| {
            let message = format!("the set {} names no template; give --template IMAGE", data.name);
            Error::new(ErrorKind::Usage, message)
        })?;
        let split = training_split(self.split, &data);
        Ok((data, template, split))
    }

    fn progress(&self) -> Progress {
        progress(self.quiet)
    }
}

/// The split that is learnt from: `asked`, else train where there are splits.
fn training_split(asked: Option<String>, data: &DataSet) -> Option<String> {
    asked.or_else(|| data.splits().contains(&"train").then(|| "train".to_owned()))
}

fn progress(quiet: bool) -> Progress {
    if quiet { Progress::hidden() } else { Progress::terminal() }
}

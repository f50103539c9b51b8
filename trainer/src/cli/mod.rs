//! The command line: one file and one line here per subcommand, in the order of use;
//! then what several of them share.

mod choose;
mod import;
mod run;
mod quantise;
mod add_landmark;
mod card;
mod sign;
mod evaluate;
mod ablate;
mod compare;
mod refusals;
mod atlas;
mod measure;
mod json;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use fiducia::{Error, ErrorKind};
use fiducia_trainer::data::DataSet;
use fiducia_trainer::progress::Progress;
use fiducia_trainer::run::Stage;

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
    /// The run as far as first labels on every image
    Match(run::Args),
    /// The run as far as a dedicated network for every landmark
    Single(run::Args),
    /// The run as far as one network with an adapter for every landmark
    Fuse(run::Args),
    /// The run as far as the model file; the same as `run`
    Pack(run::Args),
    /// Make a model smaller, and write it only if its landmarks stay where they were
    Quantise(quantise::Args),
    /// Train one landmark more for a model, from one click; gives a patch of a few kilobytes
    AddLandmark(add_landmark::Args),
    /// Give a model another card; nothing else of it changes
    Card(card::Args),
    /// Make the keys that packs and patches are signed with
    Keygen(sign::KeygenArgs),
    /// Sign a pack or patch, so that a device can tell that it is its maker's
    Sign(sign::SignArgs),
    /// Measure a model on labelled images
    Evaluate(evaluate::Args),
    /// Train in several ways, measure each and show what every part of the method is worth
    Ablate(ablate::Args),
    /// Tell by how much a model is better than another on the same labelled images
    Compare(compare::Args),
    /// Measure how surely a model refuses images that are altered or not its own
    Refusals(refusals::Args),
    /// Average the training images on their mean shape: a picture of nobody to demonstrate with
    Atlas(atlas::Args),
}

impl Cli {
    /// Runs the chosen subcommand.
    pub(crate) fn run(self) -> Result<(), Error> {
        match self.command {
            Command::ChooseTemplate(args) => choose::run(args),
            Command::Import(args) => import::run(args),
            Command::Run(args) | Command::Pack(args) => run::run(args, Stage::Pack),
            Command::Match(args) => run::run(args, Stage::Match),
            Command::Single(args) => run::run(args, Stage::Single),
            Command::Fuse(args) => run::run(args, Stage::Fuse),
            Command::Quantise(args) => quantise::run(args),
            Command::AddLandmark(args) => add_landmark::run(args),
            Command::Card(args) => card::run(args),
            Command::Keygen(args) => sign::keygen(&args),
            Command::Sign(args) => sign::sign(args),
            Command::Evaluate(args) => evaluate::run(args),
            Command::Ablate(args) => ablate::run(args),
            Command::Compare(args) => compare::run(args),
            Command::Refusals(args) => refusals::run(args),
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

/// Where training images come from, for every subcommand that learns from them.
#[derive(Debug, clap::Args)]
struct Source {
    /// Data folder (see `import`)
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Annotated image; several for few-shot training [default: the one that set.json names]
    #[arg(long = "template", value_name = "IMAGE")]
    templates: Vec<String>,
    /// Split whose images are used, without their labels [default: train where there are splits, else all]
    #[arg(long)]
    split: Option<String>,
    /// No progress bars
    #[arg(long)]
    quiet: bool,
}

impl Source {
    /// The data folder, the templates' file names and the split.
    fn open(self) -> Result<(DataSet, Vec<String>, Option<String>), Error> {
        let data = DataSet::open(&self.data)?;
        let mut templates = self.templates;
        if templates.is_empty() {
            templates.extend(data.template.clone());
        }
        if templates.is_empty() {
            let message = format!("the set {} names no template; give --template IMAGE", data.name);
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let split = training_split(self.split, &data);
        Ok((data, templates, split))
    }

    /// As [`Source::open`], with every annotated image of the split as a template.
    fn open_annotated(self) -> Result<(DataSet, Vec<String>, Option<String>), Error> {
        let data = DataSet::open(&self.data)?;
        let split = training_split(self.split, &data);
        let labelled = data.labelled(split.as_deref().unwrap_or(fiducia_trainer::data::ALL))?;
        let templates = labelled.into_iter().map(|l| l.image.name).collect();
        Ok((data, templates, split))
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

/// A width of framing: a number of units, not so small that no film fits.
fn framing(text: &str) -> Result<f64, String> {
    let units = text.parse::<f64>().ok().filter(|u| (1.0..=1e4).contains(u));
    units.ok_or_else(|| format!("`{text}`: expected a number of units from 1 to 10000"))
}

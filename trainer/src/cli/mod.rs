//! The command line: one file per subcommand, in the order of use, then shared arguments and functions.

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
use fiducia_trainer::data::{DataSet, Unlabelled};
use fiducia_trainer::progress::Progress;
use fiducia_trainer::run::{Stage, device};

/// Trains landmark models from one annotated X-ray image and a folder of unlabelled ones.
#[derive(Debug, Parser)]
#[command(name = "fiducia-train", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Rank the images of a folder by their suitability as the annotated template; reads no labels
    ChooseTemplate(choose::Args),
    /// Convert annotations of another tool, or a folder of images, to a data folder
    Import(import::Args),
    /// Train a model from one annotated image and unlabelled ones
    Run(run::Args),
    /// Run the training up to the initial labels of every image
    Match(run::Args),
    /// Run the training up to the dedicated networks, one per landmark
    Single(run::Args),
    /// Run the training up to the fused network with one adapter per landmark
    Fuse(run::Args),
    /// Run the training up to the model file; same as `run`
    Pack(run::Args),
    /// Quantise a model to a smaller file; written only if its landmarks stay in place
    Quantise(quantise::Args),
    /// Train one more landmark for a model from one annotated point; writes a patch of a few kilobytes
    AddLandmark(add_landmark::Args),
    /// Replace the model card of a model; nothing else changes
    Card(card::Args),
    /// Create a key pair to sign model files and patches with
    Keygen(sign::KeygenArgs),
    /// Sign a model file or patch, so that a device can verify its manufacturer
    Sign(sign::SignArgs),
    /// Evaluate a model on labelled images
    Evaluate(evaluate::Args),
    /// Train several variants, evaluate each, and show the contribution of every part of the method
    Ablate(ablate::Args),
    /// Compare two models on the same labelled images, with confidence intervals
    Compare(compare::Args),
    /// Measure how reliably a model refuses altered or foreign images
    Refusals(refusals::Args),
    /// Average the training images on their mean shape: a demonstration image of no real patient
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

/// Parses a pixel spacing: `MM`, or `X,Y` for different spacings.
fn parse_spacing(text: &str) -> Result<[f64; 2], String> {
    let numbers: Result<Vec<f64>, _> = text.split(',').map(|v| v.trim().parse()).collect();
    match *numbers.map_err(|e| format!("{e}"))?.as_slice() {
        [side] => Ok([side, side]),
        [x, y] => Ok([x, y]),
        _ => Err("expected MM or X,Y".to_owned()),
    }
}

/// Writes a result to standard output; a closed pipe (`| head`) is no error.
fn print(text: &str) -> Result<(), Error> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|e| {
            Error::new(ErrorKind::Unwritable, format!("cannot write to standard output: {e}"))
        }),
    }
}

/// The networks' device and initial weights, for every subcommand that trains.
#[derive(Debug, clap::Args)]
struct Networks {
    /// Device that trains the networks
    #[arg(long, value_enum, default_value = "cpu")]
    device: device::Choice,
    /// Initial weights of the trunk
    #[arg(long, value_name = "FILE", default_value = "models/efficientnet-lite0-f16.safetensors")]
    weights: PathBuf,
}

/// Unlabelled images, for every subcommand that works on a trained model.
#[derive(Debug, clap::Args)]
struct Images {
    /// Data folder; the labels of its images are not read
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Split whose images are used [default: train if there are splits, else all]
    #[arg(long, value_name = "SPLIT")]
    split: Option<String>,
    /// Hide the progress bars
    #[arg(long)]
    quiet: bool,
}

impl Images {
    /// The data set and the images of the split.
    fn open(self) -> Result<(DataSet, Vec<Unlabelled>), Error> {
        let data = DataSet::open(&self.data)?;
        let images = data.unlabelled(training_split(self.split, &data).as_deref())?;
        Ok((data, images))
    }

    fn progress(&self) -> Progress {
        progress(self.quiet)
    }
}

/// The source of training images, for every subcommand that trains on a data folder.
#[derive(Debug, clap::Args)]
struct Source {
    /// Data folder (see `import`)
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Annotated image; several for few-shot training [default: the template in set.json]
    #[arg(long = "template", value_name = "IMAGE")]
    templates: Vec<String>,
    /// Split whose images are used, without their labels [default: train if there are splits, else all]
    #[arg(long)]
    split: Option<String>,
    /// Hide the progress bars
    #[arg(long)]
    quiet: bool,
}

impl Source {
    /// The data set, the templates' file names and the split.
    fn open(self) -> Result<(DataSet, Vec<String>, Option<String>), Error> {
        let data = DataSet::open(&self.data)?;
        let mut templates = self.templates;
        if templates.is_empty() {
            templates.extend(data.template.clone());
        }
        if templates.is_empty() {
            let message =
                format!("the set {} has no template; specify --template IMAGE", data.name);
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

/// The split to learn from: `asked`, or else `train` if there are splits.
fn training_split(asked: Option<String>, data: &DataSet) -> Option<String> {
    asked.or_else(|| data.splits().contains(&"train").then(|| "train".to_owned()))
}

fn progress(quiet: bool) -> Progress {
    if quiet { Progress::hidden() } else { Progress::terminal() }
}

/// Parses a framing width: a number of normalised units within plausible limits.
fn framing(text: &str) -> Result<f64, String> {
    let units = text.parse::<f64>().ok().filter(|u| (1.0..=1e4).contains(u));
    units.ok_or_else(|| format!("`{text}`: expected a number of normalised units from 1 to 10000"))
}

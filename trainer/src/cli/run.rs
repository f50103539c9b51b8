//! `fiducia-train run`

use std::path::PathBuf;

use fiducia::Error;
use fiducia_trainer::config::{Preset, RunConfig};
use fiducia_trainer::data::DataSet;
use fiducia_trainer::progress::Progress;
use fiducia_trainer::run::{Paths, run as train};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Data folder (see `import`)
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Annotated image [default: the one that set.json names]
    #[arg(long, value_name = "IMAGE")]
    template: Option<String>,
    /// Split whose images are used, without their labels [default: train where there are splits, else all]
    #[arg(long)]
    split: Option<String>,
    /// Run folder: configuration, checkpoints, labels and model.fid; an interrupted run goes on
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// How much time the run may take
    #[arg(long, value_enum, default_value = "full")]
    preset: Preset,
    /// Seed of all randomness
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Initial weights of the trunk
    #[arg(long, value_name = "FILE", default_value = "models/efficientnet-lite0-f16.safetensors")]
    weights: PathBuf,
    /// Model card to put into the pack, Markdown
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
    /// No progress bars
    #[arg(long)]
    quiet: bool,
}

/// Trains and prints where the model is.
pub(crate) fn run(args: Args) -> Result<(), Error> {
    let data = DataSet::open(&args.data)?;
    let template = super::template_name(args.template, &data)?;
    let split = super::split_name(args.split, &data);
    let (coarse, refine) = args.preset.trainings();
    let config =
        RunConfig { name: data.name.clone(), template, split, seed: args.seed, coarse, refine };
    let paths = Paths { out: args.out, weights: args.weights, card: args.card };
    let progress = if args.quiet { Progress::hidden() } else { Progress::terminal() };
    let model = train(&data, &config, &paths, &progress)?;
    super::print(&format!("{}\n", model.display()))
}

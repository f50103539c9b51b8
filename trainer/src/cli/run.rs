//! `fiducia-train run`

use std::path::PathBuf;

use fiducia::Error;
use fiducia_trainer::run::config::{Preset, RunConfig};
use fiducia_trainer::run::device;
use fiducia_trainer::run::{Place, run as train};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: super::Source,
    /// Run folder: configuration, checkpoints, labels and model.fid; an interrupted run goes on
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// How much time the run may take
    #[arg(long, value_enum, default_value = "full")]
    preset: Preset,
    /// Optimiser steps of the coarse training [default: from the preset]
    #[arg(long, value_name = "N")]
    coarse_steps: Option<usize>,
    /// Passes over the images in the refine training [default: from the preset]
    #[arg(long, value_name = "N")]
    refine_passes: Option<usize>,
    /// Seed of all randomness
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where networks are trained
    #[arg(long, value_enum, default_value = "cpu")]
    device: device::Choice,
    /// Initial weights of the trunk
    #[arg(long, value_name = "FILE", default_value = "models/efficientnet-lite0-f16.safetensors")]
    weights: PathBuf,
    /// Model card to put into the pack, Markdown
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
}

/// Trains and prints where the model is.
pub(crate) fn run(args: Args) -> Result<(), Error> {
    let progress = args.source.progress();
    let (data, template, split) = args.source.open()?;
    let (mut coarse, mut refine) = args.preset.trainings();
    coarse.steps = args.coarse_steps.unwrap_or(coarse.steps);
    refine.passes = args.refine_passes.unwrap_or(refine.passes);
    let config =
        RunConfig { name: data.name.clone(), template, split, seed: args.seed, coarse, refine };
    let place =
        Place { out: args.out, weights: args.weights, card: args.card, device: args.device };
    let model = train(&data, &config, &place, &progress)?;
    super::print(&format!("{}\n", model.display()))
}

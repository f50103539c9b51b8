//! `fiducia-train run` and the commands for its single stages.

use std::path::PathBuf;

use fiducia::{Error, ErrorKind};
use fiducia_trainer::nets::AdapterForm;
use fiducia_trainer::run::config::{Preset, RunConfig};
use fiducia_trainer::run::{Place, Stage, run as train};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: super::Source,
    /// Train on every annotated image of the split instead of on templates
    #[arg(long, conflicts_with = "templates")]
    supervised: bool,
    /// Run folder for configuration, checkpoints, labels and model.fid; an interrupted run resumes
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// Preset: fast for a quick check, full for the quality of the shipped models
    #[arg(long, value_enum, default_value = "full")]
    preset: Preset,
    #[command(flatten)]
    recipe: Recipe,
    /// Seed of all random numbers
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    networks: super::Networks,
    /// Model card to put into the model file, Markdown
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
}

/// Deviations from the preset.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Instead of the preset")]
struct Recipe {
    /// Optimiser steps of the coarse training
    #[arg(long, value_name = "N")]
    coarse_steps: Option<usize>,
    /// Fraction of the way from its broad match to its close match that a label moves before the joint
    /// training, 0 to 1
    #[arg(long, value_name = "SHARE")]
    close_share: Option<f64>,
    /// Passes over the images in the joint training
    #[arg(long, value_name = "N")]
    joint_passes: Option<usize>,
    /// Rounds of label updates of the dedicated networks; 0 for constant labels
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// Largest template bank of a landmark; 0 to use only the annotated images as templates
    #[arg(long, value_name = "N")]
    bank: Option<usize>,
    /// Passes over the images in the fusion
    #[arg(long, value_name = "N")]
    fuse_passes: Option<usize>,
    /// Private parameters of a landmark in the fused network: head, gate, depthwise, or rank1 to rank32
    #[arg(long, value_name = "FORM")]
    adapter: Option<AdapterForm>,
    /// Train the fused network without the dedicated networks as teachers
    #[arg(long)]
    no_distillation: bool,
    /// Variation of the image cropping: standard deviation of the anatomical position of the upper and lower
    /// edges, in 240ths of the image height. Small for images of the spine, where it separates neighbouring
    /// vertebrae
    #[arg(long, value_name = "UNITS", value_parser = super::framing)]
    framing: Option<f64>,
    /// Assumed error of the annotator, in 240ths of the image height
    #[arg(long, value_name = "UNITS")]
    annotation_error: Option<f64>,
}

impl Recipe {
    fn apply(&self, config: &mut RunConfig) {
        let set = |value: &mut usize, given: Option<usize>| *value = given.unwrap_or(*value);
        set(&mut config.coarse.steps, self.coarse_steps);
        set(&mut config.joint.passes, self.joint_passes);
        config.close_share = self.close_share.unwrap_or(config.close_share);
        config.framing = self.framing.or(config.framing);
        config.annotation_error = self.annotation_error.unwrap_or(config.annotation_error);
        if let Some(single) = &mut config.single {
            set(&mut single.rounds, self.rounds);
            set(&mut single.bank, self.bank);
        }
        if let Some(fuse) = &mut config.fuse {
            set(&mut fuse.passes, self.fuse_passes);
            fuse.form = self.adapter.unwrap_or(fuse.form);
            fuse.distil &= !self.no_distillation;
        }
    }
}

/// Trains up to the stage `until` and prints the path of the result.
pub(crate) fn run(args: Args, until: Stage) -> Result<(), Error> {
    let progress = args.source.progress();
    let (data, templates, split) =
        if args.supervised { args.source.open_annotated()? } else { args.source.open()? };
    let mut config = args.preset.config(data.name.clone(), templates, split, args.seed);
    if args.supervised {
        config = config.supervised();
    }
    args.recipe.apply(&mut config);
    if !(0.0..=1.0).contains(&config.close_share) {
        return Err(Error::new(ErrorKind::Usage, "--close-share must lie between 0 and 1"));
    }
    if !(0.0..1e3).contains(&config.annotation_error) {
        let message = "--annotation-error must not be negative";
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let place = Place {
        out: args.out,
        weights: args.networks.weights,
        card: args.card,
        device: args.networks.device,
        shared: None,
    };
    let made = train(&data, &config, &place, until, &progress)?;
    super::print(&format!("{}\n", made.display()))
}

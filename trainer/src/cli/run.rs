//! `fiducia-train run`, and its stages one by one.

use std::path::PathBuf;

use fiducia::{Error, ErrorKind};
use fiducia_trainer::nets::AdapterForm;
use fiducia_trainer::run::config::{Preset, RunConfig};
use fiducia_trainer::run::{Place, Stage, device, run as train};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: super::Source,
    /// Learn from every annotated image of the split instead of from templates
    #[arg(long, conflicts_with = "templates")]
    supervised: bool,
    /// Run folder: configuration, checkpoints, labels and model.fid; an interrupted run goes on
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// How much time the run may take
    #[arg(long, value_enum, default_value = "full")]
    preset: Preset,
    #[command(flatten)]
    recipe: Recipe,
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

/// What may differ from the preset.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Instead of the preset")]
struct Recipe {
    /// Optimiser steps of the coarse training
    #[arg(long, value_name = "N")]
    coarse_steps: Option<usize>,
    /// Share of the way from its broad match to its close match that a label goes before the joint
    /// training, 0 to 1
    #[arg(long, value_name = "SHARE")]
    close_share: Option<f64>,
    /// Passes over the images in the joint training
    #[arg(long, value_name = "N")]
    joint_passes: Option<usize>,
    /// Rounds of label updating of the dedicated networks; 0 leaves labels as they are
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// Most images in the template bank of a landmark; 0 for the annotated ones alone
    #[arg(long, value_name = "N")]
    bank: Option<usize>,
    /// Passes over the images in the fusion
    #[arg(long, value_name = "N")]
    fuse_passes: Option<usize>,
    /// What a landmark owns in the fused network: head, gate, depthwise, or rank1 to rank32
    #[arg(long, value_name = "FORM")]
    adapter: Option<AdapterForm>,
    /// Fuse without the dedicated networks as teachers
    #[arg(long)]
    no_distillation: bool,
    /// How differently the films are cropped: spread of where their upper and lower edges lie in the anatomy,
    /// in 240ths of the image height. Small for films of the spine; helps to tell neighbouring vertebrae apart
    #[arg(long, value_name = "UNITS", value_parser = super::framing)]
    framing: Option<f64>,
    /// How far off the annotator is taken to be, in 240ths of the image height
    #[arg(long, value_name = "UNITS")]
    annotation_error: Option<f64>,
}

impl Recipe {
    fn apply(&self, config: &mut RunConfig) {
        let set = |value: &mut usize, wanted: Option<usize>| *value = wanted.unwrap_or(*value);
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

/// Trains as far as `until` and prints what that gave.
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
        let message = "--annotation-error must be a distance that is not negative";
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let place = Place {
        out: args.out,
        weights: args.weights,
        card: args.card,
        device: args.device,
        shared: None,
    };
    let made = train(&data, &config, &place, until, &progress)?;
    super::print(&format!("{}\n", made.display()))
}

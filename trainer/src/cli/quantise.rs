//! `fiducia-train quantise`

use std::fmt::Write;
use std::path::PathBuf;

use fiducia::{Coding, Error, ErrorKind, Pack};
use fiducia_trainer::pack::read_card;
use fiducia_trainer::quantise::{Moved, moved, quantise};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Model to quantise
    #[arg(long, value_name = "PACK")]
    model: PathBuf,
    /// Data folder whose images, without their labels, tell how far landmarks move
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Split whose images are used [default: train where there are splits, else all]
    #[arg(long, value_name = "SPLIT")]
    split: Option<String>,
    /// Quantised model to write
    #[arg(long, value_name = "PACK")]
    out: PathBuf,
    /// Levels of the landmarks' private values: 8, 4, 2 or 1 bit, or ternary
    #[arg(long, value_name = "CODING", default_value = "4", value_parser = coding)]
    deltas: Coding,
    /// Largest mean move of any landmark that is accepted, in 240ths of the usual image height
    #[arg(long, value_name = "UNITS", default_value_t = 0.25)]
    max_move: f64,
    /// Leave the scales of the private values as rounding finds them, instead of distilling them
    #[arg(long)]
    no_distillation: bool,
    /// Model card (Markdown) for the quantised model instead of the one it has
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
    /// No progress bars
    #[arg(long)]
    quiet: bool,
}

fn coding(text: &str) -> Result<Coding, String> {
    match text {
        "8" => Ok(Coding::Eight),
        "4" => Ok(Coding::Four),
        "2" => Ok(Coding::Two),
        "ternary" => Ok(Coding::Ternary),
        "1" => Ok(Coding::One),
        _ => Err(format!("`{text}`: expected 8, 4, 2, ternary or 1")),
    }
}

/// Quantises, measures, and writes only what passes.
pub(crate) fn run(args: Args) -> Result<(), Error> {
    if !(1e-6..=1e6).contains(&args.max_move) {
        return Err(Error::new(ErrorKind::Usage, "--max-move must be a number of units above 0"));
    }
    fiducia::check_writable(&args.out)?;
    let progress = super::progress(args.quiet);
    let before = Pack::open(&args.model)?;
    let data = fiducia_trainer::data::DataSet::open(&args.data)?;
    let images = data.unlabelled(super::training_split(args.split, &data).as_deref())?;
    let card = args.card.as_deref().map(read_card).transpose()?;
    let distilled_on = if args.no_distillation { &[] } else { &images[..] };
    let bytes = quantise(&before, args.deltas, card.as_deref(), distilled_on, &progress)?;
    let after = Pack::from_bytes(bytes.clone())?;
    let bar = progress.bar("measure", images.len());
    let moves = moved(&before, &after, &images, &|| bar.inc(1))?;
    bar.finish();
    super::print(&table(&before, &after, images.len(), &moves))?;
    let worst = moves.iter().max_by(|a, b| a.mean.total_cmp(&b.mean));
    if let Some(worst) = worst.filter(|m| m.mean > args.max_move || m.mean.is_nan()) {
        let message = format!(
            "{} moves by {:.3} units in the mean, more than {}; nothing was written: use more bits \
             (--deltas) or allow more (--max-move)",
            worst.landmark, worst.mean, args.max_move
        );
        return Err(Error::new(ErrorKind::Implausible, message));
    }
    fiducia::write_atomically(&args.out, &bytes)
}

fn table(before: &Pack, after: &Pack, images: usize, moves: &[Moved]) -> String {
    let width = moves.iter().map(|m| m.landmark.chars().count()).max().unwrap_or(0).max(8);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{}: {} bytes, {} per landmark; before {} and {}",
        before.manifest().name,
        after.file_len(),
        after.adapter_bytes(0),
        before.file_len(),
        before.adapter_bytes(0)
    );
    let _ =
        writeln!(text, "moves on {images} images\n\n{:<width$}  mean px  largest px", "landmark");
    for m in moves {
        let _ =
            writeln!(text, "{:<width$}  {:>7.2}  {:>10.2}", m.landmark, m.mean_px, m.largest_px);
    }
    text
}

//! `fiducia-train quantise`

use std::fmt::Write;
use std::path::PathBuf;

use fiducia::pack::Coding;
use fiducia::{Error, ErrorKind, Pack};
use fiducia_trainer::pack::read_card;
use fiducia_trainer::quantise::{Moved, moved, quantise};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Model to quantise
    #[arg(long, value_name = "PACK")]
    model: PathBuf,
    #[command(flatten)]
    images: super::Images,
    /// Quantised model to write
    #[arg(long, value_name = "PACK")]
    out: PathBuf,
    /// Bits per private value of a landmark: 8, 4, 2, 1 or ternary
    #[arg(long, value_name = "CODING", default_value = "4", value_parser = coding)]
    deltas: Coding,
    /// Largest accepted mean displacement of any landmark, in 240ths of the usual image height
    #[arg(long, value_name = "UNITS", default_value_t = 0.25)]
    max_move: f64,
    /// Do not optimise the scales of the private values by distillation after rounding
    #[arg(long)]
    no_distillation: bool,
    /// Model card (Markdown) of the quantised model [default: that of the model]
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
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

/// Quantises, measures the displacement, and writes the result only if it is small enough.
pub(crate) fn run(args: Args) -> Result<(), Error> {
    if !(1e-6..=1e6).contains(&args.max_move) {
        return Err(Error::new(
            ErrorKind::Usage,
            "--max-move must be a number of normalised units above 0",
        ));
    }
    fiducia::atomic::check_writable(&args.out)?;
    let progress = args.images.progress();
    let before = Pack::open(&args.model)?;
    let (_, images) = args.images.open()?;
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
            "{} moves by {:.3} normalised units on average, more than {}; nothing was written: use more bits \
             (--deltas) or allow more (--max-move)",
            worst.landmark, worst.mean, args.max_move
        );
        return Err(Error::new(ErrorKind::Implausible, message));
    }
    fiducia::atomic::write_atomically(&args.out, &bytes)
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

//! `fiducia-train card`

use std::path::PathBuf;

use fiducia::atomic::{check_writable, write_atomically};
use fiducia::{Error, Pack};
use fiducia_trainer::pack::read_card;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// New model card (Markdown); a signature is removed, because it covered the old card
    #[arg(value_name = "CARD")]
    card: PathBuf,
    /// Model file to write [default: MODEL itself]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes the model with the new card.
pub(crate) fn run(args: Args) -> Result<(), Error> {
    let out = args.out.unwrap_or_else(|| args.model.clone());
    check_writable(&out)?;
    let card = read_card(&args.card)?;
    write_atomically(&out, Pack::open(&args.model)?.with_card(&card)?.bytes())
}

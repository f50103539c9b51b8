//! `fiducia-train card`

use std::path::PathBuf;

use fiducia::{Error, Pack, check_writable, write_atomically};
use fiducia_trainer::pack::read_card;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Model pack
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Model card (Markdown) that it carries from now on; a signature is left out, since it spoke of the old one
    #[arg(value_name = "CARD")]
    card: PathBuf,
    /// Model pack to write [default: the model itself]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes the pack with the other card.
pub(crate) fn run(args: Args) -> Result<(), Error> {
    let out = args.out.unwrap_or_else(|| args.model.clone());
    check_writable(&out)?;
    let card = read_card(&args.card)?;
    write_atomically(&out, Pack::open(&args.model)?.with_card(&card)?.bytes())
}

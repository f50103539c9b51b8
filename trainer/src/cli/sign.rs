//! `fiducia-train keygen` and `fiducia-train sign`

use std::path::PathBuf;

use fiducia::atomic::{check_writable, write_atomically};
use fiducia::{Error, ErrorKind};
use fiducia_trainer::sign::{new_keys, signed};

#[derive(Debug, clap::Args)]
pub(crate) struct KeygenArgs {
    /// Name of the keys: writes OUT.pem, which must stay secret, and OUT.pub.pem for the devices
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SignArgs {
    /// Model file or patch
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Private Ed25519 key, PEM
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// Signed file to write [default: the file itself]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Creates the keys and prints their paths.
pub(crate) fn keygen(args: &KeygenArgs) -> Result<(), Error> {
    let [private, public] = new_keys(&args.out)?;
    super::print(&format!("{}\n{}\n", private.display(), public.display()))
}

/// Signs and writes the file.
pub(crate) fn sign(args: SignArgs) -> Result<(), Error> {
    let out = args.out.unwrap_or_else(|| args.file.clone());
    check_writable(&out)?;
    let file = std::fs::read(&args.file).map_err(|e| {
        Error::new(ErrorKind::Unreadable, format!("cannot read {}: {e}", args.file.display()))
    })?;
    write_atomically(&out, &signed(&file, &args.key)?)
}

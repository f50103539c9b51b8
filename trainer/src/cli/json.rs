//! `--json`, for every subcommand that computes figures.

use std::path::PathBuf;

use fiducia::atomic::{check_writable, write_atomically};
use fiducia::{Error, ErrorKind};
use serde::Serialize;

#[derive(Debug, clap::Args)]
pub(super) struct Json {
    /// Write the figures as JSON to FILE, or to standard output (-) instead of the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Json {
    /// Fails if the file cannot be written; called before long work.
    pub(super) fn check(&self) -> Result<(), Error> {
        match &self.json {
            Some(path) if !self.is_stdout() => check_writable(path),
            _ => Ok(()),
        }
    }

    /// Writes `figures` if JSON was requested.
    pub(super) fn write(&self, figures: &impl Serialize) -> Result<(), Error> {
        let Some(path) = &self.json else { return Ok(()) };
        let mut json = serde_json::to_string_pretty(figures)
            .map_err(|e| Error::new(ErrorKind::Engine, format!("cannot write JSON: {e}")))?;
        json.push('\n');
        match self.is_stdout() {
            true => super::print(&json),
            false => write_atomically(path, json.as_bytes()),
        }
    }

    /// Whether standard output contains only the JSON.
    pub(super) fn is_stdout(&self) -> bool {
        self.json.as_deref().is_some_and(|p| p.as_os_str() == "-")
    }
}

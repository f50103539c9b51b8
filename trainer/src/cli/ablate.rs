//! `fiducia-train ablate`

use std::path::PathBuf;

use fiducia::atomic::write_atomically;
use fiducia::{Error, ErrorKind};
use fiducia_trainer::ablate::{Plan, Row, ablate, markdown};
use fiducia_trainer::run::Place;
use fiducia_trainer::run::config::Preset;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: super::Source,
    /// Split on whose labels the models are measured
    #[arg(long, value_name = "NAME", default_value = "test1")]
    test: String,
    /// Folder for all runs; runs that it already contains are not repeated
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Seeds, separated by commas
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "0,1,2")]
    seeds: Vec<u64>,
    /// Rows of the table, separated by commas [default: all]
    #[arg(long, value_name = "ROW", value_delimiter = ',')]
    rows: Vec<Row>,
    #[command(flatten)]
    networks: super::Networks,
}

/// Trains, measures, and prints the table as Markdown; also writes it to `ablation.md` in the folder.
pub(crate) fn run(args: Args) -> Result<(), Error> {
    let progress = args.source.progress();
    let (data, templates, split) = args.source.open()?;
    let full = Preset::Full.config(data.name.clone(), templates.clone(), split, 0);
    let rows = if args.rows.is_empty() { Row::ALL.to_vec() } else { args.rows };
    let plan = Plan { rows, templates, seeds: args.seeds, test: args.test };
    std::fs::create_dir_all(&args.out).map_err(|e| {
        Error::new(ErrorKind::Unwritable, format!("cannot make {}: {e}", args.out.display()))
    })?;
    let place = Place {
        out: args.out.clone(),
        weights: args.networks.weights,
        card: None,
        device: args.networks.device,
        shared: None,
    };
    let results = ablate(&data, &full, &plan, &place, &progress)?;
    let unit = if data.spacing_mm.is_some() { "mm" } else { "px" };
    let table = markdown(&results, &data.landmarks, unit)?;
    write_atomically(&args.out.join("ablation.md"), table.as_bytes())?;
    super::print(&table)
}

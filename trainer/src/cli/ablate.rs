//! `fiducia-train ablate`

use std::path::PathBuf;

use fiducia::{Error, ErrorKind, write_atomically};
use fiducia_trainer::ablate::{Plan, Row, ablate, markdown};
use fiducia_trainer::run::config::Preset;
use fiducia_trainer::run::{Place, device};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: super::Source,
    /// Split whose labels the models are measured with
    #[arg(long, value_name = "NAME", default_value = "test1")]
    test: String,
    /// Folder for all runs; what is there already is not computed again
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Seeds, separated by commas
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "0,1,2")]
    seeds: Vec<u64>,
    /// Rows of the table, separated by commas [default: all]
    #[arg(long, value_name = "ROW", value_delimiter = ',')]
    rows: Vec<Row>,
    /// Where networks are trained
    #[arg(long, value_enum, default_value = "cpu")]
    device: device::Choice,
    /// Initial weights of the trunk
    #[arg(long, value_name = "FILE", default_value = "models/efficientnet-lite0-f16.safetensors")]
    weights: PathBuf,
}

/// Trains, measures, and prints the table as Markdown; `ablation.md` in the folder holds it too.
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
        weights: args.weights,
        card: None,
        device: args.device,
        shared: None,
    };
    let results = ablate(&data, &full, &plan, &place, &progress)?;
    let unit = if data.spacing_mm.is_some() { "mm" } else { "px" };
    let table = markdown(&results, &data.landmarks, unit)?;
    write_atomically(&args.out.join("ablation.md"), table.as_bytes())?;
    super::print(&table)
}

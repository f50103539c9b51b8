//! Ablation study: trains the same data in several ways, over templates and seeds, and compares the results.

mod rows;
mod measure;
mod table;

pub use measure::Measured;
pub use rows::Row;
pub use table::markdown;

use std::path::Path;

use fiducia::{Error, ErrorKind};

use crate::correspond::Correspondences;
use crate::data::{DataSet, Labelled};
use crate::progress::Progress;
use crate::run::config::RunConfig;
use crate::run::{Place, Source, open_run, run_stages};

/// What to compare.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The rows of the table.
    pub rows: Vec<Row>,
    /// Annotated images; every row is trained once with each of them.
    pub templates: Vec<String>,
    /// Seeds; every row is trained with each of them.
    pub seeds: Vec<u64>,
    /// Split on whose labels the models are measured.
    pub test: String,
}

/// The results of one row, one entry per template and seed.
#[derive(Clone, Debug)]
pub struct RowResult {
    /// The row.
    pub row: Row,
    /// `(template, seed)` of each run.
    pub runs: Vec<(String, u64)>,
    /// What was measured in each run, in the order of `runs`.
    pub measured: Vec<Measured>,
}

/// Trains and measures every run of the plan that is not yet in the folder `place.out`.
///
/// Rows share the checkpoints of the stages that they have in common. `full` is the configuration of the full
/// preset.
///
/// # Errors
/// As [`crate::run::run`]; [`ErrorKind::Usage`] for an unknown split or template.
pub fn ablate(
    data: &DataSet,
    full: &RunConfig,
    plan: &Plan,
    place: &Place,
    progress: &Progress,
) -> Result<Vec<RowResult>, Error> {
    let images = data.labelled(&plan.test)?;
    let mut results: Vec<RowResult> = plan
        .rows
        .iter()
        .map(|&row| RowResult { row, runs: Vec::new(), measured: Vec::new() })
        .collect();
    for supervised in [false, true] {
        let rows = plan.rows.iter().enumerate().filter(|(_, row)| row.supervised() == supervised);
        let rows: Vec<(usize, Row)> = rows.map(|(i, &row)| (i, row)).collect();
        for (templates, seed) in starts(data, full, plan, supervised && !rows.is_empty())? {
            let config = RunConfig { templates, seed, ..full.clone() };
            let mut start = Start { data, config, place, progress, opened: None };
            for &(i, row) in &rows {
                results[i].runs.push((start.label(supervised), seed));
                results[i].measured.push(start.row(row, &images)?);
            }
        }
    }
    Ok(results)
}

/// The template and the seed of every run.
fn starts(
    data: &DataSet,
    full: &RunConfig,
    plan: &Plan,
    supervised: bool,
) -> Result<Vec<(Vec<String>, u64)>, Error> {
    let templates: Vec<Vec<String>> = if supervised {
        let split = full.split.as_deref().unwrap_or(crate::data::ALL);
        vec![data.labelled(split)?.into_iter().map(|l| l.image.name).collect()]
    } else {
        plan.templates.iter().map(|t| vec![t.clone()]).collect()
    };
    let with_seeds = |t: Vec<String>| plan.seeds.iter().map(move |&seed| (t.clone(), seed));
    Ok(templates.into_iter().flat_map(with_seeds).collect())
}

/// Runs one template and seed. The images are read and matched once for all rows, when the first row needs
/// them.
struct Start<'a> {
    data: &'a DataSet,
    config: RunConfig,
    place: &'a Place,
    progress: &'a Progress,
    opened: Option<Opened>,
}

struct Opened {
    source: Source,
    correspondences: Correspondences,
}

impl Start<'_> {
    fn label(&self, supervised: bool) -> String {
        if supervised { "all".to_owned() } else { self.config.templates[0].clone() }
    }

    /// Trains and measures one row, or reads what an earlier call measured.
    fn row(&mut self, row: Row, images: &[Labelled]) -> Result<Measured, Error> {
        let stem = Path::new(&self.label(row.supervised())).with_extension("");
        let out = self
            .place
            .out
            .join(format!("{}-seed{}", stem.display(), self.config.seed))
            .join(row.name());
        let file = out.join("measured.json");
        if let Ok(bytes) = std::fs::read(&file) {
            return serde_json::from_slice(&bytes).map_err(|e| {
                let message = format!("{}: {e}; remove it to measure again", file.display());
                Error::new(ErrorKind::Unreadable, message)
            });
        }
        log::info!("{}: {}", out.display(), row.title());
        self.train(row, &out)?;
        let bar = self.progress.bar("measure", images.len());
        let models = measure::models(row, &out)?;
        let measured = measure::measure(&models, &self.data.landmarks, images, &|| bar.inc(1))?;
        bar.finish();
        let json = serde_json::to_vec(&measured).expect("errors are plain data");
        fiducia::atomic::write_atomically(&file, &json)?;
        Ok(measured)
    }

    fn train(&mut self, row: Row, out: &Path) -> Result<(), Error> {
        let place = Place {
            out: out.to_owned(),
            shared: Some(self.place.out.join("stages")),
            ..self.place.clone()
        };
        if self.opened.is_none() {
            let source = Source::open(self.data, &self.config, &place, self.progress)?;
            let correspondences =
                Correspondences::find(&source.material(&self.config, self.progress))?;
            self.opened = Some(Opened { source, correspondences });
        }
        let Some(Opened { source, correspondences }) = &self.opened else { return Ok(()) };
        let config = row.config(&self.config);
        let material = source.material(&config, self.progress);
        open_run(&place.out, &source.record(&config))?;
        run_stages(source, &material, correspondences, &config, &place, row.until())?;
        Ok(())
    }
}

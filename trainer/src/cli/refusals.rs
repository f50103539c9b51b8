//! `fiducia-train refusals`

use std::num::NonZeroUsize;
use std::path::PathBuf;

use fiducia::report::ModelInfo;
use fiducia::{Backend, Detector, Error, Pack};
use fiducia_trainer::data::{ALL, DataSet, Labelled, Unlabelled};
use fiducia_trainer::evaluate::{
    Alteration, Foreign, Refusals, Subject, Unit, refusal_table, refusals,
};
use fiducia_trainer::progress::Progress;

use super::json::Json;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Model file to test
    #[arg(long, value_name = "PACK")]
    model: PathBuf,
    /// Data folder with images of the model's anatomy; labels are used if there are any
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Split of the data folder; `all` for every image
    #[arg(long, value_name = "NAME")]
    split: String,
    /// Data folder with images of another anatomy; may be given several times
    #[arg(long, value_name = "DIR")]
    foreign: Vec<PathBuf>,
    /// Use only the first N images of every folder
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroUsize>,
    #[command(flatten)]
    json: Json,
}

pub(crate) fn run(args: Args) -> Result<(), Error> {
    args.json.check()?;
    let refusals = measure(&args)?;
    args.json.write(&refusals)?;
    match args.json.is_stdout() {
        true => Ok(()),
        false => super::print(&refusal_table(&refusals)),
    }
}

fn measure(args: &Args) -> Result<Refusals, Error> {
    let limit = args.limit.map_or(usize::MAX, usize::from);
    let set = DataSet::open(&args.data)?;
    let foreign = args
        .foreign
        .iter()
        .map(|dir| {
            let set = DataSet::open(dir)?;
            let images = set.unlabelled(None)?.into_iter().take(limit).collect();
            Ok(Foreign { name: set.name, images })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let pack = Pack::open(&args.model)?;
    let landmarks: Vec<String> =
        pack.manifest().landmarks.iter().filter(|l| set.landmarks.contains(l)).cloned().collect();
    let subjects = subjects(args, &set, &landmarks, limit)?;
    let mut detector = Detector::new(&pack, Backend::Cpu)?;
    let unit = if set.spacing_mm.is_some() { Unit::Mm } else { Unit::Px };
    let images = subjects.len() * Alteration::ALL.len()
        + foreign.iter().map(|f| f.images.len()).sum::<usize>();
    let progress = Progress::terminal().bar("refusals", images);
    let kinds = refusals(&mut detector, &subjects, &landmarks, unit, &foreign, || progress.inc(1))?;
    progress.finish_and_clear();
    let model = ModelInfo { name: pack.manifest().name.clone(), sha256: pack.sha256().to_owned() };
    Ok(Refusals { model, set: set.name, split: args.split.clone(), unit, kinds })
}

/// The images of the split, with the ground truth in the order of `landmarks` if they have one.
fn subjects(
    args: &Args,
    set: &DataSet,
    landmarks: &[String],
    limit: usize,
) -> Result<Vec<Subject>, Error> {
    let images = set.unlabelled(Some(&args.split))?;
    let labelled = match landmarks.is_empty() || !args.data.join("mean.csv").exists() {
        true => Vec::new(),
        // The labels of the whole set: a split without labels is allowed.
        false => set.labelled(ALL)?,
    };
    let places: Vec<usize> =
        landmarks.iter().filter_map(|l| set.landmarks.iter().position(|s| s == l)).collect();
    let points = |name: &str| {
        let found = labelled.iter().find(|l: &&Labelled| l.image.name == name);
        found.map_or_else(Vec::new, |l| places.iter().map(|&i| l.points_px[i]).collect())
    };
    let subject = |image: Unlabelled| Subject { truth_px: points(&image.name), image };
    Ok(images.into_iter().take(limit).map(subject).collect())
}

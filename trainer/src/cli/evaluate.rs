//! `fiducia-train evaluate`

use std::path::PathBuf;

use clap::ValueEnum;
use fiducia::{Backend, Detector, Error, ErrorKind, ModelInfo, Pack, check_writable};
use fiducia_trainer::data::{DataSet, Labelled};
use fiducia_trainer::evaluate::{
    Evaluation, check_report_place, predict, summarise, table, write_report,
};
use fiducia_trainer::progress::Progress;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Pack to be measured
    #[arg(long, value_name = "PACK")]
    model: PathBuf,
    /// Data folder with labels
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Split of the data folder; `all` takes every labelled image
    #[arg(long, value_name = "NAME")]
    split: String,
    /// What runs the networks
    #[arg(long, value_enum, default_value = "auto")]
    backend: BackendArg,
    /// Images to leave out, separated by commas
    #[arg(long, value_name = "IMAGE", value_delimiter = ',')]
    exclude: Vec<String>,
    /// Measure the first N images only
    #[arg(long, value_name = "N")]
    limit: Option<std::num::NonZeroUsize>,
    /// Write the figures as JSON to FILE, or to standard output (-) instead of the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a report with plots and pictures to a new folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum BackendArg {
    Auto,
    Cpu,
    Gpu,
}

pub(crate) fn run(args: Args) -> Result<(), Error> {
    if let Some(dir) = &args.report {
        check_report_place(dir)?;
    }
    let to_stdout = args.json.as_deref().is_some_and(|p| p.as_os_str() == "-");
    if let Some(path) = args.json.as_deref().filter(|_| !to_stdout) {
        check_writable(path)?;
    }
    let set = DataSet::open(&args.data)?;
    let (images, excluded) = choose_images(&args, &set)?;
    let evaluation = evaluate(&args, &set, &images, excluded)?;
    if let Some(path) = &args.json {
        super::write_json(path, &evaluation.summary)?;
    }
    if let Some(dir) = &args.report {
        write_report(dir, &evaluation, &images)?;
    }
    match to_stdout {
        true => Ok(()),
        false => super::print(&table(&evaluation)),
    }
}

/// The images to measure and those of the split that are left out.
fn choose_images(args: &Args, set: &DataSet) -> Result<(Vec<Labelled>, Vec<String>), Error> {
    let mut images = set.labelled(&args.split)?;
    let is_excluded = |name: &str| args.exclude.iter().any(|e| e == name);
    for name in &args.exclude {
        if !images.iter().any(|l| &l.image.name == name) {
            log::warn!("--exclude {name}: no labelled image of split `{}`", args.split);
        }
    }
    let names = images.iter().map(|l| l.image.name.clone());
    let excluded = names.filter(|n| is_excluded(n)).collect();
    images.retain(|l| !is_excluded(&l.image.name));
    images.truncate(args.limit.map_or(usize::MAX, usize::from));
    if images.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "--exclude leaves no image to measure"));
    }
    Ok((images, excluded))
}

fn evaluate(
    args: &Args,
    set: &DataSet,
    images: &[Labelled],
    excluded: Vec<String>,
) -> Result<Evaluation, Error> {
    let pack = Pack::open(&args.model)?;
    let landmarks = shared_landmarks(&pack, set)?;
    let backend = match args.backend {
        BackendArg::Auto => Backend::Auto,
        BackendArg::Cpu => Backend::Cpu,
        BackendArg::Gpu => Backend::Gpu,
    };
    let mut detector = Detector::new(&pack, backend)?;
    let progress = Progress::terminal().bar("evaluate", images.len());
    let results = predict(&mut detector, images, &set.landmarks, &landmarks, || progress.inc(1))?;
    progress.finish_and_clear();
    let (predictions, reports): (Vec<_>, Vec<_>) = results.into_iter().unzip();
    Ok(Evaluation {
        set: set.name.clone(),
        split: args.split.clone(),
        excluded,
        model: ModelInfo { name: pack.manifest().name.clone(), sha256: pack.sha256().to_owned() },
        backend: detector.backend().clone(),
        summary: summarise(&landmarks, &predictions),
        landmarks,
        predictions,
        reports,
    })
}

/// The landmarks of the pack that the set has points for; the others are named on stderr.
fn shared_landmarks(pack: &Pack, set: &DataSet) -> Result<Vec<String>, Error> {
    let model = &pack.manifest().landmarks;
    let (shared, unknown): (Vec<_>, Vec<_>) =
        model.iter().cloned().partition(|l| set.landmarks.contains(l));
    if shared.is_empty() {
        let message = format!(
            "the model finds {}, the set {} has points for {}: nothing to measure",
            model.join(", "),
            set.name,
            set.landmarks.join(", ")
        );
        return Err(Error::new(ErrorKind::Usage, message));
    }
    if !unknown.is_empty() {
        log::warn!("not measured, since the set has no points for them: {}", unknown.join(", "));
    }
    let missing: Vec<_> = set.landmarks.iter().filter(|l| !model.contains(l)).cloned().collect();
    if !missing.is_empty() {
        log::warn!("not measured, since the model does not find them: {}", missing.join(", "));
    }
    Ok(shared)
}

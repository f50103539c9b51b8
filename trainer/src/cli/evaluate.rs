//! `fiducia-train evaluate`

use std::path::PathBuf;

use fiducia::{Error, ErrorKind, Pack};
use fiducia_trainer::evaluate::{
    Evaluation, check_disjoint, check_report_place, merge, summarise, table, write_report,
};

use super::json::Json;
use super::measure::{Measure, Subject, model_info, open_packs};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Model file to evaluate; several that find different landmarks are evaluated as one model
    #[arg(long, value_name = "PACK", required = true)]
    model: Vec<PathBuf>,
    #[command(flatten)]
    measure: Measure,
    #[command(flatten)]
    json: Json,
    /// Write a report with plots and images to a new folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

pub(crate) fn run(args: Args) -> Result<(), Error> {
    if let Some(dir) = &args.report {
        check_report_place(dir)?;
    }
    args.json.check()?;
    let subject = args.measure.open()?;
    let evaluation = evaluate(&args.model, &subject)?;
    args.json.write(&evaluation.summary)?;
    if let Some(dir) = &args.report {
        write_report(dir, &evaluation, &subject.images)?;
    }
    match args.json.is_stdout() {
        true => Ok(()),
        false => super::print(&table(&evaluation)),
    }
}

fn evaluate(paths: &[PathBuf], subject: &Subject) -> Result<Evaluation, Error> {
    let packs = open_packs(paths)?;
    let found = |(path, pack): (&PathBuf, &Pack)| {
        (path.display().to_string(), pack.manifest().landmarks.clone())
    };
    check_disjoint(&paths.iter().zip(&packs).map(found).collect::<Vec<_>>())?;
    let shared = packs.iter().map(|p| subject.shared(p)).collect::<Result<Vec<_>, _>>()?;
    warn_of_unmeasured(&packs, subject);
    let runs = packs.iter().zip(shared).map(|(p, landmarks)| subject.run(p, landmarks, "evaluate"));
    let (parts, mut backends): (Vec<_>, Vec<_>) =
        runs.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let whole = merge(parts, &subject.set.landmarks)?;
    let (predictions, reports): (Vec<_>, Vec<_>) = whole.results.into_iter().unzip();
    Ok(Evaluation {
        set: subject.set.name.clone(),
        split: subject.split.clone(),
        excluded: subject.excluded.clone(),
        models: packs.iter().map(model_info).collect(),
        backend: backends.pop().ok_or_else(|| Error::new(ErrorKind::Usage, "no --model"))?,
        summary: summarise(&whole.landmarks, &predictions),
        landmarks: whole.landmarks,
        predictions,
        reports,
    })
}

/// Warns about the landmarks that only the models or only the set have.
fn warn_of_unmeasured(packs: &[Pack], subject: &Subject) {
    let models: Vec<&String> = packs.iter().flat_map(|p| &p.manifest().landmarks).collect();
    let set: Vec<&String> = subject.set.landmarks.iter().collect();
    let only = |a: &[&String], b: &[&String]| {
        let only = a.iter().filter(|l| !b.contains(l)).map(|l| l.as_str());
        only.collect::<Vec<_>>().join(", ")
    };
    let (unknown, missing) = (only(&models, &set), only(&set, &models));
    if !unknown.is_empty() {
        log::warn!("not evaluated, because the set has no points for them: {unknown}");
    }
    if !missing.is_empty() {
        log::warn!("not evaluated, because no model finds them: {missing}");
    }
}

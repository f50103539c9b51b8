//! `fiducia-train compare`

use std::path::PathBuf;

use fiducia::{Error, ErrorKind, Pack};
use fiducia_trainer::evaluate::{Comparison, Prediction, Side, Unit, paired, radial_errors};

use super::json::Json;
use super::measure::{Measure, Subject, model_info, open_packs};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Model file of side A; several for runs of one training with different seeds
    #[arg(long, value_name = "PACK", required = true)]
    model: Vec<PathBuf>,
    /// Model file of side B; as many as --model
    #[arg(long, value_name = "PACK", required = true)]
    against: Vec<PathBuf>,
    #[command(flatten)]
    measure: Measure,
    #[command(flatten)]
    json: Json,
}

pub(crate) fn run(args: Args) -> Result<(), Error> {
    let (runs, others) = (args.model.len(), args.against.len());
    if runs != others {
        let message = format!("--model is given {runs} times but --against {others} times");
        return Err(Error::new(ErrorKind::Usage, message));
    }
    args.json.check()?;
    let comparison = compare(&args.model, &args.against, &args.measure.open()?)?;
    args.json.write(&comparison)?;
    match args.json.is_stdout() {
        true => Ok(()),
        false => super::print(&comparison.table()),
    }
}

fn compare(model: &[PathBuf], against: &[PathBuf], subject: &Subject) -> Result<Comparison, Error> {
    let sides = [open_packs(model)?, open_packs(against)?];
    let landmarks = shared_by_all(&sides, subject)?;
    let [(a, a_runs), (b, b_runs)] =
        [measure(&sides[0], &landmarks, subject)?, measure(&sides[1], &landmarks, subject)?];
    // All runs use the same images, so the unit of one run is that of all.
    let unit = Unit::of(&a_runs[0]);
    let errors =
        |runs: &[Vec<Prediction>]| runs.iter().map(|r| radial_errors(r, unit)).collect::<Vec<_>>();
    Ok(Comparison {
        set: subject.set.name.clone(),
        split: subject.split.clone(),
        unit,
        paired: paired(&errors(&a_runs), &errors(&b_runs))?,
        landmarks,
        model: a,
        against: b,
    })
}

/// Runs every model of one side.
fn measure(
    packs: &[Pack],
    landmarks: &[String],
    subject: &Subject,
) -> Result<(Side, Vec<Vec<Prediction>>), Error> {
    let (mut side, mut runs) = (Side::default(), Vec::new());
    for pack in packs {
        let (part, _) = subject.run(pack, landmarks.to_vec(), "compare")?;
        let predictions: Vec<Prediction> = part.results.into_iter().map(|r| r.0).collect();
        side.models.push(model_info(pack));
        side.refused.extend(predictions.iter().filter(|p| p.refused).map(|p| p.image.clone()));
        runs.push(predictions);
    }
    side.refused.sort();
    side.refused.dedup();
    Ok((side, runs))
}

/// The landmarks that every model finds and the set has points for; warns about the others.
fn shared_by_all(sides: &[Vec<Pack>; 2], subject: &Subject) -> Result<Vec<String>, Error> {
    let packs = || sides.iter().flatten();
    let (mut shared, mut left_out) = (Vec::new(), Vec::new());
    for name in &subject.set.landmarks {
        let count = packs().filter(|p| p.manifest().landmarks.contains(name)).count();
        match count {
            0 => {}
            n if n == packs().count() => shared.push(name.clone()),
            _ => left_out.push(name.as_str()),
        }
    }
    if shared.is_empty() {
        let message = format!("no landmark of the set {} is found by all models", subject.set.name);
        return Err(Error::new(ErrorKind::Usage, message));
    }
    if !left_out.is_empty() {
        log::warn!("not compared, because not every model finds them: {}", left_out.join(", "));
    }
    Ok(shared)
}

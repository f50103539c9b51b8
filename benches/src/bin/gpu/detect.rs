//! Images through whole models.

use std::path::Path;
use std::time::{Duration, Instant};

use fiducia::{
    Adapter, Backend, Detector, Error, MeasuredPeak, Pack, Precision, Radiograph, Timings, Wanted,
    by_shader,
};
use fiducia_benches::{DEMO_MM, Row, Times, doubled};

use crate::{SHORT_SPAN, SPAN};

const SEED: u64 = 1;
/// Models with their demo images and these images' spacings, mm per px.
const MODELS: [(&str, &str, Option<f64>); 3] = [
    ("head", "demo.png", Some(DEMO_MM)),
    ("chest", "demo-chest.png", Some(1.0)),
    ("spine", "demo-spine.png", None),
];

/// A stage of a detection: name, and its time of a run, ms.
type Stage = (&'static str, fn(&Timings) -> f64);
const STAGES: [Stage; 5] = [
    ("preprocess", |t| t.preprocess),
    ("backbone", |t| t.backbone),
    ("crop", |t| t.crop),
    ("refine", |t| t.refine),
    ("decode", |t| t.decode),
];

/// A model with an image that it takes.
pub(crate) struct Film {
    pub(crate) model: &'static str,
    pub(crate) pack: Pack,
    pub(crate) film: Radiograph,
}

/// The shipped models; the demo image of the head at twice its resolution, about that of a usual cephalogram.
pub(crate) fn films(models: &Path) -> Result<Vec<Film>, Error> {
    let film = |(model, image, mm): (&'static str, &str, Option<f64>)| {
        let film = Radiograph::open(&models.join(image), mm.map(|mm| [mm; 2]))?;
        let film = if model == "head" { doubled(&film, SEED) } else { film };
        Ok(Film { model, pack: Pack::open(&models.join(format!("{model}.fid")))?, film })
    };
    MODELS.into_iter().map(film).collect()
}

/// The adapter of this name, and how it keeps the networks' numbers.
pub(crate) fn wanted(adapter: &str, precision: Precision) -> Wanted {
    let adapter = Some(adapter.to_owned());
    Wanted { backend: Backend::Gpu, adapter, precision, ..Wanted::default() }
}

/// Time of an image with its stages, images a second one after another, and each shader against its floor.
pub(crate) fn rows(
    name: &str,
    adapter: &Adapter,
    Film { model, pack, film }: &Film,
    form: Precision,
    reach: Option<&MeasuredPeak>,
) -> Result<(Vec<Row>, ()), Error> {
    let of_form = format!("{model}/{}", form.name());
    let landmarks = &pack.manifest().landmarks;
    let mut detector = Detector::on(pack, &wanted(&adapter.name, form), landmarks)?;
    let at = format!("{name}/detect/{of_form}");
    let mut rows = vec![
        Row::number(&at, "landmarks", landmarks.len() as f64, ""),
        Row::text(&at, "size", &format!("{}x{} px", film.width, film.height)),
    ];
    let mut seen = Vec::new();
    let times = Times::of(SPAN, || {
        let took = detector.observe(film)?.timings_ms;
        seen.push(took);
        Ok::<_, Error>(took.total)
    })?;
    rows.extend(times.rows(&at));
    // The runs that count come last; where the device has no clock stages have no times.
    let counted = &seen[seen.len() - times.count()..];
    for (stage, of) in STAGES {
        let times: Vec<f64> = counted.iter().map(of).filter(|ms| ms.is_finite()).collect();
        if !times.is_empty() {
            rows.push(Row::number(&at, stage, Times::from(times).quantile(0.5), "ms"));
        }
    }
    rows.push(Row::number(&at, "pipelined", pipelined(&mut detector, film)?, "/s"));
    // The pipelined image was the same one.
    if let (Some(steps), Some(reach)) = (detector.profile()?, reach) {
        let shaders = by_shader(&steps, reach);
        rows.push(Row::number(&at, "steps", steps.len() as f64, ""));
        rows.push(Row::number(&at, "sum of steps", shaders.iter().map(|s| s.ms).sum(), "ms"));
        rows.push(Row::number(&at, "floor", shaders.iter().map(|s| s.floor_ms).sum(), "ms"));
        for s in shaders {
            let at = format!("{name}/shader/{of_form}/{}", s.kernel);
            rows.extend([
                Row::number(&at, "steps", s.steps as f64, ""),
                Row::number(&at, "time", s.ms, "ms"),
                Row::number(&at, "floor", s.floor_ms, "ms"),
                Row::number(&at, "operations", s.flops as f64, ""),
                Row::number(&at, "traffic", s.bytes as f64, "bytes"),
            ]);
        }
    }
    Ok((rows, ()))
}

/// Images a second, the next one started before the present one is waited for.
fn pipelined(detector: &mut Detector, film: &Radiograph) -> Result<f64, Error> {
    let mut spare = film.clone();
    let mut under_way = detector.start(film.clone())?;
    let (start, mut images) = (Instant::now(), 0u32);
    while images < 2 || start.elapsed() < SPAN {
        let next = detector.start(spare)?;
        spare = detector.finish(under_way)?.0;
        under_way = next;
        images += 1;
    }
    let rate = f64::from(images) / start.elapsed().as_secs_f64();
    detector.finish(under_way)?;
    Ok(rate)
}

/// One landmark, all of them, and a model for each: the same graphs for its one region, as in the comparison with
/// other engines; one after the other, and their times added.
pub(crate) fn singles(
    name: &str,
    adapter: &Adapter,
    Film { model, pack, film }: &Film,
) -> Result<(Vec<Row>, ()), Error> {
    let wanted = wanted(&adapter.name, Precision::F32);
    let time = |names: &[String], span: Duration| {
        let mut detector = Detector::on(pack, &wanted, names)?;
        Times::of(span, || detector.observe(film).map(|seen| seen.timings_ms.total))
    };
    let names = &pack.manifest().landmarks;
    let at = |which: String| format!("{name}/landmarks/{model}/{which}");
    let mut rows = time(&names[..1], SPAN)?.rows(&at("1".to_owned()));
    rows.extend(time(names, SPAN)?.rows(&at(names.len().to_string())));
    let mut sum = 0.0;
    for one in names.chunks(1) {
        sum += time(one, SHORT_SPAN)?.quantile(0.5);
    }
    rows.push(Row::number(&at(format!("{} models", names.len())), "median", sum, "ms"));
    Ok((rows, ()))
}

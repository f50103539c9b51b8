//! Whole images through whole models.

use std::path::Path;
use std::time::{Duration, Instant};

use fiducia::engine::Timings;
use fiducia::engine::gpu::by_shader;
use fiducia::{
    Adapter, Backend, Detector, DetectorOptions, Error, MeasuredPeak, Pack, Precision, Radiograph,
};
use fiducia_benches::{DEMO_MM, Row, Times, doubled};

use crate::{SHORT_SPAN, SPAN};

const SEED: u64 = 1;
/// Models with their demo images and the images' spacings, mm per px.
const MODELS: [(&str, &str, Option<f64>); 3] = [
    ("head", "demo.png", Some(DEMO_MM)),
    ("chest", "demo-chest.png", Some(1.0)),
    ("spine", "demo-spine.png", None),
];

/// A stage of a detection: name, and function that reads its time, ms.
type Stage = (&'static str, fn(&Timings) -> f64);
const STAGES: [Stage; 5] = [
    ("preprocess", |t| t.preprocess),
    ("backbone", |t| t.backbone),
    ("crop", |t| t.crop),
    ("refine", |t| t.refine),
    ("decode", |t| t.decode),
];

/// A model with an image for it.
pub(crate) struct Case {
    pub(crate) model: &'static str,
    pub(crate) pack: Pack,
    pub(crate) radiograph: Radiograph,
}

/// The shipped models with their demo images; the head image at twice its resolution, that of a usual
/// cephalogram.
pub(crate) fn cases(models: &Path) -> Result<Vec<Case>, Error> {
    let case = |(model, image, mm): (&'static str, &str, Option<f64>)| {
        let radiograph = Radiograph::open(&models.join(image), mm.map(|mm| [mm; 2]))?;
        let radiograph = if model == "head" { doubled(&radiograph, SEED) } else { radiograph };
        Ok(Case { model, pack: Pack::open(&models.join(format!("{model}.fid")))?, radiograph })
    };
    MODELS.into_iter().map(case).collect()
}

/// Detector options for the adapter of this name and this precision.
pub(crate) fn options(adapter: &str, precision: Precision) -> DetectorOptions {
    let adapter = Some(adapter.to_owned());
    DetectorOptions { backend: Backend::Gpu, adapter, precision, ..DetectorOptions::default() }
}

/// Time per image with its stages, pipelined throughput, and the time of each shader against its roofline
/// bound.
pub(crate) fn rows(
    name: &str,
    adapter: &Adapter,
    Case { model, pack, radiograph }: &Case,
    form: Precision,
    peaks: Option<&MeasuredPeak>,
) -> Result<(Vec<Row>, ()), Error> {
    let of_form = format!("{model}/{}", form.name());
    let landmarks = &pack.manifest().landmarks;
    let mut detector = Detector::on(pack, &options(&adapter.name, form), landmarks)?;
    let at = format!("{name}/detect/{of_form}");
    let mut rows = vec![
        Row::number(&at, "landmarks", landmarks.len() as f64, ""),
        Row::text(&at, "size", &format!("{}x{} px", radiograph.width, radiograph.height)),
    ];
    let mut seen = Vec::new();
    let times = Times::of(SPAN, || {
        let took = detector.observe(radiograph)?.timings_ms;
        seen.push(took);
        Ok::<_, Error>(took.total)
    })?;
    rows.extend(times.rows(&at));
    // The measured runs come last; where the device has no timestamps, stages have no times.
    let counted = &seen[seen.len() - times.count()..];
    for (stage, of) in STAGES {
        let times: Vec<f64> = counted.iter().map(of).filter(|ms| ms.is_finite()).collect();
        if !times.is_empty() {
            rows.push(Row::number(&at, stage, Times::from(times).quantile(0.5), "ms"));
        }
    }
    rows.push(Row::number(&at, "pipelined", pipelined(&mut detector, radiograph)?, "/s"));
    // The pipelined images are the same image.
    if let (Some(steps), Some(peaks)) = (detector.profile()?, peaks) {
        let shaders = by_shader(&steps, peaks);
        rows.push(Row::number(&at, "steps", steps.len() as f64, ""));
        rows.push(Row::number(&at, "sum of steps", shaders.iter().map(|s| s.ms).sum(), "ms"));
        rows.push(Row::number(&at, "bound", shaders.iter().map(|s| s.bound_ms).sum(), "ms"));
        for s in shaders {
            let at = format!("{name}/shader/{of_form}/{}", s.kernel);
            rows.extend([
                Row::number(&at, "steps", s.steps as f64, ""),
                Row::number(&at, "time", s.ms, "ms"),
                Row::number(&at, "bound", s.bound_ms, "ms"),
                Row::number(&at, "operations", s.flops as f64, ""),
                Row::number(&at, "traffic", s.bytes as f64, "bytes"),
            ]);
        }
    }
    Ok((rows, ()))
}

/// Throughput with the next image started before the current one is awaited, images per second.
fn pipelined(detector: &mut Detector, radiograph: &Radiograph) -> Result<f64, Error> {
    let mut spare = radiograph.clone();
    let mut under_way = detector.start(radiograph.clone())?;
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

/// One landmark, all landmarks, and one model per landmark: the latter run one after the other on one region
/// each, as in the comparison with other engines, and their times are added.
pub(crate) fn singles(
    name: &str,
    adapter: &Adapter,
    Case { model, pack, radiograph }: &Case,
) -> Result<(Vec<Row>, ()), Error> {
    let options = options(&adapter.name, Precision::F32);
    let time = |names: &[String], span: Duration| {
        let mut detector = Detector::on(pack, &options, names)?;
        Times::of(span, || detector.observe(radiograph).map(|seen| seen.timings_ms.total))
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

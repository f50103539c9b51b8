//! One landmark in a structured report: a group of TID 1410.

use super::codes::{Code, LandmarkCode, code, own};
use super::content::{Content, Relation, with_content};
use super::data_set::DataSet;
use super::place::place;
use super::task::Task;
use crate::landmark::Landmark;
use crate::radiograph::MmSource;

const IMAGE_REGION: Code = code("111030", "DCM", "Image Region");
const MM: Code = code("mm", "UCUM", "mm");
const PIXELS: Code = code("{pixels}", "UCUM", "pixels");

/// The group of `landmark`; `None` where its position is no number.
///
/// The point stands in the group, where the template wants it, and once more under the first measurement, where a
/// widely used library of viewers looks for it and refuses the report otherwise.
pub(super) fn group(task: &Task<'_>, landmark: &Landmark) -> Option<DataSet> {
    use Relation::{Contains, Context, InferredFrom};
    let content = Content { charset: &task.charset };
    let place = place(landmark)?;
    let names = LandmarkCode::of(&landmark.name);
    let point = |relation| {
        let source = code("260753009", "SCT", "Source");
        let film = content.image(Relation::SelectedFrom, Some(source), task.film());
        content.point(relation, IMAGE_REGION, place, film)
    };
    let mut inside = vec![
        content.text(Context, code("112039", "DCM", "Tracking Identifier"), &landmark.name),
        content.uid(
            Context,
            code("112040", "DCM", "Tracking Unique Identifier"),
            &task.tracking(&landmark.name),
        ),
        content.code(
            Contains,
            code("276214006", "SCT", "Finding category"),
            code("91723000", "SCT", "Anatomical structure"),
        ),
        content.code(Contains, code("121071", "DCM", "Finding"), names.code()),
    ];
    inside.extend(site(&content, &names));
    inside.extend(algorithm(task, &content));
    inside.push(point(Contains));
    let errors = [(landmark.expected_error_mm, MM), (Some(landmark.expected_error_px), PIXELS)];
    let mut evidence = vec![point(InferredFrom)];
    for (value, unit) in errors {
        let Some(value) = value.filter(|v| v.is_finite()) else { continue };
        let evidence = std::mem::take(&mut evidence);
        inside.extend(content.number(own("EXPECTED-ERROR"), value, unit, evidence));
    }
    let mark = own(if landmark.confident { "CONFIDENT" } else { "DOUBTFUL" });
    inside.push(content.code(Contains, own("CONFIDENCE"), mark));
    Some(content.container(code("125007", "DCM", "Measurement Group"), Some("1410"), inside))
}

/// The anatomical structure, with the side where it has one.
fn site(content: &Content<'_>, names: &LandmarkCode) -> Option<DataSet> {
    let (site, side) = names.site?;
    let name = code("363698007", "SCT", "Finding Site");
    let laterality = code("272741003", "SCT", "Laterality");
    let side = side.map(|side| content.code(Relation::Modifies, laterality, side));
    Some(with_content(content.code(Relation::Modifies, name, site), side.into_iter().collect()))
}

/// Which model found it and how (TID 4019).
fn algorithm(task: &Task<'_>, content: &Content<'_>) -> Vec<DataSet> {
    let report = task.report;
    let version: String = report.model.sha256.chars().take(12).collect();
    let parameter = code("111002", "DCM", "Algorithm Parameters");
    let text = |name, value: &str| content.text(Relation::Modifies, name, value);
    let mut items = vec![
        text(code("111001", "DCM", "Algorithm Name"), &task.model_name()),
        text(code("111003", "DCM", "Algorithm Version"), &version),
        text(parameter, &format!("model-sha256={}", report.model.sha256)),
        text(parameter, concat!("software=fiducia ", env!("CARGO_PKG_VERSION"))),
        text(parameter, &format!("backend={} {}", report.backend.kind, report.backend.precision)),
        text(parameter, &format!("mm-per-px={}", scale(report.spacing_mm, report.mm_source))),
    ];
    if report.inverted {
        items.push(text(parameter, "grey-values=inverted"));
    }
    items.push(content.code(
        Relation::Modifies,
        code("111000", "DCM", "Algorithm Family"),
        code("123110", "DCM", "Artificial Intelligence"),
    ));
    items
}

/// Millimetres mean little without where they are from.
fn scale(spacing_mm: Option<[f64; 2]>, source: MmSource) -> String {
    match spacing_mm {
        Some([x, y]) => format!("{x} x {y} ({source})"),
        None => source.to_string(),
    }
}

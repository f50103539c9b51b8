//! The structured report: TID 1500 with one group for each landmark, or why there are none.

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};

use super::Kind;
use super::codes::{code, schemes};
use super::content::{Content, Relation};
use super::data_set::DataSet;
use super::landmark::group;
use super::task::{MAKER, Task};

/// The whole document, without its SOP Class and Instance UID.
pub(super) fn document(task: &Task<'_>, kind: Kind) -> DataSet {
    let content = Content { charset: &task.charset };
    let mut inside = context(task, &content);
    inside.push(library(task, &content));
    inside.push(if task.report.plausible {
        let groups = task.report.landmarks.iter().filter_map(|l| group(task, l)).collect();
        content.container(code("126010", "DCM", "Imaging Measurements"), None, groups)
    } else {
        refusal(task, &content)
    });
    let title = code("126000", "DCM", "Imaging Measurement Report");
    content.root(frame(task, kind), title, "1500", inside)
}

/// SOP Class UID of a report.
pub(super) fn sop_class(kind: Kind) -> &'static str {
    match kind {
        Kind::Report => uids::COMPREHENSIVE_SR_STORAGE,
        _ => uids::COMPREHENSIVE3_DSR_STORAGE,
    }
}

/// What is around the content (PS3.3, C.17.1 and C.17.2): made by a machine and seen by nobody yet.
fn frame(task: &Task<'_>, kind: Kind) -> DataSet {
    let series = DataSet::new().sequence(tags::REFERENCED_SOP_SEQUENCE, vec![task.film()]).text(
        tags::SERIES_INSTANCE_UID,
        VR::UI,
        task.source.series(),
    );
    let evidence = DataSet::new().sequence(tags::REFERENCED_SERIES_SEQUENCE, vec![series]).text(
        tags::STUDY_INSTANCE_UID,
        VR::UI,
        task.source.study(),
    );
    let landmarks = task.report.landmarks.iter().filter(|_| task.report.plausible);
    let schemes = schemes(landmarks.map(|l| l.name.as_str()));
    task.head(kind)
        .sequence(tags::CODING_SCHEME_IDENTIFICATION_SEQUENCE, schemes)
        .sequence(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, vec![])
        .sequence(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, vec![])
        .sequence(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, vec![evidence])
        .text(tags::CONTENT_DATE, VR::DA, &task.date)
        .text(tags::CONTENT_TIME, VR::TM, &task.time)
        .text(tags::COMPLETION_FLAG, VR::CS, "COMPLETE")
        .text(tags::VERIFICATION_FLAG, VR::CS, "UNVERIFIED")
        .text(tags::PRELIMINARY_FLAG, VR::CS, "PRELIMINARY")
}

/// Language, who observed, what was examined.
fn context(task: &Task<'_>, content: &Content<'_>) -> Vec<DataSet> {
    use Relation::{Context, Modifies};
    let observer =
        |value, meaning, text: &str| content.text(Context, code(value, "DCM", meaning), text);
    vec![
        content.code(
            Modifies,
            code("121049", "DCM", "Language of Content Item and Descendants"),
            code("en", "RFC5646", "English"),
        ),
        content.code(
            Context,
            code("121005", "DCM", "Observer Type"),
            code("121007", "DCM", "Device"),
        ),
        content.uid(Context, code("121012", "DCM", "Device Observer UID"), &task.device()),
        observer("121013", "Device Observer Name", "fiducia"),
        observer("121014", "Device Observer Manufacturer", MAKER),
        observer("121015", "Device Observer Model Name", &task.model_name()),
        observer("121016", "Device Observer Serial Number", &task.report.model.sha256),
        content.code(
            Modifies,
            code("121058", "DCM", "Procedure reported"),
            code("43468-8", "LN", "XR unspecified body region"),
        ),
    ]
}

/// The film, which the evidence must name and a refusal has no point on.
fn library(task: &Task<'_>, content: &Content<'_>) -> DataSet {
    let entry = content.image(Relation::Contains, None, task.film());
    let group = content.container(code("126200", "DCM", "Image Library Group"), None, vec![entry]);
    content.container(code("111028", "DCM", "Image Library"), None, vec![group])
}

/// Why nothing was measured.
fn refusal(task: &Task<'_>, content: &Content<'_>) -> DataSet {
    let mut inside = vec![content.code(
        Relation::Contains,
        code("111064", "DCM", "Summary of Detections"),
        code("111225", "DCM", "Not Attempted"),
    )];
    let comment = code("121106", "DCM", "Comment");
    let model = &task.report.model.name;
    let heading =
        format!("nothing was measured: the film does not look like one for the model {model}");
    let reasons = task.report.reasons.iter().map(String::as_str);
    let comments = [heading.as_str()].into_iter().chain(reasons);
    inside.extend(comments.map(|text| content.text(Relation::Contains, comment, text)));
    let name = code("C0034375", "UMLS", "Qualitative Evaluations");
    content.container(name, None, inside)
}

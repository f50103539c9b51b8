//! The plots of a report, as SVG.

mod cumulative;
mod boxes;
mod reliability;

use super::super::Evaluation;
use super::super::metrics::radial_errors;
use crate::plot::{
    Canvas, Chart, DATA, DrawResult, FONT, GUIDE, INK, MARK, RIGHT_PX, chart, ending, svg,
};

pub(super) use boxes::boxes;
pub(super) use cumulative::cumulative;
pub(super) use reliability::reliability;

/// End of the error axis, in the unit of the summary, unless most errors are larger.
const LEAST_AXIS_END: f64 = 6.0;

/// All errors, `[landmark][image]`.
fn errors_by_landmark(evaluation: &Evaluation) -> Vec<Vec<f64>> {
    let by_image = radial_errors(&evaluation.predictions, evaluation.summary.unit);
    let errors_of = |l: usize| by_image.iter().map(|image| image[l]).collect();
    (0..evaluation.landmarks.len()).map(errors_of).collect()
}

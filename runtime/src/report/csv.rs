//! Reports as CSV.

use std::fmt::Write;

use super::Report;

/// Columns of [`csv`].
const CSV_HEADER: &str =
    "image,landmark,x_px,y_px,x_mm,y_mm,expected_error_mm,expected_error_px,confident";

/// The reports as CSV, one row per landmark, quoted as in RFC 4180, lines ended by `\n`.
///
/// Millimetre fields are empty if the spacing is unknown. A name that a spreadsheet would run as a formula (it starts
/// with `=`, `+`, `-` or `@`) gets an apostrophe in front.
///
/// ```
/// # use std::path::Path;
/// # use fiducia::{Backend, Detector, Pack, Radiograph};
/// # fn main() -> Result<(), fiducia::Error> {
/// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
/// # let mut detector = Detector::new(&Pack::open(&models.join("head.fid"))?, Backend::Cpu)?;
/// # let report = detector.detect(&Radiograph::open(&models.join("demo.png"), None)?)?;
/// let text = fiducia::report::csv(&[report]);
/// assert!(text.starts_with("image,landmark,x_px,y_px,"));
/// assert_eq!(text.lines().count(), 1 + 19);
/// # Ok(())
/// # }
/// ```
pub fn csv(reports: &[Report]) -> String {
    let mut out = format!("{CSV_HEADER}\n");
    for report in reports {
        for l in &report.landmarks {
            let mm = |v: Option<f64>| v.map_or_else(String::new, |v| format!("{v:.4}"));
            let fields = [
                csv_text(&report.image),
                csv_text(&l.name),
                format!("{:.3}", l.x_px),
                format!("{:.3}", l.y_px),
                mm(l.x_mm),
                mm(l.y_mm),
                mm(l.expected_error_mm),
                format!("{:.3}", l.expected_error_px),
                l.confident.to_string(),
            ];
            out += &fields.join(",");
            out.push('\n');
        }
    }
    out
}

/// Columns of [`measures_csv`].
const MEASURES_HEADER: &str = "image,measure,value,sd,unit,confident";

/// The measures of the reports as CSV, one row per measure, in the style of [`csv`].
pub fn measures_csv(reports: &[Report]) -> String {
    let mut out = format!("{MEASURES_HEADER}\n");
    for report in reports {
        for m in &report.measures {
            let (image, unit) = (csv_text(&report.image), m.unit.name());
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                "{image},{},{:.3},{:.3},{unit},{}",
                m.name, m.value, m.sd, m.confident
            );
        }
    }
    out
}

fn csv_text(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{guard}{text}")
    }
}

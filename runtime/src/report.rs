//! The result of a detection and its written forms: JSON (schema `fiducia.report/1`), CSV, text table.

use std::fmt::Write;

use serde::Serialize;

use crate::{DicomFacts, Error, ErrorKind, Measure, MmSource, Presentation};

/// Landmarks found on one image. Serialises to the documented JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Always `fiducia.report/1`.
    pub schema: &'static str,
    /// The image as it was named by the caller.
    pub image: String,
    /// `[width, height]` of the image, px.
    pub size_px: [usize; 2],
    /// `[x, y]` spacing, mm per px, where it is known.
    pub spacing_mm: Option<[f64; 2]>,
    /// Where the scale came from.
    pub mm_source: MmSource,
    /// Whether the grey values of the image file were inverted before anything was looked for.
    pub inverted: bool,
    /// The model that was run.
    pub model: ModelInfo,
    /// The device that ran it.
    pub backend: BackendInfo,
    /// Wall time per stage.
    pub timings_ms: Timings,
    /// False where the image does not look like what the model was trained on: do not use the points.
    pub plausible: bool,
    /// Why the image is not plausible; empty where it is.
    pub reasons: Vec<String>,
    /// How an implausible image seems to be presented: undoing this would make it plausible.
    pub presentation: Option<Presentation>,
    /// What a DICOM file says about itself; missing for other files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dicom: Option<DicomFacts>,
    /// One entry per landmark, in the order of the pack.
    pub landmarks: Vec<Landmark>,
    /// What orthodontists measure between them; empty where the landmarks are not those of a lateral head film.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<Measure>,
}

/// Which model produced a report.
#[derive(Clone, Debug, Serialize)]
pub struct ModelInfo {
    /// Name in the pack's manifest.
    pub name: String,
    /// SHA-256 of the whole pack file, hexadecimal.
    pub sha256: String,
}

/// Which device produced a report.
#[derive(Clone, Debug, Serialize)]
pub struct BackendInfo {
    /// `cpu` or `gpu`.
    pub kind: &'static str,
    /// Name of the processor or adapter.
    pub device: String,
    /// Engine or driver and its version.
    pub driver: String,
    /// Form of the networks' numbers: `f32`, `f16` or `int8`.
    pub precision: &'static str,
    /// Why this backend was taken, where the caller left the choice (`auto`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen_because: Option<String>,
}

/// Wall time per stage, ms.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Timings {
    /// Windowing, reduction and resampling of the whole image.
    pub preprocess: f64,
    /// The shared backbone, once per image.
    pub backbone: f64,
    /// Cutting the regions of interest.
    pub crop: f64,
    /// The refine network on all regions.
    pub refine: f64,
    /// Peaks, pose, plausibility.
    pub decode: f64,
    /// All of it.
    pub total: f64,
}

/// One landmark on one image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Landmark {
    /// Name in the pack's manifest.
    pub name: String,
    /// Position, px of the image file.
    pub x_px: f64,
    /// Position, px of the image file.
    pub y_px: f64,
    /// Position, mm from the centre of the top-left pixel; null without a trustworthy scale.
    pub x_mm: Option<f64>,
    /// Position, mm; null without a trustworthy scale.
    pub y_mm: Option<f64>,
    /// Expected radial error, mm; null without a trustworthy scale.
    pub expected_error_mm: Option<f64>,
    /// Expected radial error, px (mean of x and y where the spacing differs).
    pub expected_error_px: f64,
    /// Covariance of the position `[xx, xy, yy]`, px².
    pub covariance_px2: [f64; 3],
    /// False where the expected error or the distance to the shape model is out of the usual range.
    pub confident: bool,
}

impl Report {
    /// The documented JSON, indented, without a line end after it.
    ///
    /// # Errors
    /// [`ErrorKind::Engine`] where it cannot be written, which would be a fault of fiducia.
    pub fn json(&self) -> Result<String, Error> {
        serde_json::to_string_pretty(self)
            .map_err(|e| Error::new(ErrorKind::Engine, format!("cannot write the report: {e}")))
    }

    /// The error that an image unlike the training set amounts to; `None` for a plausible one.
    pub fn refusal(&self) -> Option<Error> {
        let message = format!(
            "{} does not look like an image for the model {} ({}); nothing was measured",
            self.image,
            self.model.name,
            self.reasons.join(", ")
        );
        (!self.plausible).then(|| Error::new(ErrorKind::Implausible, message))
    }
}

/// Columns of [`csv`].
const CSV_HEADER: &str =
    "image,landmark,x_px,y_px,x_mm,y_mm,expected_error_mm,expected_error_px,confident";

/// The reports as CSV, one row per landmark, quoted as in RFC 4180, lines ended by `\n`.
///
/// Millimetre fields are empty without a trustworthy scale. A name that a spreadsheet would run as a
/// formula (it starts with `=`, `+`, `-` or `@`) gets an apostrophe in front.
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

/// The measures of the reports as CSV, one row per measure, written as [`csv`] writes.
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

/// One report as a text table: four lines on how it was made, one line per landmark.
pub fn table(report: &Report) -> String {
    let Report { model, backend, spacing_mm, landmarks, .. } = report;
    let [width, height] = report.size_px;
    let scale = scale(report);
    let hash = model.sha256.get(..12).unwrap_or(&model.sha256);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let inverted = if report.inverted { ", grey values inverted" } else { "" };
    let _ = writeln!(out, "image   {}  {width} x {height} px{inverted}", printable(&report.image));
    let _ = writeln!(out, "model   {}  sha256 {hash}", printable(&model.name));
    let _ = writeln!(
        out,
        "device  {}: {}, {}  {:.0} ms",
        backend.kind, backend.device, backend.driver, report.timings_ms.total
    );
    let _ = writeln!(out, "scale   {scale}\n");
    let mut rows = vec![heading(spacing_mm.is_some())];
    rows.extend(landmarks.iter().map(row));
    out += &aligned(&rows);
    let doubtful = landmarks.iter().filter(|l| !l.confident).count();
    if doubtful > 0 {
        let _ = writeln!(out, "\n? = doubtful, check by eye: {doubtful} of {}", landmarks.len());
    }
    out
}

/// The scale, where it is from, and what a DICOM file says to it.
fn scale(report: &Report) -> String {
    let source = report.mm_source;
    let mut text = match report.spacing_mm {
        Some([x, y]) => format!("{x} x {y} mm per px, {source}"),
        None => format!("{source}; positions in px only (give --spacing for mm)"),
    };
    let Some(dicom) = &report.dicom else { return text };
    // Writing to a string cannot fail.
    let _ = match (source, dicom.spacing_mm, &dicom.mm_withheld, dicom.magnification) {
        (MmSource::User, Some([x, y]), ..) => {
            write!(text, " (the file says {x} x {y}, {})", dicom.mm_source)
        }
        (MmSource::User, None, ..) => Ok(()),
        (_, _, Some(why), _) => write!(text, ": {}", printable(why)),
        (MmSource::Detector, _, _, Some(m)) => {
            write!(text, ", {m:.3} times as large as in the body")
        }
        _ => Ok(()),
    };
    text
}

fn heading(with_mm: bool) -> Vec<String> {
    let columns: &[&str] = if with_mm {
        &["landmark", "x px", "y px", "x mm", "y mm", "expected error mm", ""]
    } else {
        &["landmark", "x px", "y px", "expected error px", ""]
    };
    columns.iter().map(|&c| c.to_owned()).collect()
}

fn row(l: &Landmark) -> Vec<String> {
    let mark = if l.confident { "" } else { "?" }.to_owned();
    let mut cells = vec![printable(&l.name), format!("{:.1}", l.x_px), format!("{:.1}", l.y_px)];
    match (l.x_mm, l.y_mm, l.expected_error_mm) {
        (Some(x), Some(y), Some(error)) => {
            cells.extend([format!("{x:.2}"), format!("{y:.2}"), format!("{error:.2}")]);
        }
        _ => cells.push(format!("{:.1}", l.expected_error_px)),
    }
    cells.push(mark);
    cells
}

/// Columns two spaces apart, the first flush left, the others flush right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| {
        rows.iter().filter_map(|r| r.get(c)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for cells in rows {
        let mut line = format!("{:<1$}", cells[0], widths[0]);
        for (cell, width) in cells.iter().zip(&widths).skip(1) {
            let _ = write!(line, "  {cell:>width$}");
        }
        out += line.trim_end();
        out.push('\n');
    }
    out
}

/// `text` for a terminal: a control character becomes its escape, so that a name stays on its line.
fn printable(text: &str) -> String {
    let show = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(show).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn landmark(name: &str, confident: bool, mm: bool) -> Landmark {
        let known = |v| mm.then_some(v);
        Landmark {
            name: name.into(),
            x_px: 832.25,
            y_px: 99.5,
            x_mm: known(83.225),
            y_mm: known(9.95),
            expected_error_mm: known(0.8),
            expected_error_px: 8.0,
            covariance_px2: [40.0, 0.0, 24.0],
            confident,
        }
    }

    fn report(mm: bool) -> Report {
        Report {
            schema: "fiducia.report/1",
            image: "a.png".into(),
            size_px: [1935, 2400],
            spacing_mm: mm.then_some([0.1, 0.1]),
            mm_source: if mm { MmSource::User } else { MmSource::None },
            inverted: false,
            model: ModelInfo { name: "toy".into(), sha256: "0123456789abcdef".into() },
            backend: BackendInfo {
                kind: "cpu",
                device: "two cores".into(),
                driver: "engine 1".into(),
                precision: "f32",
                chosen_because: None,
            },
            timings_ms: Timings { total: 123.4, ..Timings::default() },
            plausible: true,
            reasons: vec![],
            presentation: None,
            dicom: None,
            landmarks: vec![landmark("sella", true, mm), landmark("gonion", false, mm)],
            measures: vec![],
        }
    }

    #[test]
    fn table_with_millimetres() {
        let want = "\
image   a.png  1935 x 2400 px
model   toy  sha256 0123456789ab
device  cpu: two cores, engine 1  123 ms
scale   0.1 x 0.1 mm per px, given by the caller

landmark   x px  y px   x mm  y mm  expected error mm
sella     832.2  99.5  83.22  9.95               0.80
gonion    832.2  99.5  83.22  9.95               0.80  ?

? = doubtful, check by eye: 1 of 2
";
        assert_eq!(table(&report(true)), want);
    }

    #[test]
    fn table_without_scale_speaks_of_pixels() {
        let text = table(&report(false));
        assert!(text.contains("scale   unknown; positions in px only"), "{text}");
        assert!(text.contains("landmark   x px  y px  expected error px\n"), "{text}");
    }

    #[test]
    fn csv_is_long_and_quoted() {
        let mut one = report(true);
        one.image = "a \"b\", c.png".into();
        one.landmarks[0].name = "=1+1".into();
        let mut two = report(false);
        two.landmarks.truncate(1);
        let want = "\
image,landmark,x_px,y_px,x_mm,y_mm,expected_error_mm,expected_error_px,confident
\"a \"\"b\"\", c.png\",'=1+1,832.250,99.500,83.2250,9.9500,0.8000,8.000,true
\"a \"\"b\"\", c.png\",gonion,832.250,99.500,83.2250,9.9500,0.8000,8.000,false
a.png,sella,832.250,99.500,,,,8.000,true
";
        assert_eq!(csv(&[one, two]), want);
    }

    #[test]
    fn json_has_the_documented_keys() {
        let json = serde_json::to_value(report(false)).unwrap();
        assert_eq!(json["schema"], "fiducia.report/1");
        assert_eq!(json["mm_source"], "none");
        assert_eq!(json["size_px"], serde_json::json!([1935, 2400]));
        assert!(json["spacing_mm"].is_null() && json["landmarks"][0]["x_mm"].is_null());
        assert_eq!(json["landmarks"][1]["confident"], false);
        assert_eq!((&json["inverted"], &json["presentation"]), (&false.into(), &().into()));
        let turned = Report { presentation: Some(Presentation::Turned90), ..report(false) };
        assert_eq!(serde_json::to_value(turned).unwrap()["presentation"], "turned_90");
    }

    #[test]
    fn inverted_grey_values_are_named_in_the_table() {
        let text = table(&Report { inverted: true, ..report(true) });
        assert!(
            text.starts_with("image   a.png  1935 x 2400 px, grey values inverted\n"),
            "{text}"
        );
    }

    #[test]
    fn a_name_cannot_break_the_table() {
        let mut report = report(true);
        report.landmarks[0].name = "a\nb\u{1b}[2J".into();
        let text = table(&report);
        assert!(text.contains("a\\nb\\u{1b}[2J"), "{text}");
    }
}

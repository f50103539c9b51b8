//! A report as a text table.

use std::fmt::Write;

use super::Report;
use crate::landmark::Landmark;
use crate::radiograph::MmSource;

/// One report as a text table: four lines about the image, model, device and spacing, then one line per landmark.
///
/// ```
/// # use std::path::Path;
/// # use fiducia::{Backend, Detector, Pack, Radiograph};
/// # fn main() -> Result<(), fiducia::Error> {
/// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
/// # let mut detector = Detector::new(&Pack::open(&models.join("head.fid"))?, Backend::Cpu)?;
/// # let report = detector.detect(&Radiograph::open(&models.join("demo.png"), Some([0.2, 0.2]))?)?;
/// let text = fiducia::report::table(&report);
/// assert!(text.contains("scale   0.2 x 0.2 mm per px, given by the caller"));
/// assert!(text.lines().any(|line| line.starts_with("nasion ")));
/// # Ok(())
/// # }
/// ```
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
    let low_confidence = landmarks.iter().filter(|l| !l.confident).count();
    if low_confidence > 0 {
        let _ = writeln!(
            out,
            "\n? = low confidence, check by eye: {low_confidence} of {}",
            landmarks.len()
        );
    }
    out
}

/// The spacing, its source, and what a DICOM file states about it.
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
            write!(text, ", magnified {m:.3} times")
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

/// `text` for a terminal: control characters are escaped, so that a name cannot break the table.
fn printable(text: &str) -> String {
    let show = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(show).collect()
}

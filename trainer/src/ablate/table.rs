//! The ablation table as Markdown.

use std::fmt::Write;

use fiducia::Error;

use super::{Measured, Row, RowResult};
use crate::evaluate::{Paired, paired, success_rate};
use crate::statistics::mean;

/// The table: one line per row with its difference to the row that it is compared with, then the mean radial
/// error per landmark. `unit` is `mm` or `px`.
///
/// # Errors
/// As [`paired`].
pub fn markdown(results: &[RowResult], landmarks: &[String], unit: &str) -> Result<String, Error> {
    let mut text = format!(
        "| row | what is trained | runs | mean radial error, {unit} | per run | within 2 {unit} | against | \
         difference, {unit} | 95 % interval | landmarks better / worse | model files |\n\
         | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    );
    for (number, result) in results.iter().enumerate() {
        let against = result.row.against().and_then(|row| find(results, row));
        let difference = match against {
            Some((other, reference)) => {
                let (a, b) = shared_runs(result, reference);
                if a.is_empty() { None } else { Some((other, paired(&a, &b)?)) }
            }
            None => None,
        };
        line(&mut text, number, result, difference);
    }
    per_landmark(&mut text, results, landmarks);
    Ok(text)
}

fn find(results: &[RowResult], row: Row) -> Option<(usize, &RowResult)> {
    results.iter().enumerate().find(|(_, r)| r.row == row)
}

/// Radial errors `[run][image][landmark]`.
type Runs = Vec<Vec<Vec<f64>>>;

/// Errors of both rows for the templates and seeds that both have.
fn shared_runs(a: &RowResult, b: &RowResult) -> (Runs, Runs) {
    let both = a.runs.iter().enumerate().filter_map(|(i, run)| {
        let j = b.runs.iter().position(|other| other == run)?;
        Some((a.measured[i].errors.clone(), b.measured[j].errors.clone()))
    });
    both.unzip()
}

fn line(text: &mut String, number: usize, result: &RowResult, difference: Option<(usize, Paired)>) {
    let all = |m: &Measured| m.errors.iter().flatten().copied().collect::<Vec<f64>>();
    let mre: Vec<f64> = result.measured.iter().map(|m| mean(&all(m))).collect();
    let sdr: Vec<f64> = result.measured.iter().map(|m| success_rate(&all(m), 2.0)).collect();
    let each: Vec<String> = mre.iter().map(|m| format!("{m:.3}")).collect();
    let bytes = result.measured.first().map_or(0, |m| m.bytes) as f64 / 1e6;
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "| {} | {} | {} | {:.3} | {} | {:.1} % |",
        number + 1,
        result.row.title(),
        result.runs.len(),
        mean(&mre),
        each.join(", "),
        mean(&sdr)
    );
    match difference {
        Some((other, p)) => {
            let [low, high] = p.interval;
            let _ = write!(
                text,
                " {} | {:+.3} | {low:+.3} to {high:+.3} | {} / {} |",
                other + 1,
                p.difference,
                p.better,
                p.worse
            );
        }
        None => text.push_str(" – | – | – | – |"),
    }
    let _ = writeln!(text, " {bytes:.1} MB |");
}

fn per_landmark(text: &mut String, results: &[RowResult], landmarks: &[String]) {
    let heads: Vec<String> = (1..=results.len()).map(|n| format!(" {n} |")).collect();
    let _ = writeln!(
        text,
        "\n| landmark |{}\n| --- |{}",
        heads.concat(),
        " ---: |".repeat(results.len())
    );
    for (l, name) in landmarks.iter().enumerate() {
        let of = |r: &RowResult| {
            let errors = r.measured.iter().flat_map(|m| m.errors.iter().map(|image| image[l]));
            format!(" {:.2} |", mean(&errors.collect::<Vec<f64>>()))
        };
        let cells: Vec<String> = results.iter().map(of).collect();
        let _ = writeln!(text, "| {name} |{}", cells.concat());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(row: Row, offset: f64) -> RowResult {
        let errors = |seed: u64| {
            let one =
                |i: usize| vec![1.0 + offset + (i % 5) as f64 / 10.0, 3.0 + seed as f64 / 10.0];
            Measured { errors: (0..20).map(one).collect(), bytes: 4_000_000 }
        };
        RowResult {
            row,
            runs: vec![("a.png".into(), 0), ("a.png".into(), 1)],
            measured: vec![errors(0), errors(1)],
        }
    }

    #[test]
    fn a_row_shows_its_difference_to_the_one_it_is_held_against() {
        let results = [result(Row::Joint, 0.5), result(Row::SinglesStatic, 0.0)];
        let text = markdown(&results, &["p".to_owned(), "q".to_owned()], "mm").unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[2].contains("| 2.375 | 2.350, 2.400 | 50.0 % | – |"), "{text}");
        assert!(lines[3].contains("| 1 | -0.250 | -0.250 to -0.250 | 1 / 0 | 4.0 MB |"), "{text}");
        assert_eq!(lines[7], "| p | 1.70 | 1.20 |");
    }
}

//! Converts the results of `cargo bench -- --save-baseline recorded` to rows (benches/results): `record
//! FOLDER`, where FOLDER is `target/criterion`. `record --machine` prints rows about the machine, `record
//! --name` its name.

use std::path::{Path, PathBuf};

use fiducia::{Error, ErrorKind};
use fiducia_benches::{Row, about, machine};
use serde_json::Value;

/// The baseline to read; others are ignored.
const BASELINE: &str = "recorded";

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rows = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--name"] => {
            println!("{}", machine());
            return std::process::ExitCode::SUCCESS;
        }
        ["--machine"] => Ok(about()),
        [folder] => estimates(Path::new(folder)),
        _ => Err(Error::new(ErrorKind::Usage, "usage: record FOLDER | --machine | --name")),
    };
    fiducia_benches::exit_code(
        rows.map(|rows| rows.iter().for_each(|row| println!("{}", row.line()))),
    )
}

/// Medians with the 95 % intervals of criterion.
fn estimates(folder: &Path) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for found in baselines(folder, 0) {
        let read = |name: &str| -> Result<Value, Error> {
            let path = found.join(name);
            let refuse =
                |e: String| Error::new(ErrorKind::Unreadable, format!("{}: {e}", path.display()));
            let text = std::fs::read(&path).map_err(|e| refuse(e.to_string()))?;
            serde_json::from_slice(&text).map_err(|e| refuse(e.to_string()))
        };
        let (benchmark, estimates) = (read("benchmark.json")?, read("estimates.json")?);
        let name = benchmark["full_id"].as_str().unwrap_or_default().to_owned();
        let median = &estimates["median"];
        for (figure, value) in [
            ("median", &median["point_estimate"]),
            ("low", &median["confidence_interval"]["lower_bound"]),
            ("high", &median["confidence_interval"]["upper_bound"]),
        ] {
            let ns = value.as_f64().ok_or_else(|| {
                let message = format!("{}: no {figure} of the median", found.display());
                Error::new(ErrorKind::Unreadable, message)
            })?;
            rows.push(Row::number(&name, figure, ns * 1e-6, "ms"));
        }
    }
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(rows)
}

/// The folders of the baseline at any depth; criterion has one level for each part of a name.
fn baselines(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|e| e.path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    let is_baseline = |path: &PathBuf| path.ends_with(BASELINE);
    let deeper = |path: PathBuf| match is_baseline(&path) {
        true => vec![path],
        false if depth < 6 => baselines(&path, depth + 1),
        false => Vec::new(),
    };
    folders.into_iter().flat_map(deeper).collect()
}

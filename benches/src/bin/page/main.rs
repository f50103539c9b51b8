//! Generates the measured parts and the plots of `docs/measurements.md` from the recorded results: `page`
//! writes them; `page --check` changes nothing and fails if they differ.
//!
//! The results are the newest table of each machine in `benches/results`, and
//! `benches/results/quantisation.md`, the output of `docs/quantisation.sh`. A generated part is between the
//! marks `<!-- measured:NAME -->` and `<!-- /measured -->`; the text between the parts is written by hand.

mod gpu;
mod plots;
mod tables;

use std::path::{Path, PathBuf};

use fiducia::atomic::write_atomically;
use fiducia::{Error, ErrorKind};
use fiducia_benches::Record;

/// The newest record of a machine.
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) date: String,
    pub(crate) record: Record,
}

fn main() -> std::process::ExitCode {
    let check = std::env::args().nth(1).is_some_and(|argument| argument == "--check");
    fiducia_benches::exit_code(run(Path::new(env!("CARGO_MANIFEST_DIR")), check))
}

fn run(benches: &Path, check: bool) -> Result<(), Error> {
    let (results, docs) = (benches.join("results"), benches.join("../docs"));
    let machines = machines(&results)?;
    let quantisation = tables::Quantisation::read(&read(&results.join("quantisation.md"))?)
        .map_err(|what| Error::new(ErrorKind::Unreadable, format!("quantisation.md: {what}")))?;
    let path = docs.join("measurements.md");
    let page = read(&path)?;
    let mut files = plots::all(&machines, &quantisation)?
        .into_iter()
        .map(|(name, svg)| (docs.join("plots").join(name), svg))
        .collect::<Vec<_>>();
    let parts = tables::all(&machines, &quantisation);
    files.push((path, replaced(&page, &parts)?));
    for (path, content) in files {
        if !check {
            std::fs::create_dir_all(path.parent().unwrap_or(&path)).map_err(|e| {
                Error::new(ErrorKind::Unwritable, format!("{}: {e}", path.display()))
            })?;
            write_atomically(&path, content.as_bytes())?;
        } else if read(&path)? != content {
            let message = format!(
                "{} differs from benches/results; build the workspace and run the program page",
                path.display()
            );
            return Err(Error::new(ErrorKind::Usage, message));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path)
        .map_err(|e| Error::new(ErrorKind::Unreadable, format!("{}: {e}", path.display())))
}

/// The machines that have records, by name.
fn machines(results: &Path) -> Result<Vec<Machine>, Error> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
        found.sort();
        found
    };
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut machines = Vec::new();
    for folder in entries(results).into_iter().filter(|path| path.is_dir()) {
        let mut tables =
            entries(&folder).into_iter().filter(|p| p.extension().is_some_and(|e| e == "csv"));
        // Dates sort as text.
        if let Some(newest) = tables.next_back() {
            let record = Record::open(&newest)?;
            machines.push(Machine { name: stem(&folder), date: stem(&newest), record });
        }
    }
    Ok(machines)
}

/// Replaces the parts of the page that have a mark.
fn replaced(page: &str, parts: &[(&str, String)]) -> Result<String, Error> {
    const END: &str = "<!-- /measured -->";
    let refuse =
        |what: String| Error::new(ErrorKind::Unreadable, format!("measurements.md: {what}"));
    let mut page = page.to_owned();
    for (name, content) in parts {
        let mark = format!("<!-- measured:{name} -->\n");
        let from = page.find(&mark).ok_or_else(|| refuse(format!("no mark {}", mark.trim())))?;
        let from = from + mark.len();
        let len = page[from..].find(END).ok_or_else(|| refuse(format!("{name} has no end")))?;
        page.replace_range(from..from + len, &format!("\n{}\n\n", content.trim()));
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_replaced_and_the_rest_stays() {
        let page = "# A\n<!-- measured:a -->\nold\n<!-- /measured -->\ntext\n<!-- measured:b -->\n<!-- /measured -->\n";
        let parts = [("a", "1\n".to_owned()), ("b", "2".to_owned())];
        let new = replaced(page, &parts).unwrap();
        let expected = "# A\n<!-- measured:a -->\n\n1\n\n<!-- /measured -->\ntext\n<!-- measured:b -->\n\n2\n\n<!-- /measured -->\n";
        assert_eq!(new, expected);
        assert_eq!(replaced(&new, &parts).unwrap(), new);
        assert!(replaced("# A\n", &parts).is_err());
        assert!(replaced("<!-- measured:a -->\n", &parts[..1]).is_err());
    }

    /// The committed page matches the committed records.
    #[test]
    fn the_page_is_current() {
        run(Path::new(env!("CARGO_MANIFEST_DIR")), true).unwrap();
    }
}

//! Measures the GPUs of a machine and writes a table of rows (benches/results). The program needs only the
//! model files and a driver: `gpu MODELS OUT.csv [ADAPTER]`, where MODELS is the folder of the shipped
//! models. It measures all hardware GPUs, or the one whose name contains ADAPTER, including software
//! rasterisers. Without a hardware GPU it measures a software rasteriser, under a name that says so.
//!
//! `gpu --networks MODELS FOLDER` writes the head model's networks with their inputs, for
//! `rivals/pytorch_cuda.py`.
//!
//! Loops run for a span of time, not for a number of runs: about a minute in total, more where an image takes
//! a second.

mod device;
mod depthwise;
mod detect;
mod host;
mod start;

use std::path::Path;
use std::time::Duration;

use fiducia::atomic::write_atomically;
use fiducia::{Adapter, Error, ErrorKind, Pack, Precision, Radiograph, adapters};
use fiducia_benches::{DEMO_MM, LOAD, Record, Row, about, machine, write_networks};

/// Duration of a loop.
const SPAN: Duration = Duration::from_millis(1000);
/// Duration of each of many similar loops.
const SHORT_SPAN: Duration = Duration::from_millis(250);
/// Number formats of the networks on a GPU.
const FORMS: [Precision; 3] = [Precision::F32, Precision::F16, Precision::Int8];

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [start::SHADERS, adapter] => start::shaders(adapter),
        [start::MODEL, models, adapter] => start::model(Path::new(models), adapter, None),
        [start::MODEL, models, adapter, cache] => {
            start::model(Path::new(models), adapter, Some(Path::new(cache)))
        }
        ["--networks", models, folder] => networks(Path::new(models), Path::new(folder)),
        [models, out] => all(Path::new(models), Path::new(out), None),
        [models, out, adapter] => all(Path::new(models), Path::new(out), Some(adapter)),
        _ => Err(Error::new(
            ErrorKind::Usage,
            "usage: gpu MODELS OUT.csv [ADAPTER], or gpu --networks MODELS FOLDER",
        )),
    };
    fiducia_benches::exit_code(done)
}

/// Writes the files that PyTorch needs to run the head model's networks.
fn networks(models: &Path, folder: &Path) -> Result<(), Error> {
    let radiograph = Radiograph::open(&models.join("demo.png"), Some([DEMO_MM; 2]))?;
    write_networks(&Pack::open(&models.join("head.fid"))?, &radiograph, folder)
}

/// Measures everything; writes the table after each part, so that a failing part does not lose the others.
fn all(models: &Path, out: &Path, requested: Option<&str>) -> Result<(), Error> {
    let mut table = Table { rows: about(), out };
    // Checked before the work: the output folder must exist and be a folder.
    table.write()?;
    let cases = detect::cases(models)?;
    let found = adapters();
    let measured = chosen(&found, requested)?;
    for adapter in measured {
        eprintln!("=== {} ({})", adapter.name, adapter.kind);
        if adapter.is_software() {
            eprintln!("ONLY A SOFTWARE RASTERISER: its times are not representative of GPUs");
        }
        let name = &format!("gpu/{}", slug(&adapter.name));
        let load = table.rows.iter().find(|row| row.figure == LOAD).cloned();
        table.rows.extend(load.map(|load| Row { name: name.clone(), ..load }));
        let peaks = table.part("measured peaks", device::rows(name, adapter))?;
        table.part("start", start::rows(name, models, adapter))?;
        for case in &cases {
            for form in FORMS {
                let what = format!("{} in {}", case.model, form.name());
                table.part(&what, detect::rows(name, adapter, case, form, peaks.as_ref()))?;
            }
        }
        table.part("19 models", detect::singles(name, adapter, &cases[0]))?;
        table.part("depthwise", depthwise::rows(name, adapter))?;
    }
    for case in &cases {
        table.part(&format!("{} on the CPU", case.model), host::rows(case))?;
    }
    eprintln!("a record for benches/results/{}/DATE.csv: {}", machine(), out.display());
    Ok(())
}

/// The rows so far, and the output file.
struct Table<'a> {
    rows: Vec<Row>,
    out: &'a Path,
}

impl Table<'_> {
    /// Adds the rows of a part, or reports why it failed.
    fn part<T: Default>(
        &mut self,
        what: &str,
        done: Result<(Vec<Row>, T), Error>,
    ) -> Result<T, Error> {
        match done {
            Ok((rows, value)) => {
                eprintln!("{what}");
                self.rows.extend(rows);
                self.write()?;
                Ok(value)
            }
            Err(e) => {
                eprintln!("SKIPPED {what}: {e}");
                Ok(T::default())
            }
        }
    }

    fn write(&self) -> Result<(), Error> {
        let lines: Vec<String> = self.rows.iter().map(Row::line).collect();
        let text = format!("{}\n{}\n", Record::HEAD, lines.join("\n"));
        write_atomically(self.out, text.as_bytes())
    }
}

/// The adapters to measure, each name once: all hardware GPUs, or the requested one.
fn chosen<'a>(found: &'a [Adapter], requested: Option<&str>) -> Result<Vec<&'a Adapter>, Error> {
    let named = |adapter: &&Adapter| {
        requested.is_none_or(|name| adapter.name.to_lowercase().contains(&name.to_lowercase()))
    };
    let mut measured: Vec<&Adapter> = Vec::new();
    for adapter in found.iter().filter(named) {
        let known = measured.iter().any(|other| other.name == adapter.name);
        let other = requested.is_some() || adapter.is_software();
        if !known && (!other || measured.is_empty()) {
            measured.push(adapter);
        }
    }
    if measured.is_empty() {
        let names: Vec<&str> = found.iter().map(|adapter| adapter.name.as_str()).collect();
        let message = format!(
            "no adapter to measure; available: {}; is a Vulkan driver installed?",
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        );
        return Err(Error::new(ErrorKind::NoGpu, message));
    }
    Ok(measured)
}

/// Converts a name for use in a row name: letters, digits and single hyphens.
fn slug(name: &str) -> String {
    let part = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' };
    let text: String = name.chars().map(part).collect();
    text.split_whitespace().collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use fiducia_benches::test_adapter as adapter;

    use super::*;

    #[test]
    fn real_adapters_are_measured_and_software_only_where_it_is_alone_or_named() {
        let [a, b, software] =
            [("A 100", "discrete"), ("B", "integrated"), ("llvmpipe", "software")]
                .map(|(name, kind)| adapter(name, kind));
        let names = |found: &[Adapter], requested| {
            let chosen = chosen(found, requested).unwrap();
            chosen.into_iter().map(|adapter| adapter.name.clone()).collect::<Vec<_>>()
        };
        let all = [a.clone(), a, b, software.clone()];
        assert_eq!(names(&all, None), ["A 100", "B"]);
        assert_eq!(names(&all, Some("LLVM")), ["llvmpipe"]);
        assert_eq!(names(&all, Some("")), ["A 100"]);
        assert_eq!(names(&[software], None), ["llvmpipe"]);
        assert_eq!(chosen(&[], None).unwrap_err().kind(), ErrorKind::NoGpu);
        assert!(chosen(&all, Some("C")).unwrap_err().to_string().contains("A 100, "));
    }

    #[test]
    fn names_of_rows_are_plain() {
        assert_eq!(slug("llvmpipe (LLVM 15.0.6, 256 bits)"), "llvmpipe-llvm-15-0-6-256-bits");
        assert_eq!(slug("NVIDIA H100 80GB HBM3"), "nvidia-h100-80gb-hbm3");
    }
}

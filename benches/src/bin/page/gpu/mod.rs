//! The measurements of GPUs: rows of the program `gpu`, and those of PyTorch.

mod device;

use std::fmt::Write;

use fiducia_benches::Record;

use self::device::{Device, devices};
use crate::Machine;
use crate::tables::{number, ratio, row, table};

const FORMS: [&str; 3] = ["f32", "f16", "int8"];
/// Shown where no hardware GPU was measured.
const NONE: &str = "**Not measured on a GPU.** Run `benches/measure gpu` on a machine with a GPU; without Rust there, run \
`benches/gpu BUILT OUT.csv` with a program built elsewhere.";

/// The GPU part of the page: goals, then the devices of each machine.
pub(crate) fn part(machines: &[Machine]) -> String {
    let mut out = String::new();
    let real = |m: &&Machine| devices(&m.record).iter().any(|device| !device.is_software());
    if !machines.iter().any(|m| real(&m)) {
        let _ = writeln!(out, "{NONE}\n");
        let _ = writeln!(out, "{}", goals(None));
    }
    for machine in machines {
        let measured = devices(&machine.record);
        if measured.is_empty() {
            continue;
        }
        let _ = writeln!(out, "**{}**, {}\n", machine.name, machine.date);
        for device in measured {
            device.write(&mut out);
        }
        pytorch(&mut out, &machine.record);
    }
    out
}

/// The goals for a hardware GPU, and whether `device` meets them.
fn goals(device: Option<&Device<'_>>) -> String {
    let mut out = table(3, &["goal, on a GPU", "measured", "met"]);
    let mut tell = |goal: &str, measured: Option<(String, bool)>| {
        let (measured, met) = measured
            .map_or(("not measured on a GPU".to_owned(), "–"), |(text, met)| {
                (text, if met { "yes" } else { "**no**" })
            });
        row(&mut out, &[goal, &measured, met]);
    };
    let of = |what: &str| device.and_then(|device| device.number(what, "median"));
    let image = of("detect/head/f32");
    tell(
        "19 landmarks from pixels in memory: at most 1.0 ms",
        image.map(|ms| (format!("{ms:.3} ms"), ms <= 1.0)),
    );
    let host = device.and_then(|device| device.record.number("host/head/2", "median"));
    let faster = ratio(host, image);
    tell(
        "At least 20 times as fast as the CPU path of the same machine on two threads",
        faster.map(|r| (format!("{r:.1} times"), r >= 20.0)),
    );
    let singles = ratio(of("landmarks/head/19 models"), of("landmarks/head/19"));
    tell(
        "At least 10 times as fast as 19 models on the same device",
        singles.map(|r| (format!("{r:.1} times"), r >= 10.0)),
    );
    out
}

/// Writes the CPU times of the machine, and the networks in PyTorch next to those of the devices.
fn pytorch(out: &mut String, record: &Record) {
    let hosts = record.names("host/");
    if !hosts.is_empty() {
        let _ = writeln!(out, "The CPU path of this machine, in the same run:\n");
        *out += &table(1, &["model", "threads", "median, ms", "p10–p90, ms", "runs"]);
        for name in hosts {
            let of = |figure| record.number(&format!("host/{name}"), figure);
            let (model, threads) = name.split_once('/').unwrap_or((name, "?"));
            let interval = format!("{}–{}", number(of("p10"), 1), number(of("p90"), 1));
            let (median, runs) = (number(of("median"), 1), number(of("runs"), 0));
            row(out, &[model, threads, &median, &interval, &runs]);
        }
        out.push('\n');
    }
    let _ = writeln!(
        out,
        "The head's two networks and the decode, from inputs in memory to peaks (PyTorch) and as stages of an image (fiducia, device time):\n"
    );
    *out += &table(
        3,
        &[
            "engine",
            "device",
            "numbers",
            "wall, ms",
            "p10–p90, ms",
            "device, ms",
            "difference, cells",
        ],
    );
    for device in devices(record) {
        for form in FORMS {
            let of = |stage| device.number(&format!("detect/head/{form}"), stage);
            let Some(ms) =
                ["backbone", "refine", "decode"].into_iter().map(of).sum::<Option<f64>>()
            else {
                continue;
            };
            row(out, &["fiducia", device.find("name"), form, "–", "–", &format!("{ms:.3}"), "0"]);
        }
    }
    for name in record.names("pytorch/") {
        let Some((slug, form)) = name.split_once('/') else { continue };
        let of = |figure| record.number(&format!("pytorch/{name}"), figure);
        let device = record.find(&format!("pytorch/{slug}"), "name").unwrap_or(slug);
        let version = record.find(&format!("pytorch/{slug}"), "version").unwrap_or("?");
        let cells = [
            format!("PyTorch {version}"),
            device.to_owned(),
            form.to_owned(),
            ms(of("median")),
            format!("{}–{}", ms(of("p10")), ms(of("p90"))),
            ms(of("device")),
            number(of("off"), 4),
        ];
        row(out, &cells.each_ref().map(String::as_str));
    }
    out.push('\n');
}

/// Milliseconds with about four significant digits.
fn ms(value: Option<f64>) -> String {
    let digits = match value {
        Some(ms) if ms >= 100.0 => 1,
        Some(ms) if ms >= 10.0 => 2,
        Some(ms) if ms >= 0.1 => 3,
        _ => 4,
    };
    number(value, digits)
}

fn percent(part: Option<f64>, whole: Option<f64>) -> String {
    ratio(part, whole).map_or("–".to_owned(), |part| format!("{:.1} %", 100.0 * part))
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2} ×"))
}

#[cfg(test)]
mod tests {
    use fiducia_benches::Row;

    use super::*;

    fn machine(kind: &str, image_ms: f64) -> Machine {
        let number = |name: &str, figure: &str, value: f64| {
            Row::number(&format!("gpu/x-1/{name}"), figure, value, "ms")
        };
        let rows = vec![
            Row::text("gpu/x-1", "name", "X 1"),
            Row::text("gpu/x-1", "kind", kind),
            number("detect/head/f32", "median", image_ms),
            number("detect/head/f32", "sum of steps", 4.0),
            number("detect/head/f32", "bound", 1.0),
            number("landmarks/head/19", "median", 2.0),
            number("landmarks/head/19 models", "median", 30.0),
            Row::number("host/head/2", "median", 30.0, "ms"),
        ];
        Machine { name: "m".into(), date: "d".into(), record: Record { rows } }
    }

    #[test]
    fn goals_are_judged_on_real_gpus_only() {
        let text = part(&[machine("discrete", 0.75)]);
        assert!(!text.contains("Not measured"), "{text}");
        assert!(text.contains("| 0.750 ms | yes |") && text.contains("| 40.0 times | yes |"));
        assert!(text.contains("| 15.0 times | yes |") && text.contains("| 25.0 % |"), "{text}");
        let text = part(&[machine("integrated", 2.0)]);
        assert!(text.contains("| 2.000 ms | **no** |") && text.contains("| 15.0 times | **no** |"));
        let text = part(&[machine("software", 0.75)]);
        assert!(text.contains(NONE) && text.contains("software rasteriser: X 1"), "{text}");
        assert!(!text.contains("| yes |") && !text.contains("**no**"), "{text}");
        assert_eq!(text.matches("| not measured on a GPU | – |").count(), 3, "{text}");
    }

    #[test]
    fn a_machine_without_rows_is_not_named() {
        let machine = Machine { name: "m".into(), date: "d".into(), record: Record::default() };
        let text = part(&[machine]);
        assert!(text.contains(NONE) && !text.contains("**m**"), "{text}");
    }
}

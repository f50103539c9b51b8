//! What GPUs take: rows of the program `gpu`, and of PyTorch beside it.

use std::fmt::Write;

use fiducia_benches::{LOAD, Record};

use crate::Machine;
use crate::tables::{number, ratio, row, table};

const FORMS: [&str; 3] = ["f32", "f16", "int8"];
/// Shown where no real GPU was measured.
const NONE: &str = "**Not measured on a GPU.** `benches/measure gpu` does it on a machine that has one; where there is no Rust, \
`benches/gpu BUILT OUT.csv` with the program of another machine.";

/// The part of the page: goals, then the devices of each machine.
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

/// A device that was measured.
struct Device<'a> {
    record: &'a Record,
    /// As rows name it.
    name: &'a str,
}

fn devices(record: &Record) -> Vec<Device<'_>> {
    let names = record.names("gpu/").into_iter().filter(|name| !name.contains('/'));
    names.map(|name| Device { record, name }).collect()
}

impl Device<'_> {
    fn find(&self, figure: &str) -> &str {
        self.record.find(&format!("gpu/{}", self.name), figure).unwrap_or("?")
    }

    fn number(&self, of: &str, figure: &str) -> Option<f64> {
        self.record.number(&format!("gpu/{}/{of}", self.name), figure)
    }

    fn names(&self, of: &str) -> Vec<&str> {
        self.record.names(&format!("gpu/{}/{of}/", self.name))
    }

    fn is_software(&self) -> bool {
        self.find("kind") == "software"
    }

    fn write(&self, out: &mut String) {
        let kind = if self.is_software() { "software rasteriser" } else { self.find("kind") };
        let _ = writeln!(
            out,
            "#### {}: {}\n\n{} through {}; load of the machine when it began: {}.\n",
            kind,
            self.find("name"),
            self.find("driver"),
            self.find("interface"),
            number(self.record.number(&format!("gpu/{}", self.name), LOAD), 1)
        );
        if self.is_software() {
            let _ = writeln!(
                out,
                "A processor that plays a GPU: that it can be measured is shown, and nothing about GPUs.\n"
            );
        } else {
            let _ = writeln!(out, "{}", goals(Some(self)));
        }
        if self.find("clock") == "no" {
            let _ = writeln!(out, "The device has no clock: no stages, no shaders, wall times.\n");
        }
        let tables = [
            ("What it reaches:", self.reach()),
            ("From pixels in memory to landmarks:", self.detect()),
            (
                "Time and floor of each shader, head, ms (an image, steps one by one):",
                self.shaders(),
            ),
            ("The head model's landmarks, f32:", self.landmarks()),
            ("Depthwise convolution and product, the head's layers, ms:", self.depthwise()),
            ("Start, head, f32, ms:", self.start()),
        ];
        for (title, table) in tables {
            if let Some(table) = table {
                let _ = writeln!(out, "{title}\n\n{table}");
            }
        }
    }

    fn reach(&self) -> Option<String> {
        let of = |figure, scale: f64| self.number("reach", figure).map(|value| value * scale);
        of("copy", 1.0)?;
        let mut out = table(
            0,
            &[
                "copy, GB/s",
                "copy of 4 MiB again, GB/s",
                "f32, Gop/s",
                "f16, Gop/s",
                "dot4I8Packed, Gop/s",
                "dispatch that waits, µs",
                "submit and read-back, µs",
            ],
        );
        let cells = [
            number(of("copy", 1e-9), 1),
            number(of("copy again", 1e-9), 1),
            number(of("f32", 1e-9), 0),
            number(of("f16", 1e-9), 0),
            number(of("int8", 1e-9), 0),
            number(of("dispatch", 1e3), 2),
            number(of("submit", 1e3), 1),
        ];
        row(&mut out, &cells.each_ref().map(String::as_str));
        Some(out)
    }

    fn detect(&self) -> Option<String> {
        let heads = [
            "model",
            "numbers",
            "median, ms",
            "p10–p90, ms",
            "runs",
            "images/s in a row",
            "pre",
            "backbone",
            "crop",
            "refine",
            "decode",
            "steps, ms",
            "floor, ms",
            "reached",
        ];
        let mut out = table(2, &heads);
        let names = self.names("detect");
        for name in &names {
            let of = |figure| self.number(&format!("detect/{name}"), figure);
            let (model, form) = name.split_once('/').unwrap_or((name, ""));
            let mut cells = vec![
                model.to_owned(),
                form.to_owned(),
                ms(of("median")),
                format!("{}–{}", ms(of("p10")), ms(of("p90"))),
                number(of("runs"), 0),
                number(of("pipelined"), 1),
            ];
            let stages = ["preprocess", "backbone", "crop", "refine", "decode", "sum of steps"];
            cells.extend(stages.map(|stage| ms(of(stage))));
            cells.push(ms(of("floor")));
            cells.push(percent(of("floor"), of("sum of steps")));
            row(&mut out, &cells.iter().map(String::as_str).collect::<Vec<_>>());
        }
        (!names.is_empty()).then_some(out)
    }

    fn shaders(&self) -> Option<String> {
        let mut out = table(
            1,
            &[
                "shader",
                "steps",
                "f32",
                "floor",
                "reached",
                "f16",
                "floor",
                "reached",
                "steps, int8",
                "int8",
                "floor",
                "reached",
            ],
        );
        // The longest first, as the rows of f32 are; those of int8 alone behind them.
        let mut kernels: Vec<&str> = Vec::new();
        for form in FORMS {
            for kernel in self.names(&format!("shader/head/{form}")) {
                if !kernels.contains(&kernel) {
                    kernels.push(kernel);
                }
            }
        }
        for kernel in &kernels {
            let of = |form, figure| self.number(&format!("shader/head/{form}/{kernel}"), figure);
            let mut cells = vec![format!("`{kernel}`"), number(of("f32", "steps"), 0)];
            for form in FORMS {
                if form == "int8" {
                    cells.push(number(of(form, "steps"), 0));
                }
                let (time, floor) = (of(form, "time"), of(form, "floor"));
                cells.extend([ms(time), ms(floor), percent(floor, time)]);
            }
            row(&mut out, &cells.iter().map(String::as_str).collect::<Vec<_>>());
        }
        (!kernels.is_empty()).then_some(out)
    }

    fn landmarks(&self) -> Option<String> {
        let of = |which| self.number(&format!("landmarks/head/{which}"), "median");
        let (all, models) = (of("19"), of("19 models"));
        all?;
        let mut out = table(0, &["1, ms", "19, ms", "19 models, ms", "fused is faster"]);
        let gain = ratio(models, all);
        let cells = [ms(of("1")), ms(all), ms(models), times(gain)];
        row(&mut out, &cells.each_ref().map(String::as_str));
        Some(out)
    }

    fn depthwise(&self) -> Option<String> {
        let heads = [
            "channels x height x width, kernel by stride to channels",
            "f32, one step",
            "two steps",
            "gain",
            "f16, one step",
            "two steps",
            "gain",
        ];
        let mut out = table(1, &heads);
        let layers = self.names("depthwise/f32");
        for layer in &layers {
            let mut cells = vec![(*layer).to_owned()];
            for form in &FORMS[..2] {
                let of = |figure| self.number(&format!("depthwise/{form}/{layer}"), figure);
                let (one, two) = (of("one step"), of("two steps"));
                cells.extend([ms(one), ms(two), times(ratio(two, one))]);
            }
            row(&mut out, &cells.iter().map(String::as_str).collect::<Vec<_>>());
        }
        (!layers.is_empty()).then_some(out)
    }

    fn start(&self) -> Option<String> {
        let figures = ["device", "self-test", "model ready", "first image", "again in the process"];
        let mut heads = vec!["caches"];
        heads.extend(figures);
        let mut out = table(1, &heads);
        for (which, what) in [
            ("no caches", "none"),
            ("first", "the driver's; fiducia's is empty"),
            ("second", "both"),
        ] {
            let of = |figure| self.number(&format!("start/{which}"), figure);
            let cells = figures.map(|figure| ms(of(figure)));
            let mut all = vec![what];
            all.extend(cells.iter().map(String::as_str));
            row(&mut out, &all);
        }
        self.number("start/no caches", "model ready")?;
        Some(out)
    }
}

/// What the issue asks of a real GPU.
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
        "19 landmarks from pixels in memory: 1.0 ms or less",
        image.map(|ms| (format!("{ms:.3} ms"), ms <= 1.0)),
    );
    let host = device.and_then(|device| device.record.number("host/head/2", "median"));
    let faster = ratio(host, image);
    tell(
        "The CPU path of the same machine on two threads: 20 times as fast, or more",
        faster.map(|r| (format!("{r:.1} times"), r >= 20.0)),
    );
    let singles = ratio(of("landmarks/head/19 models"), of("landmarks/head/19"));
    tell(
        "19 models on the same device: 10 times as fast, or more",
        singles.map(|r| (format!("{r:.1} times"), r >= 10.0)),
    );
    out
}

/// The CPU path of the machine, and the networks through PyTorch beside those of the devices.
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
        &["engine", "device", "numbers", "wall, ms", "p10–p90, ms", "device, ms", "apart, cells"],
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

/// Milliseconds with four digits or so.
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
            number("detect/head/f32", "floor", 1.0),
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

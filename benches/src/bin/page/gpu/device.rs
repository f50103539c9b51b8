//! The tables of one measured device.

use std::fmt::Write;

use fiducia_benches::{LOAD, Record};

use super::{FORMS, goals, ms, percent, times};
use crate::tables::{number, ratio, row, table};

/// A device that was measured.
pub(super) struct Device<'a> {
    pub(super) record: &'a Record,
    /// Its name in the rows.
    name: &'a str,
}

/// The devices of a record.
pub(super) fn devices(record: &Record) -> Vec<Device<'_>> {
    let names = record.names("gpu/").into_iter().filter(|name| !name.contains('/'));
    names.map(|name| Device { record, name }).collect()
}

impl Device<'_> {
    pub(super) fn find(&self, figure: &str) -> &str {
        self.record.find(&format!("gpu/{}", self.name), figure).unwrap_or("?")
    }

    pub(super) fn number(&self, of: &str, figure: &str) -> Option<f64> {
        self.record.number(&format!("gpu/{}/{of}", self.name), figure)
    }

    fn names(&self, of: &str) -> Vec<&str> {
        self.record.names(&format!("gpu/{}/{of}/", self.name))
    }

    pub(super) fn is_software(&self) -> bool {
        self.find("kind") == "software"
    }

    /// Writes the heading, the goals and all tables.
    pub(super) fn write(&self, out: &mut String) {
        let kind = if self.is_software() { "software rasteriser" } else { self.find("kind") };
        let _ = writeln!(
            out,
            "#### {}: {}\n\n{} through {}; system load at the start: {}.\n",
            kind,
            self.find("name"),
            self.find("driver"),
            self.find("interface"),
            number(self.record.number(&format!("gpu/{}", self.name), LOAD), 1)
        );
        if self.is_software() {
            let _ =
                writeln!(out, "Software rasteriser: its times are not representative of a GPU.\n");
        } else {
            let _ = writeln!(out, "{}", goals(Some(self)));
        }
        if self.find("clock") == "no" {
            let _ = writeln!(
                out,
                "The device has no timestamps: wall times only, no times of stages or shaders.\n"
            );
        }
        let tables = [
            ("Measured peaks:", self.peaks()),
            ("From pixels in memory to landmarks:", self.detect()),
            (
                "Time and roofline bound of each shader, head model, ms (one image, steps run one by one):",
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

    fn peaks(&self) -> Option<String> {
        let of = |figure, scale: f64| self.number("peak", figure).map(|value| value * scale);
        of("copy", 1.0)?;
        let mut out = table(
            0,
            &[
                "copy, GB/s",
                "repeated copy of 4 MiB, GB/s",
                "f32, Gop/s",
                "f16, Gop/s",
                "dot4I8Packed, Gop/s",
                "dependent dispatch, µs",
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
            "images/s, pipelined",
            "pre",
            "backbone",
            "crop",
            "refine",
            "decode",
            "steps, ms",
            "roofline bound, ms",
            "of bound",
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
            cells.push(ms(of("bound")));
            cells.push(percent(of("bound"), of("sum of steps")));
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
                "bound",
                "of bound",
                "f16",
                "bound",
                "of bound",
                "steps, int8",
                "int8",
                "bound",
                "of bound",
            ],
        );
        // In the order of the f32 rows, longest first; shaders of int8 only follow.
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
                let (time, bound) = (of(form, "time"), of(form, "bound"));
                cells.extend([ms(time), ms(bound), percent(bound, time)]);
            }
            row(&mut out, &cells.iter().map(String::as_str).collect::<Vec<_>>());
        }
        (!kernels.is_empty()).then_some(out)
    }

    fn landmarks(&self) -> Option<String> {
        let of = |which| self.number(&format!("landmarks/head/{which}"), "median");
        let (all, models) = (of("19"), of("19 models"));
        all?;
        let mut out = table(0, &["1, ms", "19, ms", "19 models, ms", "speed-up of fused"]);
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
        for (which, what) in [("no caches", "none"), ("first", "driver only"), ("second", "both")] {
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

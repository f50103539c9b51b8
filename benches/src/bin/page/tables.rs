//! The tables of the page.

use std::fmt::Write;

use fiducia_benches::{Kind, Record};

use crate::{Machine, gpu};

pub(crate) const LANDMARKS: [usize; 5] = [1, 6, 19, 37, 68];

/// All generated parts of the page, by name.
pub(crate) fn all(
    machines: &[Machine],
    quantisation: &Quantisation,
) -> Vec<(&'static str, String)> {
    // A machine without records of a group has no table for it.
    let each = |table: fn(&Record) -> String, plot: Option<&str>, prefixes: &[&str]| {
        let mut out = String::new();
        let has = |m: &&Machine| prefixes.iter().any(|of| !m.record.names(of).is_empty());
        for machine in machines.iter().filter(has) {
            let _ = writeln!(out, "**{}**, {}\n", machine.name, machine.date);
            if let Some(plot) = plot {
                let (name, alt) = (&machine.name, plot);
                let _ = writeln!(
                    out,
                    "![{alt} against the number of landmarks](plots/{plot}-{name}.svg)\n"
                );
            }
            let _ = writeln!(out, "{}", table(&machine.record));
        }
        out
    };
    vec![
        ("machines", machines_table(machines)),
        ("goals", each(goals, None, &["fusion/", "memory/", "rivals/"])),
        ("fusion", each(fusion, Some("latency"), &["fusion/"])),
        ("stages", each(stages, None, &["stages/"])),
        ("memory", each(memory, Some("memory"), &["memory/"])),
        ("endurance", each(endurance, None, &["endurance/"])),
        ("rivals", each(rivals, None, &["rivals/"])),
        ("gpu", gpu::part(machines)),
        ("files", each(files, None, &["pack/", "link/"])),
        ("quantisation", quantisation.table()),
    ]
}

fn machines_table(machines: &[Machine]) -> String {
    let mut out = table(4, &["machine", "processor", "system", "recorded", "load at the start"]);
    for m in machines {
        let text = |figure| m.record.find("machine", figure).unwrap_or("?");
        let load = number(m.record.number("machine", "load at the start"), 1);
        row(&mut out, &[&m.name, text("processor"), text("system"), &m.date, &load]);
    }
    out
}

/// The goals of the project, the measurements, and whether the goals are met.
fn goals(record: &Record) -> String {
    let mut out = table(3, &["goal", "measured", "met"]);
    let mut tell = |goal: &str, measured: Option<(String, bool)>| {
        let (measured, met) = measured.map_or(("not measured".to_owned(), "–"), |(text, met)| {
            (text, if met { "yes" } else { "**no**" })
        });
        row(&mut out, &[goal, &measured, met]);
    };
    let of = |what: &str, kind: Kind, figure: &str| {
        record.number(&format!("{what}/{}/cpu/19", kind.name()), figure)
    };
    let faster = ratio(of("fusion", Kind::Single, "median"), of("fusion", Kind::Fused, "median"));
    tell(
        "19 landmarks from pixels: at least 10 times as fast as 19 models",
        faster.map(|r| (format!("{r:.1} times"), r >= 10.0)),
    );
    let figure = "heap loaded";
    let share = ratio(of("memory", Kind::Fused, figure), of("memory", Kind::Single, figure));
    tell(
        "Memory of the loaded model: at least 90 % less than 19 models",
        share.map(|s| (format!("{:.1} % less", 100.0 * (1.0 - s)), s <= 0.1)),
    );
    for (threads, on) in [(1, "one thread"), (2, "two threads")] {
        let rivals = |figure, unit, factor, meant: &dyn Fn(&str) -> bool| {
            against(record, threads, figure, unit, factor, meant)
        };
        tell(
            &format!("Networks and decode, {on}: no slower than the fastest other engine in f32"),
            rivals("median", "ms", 1.0, &|name| !name.ends_with("int8")),
        );
        tell(
            &format!("The same against 8-bit engines, {on}"),
            rivals("median", "ms", 1.0, &|name| name.ends_with("int8")),
        );
        tell(
            &format!("Load and first run, {on}: faster than every other engine"),
            rivals("load", "ms", 1.0, &|_| true),
        );
        tell(
            &format!("Peak memory, {on}: below every other engine"),
            rivals("peak rss", "MB", 1e-6, &|_| true),
        );
    }
    let median = |name: &str| {
        let names = record.names("stages/");
        let found = names.into_iter().find(|n| n.starts_with(name))?;
        record.number(&format!("stages/{found}"), "median")
    };
    let bandwidth = ratio(median("peaks/cpu/"), median("copy-from-main-memory/cpu/"));
    tell(
        "Decode of 19 heat maps: at most 1.5 times a copy of them from main memory",
        bandwidth.map(|r| (format!("{r:.1} times"), r <= 1.5)),
    );
    let growth = record.names("endurance/cpu/").pop().and_then(|images| {
        let of = |figure| record.number(&format!("endurance/cpu/{images}"), figure);
        let (low, high) = (of("slope low")?, of("slope high")?);
        let text = format!("{images} images: {low:.0} to {high:.0} bytes an image (95 %)");
        Some((text, low <= 0.0))
    });
    tell("Memory does not grow over many images", growth);
    out
}

/// Compares fiducia with the best of the `meant` engines at this number of threads.
fn against(
    record: &Record,
    threads: usize,
    figure: &str,
    unit: &str,
    factor: f64,
    meant: &dyn Fn(&str) -> bool,
) -> Option<(String, bool)> {
    let of = |engine: &str| record.number(&format!("rivals/fused/{engine}/{threads}"), figure);
    let own = of("fiducia")? * factor;
    let engines = record.names("rivals/fused/").into_iter();
    let suffix = format!("/{threads}");
    let others = engines.filter_map(|name| name.strip_suffix(&suffix));
    let others = others.filter(|name| *name != "fiducia" && meant(name));
    let values = others.filter_map(|name| Some((of(name)? * factor, name)));
    let (best, name) = values.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some((format!("{own:.1} {unit}; {name} {best:.1} {unit}"), own <= best))
}

/// From pixels in memory to landmarks, for each way to share the networks.
fn fusion(record: &Record) -> String {
    let heads =
        ["landmarks", "fused, ms", "joint, ms", "one model per landmark, ms", "speed-up of fused"];
    let mut out = table(1, &heads);
    let at =
        |kind: Kind, n: usize| record.number(&format!("fusion/{}/cpu/{n}", kind.name()), "median");
    for n in LANDMARKS {
        let [fused, joint, single] = Kind::ALL.map(|kind| at(kind, n));
        let factor = ratio(single, fused).map_or("–".to_owned(), |r| format!("{r:.1} ×"));
        let cells = [n.to_string(), number(fused, 1), number(joint, 1), number(single, 1), factor];
        row(&mut out, &cells.each_ref().map(String::as_str));
    }
    let (first, last) = (at(Kind::Fused, 1), at(Kind::Fused, 68));
    if let (Some(first), Some(last)) = (first, last) {
        let each = (last - first) / 67.0;
        let _ = writeln!(
            out,
            "\nA further landmark takes {each:.2} ms, {:.1} % of the first.",
            100.0 * each / first
        );
    }
    out
}

fn stages(record: &Record) -> String {
    let mut out = table(3, &["stage", "device", "on", "median, ms", "95 % interval, ms"]);
    for name in record.names("stages/") {
        let mut parts = name.splitn(3, '/');
        let [stage, device, size] = [(); 3].map(|()| parts.next().unwrap_or_default());
        let of = |figure| record.number(&format!("stages/{name}"), figure);
        let interval = format!("{}–{}", number(of("low"), 3), number(of("high"), 3));
        row(&mut out, &[stage, device, size, &number(of("median"), 3), &interval]);
    }
    out
}

/// Megabytes of each model and its detector.
fn memory(record: &Record) -> String {
    let heads = [
        "model",
        "device",
        "landmarks",
        "file, MB",
        "heap, loaded",
        "peak while loading",
        "heap, at work",
        "peak at work",
        "main memory, peak",
        "GPU, MB",
    ];
    let mut out = table(2, &heads);
    for name in record.names("memory/") {
        let mut parts = name.splitn(3, '/');
        let [model, device, landmarks] = [(); 3].map(|()| parts.next().unwrap_or_default());
        let mb = |figure| megabytes(record.number(&format!("memory/{name}"), figure));
        let cells = [
            mb("file"),
            mb("heap loaded"),
            mb("peak heap loaded"),
            mb("heap steady"),
            mb("peak heap steady"),
            mb("peak rss steady"),
            mb("gpu"),
        ];
        let mut all = vec![model, device, landmarks];
        all.extend(cells.iter().map(String::as_str));
        row(&mut out, &all);
    }
    let of =
        |kind: Kind, figure: &str| record.number(&format!("memory/{}/cpu/19", kind.name()), figure);
    for (figure, what) in
        [("file", "files"), ("heap loaded", "heap, loaded"), ("heap steady", "heap, at work")]
    {
        if let Some(share) = ratio(of(Kind::Fused, figure), of(Kind::Single, figure)) {
            let saved = 100.0 * (1.0 - share);
            let _ = writeln!(
                out,
                "\n19 landmarks, {what}: {saved:.1} % less than one model per landmark."
            );
        }
    }
    out
}

fn endurance(record: &Record) -> String {
    let heads = [
        "images",
        "of which refused",
        "growth per image, bytes",
        "95 % interval",
        "main memory: first, last, maximum",
        "p50, ms",
        "p99, ms",
        "p99 / p50",
    ];
    let mut out = table(0, &heads);
    for name in record.names("endurance/cpu/") {
        let of = |figure| record.number(&format!("endurance/cpu/{name}"), figure);
        let interval = format!("{} to {}", number(of("slope low"), 0), number(of("slope high"), 0));
        let memory = ["rss first", "rss last", "rss most"].map(|figure| megabytes(of(figure)));
        let cells = [
            name.to_owned(),
            number(of("refused"), 0),
            number(of("slope per image"), 0),
            interval,
            format!("{} MB", memory.join(", ")),
            number(of("p50"), 1),
            number(of("p99"), 1),
            number(ratio(of("p99"), of("p50")), 2),
        ];
        row(&mut out, &cells.each_ref().map(String::as_str));
    }
    out
}

/// The same two networks in other engines, in order of time.
fn rivals(record: &Record) -> String {
    let mut out = String::new();
    for (which, threads, title) in [
        ("fused", 1, "One model for 19 landmarks, one thread"),
        ("fused", 2, "The same, two threads"),
        ("singles", 1, "19 models for one landmark each, f32, one thread"),
    ] {
        let of = |engine: &str, figure: &str| {
            record.number(&format!("rivals/{which}/{engine}/{threads}"), figure)
        };
        let prefix = format!("rivals/{which}/");
        let ending = format!("/{threads}");
        let mut engines: Vec<&str> = record
            .names(&prefix)
            .into_iter()
            .filter_map(|name| name.strip_suffix(&ending))
            .collect();
        if engines.is_empty() {
            continue;
        }
        let time = |engine: &str| of(engine, "median").unwrap_or(f64::INFINITY);
        engines.sort_by(|a, b| time(a).total_cmp(&time(b)));
        let _ = writeln!(out, "{title}:\n");
        out += &table(
            1,
            &[
                "engine",
                "median, ms",
                "quartiles, ms",
                "load and first run, ms",
                "peak memory, MB",
                "difference, cells",
            ],
        );
        for engine in engines {
            let cells = [
                number(of(engine, "median"), 1),
                format!("{}–{}", number(of(engine, "low"), 1), number(of(engine, "high"), 1)),
                number(of(engine, "load"), 0),
                megabytes(of(engine, "peak rss")),
                number(of(engine, "off"), 4),
            ];
            let mut all = vec![engine];
            all.extend(cells.iter().map(String::as_str));
            row(&mut out, &all);
        }
        out.push('\n');
    }
    out
}

/// Model files, and frames of the serial link.
fn files(record: &Record) -> String {
    let mut out = table(2, &["step", "of", "median, ms", "per second"]);
    for (group, unit) in [("pack", false), ("link", true)] {
        for name in record.names(&format!("{group}/")) {
            let median = record.number(&format!("{group}/{name}"), "median");
            let Some((step, what)) = name.split_once("/cpu/") else { continue };
            let step = format!("{group}, {step}");
            let rate = median.filter(|_| unit).map(|ms| 1e3 / ms);
            row(&mut out, &[&step, what, &number(median, 4), &number(rate, 0)]);
        }
    }
    out
}

/// Codings of private values, from the output of `docs/quantisation.sh`.
pub(crate) struct Quantisation {
    table: String,
    pub(crate) codings: Vec<Coding>,
}

/// A row of that table.
pub(crate) struct Coding {
    pub(crate) name: String,
    /// Coding of the private values of a landmark.
    pub(crate) landmark_bytes: f64,
    /// Mean displacement of the landmarks by rounding, px; `None` for the model without rounding.
    pub(crate) move_px: Option<f64>,
    /// Mean radial error, mm.
    pub(crate) error: f64,
}

impl Quantisation {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let rows = text.lines().filter(|line| line.starts_with('|')).skip(2);
        let coding = |line: &str| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [name, _, each, moved, _, error, _] = cells[..] else {
                return Err(format!("expected seven cells: {line}"));
            };
            let number = |text: &str| text.parse().map_err(|_| format!("no number: {text}"));
            Ok(Coding {
                name: name.to_owned(),
                landmark_bytes: number(each)?,
                move_px: if moved == "–" { None } else { Some(number(moved)?) },
                error: number(error)?,
            })
        };
        let codings = rows.map(coding).collect::<Result<Vec<_>, _>>()?;
        if codings.is_empty() {
            return Err("no table".to_owned());
        }
        Ok(Self { table: text.trim().to_owned(), codings })
    }

    fn table(&self) -> String {
        format!(
            "![Mean radial error and displacement of landmarks against the bytes per landmark](plots/quantisation.svg)\n\n{}\n",
            self.table
        )
    }
}

/// The header of a table; the first columns are left-aligned words, the others numbers.
pub(crate) fn table(words: usize, heads: &[&str]) -> String {
    let mut out = String::new();
    row(&mut out, heads);
    let rule = |i: usize| if i < words { "---" } else { "---:" };
    row(&mut out, &(0..heads.len()).map(rule).collect::<Vec<_>>());
    out
}

pub(crate) fn row(out: &mut String, cells: &[&str]) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

pub(crate) fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.digits$}"))
}

fn megabytes(bytes: Option<f64>) -> String {
    number(bytes.map(|bytes| bytes * 1e-6), 1)
}

pub(crate) fn ratio(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a? / b.filter(|b| *b > 0.0)?)
}

//! The device and its measured peak.

use fiducia::{Adapter, Error, MeasuredPeak, Precision};
use fiducia_benches::Row;
use fiducia_kernels::gpu::{Choice, Gpu, measure_peak};

/// Opens an adapter by its name.
pub(crate) fn open(name: &str) -> Result<Gpu, Error> {
    Ok(Gpu::open(&Choice::Named(name.to_owned()))?)
}

pub(crate) fn rows(
    name: &str,
    adapter: &Adapter,
) -> Result<(Vec<Row>, Option<MeasuredPeak>), Error> {
    let gpu = open(&adapter.name)?;
    let peak = measure_peak(&gpu).map_err(Error::from)?;
    let says = |what: bool| if what { "yes" } else { "no" };
    let mut rows = vec![
        Row::text(name, "name", &adapter.name),
        Row::text(name, "kind", adapter.kind),
        Row::text(name, "driver", &adapter.driver),
        Row::text(name, "interface", &adapter.interface),
        Row::text(name, "clock", says(gpu.has_clock())),
        Row::text(name, "f16", says(gpu.runs(Precision::F16))),
        Row::text(name, "subgroups", says(gpu.has_subgroups())),
    ];
    let name = &format!("{name}/peak");
    let mut number =
        |figure: &str, value: f64, unit: &str| rows.push(Row::number(name, figure, value, unit));
    number("copied", peak.copied as f64, "bytes");
    number("copy", peak.copy, "bytes/s");
    number("copy again", peak.copy_again, "bytes/s");
    number("f32", peak.f32, "op/s");
    if let Some(f16) = peak.f16 {
        number("f16", f16, "op/s");
    }
    number("int8", peak.int8, "op/s");
    number("dispatch", peak.dispatch_ms, "ms");
    number("submit", peak.submit_ms, "ms");
    Ok((rows, Some(peak)))
}

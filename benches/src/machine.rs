//! The hardware of this machine, and the memory of this process.

use crate::Row;

/// The record figure for the system load.
pub const LOAD: &str = "load at the start";

/// Name of the folder of results: architecture, cores, widest vector instructions.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let architecture = std::env::consts::ARCH.replace('_', "-");
    format!("{architecture}-{cores}core-{}", vectors())
}

#[cfg(target_arch = "x86_64")]
fn vectors() -> &'static str {
    if std::arch::is_x86_feature_detected!("avx512f") {
        "avx512"
    } else if std::arch::is_x86_feature_detected!("avx2") {
        "avx2"
    } else {
        "sse2"
    }
}

#[cfg(target_arch = "aarch64")]
fn vectors() -> &'static str {
    if std::arch::is_aarch64_feature_detected!("dotprod") { "dotprod" } else { "neon" }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn vectors() -> &'static str {
    "scalar"
}

/// Rows about the machine.
pub fn about() -> Vec<Row> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    let mut rows = vec![
        Row::text("machine", "processor", &processor()),
        Row::text("machine", "system", &system),
        Row::number("machine", "cores", cores as f64, ""),
    ];
    // The load of the system: busy cores make everything slower.
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').nth(1).and_then(|five_minutes| five_minutes.parse().ok());
    rows.extend(load.map(|load: f64| Row::number("machine", LOAD, load, "")));
    rows
}

/// Processor name as the system reports it; `unknown` if the system reports no name.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or("unknown", |(_, name)| name).to_owned()
}

/// Resident memory of this process now, bytes, counted page by page and not from the kernel's approximate
/// counters; `None` where the system does not report it.
pub fn resident() -> Option<u64> {
    field(&std::fs::read_to_string("/proc/self/smaps_rollup").ok()?, "Rss:")
}

/// Peak resident memory, bytes, from the kernel's approximate counter.
pub fn peak_resident() -> Option<u64> {
    field(&std::fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

/// A field in units of 1,024 bytes.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_named_by_hardware_alone() {
        let name = machine();
        let parts: Vec<&str> = name.split('-').collect();
        assert!(parts.len() >= 3 && parts.iter().any(|part| part.ends_with("core")), "{name}");
    }

    #[test]
    fn memory_is_read_where_linux_tells_it() {
        let text =
            "55d0-7ffc ---p 00000000 00:00 0 [rollup]\nRss:                1234 kB\nPss: 1 kB\n";
        assert_eq!(field(text, "Rss:"), Some(1234 << 10));
        assert_eq!(field(text, "Swap:"), None);
        if cfg!(target_os = "linux") {
            let (now, most) = (resident().unwrap(), peak_resident().unwrap());
            assert!(now > 1 << 20 && most > 1 << 20, "{now} {most}");
        }
    }
}

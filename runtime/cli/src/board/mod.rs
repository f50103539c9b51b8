//! Power, clocks, temperatures, power mode and memory of the board, from files of Linux in `/proc` and `/sys` and of
//! Jetson Linux. No program is started, and no permissions are needed.

use std::path::{Path, PathBuf};

use serde::Serialize;

/// Rails of an INA3221, the power monitor of Jetson boards.
const RAILS: std::ops::RangeInclusive<usize> = 1..=3;

/// The sensors of the board.
pub(super) struct Board {
    /// `/`, but in tests.
    root: PathBuf,
    sensors: Vec<Sensor>,
}

/// A value that is sampled.
struct Sensor {
    quantity: Quantity,
    name: String,
    /// The value is the product of their numbers.
    files: Vec<PathBuf>,
    /// Converts it to the unit of the quantity.
    factor: f64,
    limit: Option<f64>,
    values: Vec<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quantity {
    /// W.
    Power,
    /// MHz.
    Clock,
    /// Degrees Celsius.
    Temperature,
}

/// The samples of all sensors.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct BoardReport {
    /// The mode that `nvpmodel` set last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) power_mode: Option<String>,
    /// Of each rail, W; one rail may include another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) power_w: Vec<Range>,
    /// Of each group of processor cores, and of each device that scales its clock, MHz.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) clocks_mhz: Vec<Range>,
    /// Degrees Celsius.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) temperatures_c: Vec<Range>,
    /// What this board does not provide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) absent: Vec<&'static str>,
}

/// The samples of one sensor.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Range {
    pub(super) name: String,
    pub(super) mean: f64,
    pub(super) least: f64,
    pub(super) most: f64,
    /// The largest value that is allowed now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<f64>,
}

/// Main memory of this process, bytes.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Resident {
    pub(super) rss_bytes: u64,
    pub(super) peak_rss_bytes: u64,
}

impl Board {
    /// Finds the sensors below `root`.
    pub(super) fn find(root: &Path) -> Self {
        let mut sensors = rails(&root.join("sys/class/hwmon"));
        sensors.extend(processor_clocks(&root.join("sys/devices/system/cpu/cpufreq")));
        sensors.extend(device_clocks(&root.join("sys/class/devfreq")));
        sensors.extend(temperatures(&root.join("sys/class/thermal")));
        // Some sensors are listed but cannot be read, because their part of the chip is powered down.
        sensors.retain(|sensor| sensor.read().is_some());
        Self { root: root.to_owned(), sensors }
    }

    /// Reads all sensors once.
    pub(super) fn sample(&mut self) {
        for sensor in &mut self.sensors {
            let value = sensor.read();
            sensor.values.extend(value);
        }
    }

    /// All samples since the start.
    pub(super) fn report(&self) -> BoardReport {
        let of = |quantity| {
            let sensors = self.sensors.iter().filter(|sensor| sensor.quantity == quantity);
            sensors.filter_map(Sensor::range).collect::<Vec<_>>()
        };
        let mut report = BoardReport {
            power_mode: power_mode(&self.root),
            power_w: of(Quantity::Power),
            clocks_mhz: of(Quantity::Clock),
            temperatures_c: of(Quantity::Temperature),
            absent: Vec::new(),
        };
        let missing = [
            (report.power_mode.is_none(), "power mode"),
            (report.power_w.is_empty(), "power"),
            (report.clocks_mhz.is_empty(), "clocks"),
            (report.temperatures_c.is_empty(), "temperatures"),
        ];
        report.absent = missing.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect();
        report
    }

    /// Memory of this process; `None` if the system does not provide it.
    pub(super) fn resident(&self) -> Option<Resident> {
        resident(&text(&self.root.join("proc/self/status"))?)
    }
}

impl Sensor {
    fn new(quantity: Quantity, name: String, files: Vec<PathBuf>, factor: f64) -> Self {
        Self { quantity, name, files, factor, limit: None, values: Vec::new() }
    }

    fn read(&self) -> Option<f64> {
        let product = self.files.iter().map(|file| number(file)).product::<Option<f64>>();
        product.map(|value| value * self.factor)
    }

    fn range(&self) -> Option<Range> {
        let values = self.values.iter().copied();
        Some(Range {
            name: self.name.clone(),
            mean: values.clone().sum::<f64>() / self.values.len() as f64,
            least: values.clone().reduce(f64::min)?,
            most: values.reduce(f64::max)?,
            limit: self.limit,
        })
    }
}

/// The rails of all INA3221 in `folder`: mV times mA.
fn rails(folder: &Path) -> Vec<Sensor> {
    let monitors = entries(folder).into_iter();
    let monitors = monitors.filter(|m| text(&m.join("name")).as_deref() == Some("ina3221"));
    let rail = |monitor: &PathBuf, n: usize| {
        let label = text(&monitor.join(format!("in{n}_label")))?;
        // The driver calls a channel without a name `NC`.
        let named = !label.is_empty() && label != "NC";
        let files = [format!("in{n}_input"), format!("curr{n}_input")];
        let files = files.map(|file| monitor.join(file)).to_vec();
        named.then(|| Sensor::new(Quantity::Power, label, files, 1e-6))
    };
    monitors.flat_map(|m| RAILS.filter_map(|n| rail(&m, n)).collect::<Vec<_>>()).collect()
}

/// One clock for each group of cores that share it; kHz.
fn processor_clocks(folder: &Path) -> Vec<Sensor> {
    let policies = entries(folder).into_iter().filter(|path| name(path).starts_with("policy"));
    let clock = |policy: PathBuf| {
        let cores = text(&policy.join("related_cpus")).unwrap_or_default();
        let files = vec![policy.join("scaling_cur_freq")];
        let limit = number(&policy.join("scaling_max_freq")).map(|khz| khz * 1e-3);
        Sensor { limit, ..Sensor::new(Quantity::Clock, format!("cores {cores}"), files, 1e-3) }
    };
    policies.map(clock).collect()
}

/// Clocks of other devices, such as the GPU; Hz.
fn device_clocks(folder: &Path) -> Vec<Sensor> {
    let clock = |device: PathBuf| {
        let files = vec![device.join("cur_freq")];
        let limit = number(&device.join("max_freq")).map(|hz| hz * 1e-6);
        Sensor { limit, ..Sensor::new(Quantity::Clock, name(&device), files, 1e-6) }
    };
    entries(folder).into_iter().map(clock).collect()
}

/// Thermal zones; thousandths of a degree.
fn temperatures(folder: &Path) -> Vec<Sensor> {
    let zones = entries(folder).into_iter().filter(|path| name(path).starts_with("thermal_zone"));
    let zone = |zone: PathBuf| {
        let kind = text(&zone.join("type"))?;
        Some(Sensor::new(Quantity::Temperature, kind, vec![zone.join("temp")], 1e-3))
    };
    zones.filter_map(zone).collect()
}

/// The mode that `nvpmodel` set last, by its name where the configuration has one.
fn power_mode(root: &Path) -> Option<String> {
    let status = text(&root.join("var/lib/nvpmodel/status"))?;
    let mode = status.split_whitespace().find_map(|word| word.strip_prefix("pmode:"))?;
    let mode: u32 = mode.parse().ok()?;
    let modes = text(&root.join("etc/nvpmodel.conf")).unwrap_or_default();
    Some(mode_name(&modes, mode).unwrap_or_else(|| format!("number {mode}")))
}

/// The name in lines such as `< POWER_MODEL ID=0 NAME=15W >`.
fn mode_name(modes: &str, wanted: u32) -> Option<String> {
    let id = format!("ID={wanted}");
    let line = modes
        .lines()
        .map(|line| line.trim_start_matches(['<', ' ']).split_whitespace())
        .find(|words| words.clone().take(2).eq(["POWER_MODEL", &id]));
    line?.find_map(|word| word.strip_prefix("NAME=")).map(str::to_owned)
}

/// The fields of `/proc/self/status`, whose unit is KiB.
fn resident(status: &str) -> Option<Resident> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
    };
    Some(Resident { rss_bytes: field("VmRSS:")?, peak_rss_bytes: field("VmHWM:")? })
}

/// The entries of a folder, ordered by the numbers in their names, then by name; empty if there is no folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    found.sort_by_key(|path| (name(path).len(), name(path)));
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn text(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn number(path: &Path) -> Option<f64> {
    text(path)?.parse::<f64>().ok().filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests;

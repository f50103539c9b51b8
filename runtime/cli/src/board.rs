//! What the board says of itself while it works: power, clocks, temperatures, power mode, memory. All of it is read
//! from files of Linux below `/proc` and `/sys`, and of Jetson Linux; nothing is started, no rights are needed.

use std::path::{Path, PathBuf};

use serde::Serialize;

/// Rails of an INA3221, the power monitor of Jetson boards.
const RAILS: std::ops::RangeInclusive<usize> = 1..=3;

/// What was found below a root folder, `/` but in tests.
pub(super) struct Board {
    root: PathBuf,
    gauges: Vec<Gauge>,
}

/// Something that is read again and again.
struct Gauge {
    quantity: Quantity,
    name: String,
    /// Their product is the value.
    files: Vec<PathBuf>,
    /// To the unit of the quantity.
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

/// What a board said.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct BoardReport {
    /// The mode that `nvpmodel` set last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) power_mode: Option<String>,
    /// Of each rail, W; rails may hold one another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) power_w: Vec<Range>,
    /// Of each group of processor cores, and of each device that scales its clock, MHz.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) clocks_mhz: Vec<Range>,
    /// Degrees Celsius.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) temperatures_c: Vec<Range>,
    /// What this board does not tell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) absent: Vec<&'static str>,
}

/// The values that were read.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Range {
    pub(super) name: String,
    pub(super) mean: f64,
    pub(super) least: f64,
    pub(super) most: f64,
    /// The most that is allowed now.
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
    /// Looks for what can be read below `root`.
    pub(super) fn below(root: &Path) -> Self {
        let mut gauges = rails(&root.join("sys/class/hwmon"));
        gauges.extend(processor_clocks(&root.join("sys/devices/system/cpu/cpufreq")));
        gauges.extend(device_clocks(&root.join("sys/class/devfreq")));
        gauges.extend(temperatures(&root.join("sys/class/thermal")));
        // Some are listed and cannot be read: a part that sleeps.
        gauges.retain(|gauge| gauge.now().is_some());
        Self { root: root.to_owned(), gauges }
    }

    /// Reads everything once.
    pub(super) fn look(&mut self) {
        for gauge in &mut self.gauges {
            let now = gauge.now();
            gauge.values.extend(now);
        }
    }

    /// What was read since the start.
    pub(super) fn report(&self) -> BoardReport {
        let of = |quantity| {
            let gauges = self.gauges.iter().filter(|gauge| gauge.quantity == quantity);
            gauges.filter_map(Gauge::range).collect::<Vec<_>>()
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

    /// Memory of this process; `None` where the system does not say.
    pub(super) fn resident(&self) -> Option<Resident> {
        resident(&text(&self.root.join("proc/self/status"))?)
    }
}

impl Gauge {
    fn new(quantity: Quantity, name: String, files: Vec<PathBuf>, factor: f64) -> Self {
        Self { quantity, name, files, factor, limit: None, values: Vec::new() }
    }

    fn now(&self) -> Option<f64> {
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

/// The rails of all INA3221 below `folder`: mV times mA.
fn rails(folder: &Path) -> Vec<Gauge> {
    let monitors = entries(folder).into_iter();
    let monitors = monitors.filter(|m| text(&m.join("name")).as_deref() == Some("ina3221"));
    let rail = |monitor: &PathBuf, n: usize| {
        let label = text(&monitor.join(format!("in{n}_label")))?;
        // The driver's name for a channel without one.
        let named = !label.is_empty() && label != "NC";
        let files = [format!("in{n}_input"), format!("curr{n}_input")];
        let files = files.map(|file| monitor.join(file)).to_vec();
        named.then(|| Gauge::new(Quantity::Power, label, files, 1e-6))
    };
    monitors.flat_map(|m| RAILS.filter_map(|n| rail(&m, n)).collect::<Vec<_>>()).collect()
}

/// One clock for each group of cores that share it; kHz.
fn processor_clocks(folder: &Path) -> Vec<Gauge> {
    let policies = entries(folder).into_iter().filter(|path| name(path).starts_with("policy"));
    let clock = |policy: PathBuf| {
        let cores = text(&policy.join("related_cpus")).unwrap_or_default();
        let files = vec![policy.join("scaling_cur_freq")];
        let limit = number(&policy.join("scaling_max_freq")).map(|khz| khz * 1e-3);
        Gauge { limit, ..Gauge::new(Quantity::Clock, format!("cores {cores}"), files, 1e-3) }
    };
    policies.map(clock).collect()
}

/// Clocks of other devices, such as the GPU; Hz.
fn device_clocks(folder: &Path) -> Vec<Gauge> {
    let clock = |device: PathBuf| {
        let files = vec![device.join("cur_freq")];
        let limit = number(&device.join("max_freq")).map(|hz| hz * 1e-6);
        Gauge { limit, ..Gauge::new(Quantity::Clock, name(&device), files, 1e-6) }
    };
    entries(folder).into_iter().map(clock).collect()
}

/// Thermal zones; thousandths of a degree.
fn temperatures(folder: &Path) -> Vec<Gauge> {
    let zones = entries(folder).into_iter().filter(|path| name(path).starts_with("thermal_zone"));
    let zone = |zone: PathBuf| {
        let kind = text(&zone.join("type"))?;
        Some(Gauge::new(Quantity::Temperature, kind, vec![zone.join("temp")], 1e-3))
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

/// Out of lines such as `< POWER_MODEL ID=0 NAME=15W >`.
fn mode_name(modes: &str, wanted: u32) -> Option<String> {
    let id = format!("ID={wanted}");
    let line = modes
        .lines()
        .map(|line| line.trim_start_matches(['<', ' ']).split_whitespace())
        .find(|words| words.clone().take(2).eq(["POWER_MODEL", &id]));
    line?.find_map(|word| word.strip_prefix("NAME=")).map(str::to_owned)
}

/// Out of `/proc/self/status`, whose unit is 1,024 bytes.
fn resident(status: &str) -> Option<Resident> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
    };
    Some(Resident { rss_bytes: field("VmRSS:")?, peak_rss_bytes: field("VmHWM:")? })
}

/// What is in a folder, in the order of the numbers in the names, then of the names; nothing where there is no folder.
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
mod tests {
    use super::*;

    /// The layout of an Orin Nano under JetPack 6: which files there are, and the form of their content, after
    /// NVIDIA's manual and the kernel's drivers. Nobody read them off a board.
    const ORIN_NANO: &[(&str, &str)] = &[
        ("sys/class/hwmon/hwmon0/name", "pwm_fan\n"),
        ("sys/class/hwmon/hwmon1/name", "ina3221\n"),
        ("sys/class/hwmon/hwmon1/in1_label", "VDD_IN\n"),
        ("sys/class/hwmon/hwmon1/in1_input", "5056\n"),
        ("sys/class/hwmon/hwmon1/curr1_input", "1000\n"),
        ("sys/class/hwmon/hwmon1/in2_label", "VDD_CPU_GPU_CV\n"),
        ("sys/class/hwmon/hwmon1/in2_input", "5048\n"),
        ("sys/class/hwmon/hwmon1/curr2_input", "250\n"),
        ("sys/class/hwmon/hwmon1/in3_label", "VDD_SOC\n"),
        ("sys/class/hwmon/hwmon1/in3_input", "5040\n"),
        ("sys/class/hwmon/hwmon1/curr3_input", "300\n"),
        ("sys/class/hwmon/hwmon1/in7_label", "sum of shunt voltages\n"),
        ("sys/class/hwmon/hwmon1/in7_input", "7\n"),
        ("sys/devices/system/cpu/cpufreq/policy0/related_cpus", "0 1 2 3\n"),
        ("sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "1510400\n"),
        ("sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq", "1510400\n"),
        ("sys/devices/system/cpu/cpufreq/policy4/related_cpus", "4 5\n"),
        ("sys/devices/system/cpu/cpufreq/policy4/scaling_cur_freq", "729600\n"),
        ("sys/devices/system/cpu/cpufreq/policy4/scaling_max_freq", "1510400\n"),
        ("sys/class/devfreq/17000000.gpu/cur_freq", "306000000\n"),
        ("sys/class/devfreq/17000000.gpu/max_freq", "624750000\n"),
        ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
        ("sys/class/thermal/thermal_zone0/temp", "48031\n"),
        // A part that sleeps has no temperature.
        ("sys/class/thermal/thermal_zone2/type", "cv0-thermal\n"),
        ("sys/class/thermal/thermal_zone10/type", "tj-thermal\n"),
        ("sys/class/thermal/thermal_zone10/temp", "49500\n"),
        ("var/lib/nvpmodel/status", "pmode:0001 fmode:quiet\n"),
        (
            "etc/nvpmodel.conf",
            "# POWER_MODEL DEFINITIONS\n\
             < POWER_MODEL ID=0 NAME=15W >\n\
             CPU_ONLINE CORE_0 1\n\
             < POWER_MODEL ID=1 NAME=7W >\n\
             CPU_ONLINE CORE_4 0\n\
             < POWER_MODEL ID=11 NAME=MAXN >\n\
             < PM_CONFIG DEFAULT=0 >\n",
        ),
        (
            "proc/self/status",
            "Name:\tfiducia\nVmPeak:\t  900000 kB\nVmHWM:\t   40960 kB\nVmRSS:\t   36864 kB\nThreads:\t1\n",
        ),
    ];

    fn board(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        root
    }

    fn constant(name: &str, value: f64, limit: Option<f64>) -> Range {
        Range { name: name.to_owned(), mean: value, least: value, most: value, limit }
    }

    #[track_caller]
    fn assert_alike(found: &[Range], expected: &[Range]) {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        let same = |(a, b): (&Range, &Range)| {
            let limits = a.limit.is_some() == b.limit.is_some()
                && near(a.limit.unwrap_or(0.0), b.limit.unwrap_or(0.0));
            let values = near(a.mean, b.mean) && near(a.least, b.least) && near(a.most, b.most);
            a.name == b.name && limits && values
        };
        let all = found.len() == expected.len() && found.iter().zip(expected).all(same);
        assert!(all, "{found:?}\nexpected\n{expected:?}");
    }

    #[test]
    fn a_jetson_tells_everything() {
        let root = board(ORIN_NANO);
        let mut board = Board::below(root.path());
        board.look();
        let report = board.report();
        assert_eq!(report.power_mode.as_deref(), Some("7W"));
        let power = [("VDD_IN", 5.056), ("VDD_CPU_GPU_CV", 1.262), ("VDD_SOC", 1.512)];
        assert_alike(&report.power_w, &power.map(|(name, w)| constant(name, w, None)));
        assert_alike(
            &report.clocks_mhz,
            &[
                constant("cores 0 1 2 3", 1510.4, Some(1510.4)),
                constant("cores 4 5", 729.6, Some(1510.4)),
                constant("17000000.gpu", 306.0, Some(624.75)),
            ],
        );
        let temperatures = [("cpu-thermal", 48.031), ("tj-thermal", 49.5)];
        assert_alike(
            &report.temperatures_c,
            &temperatures.map(|(name, c)| constant(name, c, None)),
        );
        assert!(report.absent.is_empty(), "{report:?}");
        let resident = Resident { rss_bytes: 36864 << 10, peak_rss_bytes: 40960 << 10 };
        assert_eq!(board.resident(), Some(resident));
    }

    #[test]
    fn values_that_change_have_a_mean_and_ends() {
        let root = board(ORIN_NANO);
        let mut board = Board::below(root.path());
        for ma in [1000, 2000, 3000] {
            let current = root.path().join("sys/class/hwmon/hwmon1/curr1_input");
            std::fs::write(current, format!("{ma}\n")).unwrap();
            board.look();
        }
        let range = Range {
            name: "VDD_IN".to_owned(),
            mean: 10.112,
            least: 5.056,
            most: 15.168,
            limit: None,
        };
        assert_alike(&board.report().power_w[..1], &[range]);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let root = board(&[]);
        let mut board = Board::below(root.path());
        board.look();
        let absent = vec!["power mode", "power", "clocks", "temperatures"];
        assert_eq!(board.report(), BoardReport { absent, ..BoardReport::default() });
        assert_eq!(board.resident(), None);
    }

    #[test]
    fn files_of_another_form_are_left_out() {
        let mut files = ORIN_NANO.to_vec();
        for (path, content) in &mut files {
            if path.ends_with("_input") || path.ends_with("_freq") || path.ends_with("temp") {
                *content = "<unsupported>\n";
            }
            if path.ends_with("status") {
                *content = "pmode:unset\nVmRSS:\n";
            }
        }
        let root = board(&files);
        let mut board = Board::below(root.path());
        board.look();
        let absent = vec!["power mode", "power", "clocks", "temperatures"];
        assert_eq!(board.report(), BoardReport { absent, ..BoardReport::default() });
        assert_eq!(board.resident(), None);
    }

    #[test]
    fn a_mode_without_a_name_has_its_number() {
        let without: Vec<_> =
            ORIN_NANO.iter().filter(|(p, _)| !p.starts_with("etc")).copied().collect();
        assert_eq!(power_mode(board(&without).path()).as_deref(), Some("number 1"));
        assert_eq!(mode_name("< POWER_MODEL ID=11 NAME=MAXN >", 1), None);
        assert_eq!(mode_name("# < POWER_MODEL ID=1 NAME=MAXN >", 1), None);
    }
}

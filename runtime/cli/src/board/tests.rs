use super::*;

/// The files of an Orin Nano with JetPack 6 and the format of their content, from NVIDIA's manual and the kernel's
/// drivers. They were not copied from a board.
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
    // A part that is powered down has no temperature.
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
fn assert_same(found: &[Range], expected: &[Range]) {
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
fn a_jetson_provides_everything() {
    let root = board(ORIN_NANO);
    let mut board = Board::find(root.path());
    board.sample();
    let report = board.report();
    assert_eq!(report.power_mode.as_deref(), Some("7W"));
    let power = [("VDD_IN", 5.056), ("VDD_CPU_GPU_CV", 1.262), ("VDD_SOC", 1.512)];
    assert_same(&report.power_w, &power.map(|(name, w)| constant(name, w, None)));
    assert_same(
        &report.clocks_mhz,
        &[
            constant("cores 0 1 2 3", 1510.4, Some(1510.4)),
            constant("cores 4 5", 729.6, Some(1510.4)),
            constant("17000000.gpu", 306.0, Some(624.75)),
        ],
    );
    let temperatures = [("cpu-thermal", 48.031), ("tj-thermal", 49.5)];
    assert_same(&report.temperatures_c, &temperatures.map(|(name, c)| constant(name, c, None)));
    assert!(report.absent.is_empty(), "{report:?}");
    let resident = Resident { rss_bytes: 36864 << 10, peak_rss_bytes: 40960 << 10 };
    assert_eq!(board.resident(), Some(resident));
}

#[test]
fn a_range_has_mean_minimum_and_maximum() {
    let root = board(ORIN_NANO);
    let mut board = Board::find(root.path());
    for ma in [1000, 2000, 3000] {
        let current = root.path().join("sys/class/hwmon/hwmon1/curr1_input");
        std::fs::write(current, format!("{ma}\n")).unwrap();
        board.sample();
    }
    let range =
        Range { name: "VDD_IN".to_owned(), mean: 10.112, least: 5.056, most: 15.168, limit: None };
    assert_same(&board.report().power_w[..1], &[range]);
}

/// Checks that everything is named as absent.
#[track_caller]
fn assert_nothing_found(files: &[(&str, &str)]) {
    let root = board(files);
    let mut board = Board::find(root.path());
    board.sample();
    let absent = vec!["power mode", "power", "clocks", "temperatures"];
    assert_eq!(board.report(), BoardReport { absent, ..BoardReport::default() });
    assert_eq!(board.resident(), None);
}

#[test]
fn missing_sensors_are_named() {
    assert_nothing_found(&[]);
}

#[test]
fn files_with_unexpected_content_are_ignored() {
    let mut files = ORIN_NANO.to_vec();
    for (path, content) in &mut files {
        if path.ends_with("_input") || path.ends_with("_freq") || path.ends_with("temp") {
            *content = "<unsupported>\n";
        }
        if path.ends_with("status") {
            *content = "pmode:unset\nVmRSS:\n";
        }
    }
    assert_nothing_found(&files);
}

#[test]
fn a_mode_without_a_name_has_its_number() {
    let without: Vec<_> =
        ORIN_NANO.iter().filter(|(p, _)| !p.starts_with("etc")).copied().collect();
    assert_eq!(power_mode(board(&without).path()).as_deref(), Some("number 1"));
    assert_eq!(mode_name("< POWER_MODEL ID=11 NAME=MAXN >", 1), None);
    assert_eq!(mode_name("# < POWER_MODEL ID=1 NAME=MAXN >", 1), None);
}

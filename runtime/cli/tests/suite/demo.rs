//! The shipped model on the demo image, compared with the true positions and with recorded output.

use std::{collections::BTreeMap, process::Command};

use fiducia_test_support::shipped::shipped;

/// Mean distance to the truth, px of the demo image (0.2 mm): the error of the model on real radiographs.
const MEAN_TOLERANCE_PX: f64 = 6.0;
/// Distance of any landmark to the truth, px: 4 mm, the error of the weakest landmarks.
const WORST_TOLERANCE_PX: f64 = 20.0;
/// Distance of any landmark to the recorded output, px: rounding on another processor moves a point by hundredths of a
/// pixel; half a pixel is 0.1 mm.
const RECORDED_TOLERANCE_PX: f64 = 0.5;
/// Limit on the size of the shipped model file, bytes.
const PACK_BYTES: usize = 8_000_000;

type Points = BTreeMap<String, [f64; 2]>;

fn read(name: &str) -> String {
    let path = shipped(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Points by landmark out of a CSV with the columns `landmark`, `x_px` and `y_px`.
fn points(csv: &str) -> Points {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column = |name: &str| header.iter().position(|h| *h == name).unwrap();
    let [name, x, y] = ["landmark", "x_px", "y_px"].map(column);
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        (cells[name].to_owned(), [x, y].map(|c| cells[c].parse().unwrap()))
    };
    lines.map(row).collect()
}

/// What `fiducia detect` finds on the demo image.
fn detect() -> Points {
    let output = Command::new(env!("CARGO_BIN_EXE_fiducia"))
        .args(["detect", "--backend", "cpu", "--spacing", "0.2", "--csv", "-", "--model"])
        .args([shipped("head.fid"), shipped("demo.png")])
        .env_remove("RUST_LOG")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    points(&String::from_utf8(output.stdout).unwrap())
}

/// Distance of every landmark, px; both must have the same landmarks.
fn distances(found: &Points, wanted: &Points) -> Vec<(String, f64)> {
    assert!(!wanted.is_empty());
    assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    let distance = |(name, f): (&String, &[f64; 2])| {
        let w = wanted[name];
        (name.clone(), (f[0] - w[0]).hypot(f[1] - w[1]))
    };
    found.iter().map(distance).collect()
}

/// Describes landmarks that are farther away than `worst_px`, or a mean above `mean_px`; `None` if all is well.
fn deviation(distances: &[(String, f64)], mean_px: f64, worst_px: f64) -> Option<String> {
    let far: Vec<String> = distances
        .iter()
        .filter(|(_, d)| d.is_nan() || *d > worst_px)
        .map(|(name, d)| format!("{name} {d:.2} px"))
        .collect();
    let mean = distances.iter().map(|(_, d)| d).sum::<f64>() / distances.len() as f64;
    let bad = !far.is_empty() || mean.is_nan() || mean > mean_px;
    bad.then(|| format!("mean {mean:.2} px, far off: {}", far.join(", ")))
}

#[test]
fn landmarks_are_near_the_truth() {
    let off = distances(&detect(), &points(&read("demo.csv")));
    assert_eq!(deviation(&off, MEAN_TOLERANCE_PX, WORST_TOLERANCE_PX), None);
}

#[test]
fn landmarks_match_the_recorded_output() {
    let off = distances(&detect(), &points(&read("demo.golden.csv")));
    assert_eq!(deviation(&off, RECORDED_TOLERANCE_PX, RECORDED_TOLERANCE_PX), None);
}

#[test]
fn a_moved_or_swapped_landmark_is_detected() {
    let recorded = points("landmark,x_px,y_px\na,10,20\nb,30,45\n");
    let check = |found: &Points| {
        deviation(&distances(found, &recorded), RECORDED_TOLERANCE_PX, RECORDED_TOLERANCE_PX)
    };
    assert_eq!(check(&recorded), None);
    let mut moved = recorded.clone();
    moved.get_mut("b").unwrap()[0] += 0.6;
    assert!(check(&moved).is_some());
    let swapped = recorded.iter().map(|(name, [x, y])| (name.clone(), [*y, *x])).collect();
    assert!(check(&swapped).is_some());
}

#[test]
fn the_model_file_is_small_and_listed_in_the_manifest() {
    let pack = fiducia::Pack::open(&shipped("head.fid")).unwrap();
    assert!(pack.file_len() < PACK_BYTES, "{} bytes", pack.file_len());
    assert!(read("manifest.json").contains(pack.sha256()), "manifest.json lacks {}", pack.sha256());
    assert!(pack.card() == read("head.md"), "the card in the pack is not head.md");
}

#[test]
fn a_subset_of_landmarks_has_unchanged_positions() {
    use fiducia::{Backend, Detector, ErrorKind, Pack, Radiograph};
    let pack = Pack::open(&shipped("head.fid")).unwrap();
    let image = Radiograph::open(&shipped("demo.png"), Some([0.2; 2])).unwrap();
    let all = Detector::new(&pack, Backend::Cpu).unwrap().detect(&image).unwrap();
    let names = ["nasion", "gonion"].map(str::to_owned);
    let some =
        Detector::for_landmarks(&pack, Backend::Cpu, &names).unwrap().detect(&image).unwrap();
    assert_eq!(some.landmarks.iter().map(|l| &l.name).collect::<Vec<_>>(), ["nasion", "gonion"]);
    for one in &some.landmarks {
        let same = all.landmarks.iter().find(|l| l.name == one.name).unwrap();
        assert!((one.x_px - same.x_px).hypot(one.y_px - same.y_px) < 1e-3, "{}", one.name);
    }
    let unknown = Detector::for_landmarks(&pack, Backend::Cpu, &["elbow".to_owned()]).unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Usage);
    assert!(unknown.to_string().contains("elbow") && unknown.to_string().contains("nasion"));
}

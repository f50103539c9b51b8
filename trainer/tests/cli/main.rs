//! The whole program, with a toy model that finds the brightest and the darkest blob of an image.

mod toy;

use std::path::Path;
use std::process::{Command, Output};

use toy::{BOTH, data_folder, pack_of, toy_pack};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fiducia-train")).args(args).output().unwrap()
}

/// Runs `evaluate` on the toy set with further arguments.
fn evaluate(root: &Path, spacing: &str, more: &[&str]) -> Output {
    let (data, pack) = (data_folder(root, spacing), toy_pack(root));
    let mut args = vec!["evaluate", "--model", pack.to_str().unwrap()];
    args.extend(["--data", data.to_str().unwrap(), "--backend", "cpu"]);
    args.extend(more);
    run(&args)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_toy_pack_is_measured() {
    let root = tempfile::tempdir().unwrap();
    let json = root.path().join("figures.json");
    let report = root.path().join("report");
    let out = evaluate(
        root.path(),
        "0.5",
        &[
            "--split",
            "test",
            "--json",
            json.to_str().unwrap(),
            "--report",
            report.to_str().unwrap(),
        ],
    );
    assert!(out.status.success(), "{}", text(&out.stderr));
    let value: serde_json::Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    assert_eq!(value["images"], 2);
    // An error of half a pixel anywhere in the chain would be 0.35 mm.
    let mre = value["mre_mm"].as_f64().unwrap();
    assert!(mre > 0.0 && mre < 0.2, "{value}");
    assert_eq!(value["sdr_2mm"], 100.0);
    let table = text(&out.stdout);
    assert!(table.contains("toy / test: 2 images") && table.contains("bright"), "{table}");
    assert!(table.contains("expected error") && table.contains("confident: 100.0 %"), "{table}");
    assert_eq!(value["reliability"]["points"], 4);
    for file in ["index.html", "best.png", "median.png", "worst.png", "errors.csv", "summary.json"]
    {
        assert!(report.join(file).is_file(), "{file}");
    }
}

#[test]
fn without_a_scale_the_unit_is_the_pixel() {
    let root = tempfile::tempdir().unwrap();
    let out =
        evaluate(root.path(), "null", &["--split", "all", "--exclude", "1.png", "--json", "-"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let value: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(value["images"], 2);
    assert!(value["mre_px"].as_f64().unwrap() < 2.0, "{value}");
    assert!(value.get("mre_mm").is_none());
    assert!(value["mre_percent_height"].as_f64().unwrap() < 2.0, "{value}");
}

/// Runs `refusals` on the toy set with further arguments; the toy set is also the foreign folder.
fn refusals(root: &Path, spacing: &str, more: &[&str]) -> Output {
    let (data, pack) = (data_folder(root, spacing), toy_pack(root));
    let data = data.to_str().unwrap();
    let mut args = vec!["refusals", "--model", pack.to_str().unwrap()];
    args.extend(["--data", data, "--foreign", data]);
    args.extend(more);
    run(&args)
}

#[test]
fn refusals_are_counted_by_kind() {
    let root = tempfile::tempdir().unwrap();
    let out = refusals(root.path(), "0.5", &["--split", "test", "--json", "-"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let value: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let kind = |name: &str| {
        let kinds = value["kinds"].as_array().unwrap();
        kinds.iter().find(|k| k["kind"] == name).unwrap_or_else(|| panic!("{name}: {value}"))
    };
    let whole = kind("as they are");
    assert_eq!((&whole["images"], &whole["refused"]), (&2.into(), &0.into()));
    assert!(whole["mre"].as_f64().unwrap() < 0.2, "{whole}");
    assert!(whole["named_percent"].is_null());
    // Bright and dark change places: for the shape model the image is rotated by 180 degrees.
    let inverted = kind("inverted");
    assert_eq!(inverted["refused_percent"], 100.0);
    assert!(inverted["mre"].is_null() && inverted["looks"][0]["errors"] == serde_json::json!([]));
    assert_eq!(kind("very dark")["refused_percent"], 100.0);
    assert_eq!(kind("foreign: toy")["images"], 3);
}

#[test]
fn refusals_need_no_labels() {
    let root = tempfile::tempdir().unwrap();
    let data = data_folder(root.path(), "null");
    let pack = toy_pack(root.path());
    std::fs::remove_file(data.join("mean.csv")).unwrap();
    let (data, pack) = (data.to_str().unwrap(), pack.to_str().unwrap());
    let json = root.path().join("refusals.json");
    let args = ["refusals", "--model", pack, "--data", data, "--split", "all", "--limit", "1"];
    let out = run(&[&args[..], &["--json", json.to_str().unwrap()]].concat());
    assert!(out.status.success(), "{}", text(&out.stderr));
    let table = text(&out.stdout);
    assert!(
        table.starts_with("toy / all: refusals by model toy (") && table.contains("MRE px"),
        "{table}"
    );
    let line = table.lines().find(|l| l.starts_with("as they are")).unwrap();
    let cells: Vec<&str> = line.split_whitespace().skip(3).collect();
    assert_eq!(cells, ["1", "0", "0.0", "-", "-", "-", "-", "-"]);
    assert!(json.is_file());
}

#[test]
fn a_card_is_exchanged_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (model, card) = (toy_pack(dir.path()), dir.path().join("card.md"));
    let before = std::fs::read(&model).unwrap();
    let [model_, card_] = [&model, &card].map(|path| path.to_str().unwrap().to_owned());
    let done = run(&["card", &model_, &card_]);
    assert_eq!(done.status.code(), Some(3), "there is no card yet");
    assert_eq!(std::fs::read(&model).unwrap(), before);

    std::fs::write(&card, "# Other\n").unwrap();
    assert!(run(&["card", &model_, &card_]).status.success());
    assert_eq!(fiducia::Pack::open(&model).unwrap().card(), "# Other\n");
}

#[test]
fn exit_codes_tell_faults_apart() {
    let root = tempfile::tempdir().unwrap();
    let out = evaluate(root.path(), "0.5", &["--split", "val"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("it has: all, test, train"), "{}", text(&out.stderr));
    let out = evaluate(root.path(), "0.5", &["--split", "test", "--exclude", "1.png,2.png"]);
    assert_eq!(out.status.code(), Some(2));
    let out = evaluate(root.path(), "0.5", &["--split", "test", "--limit", "0"]);
    assert_eq!(out.status.code(), Some(2));
    let full = root.path().to_str().unwrap();
    let out = evaluate(root.path(), "0.5", &["--split", "test", "--report", full]);
    assert_eq!(out.status.code(), Some(2));
    let out = evaluate(root.path(), "\"wide\"", &["--split", "test"]);
    assert_eq!(out.status.code(), Some(3));
    assert!(text(&out.stderr).contains("set.json"), "{}", text(&out.stderr));
    assert_eq!(run(&["evaluate"]).status.code(), Some(2));
}

/// The JSON figures of `evaluate` with these models, on the whole toy set.
fn figures(data: &Path, packs: &[&Path]) -> Result<serde_json::Value, String> {
    let mut args = vec!["evaluate", "--data", data.to_str().unwrap(), "--split", "all"];
    args.extend(["--json", "-"]);
    packs.iter().for_each(|pack| args.extend(["--model", pack.to_str().unwrap()]));
    let out = run(&args);
    match out.status.code() {
        Some(0) => Ok(serde_json::from_slice(&out.stdout).unwrap()),
        code => Err(format!("{code:?} {}", text(&out.stderr))),
    }
}

#[test]
fn one_pack_per_landmark_is_measured_like_one_pack_for_all() {
    let root = tempfile::tempdir().unwrap();
    let data = data_folder(root.path(), "0.5");
    let joint = toy_pack(root.path());
    let one = |place: usize, file| pack_of(&BOTH[place..=place], &root.path().join(file));
    let (bright, dark) = (one(0, "bright.fid"), one(1, "dark.fid"));

    let alone = figures(&data, &[&dark]).unwrap();
    assert_eq!(alone["per_landmark"].as_object().unwrap().keys().collect::<Vec<_>>(), ["dark"]);
    let (all, merged) = (figures(&data, &[&joint]), figures(&data, &[&dark, &bright]));
    let (all, merged) = (all.unwrap(), merged.unwrap());
    let keys = |v: &serde_json::Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&all), keys(&merged));
    // A single landmark has no pose, so its region is cut slightly differently.
    for name in ["bright", "dark"] {
        let mre = |v: &serde_json::Value| v["per_landmark"][name]["mre_mm"].as_f64().unwrap();
        assert!((mre(&all) - mre(&merged)).abs() < 0.1, "{all} {merged}");
    }
    assert_eq!(merged["per_landmark"]["dark"], alone["per_landmark"]["dark"]);

    let twice = figures(&data, &[&joint, &dark]).unwrap_err();
    assert!(twice.starts_with("Some(2)") && twice.contains("`dark` is found by"), "{twice}");

    let report = root.path().join("report");
    let [data, bright, dark, report] =
        [&data, &bright, &dark, &report].map(|p| p.to_str().unwrap());
    let args = ["--split", "test", "--model", bright, "--model", dark, "--report", report];
    let out = run(&[["evaluate", "--data", data].as_slice(), &args].concat());
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert!(Path::new(report).join("worst.png").is_file());
}

#[test]
fn a_list_of_images_to_leave_out_may_be_a_file() {
    let root = tempfile::tempdir().unwrap();
    let list = root.path().join("list.txt");
    std::fs::write(&list, "1.png\r\n\n  2.png\n").unwrap();
    let file = format!("@{}", list.display());
    let out = evaluate(root.path(), "0.5", &["--split", "all", "--exclude", &file, "--json", "-"]);
    let value: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(value["images"], 1, "{}", text(&out.stderr));
    let both = format!("0.png,{file}");
    let out = evaluate(root.path(), "0.5", &["--split", "all", "--exclude", &both]);
    assert_eq!(out.status.code(), Some(2));
    let out = evaluate(root.path(), "0.5", &["--split", "all", "--exclude", "@none.txt"]);
    assert_eq!(out.status.code(), Some(3));
    assert!(text(&out.stderr).contains("none.txt"), "{}", text(&out.stderr));
}

#[test]
fn models_are_compared_on_the_same_images() {
    let root = tempfile::tempdir().unwrap();
    let (data, pack) = (data_folder(root.path(), "0.5"), toy_pack(root.path()));
    let swapped = [("bright", -1.0), ("dark", 1.0)];
    let wrong = pack_of(&swapped, &root.path().join("wrong.fid"));
    let [data, pack, wrong] = [&data, &pack, &wrong].map(|p| p.to_str().unwrap());
    let compare = |more: &[&str]| {
        run(&[["compare", "--data", data, "--split", "all", "--model", pack].as_slice(), more]
            .concat())
    };
    let json = |out: &Output| -> serde_json::Value {
        serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&out.stderr)))
    };

    let same = json(&compare(&["--against", pack, "--json", "-"]));
    assert_eq!((&same["images"], &same["difference_mm"]), (&3.into(), &0.0.into()));
    assert_eq!(same["ci95_difference_mm"], serde_json::json!([0.0, 0.0]));

    // A model that confuses bright and dark has an error of about 28 mm.
    let better = json(&compare(&["--against", wrong, "--json", "-"]));
    assert!(better["difference_mm"].as_f64().unwrap() < -10.0, "{better}");
    assert!(better["ci95_difference_mm"][1].as_f64().unwrap() < -10.0, "{better}");
    assert_eq!((&better["better"], &better["worse"]), (&2.into(), &0.into()));
    assert_eq!(better["sdr_2mm_difference"], 100.0);

    let seeds =
        json(&compare(&["--model", wrong, "--against", wrong, "--against", pack, "--json", "-"]));
    assert!(seeds["difference_mm"].as_f64().unwrap().abs() < 1e-9, "{seeds}");
    assert_eq!(seeds["model_runs_mre_mm"].as_array().unwrap().len(), 2);

    let table = compare(&["--against", wrong]);
    assert!(
        text(&table.stdout).contains("Landmarks: 2 better, 0 worse."),
        "{}",
        text(&table.stdout)
    );
    assert_eq!(compare(&["--against", wrong, "--against", pack]).status.code(), Some(2));
    assert_eq!(compare(&[]).status.code(), Some(2));
}

#[test]
fn a_folder_of_images_is_imported() {
    let root = tempfile::tempdir().unwrap();
    let data = data_folder(root.path(), "null");
    let (images, out) = (data.join("images"), root.path().join("new"));
    let args = [
        "import",
        images.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--spacing",
        "0.5,0.4",
    ];
    let output = run(&args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("3 images"));
    let set = fiducia_trainer::data::DataSet::open(&out).unwrap();
    assert_eq!((set.name.as_str(), set.spacing_mm), ("new", Some([0.5, 0.4])));
    assert_eq!(run(&args).status.code(), Some(2), "an existing folder is never replaced");

    let table = data.join("mean.csv");
    let args = [
        "import",
        table.to_str().unwrap(),
        "--out",
        root.path().join("b").to_str().unwrap(),
        "--from",
        "csv",
    ]
    .map(str::to_owned);
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    args.extend(["--images", images.to_str().unwrap()]);
    let output = run(&args);
    assert!(
        text(&output.stdout).contains("3 of them with all 2 landmarks"),
        "{}",
        text(&output.stderr)
    );
}

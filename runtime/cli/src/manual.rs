//! Man pages and shell completions of the package: `deb/man` and `deb/completions` hold what the definition of
//! the command line gives. With `FIDUCIA_WRITE_MANUAL=1` the test writes them instead of comparing.

use std::{collections::BTreeMap, fs, path::Path};

use clap::CommandFactory;
use clap_complete::Shell;

use super::Arguments;

const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Content by file name.
type Files = BTreeMap<String, String>;

fn files(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    entries.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

/// Compares the folder `name` of the package with what `write` puts into an empty one.
fn check(name: &str, write: impl Fn(&Path)) {
    let scratch = tempfile::tempdir().unwrap();
    write(scratch.path());
    let written = files(scratch.path());
    assert!(!written.is_empty());
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("deb").join(name);
    if std::env::var_os("FIDUCIA_WRITE_MANUAL").is_some() {
        for old in files(&kept).into_keys() {
            fs::remove_file(kept.join(old)).unwrap();
        }
        for (name, content) in &written {
            fs::write(kept.join(name), content).unwrap();
        }
    }
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    let remedy = "FIDUCIA_WRITE_MANUAL=1 cargo test --release --workspace manual";
    let kept = files(&kept);
    assert_eq!(names(&kept), names(&written), "deb/{name} is out of date: {remedy}");
    for (file, content) in written {
        assert!(kept[&file] == content, "deb/{name}/{file} is out of date: {remedy}");
    }
}

#[test]
fn man_pages_follow_the_definition() {
    check("man", |folder| clap_mangen::generate_to(Arguments::command(), folder).unwrap());
}

#[test]
fn completions_follow_the_definition() {
    check("completions", |folder| {
        for shell in SHELLS {
            clap_complete::generate_to(shell, &mut Arguments::command(), "fiducia", folder)
                .unwrap();
        }
    });
}

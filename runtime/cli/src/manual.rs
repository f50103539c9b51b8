//! Checks that the man pages and shell completions in `deb/man` and `deb/completions` match the definition of the
//! command line. With `FIDUCIA_WRITE_MANUAL=1` the tests write these files first.

use std::{collections::BTreeMap, fs, path::Path};

use clap::CommandFactory;
use clap_complete::Shell;

use super::arguments::Arguments;

const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Content by file name.
type Files = BTreeMap<String, String>;

fn files(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    entries.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

/// Compares the folder `name` of the package with the files that `write` creates in an empty folder.
fn check(name: &str, write: impl Fn(&Path)) {
    let temporary = tempfile::tempdir().unwrap();
    write(temporary.path());
    let written = files(temporary.path());
    assert!(!written.is_empty());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deb").join(name);
    if std::env::var_os("FIDUCIA_WRITE_MANUAL").is_some() {
        for old in files(&folder).into_keys() {
            fs::remove_file(folder.join(old)).unwrap();
        }
        for (name, content) in &written {
            fs::write(folder.join(name), content).unwrap();
        }
    }
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    let remedy = "FIDUCIA_WRITE_MANUAL=1 cargo test --release --workspace --bin fiducia manual";
    let shipped = files(&folder);
    assert_eq!(names(&shipped), names(&written), "deb/{name} is out of date: {remedy}");
    for (file, content) in written {
        assert!(shipped[&file] == content, "deb/{name}/{file} is out of date: {remedy}");
    }
}

#[test]
fn man_pages_match_the_definition() {
    check("man", |folder| clap_mangen::generate_to(Arguments::command(), folder).unwrap());
}

#[test]
fn completions_match_the_definition() {
    check("completions", |folder| {
        for shell in SHELLS {
            clap_complete::generate_to(shell, &mut Arguments::command(), "fiducia", folder)
                .unwrap();
        }
    });
}

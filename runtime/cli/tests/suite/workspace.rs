//! A temporary folder in which tests run `fiducia`.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use fiducia_test_support::toy::{self, encode};
use image::ImageFormat;

/// A temporary folder with the toy model `toy.fid`, the image `spots.png` and an empty folder `out`.
pub(crate) struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    pub(crate) fn new() -> Self {
        let workspace = Self { folder: tempfile::tempdir().unwrap() };
        workspace.write("toy.fid", &toy::pack());
        workspace.write("spots.png", &encode(&toy::picture(240, 300).into(), ImageFormat::Png));
        std::fs::create_dir(workspace.path("out")).unwrap();
        workspace
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// Runs `fiducia` in this folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::new(self.command(arguments).env_remove("RUST_LOG").output().unwrap())
    }

    /// As [`Workspace::run`], with debug log messages on standard error.
    pub(crate) fn run_logged(&self, arguments: &[&str]) -> Outcome {
        Outcome::new(self.command(arguments).env("RUST_LOG", "fiducia=debug").output().unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fiducia"));
        command.args(arguments).current_dir(self.folder.path());
        command.env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    /// Runs `fiducia detect` with the toy model on the CPU.
    pub(crate) fn detect(&self, arguments: &[&str]) -> Outcome {
        self.run(&[&["detect", "--model", "toy.fid", "--backend", "cpu"], arguments].concat())
    }

    /// Names in a folder, sorted.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let name = |e: std::io::Result<std::fs::DirEntry>| e.unwrap().file_name();
        let entries = std::fs::read_dir(self.path(folder)).unwrap().map(name);
        let mut names: Vec<String> = entries.map(|n| n.into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn new(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Checks that the run succeeded, and returns its standard output.
    pub(crate) fn succeeds(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }

    /// Checks that the run failed with this exit code and a message that contains `words`.
    pub(crate) fn fails_with(self, code: i32, words: &str) {
        assert!(self.code == code && self.stderr.contains(words), "{code} {words}: {self:?}");
        assert_eq!(self.stdout, "");
    }
}

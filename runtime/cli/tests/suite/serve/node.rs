//! A node that runs in its own folder, and images for it.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use fiducia_test_support::http;

use crate::{
    dicom_files::{Object, bare, data_set, put, put_bits, put_words, tags, uids},
    toy,
    workspace::Workspace,
};

/// Longest wait for anything.
pub(super) const LIMIT: Duration = Duration::from_secs(60);
/// The patient's name in all images; only results may contain it.
pub(super) const PATIENT: &str = "Mustermann^Erika";

/// A running `fiducia serve`, killed at the end.
pub(super) struct Node {
    child: Child,
    pub(super) address: SocketAddr,
    pub(super) http: SocketAddr,
    log: Arc<Mutex<String>>,
}

/// A configuration with the toy model; `more` is inserted before the rule.
pub(super) fn configuration(archives: &[(&str, SocketAddr)], more: &str) -> String {
    let mut text = "spool = \"queue\"\n[dicom]\nport = 0\n[http]\naddress = \"127.0.0.1:0\"\n\
                    [device]\nbackend = \"cpu\"\n"
        .to_owned();
    text += more;
    text += "\n[[rule]]\npack = \"toy.fid\"\nmodality = [\"CR\"]\nseries = [\"*spots*\"]\n";
    for (name, address) in archives {
        text += &format!(
            "[[destination]]\nname = \"{name}\"\nae = \"ARCHIVE\"\naddress = \"{address}\"\n"
        );
    }
    text
}

impl Node {
    /// Starts the node in the folder of `bench`.
    pub(super) fn start(workspace: &Workspace, configuration: &str) -> Self {
        workspace.write("serve.toml", configuration.as_bytes());
        let mut child = Command::new(env!("CARGO_BIN_EXE_fiducia"))
            .args(["serve", "--config", "serve.toml"])
            .current_dir(workspace.path("."))
            .env("RUST_LOG", "info")
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (written, stderr) = (Arc::clone(&log), child.stderr.take().unwrap());
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                *written.lock().unwrap() += &(line + "\n");
            }
        });
        let [mut address, mut http] = [None; 2];
        wait_for("the node to listen", || {
            let log = log.lock().unwrap().clone();
            let after = |mark: &str| log.lines().find_map(|l| l.split_once(mark)?.1.into());
            address = after("listening on ").and_then(|a: &str| a.parse().ok());
            http = after("http://").and_then(|a: &str| a.trim_end_matches('/').parse().ok());
            assert!(child.try_wait().unwrap().is_none(), "{log}");
            address.is_some() && http.is_some()
        });
        let (address, http) = (address.unwrap(), http.unwrap());
        Self { child, address, http, log }
    }

    /// The log so far.
    pub(super) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Kills the process, as a loss of power would.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM, and returns the exit code.
    pub(super) fn terminate(&mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    /// Peak memory of the process, MiB; `None` if the system does not provide it.
    pub(super) fn peak_mib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kb| kb / 1024)
    }

    /// Status and body of a page.
    pub(super) fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let response = http::request(self.http, &format!("GET {path}"), "", b"");
        (response.status, response.body)
    }

    /// A value of the metrics; 0 if it is missing.
    pub(super) fn metric(&self, name: &str) -> u64 {
        let (_, body) = self.get("/metrics");
        let text = String::from_utf8(body).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Polls until the condition is true.
pub(super) fn wait_for(what: &str, mut is_true: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !is_true() {
        assert!(Instant::now() < end, "timeout while waiting for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The toy image as a DICOM object with this SOP instance, `height` px high.
pub(super) fn image(instance: &str, height: u32) -> Object {
    let width = height * 4 / 5;
    let mut object = bare([width as usize, height as usize]);
    put_bits(&mut object, 16, 12);
    put(&mut object, tags::SOP_INSTANCE_UID, b"UI", instance);
    put(&mut object, (0x0008, 0x103E), b"LO", "Three spots");
    put(&mut object, tags::PATIENT_NAME, b"PN", PATIENT);
    put(&mut object, tags::PATIENT_ID, b"LO", "4711-PID");
    put(&mut object, (0x0020, 0x000D), b"UI", "1.2.826.0.1.3680043.9.9.1");
    put(&mut object, (0x0020, 0x000E), b"UI", "1.2.826.0.1.3680043.9.9.2");
    put(&mut object, (0x0020, 0x0013), b"IS", "1");
    let pixels: Vec<u16> =
        toy::picture(width, height).pixels().map(|p| u16::from(p.0[0]) * 16).collect();
    put_words(&mut object, &pixels);
    object
}

/// The data set of [`image`], in explicit VR little endian.
pub(super) fn image_data(instance: &str) -> Vec<u8> {
    data_set(&image(instance, 300), uids::EXPLICIT_LITTLE)
}

/// The SOP instance UID with this number.
pub(super) fn instance(number: usize) -> String {
    format!("1.2.826.0.1.3680043.9.9.3.{number}")
}

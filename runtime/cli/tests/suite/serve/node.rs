//! A node that runs in a folder of its own, and films for it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use crate::{
    cli::Bench,
    dicom_files::{Object, bare, data_set, put, put_bits, put_words, tags, uids},
    toy,
};

/// What has not come by then will not come.
pub(super) const LIMIT: Duration = Duration::from_secs(60);
/// On every film; nobody may repeat it but the results.
pub(super) const PATIENT: &str = "Mustermann^Erika";

/// A running `fiducia serve`, killed at the end.
pub(super) struct Node {
    child: Child,
    pub(super) address: SocketAddr,
    pub(super) http: SocketAddr,
    said: Arc<Mutex<String>>,
}

/// A configuration for the toy pack: `more` stands behind it.
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
    pub(super) fn start(bench: &Bench, configuration: &str) -> Self {
        bench.write("serve.toml", configuration.as_bytes());
        let mut child = Command::new(env!("CARGO_BIN_EXE_fiducia"))
            .args(["serve", "--config", "serve.toml"])
            .current_dir(bench.path("."))
            .env("RUST_LOG", "info")
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (log, stderr) = (Arc::clone(&said), child.stderr.take().unwrap());
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                *log.lock().unwrap() += &(line + "\n");
            }
        });
        let [mut address, mut http] = [None; 2];
        wait_for("the node to listen", || {
            let said = said.lock().unwrap().clone();
            let behind = |mark: &str| said.lines().find_map(|l| l.split_once(mark)?.1.into());
            address = behind("listening at ").and_then(|a: &str| a.parse().ok());
            http = behind("http://").and_then(|a: &str| a.trim_end_matches('/').parse().ok());
            assert!(child.try_wait().unwrap().is_none(), "{said}");
            address.is_some() && http.is_some()
        });
        let (address, http) = (address.unwrap(), http.unwrap());
        Self { child, address, http, said }
    }

    /// What was logged so far.
    pub(super) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Ends the process as a loss of power would.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and gives its exit code.
    pub(super) fn terminate(&mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    /// Largest memory that it has had, MiB; `None` where the system does not say.
    pub(super) fn peak_mib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kb| kb / 1024)
    }

    /// Status and body of a page.
    pub(super) fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let host = self.http;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_off(end + 4))
    }

    /// A number of the metrics; 0 where it is not there.
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

/// Looks again and again until it is so.
pub(super) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The toy's picture as a film with this SOP instance, `height` px high.
pub(super) fn film(instance: &str, height: u32) -> Object {
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

/// The data set of [`film`], explicit little endian.
pub(super) fn film_data(instance: &str) -> Vec<u8> {
    data_set(&film(instance, 300), uids::EXPLICIT_LITTLE)
}

/// An instance UID of the tests.
pub(super) fn instance(number: usize) -> String {
    format!("1.2.826.0.1.3680043.9.9.3.{number}")
}

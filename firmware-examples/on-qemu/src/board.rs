//! The emulated board, with a firmware.

use std::{
    io::{BufRead, BufReader, ErrorKind, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{Duration, Instant},
};

use crate::{Line, named};

/// A line that does not come within this will not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running board. It is switched off where this ends.
pub struct Board {
    emulator: Child,
    console: BufReader<TcpStream>,
    /// All lines that it has shown.
    shown: Vec<String>,
}

impl Board {
    /// Switches a board on whose UART 0 is at one end of `line`.
    pub fn start(firmware: &str, line: &Line) -> Self {
        let console = TcpListener::bind("127.0.0.1:0").unwrap();
        let serial = |port: u16| format!("tcp:127.0.0.1:{port},nodelay=on");
        let emulator = Command::new("qemu-system-arm")
            .args(["-machine", "mps2-an386", "-display", "none", "-monitor", "none"])
            .args(["-serial", &serial(line.board_port())])
            .args(["-serial", &serial(console.local_addr().unwrap().port())])
            .arg("-kernel")
            .arg(named("FIDUCIA_FIRMWARE").join(firmware))
            .spawn()
            .expect("qemu-system-arm does not start");
        let (console, _) = console.accept().unwrap();
        console.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        console.set_nodelay(true).unwrap();
        Self { emulator, console: BufReader::new(console), shown: Vec::new() }
    }

    /// Sets the input of the board.
    pub fn input(&mut self, active: bool) {
        let key = if active { b"1" } else { b"0" };
        self.console.get_mut().write_all(key).unwrap();
    }

    /// The next line of the console.
    pub fn line(&mut self) -> String {
        let until = Instant::now() + PATIENCE;
        let mut line = String::new();
        while !line.ends_with('\n') {
            match self.console.read_line(&mut line) {
                Ok(0) => panic!("the emulator ended after {:#?}", self.shown),
                Ok(_) => {}
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    assert!(Instant::now() < until, "no further line after {:#?}", self.shown);
                }
                Err(e) => panic!("{e}"),
            }
        }
        let line = line.trim_end().to_owned();
        self.shown.push(line.clone());
        line
    }

    /// Waits for a line that starts so.
    pub fn wait_for(&mut self, start: &str) {
        while !self.line().starts_with(start) {}
    }

    /// Waits for so many lines.
    pub fn lines(&mut self, count: usize) {
        (0..count).for_each(|_| drop(self.line()));
    }

    /// All lines so far.
    pub fn shown(&self) -> &[String] {
        &self.shown
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}

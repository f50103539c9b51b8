//! The emulated board, running a firmware.

use std::{
    fs,
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{Duration, Instant},
};

use crate::{Line, Sizes, named, sizes::RAM};

/// Time-out for a line of the console.
const TIME_OUT: Duration = Duration::from_secs(30);

/// RAM of the board, as in `board/memory.x`, bytes.
const RAM_BYTES: usize = 32 << 10;

/// A running board. It is switched off on drop.
pub struct Board {
    emulator: Child,
    console: BufReader<TcpStream>,
    /// Command interface of the emulator.
    monitor: TcpStream,
    /// All lines of the console so far.
    shown: Vec<String>,
}

impl Board {
    /// Switches on a board whose UART 0 is connected to `line`.
    pub fn start(firmware: &str, line: &Line) -> Self {
        let [console, monitor] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let serial = |port: u16| format!("tcp:127.0.0.1:{port},nodelay=on");
        let port = |listener: &TcpListener| serial(listener.local_addr().unwrap().port());
        let emulator = Command::new("qemu-system-arm")
            .args(["-machine", "mps2-an386", "-display", "none"])
            .args(["-monitor", &port(&monitor)])
            .args(["-serial", &serial(line.board_port())])
            .args(["-serial", &port(&console)])
            .arg("-kernel")
            .arg(named("FIDUCIA_FIRMWARE").join(firmware))
            .spawn()
            .expect("cannot start qemu-system-arm");
        let [(console, _), (monitor, _)] = [console, monitor].map(|l| l.accept().unwrap());
        console.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        console.set_nodelay(true).unwrap();
        Self { emulator, console: BufReader::new(console), monitor, shown: Vec::new() }
    }

    /// Sets the input of the board.
    pub fn input(&mut self, active: bool) {
        let key = if active { b"1" } else { b"0" };
        self.console.get_mut().write_all(key).unwrap();
    }

    /// Hangs the main loop of the board.
    pub fn hang(&mut self) {
        self.console.get_mut().write_all(b"h").unwrap();
    }

    /// The next line of the console.
    pub fn line(&mut self) -> String {
        let deadline = Instant::now() + TIME_OUT;
        let mut line = String::new();
        while !line.ends_with('\n') {
            match self.console.read_line(&mut line) {
                Ok(0) => panic!("the emulator ended after {:#?}", self.shown),
                Ok(_) => {}
                Err(e) if is_time_out(e.kind()) => {
                    assert!(Instant::now() < deadline, "no further line after {:#?}", self.shown);
                }
                Err(e) => panic!("{e}"),
            }
        }
        let line = line.trim_end().to_owned();
        self.shown.push(line.clone());
        line
    }

    /// Waits for a line that starts with `start`.
    pub fn wait_for(&mut self, start: &str) {
        while !self.line().starts_with(start) {}
    }

    /// Waits for `count` lines.
    pub fn lines(&mut self, count: usize) {
        (0..count).for_each(|_| drop(self.line()));
    }

    /// RAM used so far, bytes: variables and the deepest stack. The emulator initialises RAM with zeros.
    pub fn ram_used(&mut self, sizes: &Sizes) -> usize {
        let dump = std::env::temp_dir().join(format!("fiducia-ram-{}", self.emulator.id()));
        writeln!(self.monitor, "pmemsave {RAM} {RAM_BYTES} \"{}\"", dump.display()).unwrap();
        // The prompt appears before and after the command.
        let mut output = String::new();
        while output.matches("(qemu)").count() < 2 {
            let mut some = [0; 256];
            let count = self.monitor.read(&mut some).unwrap();
            output += &String::from_utf8_lossy(some.get(..count).unwrap());
        }
        let ram = fs::read(&dump).unwrap();
        fs::remove_file(&dump).unwrap();
        assert_eq!(ram.len(), RAM_BYTES);
        let variables = usize::try_from(sizes.ram).unwrap();
        let unused = ram.iter().skip(variables).take_while(|&&byte| byte == 0).count();
        ram.len().checked_sub(unused).unwrap()
    }

    /// All lines of the console so far.
    pub fn shown(&self) -> &[String] {
        &self.shown
    }
}

fn is_time_out(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}

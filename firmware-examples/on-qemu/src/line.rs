//! The serial line between board and runtime, which can be unplugged.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// After this many bytes without a delimiter the line is in the middle of a report: all other frames are shorter.
const MIDDLE_OF_REPORT: usize = 60;

/// A line with a plug at the runtime's end.
pub struct Line {
    board_port: u16,
    runtime_port: u16,
    ends: Arc<Mutex<Ends>>,
}

#[derive(Default)]
struct Ends {
    board: Option<TcpStream>,
    runtime: Option<TcpStream>,
    unplugged: bool,
    /// Unplug in the middle of the next report.
    armed: bool,
    /// Bytes since the last delimiter, towards the board.
    since_delimiter: usize,
    /// How often the runtime has opened the line.
    opened: usize,
}

impl Line {
    /// A line that neither end has opened.
    pub fn new() -> Self {
        let ends = Arc::new(Mutex::new(Ends::default()));
        let board_port = listen(&ends, |ends, board| {
            ends.lock().unwrap().board = Some(board.try_clone().unwrap());
            pump(board, |bytes| ends.lock().unwrap().carry_up(bytes));
        });
        let runtime_port = listen(&ends, |ends, runtime| {
            if ends.lock().unwrap().open(&runtime) {
                pump(runtime, |bytes| ends.lock().unwrap().carry_down(bytes));
            }
        });
        Self { board_port, runtime_port, ends }
    }

    /// TCP port for the board.
    pub fn board_port(&self) -> u16 {
        self.board_port
    }

    /// TCP port for the runtime.
    pub fn runtime_port(&self) -> u16 {
        self.runtime_port
    }

    /// Unplugs the line in the middle of the next report.
    pub fn unplug_in_report(&self) {
        self.ends.lock().unwrap().armed = true;
    }

    /// Unplugs the line.
    pub fn unplug(&self) {
        self.ends.lock().unwrap().unplug();
    }

    /// Plugs the line in again. The runtime has to reopen it.
    pub fn plug(&self) {
        let mut ends = self.ends.lock().unwrap();
        ends.unplugged = false;
        ends.armed = false;
    }

    /// Whether the line is unplugged.
    pub fn is_unplugged(&self) -> bool {
        self.ends.lock().unwrap().unplugged
    }

    /// How often the runtime has opened the line.
    pub fn opened(&self) -> usize {
        self.ends.lock().unwrap().opened
    }
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

impl Ends {
    fn open(&mut self, runtime: &TcpStream) -> bool {
        if self.unplugged {
            return false;
        }
        self.opened = self.opened.saturating_add(1);
        self.runtime = Some(runtime.try_clone().unwrap());
        true
    }

    fn unplug(&mut self) {
        self.unplugged = true;
        if let Some(runtime) = self.runtime.take() {
            let _ = runtime.shutdown(Shutdown::Both);
        }
    }

    /// From the board to the runtime.
    fn carry_up(&mut self, bytes: &[u8]) {
        if let Some(runtime) = &mut self.runtime {
            // Fails if the runtime has just exited.
            let _ = runtime.write_all(bytes);
        }
    }

    /// From the runtime to the board.
    fn carry_down(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.unplugged {
                return;
            }
            self.since_delimiter =
                if *byte == 0 { 0 } else { self.since_delimiter.saturating_add(1) };
            if let Some(board) = &mut self.board {
                let _ = board.write_all(std::slice::from_ref(byte));
            }
            if self.armed && self.since_delimiter == MIDDLE_OF_REPORT {
                self.unplug();
            }
        }
    }
}

/// Serves connections one after the other; returns the port.
fn listen(
    ends: &Arc<Mutex<Ends>>,
    serve: impl Fn(&Mutex<Ends>, TcpStream) + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ends = Arc::clone(ends);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = stream.set_nodelay(true);
            serve(&ends, stream);
        }
    });
    port
}

fn pump(mut from: TcpStream, mut to: impl FnMut(&[u8])) {
    let mut buffer = [0; 512];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        to(buffer.get(..count).unwrap_or_default());
    }
}

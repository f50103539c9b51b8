//! The line to the peer: a serial port, or a network connection in its place.

use std::{
    fmt,
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    path::{Path, PathBuf},
    time::Duration,
};

/// Timeout of a read, short so that heartbeats are sent on time.
const READ_WAIT: Duration = Duration::from_millis(5);
/// Timeout of a write, after which the line counts as lost. The largest frame takes 22 ms at 115,200 baud.
const WRITE_WAIT: Duration = Duration::from_secs(1);
const CONNECT_WAIT: Duration = Duration::from_secs(2);

/// The address of the peer.
#[derive(Clone, Debug)]
pub(super) enum Address {
    Serial { device: PathBuf, baud: u32 },
    Tcp(String),
}

/// An open line.
pub(super) struct Port(Line);

enum Line {
    Serial(serial2::SerialPort),
    Tcp(TcpStream),
}

/// Why the line cannot be opened or is lost.
#[derive(Debug)]
pub(super) enum PortError {
    /// There is no such device, or nothing listens on the address.
    NotFound(String),
    /// No permission to open the device.
    Denied(String),
    /// Another program uses the device, or it is not a serial port.
    Unusable(String),
    /// The line was open and is lost.
    Lost(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial { device, baud } => write!(f, "{} at {baud} baud", device.display()),
            Self::Tcp(address) => write!(f, "{address} over TCP"),
        }
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(why) => write!(f, "not found ({why}); check the name and the cable"),
            Self::Denied(why) => {
                write!(
                    f,
                    "no permission ({why}); add the user to the group of the device, often dialout"
                )
            }
            Self::Unusable(why) => {
                write!(f, "not usable ({why}); stop other programs that use it, such as a console")
            }
            Self::Lost(why) => write!(f, "connection lost ({why})"),
        }
    }
}

impl Address {
    /// Opens the line.
    pub(super) fn open(&self) -> Result<Port, PortError> {
        match self {
            Self::Serial { device, baud } => open_serial(device, *baud),
            Self::Tcp(address) => {
                connect(address).map(|s| Port(Line::Tcp(s))).map_err(|e| not_found(&e))
            }
        }
    }
}

fn open_serial(device: &Path, baud: u32) -> Result<Port, PortError> {
    let open = || -> io::Result<serial2::SerialPort> {
        let mut port = serial2::SerialPort::open(device, baud)?;
        // Two readers would each get half of every frame.
        #[cfg(unix)]
        rustix::termios::ioctl_tiocexcl(&port)?;
        port.set_read_timeout(READ_WAIT)?;
        port.set_write_timeout(WRITE_WAIT)?;
        Ok(port)
    };
    open().map(|port| Port(Line::Serial(port))).map_err(|e| match e.kind() {
        io::ErrorKind::PermissionDenied => PortError::Denied(e.to_string()),
        io::ErrorKind::NotFound => PortError::NotFound(e.to_string()),
        _ => PortError::Unusable(e.to_string()),
    })
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_WAIT) {
            Ok(stream) => {
                // A frame is small, and the peer waits for it.
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(READ_WAIT))?;
                stream.set_write_timeout(Some(WRITE_WAIT))?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn not_found(error: &io::Error) -> PortError {
    PortError::NotFound(error.to_string())
}

impl Port {
    /// The bytes that have arrived, possibly none.
    pub(super) fn read<'a>(&mut self, buffer: &'a mut [u8]) -> Result<&'a [u8], PortError> {
        use io::ErrorKind as Io;
        let read = match &mut self.0 {
            Line::Serial(port) => port.read(buffer),
            Line::Tcp(stream) => stream.read(buffer),
        };
        match read {
            Ok(0) => Err(PortError::Lost("closed by the other side".to_owned())),
            Ok(count) => Ok(&buffer[..count]),
            Err(e) if matches!(e.kind(), Io::TimedOut | Io::WouldBlock | Io::Interrupted) => {
                Ok(&[])
            }
            Err(e) => Err(PortError::Lost(e.to_string())),
        }
    }

    /// Sends `bytes`.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        let written = match &mut self.0 {
            Line::Serial(port) => port.write_all(bytes),
            Line::Tcp(stream) => stream.write_all(bytes),
        };
        written.map_err(|e| PortError::Lost(e.to_string()))
    }
}

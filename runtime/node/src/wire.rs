//! Protocol data units (PDUs) over a connection, with limits on their length and on waiting times.

use std::{
    io::{self, Read},
    net::TcpStream,
    panic::catch_unwind,
    sync::Arc,
    time::{Duration, Instant},
};

use dicom_ul::pdu::{Pdu, read_pdu, write_pdu};
use rustls::ServerConfig;

use super::stream::Stream;

/// PDU type, a reserved byte, and the length of the rest.
const HEADER_BYTES: usize = 6;
/// Length limit of an association request: 128 contexts with a dozen transfer syntaxes each are shorter.
const REQUEST_BYTES: u32 = 128 << 10;
/// Length limit of PDUs other than requests and data.
const SMALL_BYTES: u32 = 1 << 10;
/// Time from the first to the last byte of a PDU.
const PDU_WAIT: Duration = Duration::from_secs(30);
/// Longest wait for the socket before the stop flag is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
const REQUEST: u8 = 1;
const DATA: u8 = 4;

/// A connection.
pub(super) struct Wire {
    stream: Stream,
    /// Length limit of a data PDU, bytes.
    max_data: u32,
    buffer: Vec<u8>,
}

/// Why there is no further PDU.
#[derive(Debug)]
pub(super) enum Fault {
    /// The peer has closed the connection.
    Closed,
    /// The peer is silent or too slow.
    Silent,
    /// The node is stopping.
    Stopped,
    /// The announced length of a PDU, bytes, is over its limit.
    TooLong(u32),
    /// The bytes are not a valid PDU.
    Damaged(String),
    /// The connection failed.
    Failed(io::Error),
}

impl Fault {
    /// The label in the metrics.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Silent => "silent",
            Self::Stopped => "stopped",
            Self::TooLong(_) => "pdu_length",
            Self::Damaged(_) => "pdu_damaged",
            Self::Failed(_) => "connection",
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => write!(f, "the peer closed the connection"),
            Self::Silent => write!(f, "the peer is silent or too slow"),
            Self::Stopped => write!(f, "the node is stopping"),
            Self::TooLong(bytes) => write!(f, "a PDU of {bytes} bytes is too long"),
            Self::Damaged(what) => write!(f, "invalid PDU: {what}"),
            Self::Failed(error) => write!(f, "{error}"),
        }
    }
}

impl Wire {
    /// PDUs with at most `max_data` bytes of data, over TLS if `tls` is given.
    pub(super) fn new(
        socket: TcpStream,
        tls: Option<&Arc<ServerConfig>>,
        max_data: u32,
    ) -> io::Result<Self> {
        // A response is small, and the peer waits for it.
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(PDU_WAIT))?;
        Ok(Self { stream: Stream::new(socket, tls)?, max_data, buffer: Vec::new() })
    }

    /// Completes the TLS handshake within `patience`; without TLS there is nothing to do.
    pub(super) fn handshake(
        &mut self,
        patience: Duration,
        stopped: &dyn Fn() -> bool,
    ) -> Result<(), Fault> {
        let end = Instant::now() + patience;
        while !self.wait(end, stopped, Stream::handshake)? {}
        Ok(())
    }

    /// The next PDU. It must begin within `patience`; until then `stopped` ends the wait.
    pub(super) fn read(
        &mut self,
        patience: Duration,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Pdu, Fault> {
        let mut header = [0; HEADER_BYTES];
        let begun = self.fill(&mut header[..1], Instant::now() + patience, stopped);
        begun?;
        let end = Instant::now() + PDU_WAIT;
        let never = || false;
        self.fill(&mut header[1..], end, &never)?;
        let [kind, _, length @ ..] = header;
        let length = u32::from_be_bytes(length);
        let max = match kind {
            REQUEST => REQUEST_BYTES,
            DATA => self.max_data,
            _ => SMALL_BYTES,
        };
        if length > max {
            return Err(Fault::TooLong(length));
        }
        let mut bytes = std::mem::take(&mut self.buffer);
        bytes.clear();
        bytes.extend_from_slice(&header);
        bytes.resize(HEADER_BYTES + length as usize, 0);
        self.fill(&mut bytes[HEADER_BYTES..], end, &never)?;
        let pdu = parse(&bytes);
        self.buffer = bytes;
        pdu
    }

    /// Sends a PDU.
    pub(super) fn write(&mut self, pdu: &Pdu) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        write_pdu(&mut bytes, pdu).map_err(|e| Fault::Damaged(e.to_string()))?;
        self.stream.write_all(&bytes).map_err(Fault::Failed)
    }

    /// Closes the connection after the peer has read what was sent: closing with unread bytes resets the connection, and
    /// the peer could lose the last PDU.
    pub(super) fn close(&mut self) {
        self.stream.finish();
        let end = Instant::now() + Duration::from_secs(1);
        let mut rest = [0; 4096];
        // The bytes are discarded, so they need not be decrypted.
        let mut discard = |stream: &mut Stream| stream.socket().read(&mut rest);
        while self.wait(end, &|| false, &mut discard).is_ok_and(|count| count > 0) {}
    }

    fn fill(
        &mut self,
        buffer: &mut [u8],
        end: Instant,
        stopped: &dyn Fn() -> bool,
    ) -> Result<(), Fault> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.wait(end, stopped, |stream| stream.read(&mut buffer[filled..]))? {
                0 => return Err(Fault::Closed),
                count => filled += count,
            }
        }
        Ok(())
    }

    /// Repeats `attempt`, which reads from the socket at most once, until it has a value.
    fn wait<T>(
        &mut self,
        end: Instant,
        stopped: &dyn Fn() -> bool,
        mut attempt: impl FnMut(&mut Stream) -> io::Result<T>,
    ) -> Result<T, Fault> {
        use io::ErrorKind as Io;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Fault::Silent);
            }
            if stopped() {
                return Err(Fault::Stopped);
            }
            let socket = self.stream.socket();
            socket.set_read_timeout(Some(left.min(POLL_INTERVAL))).map_err(Fault::Failed)?;
            match attempt(&mut self.stream) {
                Ok(value) => return Ok(value),
                Err(e) if matches!(e.kind(), Io::WouldBlock | Io::TimedOut | Io::Interrupted) => {}
                Err(e) if matches!(e.kind(), Io::ConnectionReset | Io::UnexpectedEof) => {
                    return Err(Fault::Closed);
                }
                Err(e) => return Err(Fault::Failed(e)),
            }
        }
    }
}

/// Parses a complete PDU. A panic in the parser, which is a dependency, ends this association only.
fn parse(bytes: &[u8]) -> Result<Pdu, Fault> {
    let max = (bytes.len() as u32).max(SMALL_BYTES);
    let read = catch_unwind(|| read_pdu(bytes, max, true));
    match read {
        Ok(Ok(Some(pdu))) => Ok(pdu),
        Ok(Ok(None)) => Err(Fault::Damaged("it is truncated".to_owned())),
        Ok(Err(e)) => Err(Fault::Damaged(e.to_string())),
        Err(_) => Err(Fault::Damaged("the parser failed".to_owned())),
    }
}

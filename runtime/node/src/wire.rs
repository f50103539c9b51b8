//! Protocol data units over a connection: none is believed to be longer than agreed, none is waited for without end.

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

/// Kind, a reserved byte, and the length of what follows.
const HEADER_BYTES: usize = 6;
/// Largest request for an association: 128 contexts with a dozen transfer syntaxes each have less.
const REQUEST_BYTES: u32 = 128 << 10;
/// What is no data is small.
const SMALL_BYTES: u32 = 1 << 10;
/// A unit that has begun comes to its end within this time.
const UNIT_WAIT: Duration = Duration::from_secs(30);
/// How often a wait looks up.
const LOOK: Duration = Duration::from_millis(200);
const REQUEST: u8 = 1;
const DATA: u8 = 4;

/// A connection.
pub(super) struct Wire {
    stream: Stream,
    /// Largest unit with data, bytes.
    most: u32,
    unit: Vec<u8>,
}

/// Why there is no further unit.
#[derive(Debug)]
pub(super) enum Fault {
    /// The peer has closed the connection.
    Closed,
    /// The peer is silent, or slower than can be waited for.
    Silent,
    /// The node is being ended.
    Stopped,
    /// A unit is announced with this many bytes.
    TooLong(u32),
    /// What came is no unit.
    Damaged(String),
    /// The connection failed.
    Failed(io::Error),
}

impl Fault {
    /// As the metrics name it.
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
            Self::Silent => write!(f, "the peer is silent, or too slow"),
            Self::Stopped => write!(f, "the node is being ended"),
            Self::TooLong(bytes) => write!(f, "a unit of {bytes} bytes was announced"),
            Self::Damaged(what) => write!(f, "a unit is damaged: {what}"),
            Self::Failed(error) => write!(f, "{error}"),
        }
    }
}

impl Wire {
    /// Units with up to `most` bytes of data, over TLS where it is there.
    pub(super) fn new(
        socket: TcpStream,
        tls: Option<&Arc<ServerConfig>>,
        most: u32,
    ) -> io::Result<Self> {
        // An answer is small and somebody waits for it.
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(UNIT_WAIT))?;
        Ok(Self { stream: Stream::new(socket, tls)?, most, unit: Vec::new() })
    }

    /// Agrees with the peer on TLS, for which it may take its time for `patience`; a plain connection is ready.
    pub(super) fn shake_hands(
        &mut self,
        patience: Duration,
        stopped: &dyn Fn() -> bool,
    ) -> Result<(), Fault> {
        let end = Instant::now() + patience;
        while !self.wait(end, stopped, Stream::shake_hands)? {}
        Ok(())
    }

    /// The next unit, for which the peer may take its time for `patience`; until it has begun `stopped` is asked.
    pub(super) fn read(
        &mut self,
        patience: Duration,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Pdu, Fault> {
        let mut header = [0; HEADER_BYTES];
        let begun = self.fill(&mut header[..1], Instant::now() + patience, stopped);
        begun?;
        let end = Instant::now() + UNIT_WAIT;
        let never = || false;
        self.fill(&mut header[1..], end, &never)?;
        let [kind, _, length @ ..] = header;
        let length = u32::from_be_bytes(length);
        let most = match kind {
            REQUEST => REQUEST_BYTES,
            DATA => self.most,
            _ => SMALL_BYTES,
        };
        if length > most {
            return Err(Fault::TooLong(length));
        }
        let mut unit = std::mem::take(&mut self.unit);
        unit.clear();
        unit.extend_from_slice(&header);
        unit.resize(HEADER_BYTES + length as usize, 0);
        self.fill(&mut unit[HEADER_BYTES..], end, &never)?;
        let pdu = parsed(&unit);
        self.unit = unit;
        pdu
    }

    /// Sends a unit.
    pub(super) fn write(&mut self, pdu: &Pdu) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        write_pdu(&mut bytes, pdu).map_err(|e| Fault::Damaged(e.to_string()))?;
        self.stream.write_all(&bytes).map_err(Fault::Failed)
    }

    /// Ends the connection once the peer has read what was sent: closed with something unread, it could lose it.
    pub(super) fn close(&mut self) {
        self.stream.finish();
        let end = Instant::now() + Duration::from_secs(1);
        let mut rest = [0; 4096];
        // Nobody looks at it, so that it need not be decrypted.
        let mut drop_some = |stream: &mut Stream| stream.socket().read(&mut rest);
        while self.wait(end, &|| false, &mut drop_some).is_ok_and(|count| count > 0) {}
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

    /// Tries again and again what asks the socket once, until it has something.
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
            socket.set_read_timeout(Some(left.min(LOOK))).map_err(Fault::Failed)?;
            match attempt(&mut self.stream) {
                Ok(got) => return Ok(got),
                Err(e) if matches!(e.kind(), Io::WouldBlock | Io::TimedOut | Io::Interrupted) => {}
                Err(e) if matches!(e.kind(), Io::ConnectionReset | Io::UnexpectedEof) => {
                    return Err(Fault::Closed);
                }
                Err(e) => return Err(Fault::Failed(e)),
            }
        }
    }
}

/// A whole unit. The parser is not ours: what it cannot take costs this association.
pub(super) fn parsed(unit: &[u8]) -> Result<Pdu, Fault> {
    let most = (unit.len() as u32).max(SMALL_BYTES);
    let read = catch_unwind(|| read_pdu(unit, most, true));
    match read {
        Ok(Ok(Some(pdu))) => Ok(pdu),
        Ok(Ok(None)) => Err(Fault::Damaged("it is cut".to_owned())),
        Ok(Err(e)) => Err(Fault::Damaged(e.to_string())),
        Err(_) => Err(Fault::Damaged("it cannot be parsed".to_owned())),
    }
}

//! A byte stream from a peer: the socket itself, or TLS over it.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
};

use rustls::{ServerConfig, ServerConnection};

/// Bytes that are encrypted at once; `rustls` buffers at most 64 KiB that were not sent.
const PIECE_BYTES: usize = 16 << 10;

/// A connection that a peer has opened.
pub(super) enum Stream {
    /// Not encrypted.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<ServerConnection>, TcpStream),
}

impl Stream {
    /// Over TLS if `tls` is given. Nothing is read or written yet.
    pub(super) fn new(socket: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        let Some(tls) = tls else { return Ok(Self::Plain(socket)) };
        let tls = ServerConnection::new(Arc::clone(tls)).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(tls), socket))
    }

    /// The underlying socket, to set its timeouts.
    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) | Self::Tls(_, socket) => socket,
        }
    }

    /// One step of the TLS handshake; returns whether it is complete. Reads from the socket at most once.
    ///
    /// # Errors
    /// `UnexpectedEof` if the peer closed the connection, `WouldBlock` as the socket, `InvalidData` if the data is not
    /// TLS or the peer is not trusted; the peer gets a TLS alert.
    pub(super) fn handshake(&mut self) -> io::Result<bool> {
        let Self::Tls(tls, socket) = self else { return Ok(true) };
        if tls.is_handshaking() && advance(tls, socket)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(!tls.is_handshaking())
    }

    /// Reads available bytes; 0 at the end. Reads from the socket at most once, so that the caller's time limits hold
    /// however slowly a peer sends.
    ///
    /// # Errors
    /// As the socket; `WouldBlock` also if a TLS record is incomplete.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(tls, socket) => match decrypted(tls, buffer) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    advance(tls, socket)?;
                    decrypted(tls, buffer)
                }
                read => read,
            },
        }
    }

    /// Sends all bytes.
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes),
            Self::Tls(tls, socket) => bytes.chunks(PIECE_BYTES).try_for_each(|piece| {
                tls.writer().write_all(piece)?;
                send(tls, socket)
            }),
        }
    }

    /// Closes the sending direction.
    pub(super) fn finish(&mut self) {
        if let Self::Tls(tls, socket) = self {
            tls.send_close_notify();
            let _ = send(tls, socket);
        }
        let _ = self.socket().shutdown(Shutdown::Write);
    }
}

/// Reads from the socket, processes TLS records and sends the responses. Returns the number of bytes read.
fn advance(tls: &mut ServerConnection, socket: &mut TcpStream) -> io::Result<usize> {
    let count = tls.read_tls(socket)?;
    let processed = tls.process_new_packets();
    // After a failure this is the alert that tells the peer the reason.
    let sent = send(tls, socket);
    processed.map_err(|e| {
        let what = match e {
            rustls::Error::InvalidMessage(_) => format!("the data is not TLS: {e}"),
            e => e.to_string(),
        };
        io::Error::new(io::ErrorKind::InvalidData, what)
    })?;
    sent?;
    Ok(count)
}

fn send(tls: &mut ServerConnection, socket: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(socket) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// A connection may be closed without a TLS close alert: DICOM has its own end of an association.
fn decrypted(tls: &mut ServerConnection, buffer: &mut [u8]) -> io::Result<usize> {
    match tls.reader().read(buffer) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
        read => read,
    }
}

//! What a connection is made of: the socket alone, or TLS over it.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
};

use rustls::{ServerConfig, ServerConnection};

/// Bytes that are encrypted at once; TLS keeps up to 64 KiB that were not sent.
const PIECE_BYTES: usize = 16 << 10;

/// A connection that a peer has opened.
pub(super) enum Stream {
    /// As it is.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<ServerConnection>, TcpStream),
}

impl Stream {
    /// Over TLS where `tls` is there. Nothing is read or written yet.
    pub(super) fn new(socket: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        let Some(tls) = tls else { return Ok(Self::Plain(socket)) };
        let tls = ServerConnection::new(Arc::clone(tls)).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(tls), socket))
    }

    /// What lies below, for its time limits.
    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) | Self::Tls(_, socket) => socket,
        }
    }

    /// One step of the handshake: whether it is done; asks the socket once at most.
    ///
    /// # Errors
    /// `UnexpectedEof` where the peer has closed the connection, `WouldBlock` as the socket says it, `InvalidData`
    /// where what came is no TLS or the peer is not trusted, which it is told.
    pub(super) fn shake_hands(&mut self) -> io::Result<bool> {
        let Self::Tls(tls, socket) = self else { return Ok(true) };
        if tls.is_handshaking() && advance(tls, socket)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(!tls.is_handshaking())
    }

    /// Reads what is there; 0 at the end. Asks the socket once at most, so that the time limits of who reads hold
    /// however slowly a peer sends.
    ///
    /// # Errors
    /// As the socket; `WouldBlock` also where a record of TLS has not come to its end.
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

    /// Sends all of it.
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes),
            Self::Tls(tls, socket) => bytes.chunks(PIECE_BYTES).try_for_each(|piece| {
                tls.writer().write_all(piece)?;
                send(tls, socket)
            }),
        }
    }

    /// Says that nothing more will be sent.
    pub(super) fn finish(&mut self) {
        if let Self::Tls(tls, socket) = self {
            tls.send_close_notify();
            let _ = send(tls, socket);
        }
        let _ = self.socket().shutdown(Shutdown::Write);
    }
}

/// Takes what the socket has, and answers what TLS has to answer. Bytes that came.
fn advance(tls: &mut ServerConnection, socket: &mut TcpStream) -> io::Result<usize> {
    let count = tls.read_tls(socket)?;
    let processed = tls.process_new_packets();
    // Where it failed this is the alert that tells the peer why.
    let sent = send(tls, socket);
    processed.map_err(|e| {
        let what = match e {
            rustls::Error::InvalidMessage(_) => format!("what came is not TLS: {e}"),
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

/// DICOM says itself where it ends, so that a connection may be closed without TLS being told.
fn decrypted(tls: &mut ServerConnection, buffer: &mut [u8]) -> io::Result<usize> {
    match tls.reader().read(buffer) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
        read => read,
    }
}

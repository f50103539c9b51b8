//! Connections: bounded in number and time, one request each.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::request::{Request, RequestError, read_before};
use crate::response::Response;

/// Limits on clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Simultaneous connections, default 32; further ones are closed.
    pub connections: usize,
    /// Length of the head of a request, bytes, default 8 KiB.
    pub head_bytes: usize,
    /// Time to receive the head of a request, and to send a response, default 5 s.
    pub wait: Duration,
    /// Longest silence while a body is received, default 30 s.
    pub body_silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 32,
            head_bytes: 8 << 10,
            wait: Duration::from_secs(5),
            body_silence: Duration::from_secs(30),
        }
    }
}

/// Answers requests at `listener` with `handler` until `is_stopping` returns true. It is called after each accepted
/// connection, so a connection wakes the server to stop it.
///
/// The handler runs on one thread per connection, so several calls may run at once. A panic in it ends that connection
/// only.
pub fn serve<H>(listener: &TcpListener, limits: Limits, is_stopping: impl Fn() -> bool, handler: H)
where
    H: Fn(&mut Request<'_>) -> Response + Send + Sync + 'static,
{
    let (handler, open) = (Arc::new(handler), Arc::new(AtomicUsize::new(0)));
    loop {
        let connection = listener.accept();
        if is_stopping() {
            return;
        }
        match connection {
            Ok((stream, peer)) => admit(stream, peer, limits, &handler, &open),
            Err(error) => {
                log::warn!("event=http_failed error=\"{error}\"");
                // For example out of file handles, which lasts a while.
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

fn admit<H>(
    stream: TcpStream,
    peer: SocketAddr,
    limits: Limits,
    handler: &Arc<H>,
    open: &Arc<AtomicUsize>,
) where
    H: Fn(&mut Request<'_>) -> Response + Send + Sync + 'static,
{
    if open.fetch_add(1, Ordering::SeqCst) >= limits.connections {
        open.fetch_sub(1, Ordering::SeqCst);
        log::warn!("event=http_refused peer={} reason=connections", peer.ip());
        return;
    }
    let (handler, own) = (Arc::clone(handler), Arc::clone(open));
    let builder = thread::Builder::new().name("http".to_owned());
    let spawned = builder.spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(|| respond(stream, limits, &*handler)));
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => log::debug!("event=http_failed peer={} error=\"{error}\"", peer.ip()),
            Err(_) => log::error!("event=http_failed peer={} error=panic", peer.ip()),
        }
        own.fetch_sub(1, Ordering::SeqCst);
    });
    if spawned.is_err() {
        open.fetch_sub(1, Ordering::SeqCst);
    }
}

fn respond<H>(mut stream: TcpStream, limits: Limits, handler: &H) -> Result<(), RequestError>
where
    H: Fn(&mut Request<'_>) -> Response,
{
    stream.set_write_timeout(Some(limits.wait))?;
    let (deadline, silence) = (Instant::now() + limits.wait, limits.body_silence);
    let (response, with_body) =
        match Request::read(&mut stream, limits.head_bytes, deadline, silence) {
            Ok(mut request) => (handler(&mut request), request.method() != "HEAD"),
            Err(RequestError::Io(error)) => return Err(error.into()),
            Err(RequestError::TooLarge(_)) => (Response::text(413, "the head is too long\n"), true),
            Err(error) => (Response::text(400, format!("{error}\n")), true),
        };
    response.write(&mut stream, with_body)?;
    stream.shutdown(Shutdown::Write)?;
    Ok(drain(&mut stream, Instant::now() + limits.wait)?)
}

/// Reads what the client still sends, up to `deadline`: closing a connection with unread bytes resets it, and the
/// client could lose the response.
fn drain(stream: &mut TcpStream, deadline: Instant) -> io::Result<()> {
    let mut buffer = [0; 16 << 10];
    while read_before(stream, &mut buffer, deadline)? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    use fiducia_test_support::http::exchange;

    /// The address of a server whose response is the method, the path and the body.
    fn echo(limits: Limits) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            serve(
                &listener,
                limits,
                || false,
                |request| match request.path() {
                    "/panic" => panic!("on purpose"),
                    _ => match request.body(100) {
                        Ok(body) => {
                            let body = String::from_utf8_lossy(&body);
                            let text = format!("{} {} {body}", request.method(), request.path());
                            Response::text(200, text)
                        }
                        Err(error) => Response::text(413, error.to_string()),
                    },
                },
            );
        });
        address
    }

    fn ask(address: SocketAddr, request: &str) -> String {
        String::from_utf8(exchange(address, request.as_bytes())).unwrap()
    }

    #[test]
    fn requests_are_answered_and_invalid_ones_rejected() {
        let address = echo(Limits::default());
        let post = "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyz";
        assert!(ask(address, post).ends_with("\r\n\r\nPOST /a xyz"));
        assert!(ask(address, "GET / HTTP/1.1\r\n\r\n").ends_with("GET / "));
        assert!(ask(address, "HEAD / HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n"));
        let long = "POST /a HTTP/1.1\r\nContent-Length: 101\r\n\r\n";
        assert!(ask(address, long).starts_with("HTTP/1.1 413 "));
        assert!(ask(address, "nothing\r\n\r\n").starts_with("HTTP/1.1 400 "));
        let chunked = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert!(ask(address, chunked).starts_with("HTTP/1.1 413 "));
        let head = format!("GET /{} HTTP/1.1\r\n", "a".repeat(9 << 10));
        assert!(ask(address, &head).starts_with("HTTP/1.1 413 "));
        // A panic in a handler does not stop the server.
        assert_eq!(ask(address, "GET /panic HTTP/1.1\r\n\r\n"), "");
        assert!(ask(address, "GET / HTTP/1.1\r\n\r\n").ends_with("GET / "));
    }

    #[test]
    fn idle_connections_are_limited_in_time_and_number() {
        let limits =
            Limits { connections: 2, wait: Duration::from_millis(200), ..Limits::default() };
        let address = echo(limits);
        let mut idle = TcpStream::connect(address).unwrap();
        assert!(ask(address, "GET / HTTP/1.1\r\n\r\n").ends_with("GET / "), "beside an idle one");
        let mut nothing = Vec::new();
        idle.read_to_end(&mut nothing).unwrap();
        assert!(nothing.is_empty(), "closed after its time without a response");
    }
}

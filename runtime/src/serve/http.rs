//! Health, metrics and the status page: one request to a connection, each within its time.
//!
//! No more of HTTP is needed than this. A server with a pool of threads let browsers, which keep their connections,
//! wait for each other.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{Shared, page};

/// A request and its answer have to be over by then.
const WAIT: Duration = Duration::from_secs(5);
/// Connections at once.
const CONNECTIONS: usize = 32;
/// Of a request no more than this is read.
const REQUEST_BYTES: usize = 8 << 10;
/// No script, nothing from elsewhere; and no copies are kept.
const POLICY: &str = "\
Content-Security-Policy: default-src 'none'; img-src 'self'; style-src 'unsafe-inline'\r\n\
X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-store\r\n\
Connection: close\r\n";
const TEXT: &str = "text/plain; charset=utf-8";

/// Status, form and body.
struct Answer(u16, &'static str, Vec<u8>);

/// Answers until the node is ended and the listener is woken.
pub(super) fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let connection = listener.accept();
        if shared.is_stopping() {
            return;
        }
        match connection {
            Ok((stream, peer)) => admit(stream, peer, shared, &open),
            Err(error) => {
                log::warn!("event=http_failed error=\"{error}\"");
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

fn admit(stream: TcpStream, peer: SocketAddr, shared: &Arc<Shared>, open: &Arc<AtomicUsize>) {
    if open.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS {
        open.fetch_sub(1, Ordering::SeqCst);
        log::warn!("event=http_refused peer={} reason=connections", peer.ip());
        return;
    }
    let (shared, own) = (Arc::clone(shared), Arc::clone(open));
    let builder = thread::Builder::new().name("http".to_owned());
    let spawned = builder.spawn(move || {
        let answered = catch_unwind(AssertUnwindSafe(|| attend(stream, &shared)));
        // Who has gone away misses nothing.
        if !matches!(answered, Ok(Ok(()))) {
            log::debug!("event=http_failed peer={}", peer.ip());
        }
        own.fetch_sub(1, Ordering::SeqCst);
    });
    if spawned.is_err() {
        open.fetch_sub(1, Ordering::SeqCst);
    }
}

fn attend(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let end = Instant::now() + WAIT;
    stream.set_write_timeout(Some(WAIT))?;
    let request = head(&mut stream, end)?;
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = path.split('?').next().unwrap_or_default();
    let Answer(status, form, body) = match method {
        "GET" | "HEAD" => found(shared, path),
        _ => text(405, "only GET\n"),
    };
    let reason = if status == 200 { "OK" } else { "No" };
    let length = body.len();
    let mut answer = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {form}\r\nContent-Length: {length}\r\n{POLICY}\r\n"
    )
    .into_bytes();
    if method != "HEAD" {
        answer.extend(body);
    }
    stream.write_all(&answer)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    // Closed with something unread, the peer could lose the answer.
    let _ = some(&mut stream, &mut [0; 1024], end);
    Ok(())
}

/// The first line of a request; the rest is read and not looked at.
fn head(stream: &mut TcpStream, end: Instant) -> io::Result<String> {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|w| w == b"\r\n\r\n") {
        let count = some(stream, &mut buffer, end)?;
        request.extend_from_slice(&buffer[..count]);
        if count == 0 || request.len() > REQUEST_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    let line = request.split(|&b| b == b'\r').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(line).into_owned())
}

fn some(stream: &mut TcpStream, buffer: &mut [u8], end: Instant) -> io::Result<usize> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    stream.set_read_timeout(Some(left))?;
    stream.read(buffer)
}

fn found(shared: &Shared, path: &str) -> Answer {
    let picture = path.strip_prefix("/image/").and_then(|name| name.strip_suffix(".jpg"));
    let state = |trouble: Option<String>, well: &str| match trouble {
        None => text(200, well),
        Some(why) => text(503, &format!("{why}\n")),
    };
    match (path, picture) {
        ("/healthz", _) => state(shared.trouble(), "ok\n"),
        ("/readyz", _) => state(shared.unready(), "ready\n"),
        ("/metrics", _) => {
            Answer(200, "text/plain; version=0.0.4; charset=utf-8", metrics(shared).into())
        }
        ("/", _) => Answer(200, "text/html; charset=utf-8", page::page(shared).into()),
        (_, Some(image)) => match shared.recent.picture(image) {
            Some(bytes) => Answer(200, "image/jpeg", bytes.to_vec()),
            None => text(404, "no such picture\n"),
        },
        _ => text(404, "not here\n"),
    }
}

fn text(status: u16, text: &str) -> Answer {
    Answer(status, TEXT, text.into())
}

fn metrics(shared: &Shared) -> String {
    let count = |n: usize| n as u64;
    let stage = |name: &str| format!("{{stage=\"{name}\"}}");
    let mut gauges = vec![
        ("queue_depth", stage("received"), count(shared.spool.to_do.len())),
        ("queue_depth", stage("failed"), count(shared.spool.failed())),
    ];
    for (name, queue) in &shared.spool.to_send {
        let labels = format!("{{destination=\"{name}\"}}");
        gauges.push(("destination_queue_depth", labels, count(queue.len())));
    }
    let open = |number: &AtomicUsize| count(number.load(Ordering::Relaxed));
    gauges.push(("associations_open", String::new(), open(&shared.open.associations)));
    gauges.push(("connections_open", String::new(), open(&shared.open.connections)));
    gauges.push(("incoming_bytes", String::new(), count(shared.budget.held())));
    gauges.push(("busy", String::new(), u64::from(shared.busy.since().is_some())));
    for model in shared.recent.open_models() {
        let labels = format!("{{sha256=\"{}\"}}", model.sha256);
        gauges.push(("pack_open", labels, 1));
    }
    shared.metrics.text(&gauges)
}

//! Health, metrics and the status page.

use std::{io::Cursor, sync::atomic::Ordering, time::Duration};

use tiny_http::{Header, Method, Request, Response, Server};

use super::{Shared, page};

/// How often a waiting thread looks up.
const WAIT: Duration = Duration::from_millis(300);
/// No script, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'";
const TEXT: &str = "text/plain; charset=utf-8";

type Answer = Response<Cursor<Vec<u8>>>;

/// Answers until the node is ended.
pub(super) fn run(shared: &Shared, server: &Server) {
    while !shared.is_stopping() {
        match server.recv_timeout(WAIT) {
            Ok(Some(request)) => answer(shared, request),
            Ok(None) => {}
            Err(error) => {
                log::warn!("event=http_failed error=\"{error}\"");
                std::thread::sleep(WAIT);
            }
        }
    }
}

fn answer(shared: &Shared, request: Request) {
    let path = request.url().split('?').next().unwrap_or_default();
    let answer = match request.method() {
        Method::Get | Method::Head => found(shared, path),
        _ => text(405, "only GET\n"),
    };
    // Who has gone away misses nothing.
    let _ = request.respond(answer);
}

fn found(shared: &Shared, path: &str) -> Answer {
    let picture = path.strip_prefix("/image/").and_then(|name| name.strip_suffix(".jpg"));
    match (path, picture) {
        ("/healthz", _) => match shared.trouble() {
            None => text(200, "ok\n"),
            Some(why) => text(503, &format!("{why}\n")),
        },
        ("/readyz", _) => match shared.unready() {
            None => text(200, "ready\n"),
            Some(why) => text(503, &format!("{why}\n")),
        },
        ("/metrics", _) => {
            with_type(text(200, &metrics(shared)), "text/plain; version=0.0.4; charset=utf-8")
        }
        ("/", _) => with_type(text(200, &page::page(shared)), "text/html; charset=utf-8"),
        (_, Some(image)) => match shared.recent.picture(image) {
            Some(bytes) => with_type(Response::from_data(bytes.to_vec()), "image/jpeg"),
            None => text(404, "no such picture\n"),
        },
        _ => text(404, "not here\n"),
    }
}

fn text(status: u16, text: &str) -> Answer {
    with_type(Response::from_data(text.as_bytes()).with_status_code(status), TEXT)
}

fn with_type(mut answer: Answer, kind: &str) -> Answer {
    for (name, value) in [
        ("Content-Type", kind),
        ("Content-Security-Policy", POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
    ] {
        if let Ok(header) = Header::from_bytes(name, value) {
            answer.add_header(header);
        }
    }
    answer
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
    let open = |number: &std::sync::atomic::AtomicUsize| count(number.load(Ordering::Relaxed));
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

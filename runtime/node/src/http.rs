//! Health, metrics and the status page.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fiducia_web::{Limits, Request, Response, serve};

use super::{page, shared::Shared};

/// Answers requests until the node is stopped and a connection wakes the listener.
pub(super) fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    let own = Arc::clone(shared);
    serve(
        listener,
        Limits::default(),
        || shared.is_stopping(),
        move |request| respond(&own, request),
    );
}

fn respond(shared: &Shared, request: &Request<'_>) -> Response {
    match request.method() {
        "GET" | "HEAD" => resource(shared, request.path()),
        _ => Response::text(405, "only GET is allowed\n"),
    }
}

fn resource(shared: &Shared, path: &str) -> Response {
    let picture = path.strip_prefix("/image/").and_then(|name| name.strip_suffix(".jpg"));
    let state = |problem: Option<String>, ok: &str| match problem {
        None => Response::text(200, ok),
        Some(why) => Response::text(503, format!("{why}\n")),
    };
    match (path, picture) {
        ("/healthz", _) => state(shared.health_problem(), "ok\n"),
        ("/readyz", _) => state(shared.readiness_problem(), "ready\n"),
        ("/metrics", _) => {
            Response::new("text/plain; version=0.0.4; charset=utf-8", metrics(shared))
        }
        ("/", _) => Response::html(page::page(shared)),
        (_, Some(image)) => match shared.recent.picture(image) {
            Some(bytes) => Response::new("image/jpeg", bytes.to_vec()),
            None => Response::text(404, "no such image\n"),
        },
        _ => Response::text(404, "not found\n"),
    }
}

fn metrics(shared: &Shared) -> String {
    let count = |n: usize| n as u64;
    let stage = |name: &str| format!("{{stage=\"{name}\"}}");
    let mut gauges = vec![
        ("queue_depth", stage("received"), count(shared.spool.pending.len())),
        ("queue_depth", stage("failed"), count(shared.spool.failed())),
    ];
    for (name, queue) in &shared.spool.outgoing {
        let labels = format!("{{destination=\"{name}\"}}");
        gauges.push(("destination_queue_depth", labels, count(queue.len())));
    }
    let open = |number: &AtomicUsize| count(number.load(Ordering::Relaxed));
    gauges.push(("associations_open", String::new(), open(&shared.open.associations)));
    gauges.push(("connections_open", String::new(), open(&shared.open.connections)));
    gauges.push(("incoming_bytes", String::new(), count(shared.budget.reserved())));
    gauges.push(("busy", String::new(), u64::from(shared.busy.since().is_some())));
    for model in shared.recent.open_models() {
        let labels = format!("{{sha256=\"{}\"}}", model.sha256);
        gauges.push(("pack_open", labels, 1));
    }
    shared.metrics.text(&gauges)
}

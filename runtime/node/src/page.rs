//! The status page: HTML and CSS without scripts. Its text contains no patient data; the thumbnails are the images.

use std::{fmt::Write, time::SystemTime};

use super::{metrics::Counter, recent::Entry, shared::Shared};

/// The whole page.
pub(super) fn page(shared: &Shared) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<!doctype html><html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width,initial-scale=1\">\
         <meta http-equiv=refresh content=5><title>fiducia: {ae}</title><style>{styles}</style></head>\
         <body><main><header><h1>fiducia</h1><span>{ae}</span>{health}\
         <span class=soft>version {version}, up {up}</span></header>",
        styles = fiducia_web::status_styles(),
        ae = escaped(&shared.config.dicom.ae),
        health = health(shared),
        version = env!("CARGO_PKG_VERSION"),
        up = span(shared.started.elapsed().as_secs()),
    );
    tiles(&mut out, shared);
    studies(&mut out, shared);
    models(&mut out, shared);
    destinations(&mut out, shared);
    out.push_str(
        "<footer class=soft>Machine results, not for diagnosis. An image is identified by the first 12 digits of the \
         SHA-256 of its SOP Instance UID.</footer></main></body></html>\n",
    );
    out
}

fn health(shared: &Shared) -> String {
    match shared.health_problem().or_else(|| shared.readiness_problem()) {
        None => "<span class=good>● in service</span>".to_owned(),
        Some(why) => format!("<span class=bad>● {}</span>", escaped(&why)),
    }
}

fn tiles(out: &mut String, shared: &Shared) {
    let metrics = &shared.metrics;
    let refused = metrics.total(Counter::Refused)
        + metrics.total(Counter::AssociationsRefused)
        + metrics.total(Counter::AssociationsBroken);
    let mut times_ms: Vec<u128> = shared
        .recent
        .entries()
        .iter()
        .filter_map(|entry| entry.took.map(|took| took.as_millis()))
        .collect();
    times_ms.sort_unstable();
    let median = times_ms.get(times_ms.len() / 2).map_or("–".to_owned(), |ms| format!("{ms} ms"));
    let outgoing: usize = shared.spool.outgoing.values().map(|queue| queue.len()).sum();
    let tiles = [
        ("received", metrics.total(Counter::Received).to_string()),
        ("waiting", shared.spool.pending.len().to_string()),
        ("to be sent", outgoing.to_string()),
        ("objects sent", metrics.total(Counter::Sent).to_string()),
        ("rejected or aborted", refused.to_string()),
        ("failed", shared.spool.failed().to_string()),
        ("median time to result", median),
    ];
    out.push_str("<section class=tiles>");
    for (name, value) in tiles {
        let _ = write!(out, "<div class=tile><b>{value}</b><span class=soft>{name}</span></div>");
    }
    out.push_str("</section>");
}

fn studies(out: &mut String, shared: &Shared) {
    out.push_str("<h2>Recent images</h2>");
    let entries = shared.recent.entries();
    if entries.is_empty() {
        out.push_str("<p class=soft>None since the start.</p>");
        return;
    }
    out.push_str("<section class=studies>");
    entries.iter().for_each(|entry| study(out, entry));
    out.push_str("</section>");
}

fn study(out: &mut String, entry: &Entry) {
    let (class, outcome) = match entry.outcome.as_str() {
        "measured" => ("good", "measured"),
        "refused" => ("doubt", "refused by the model"),
        "no_rule" => ("doubt", "no rule matches: nothing sent"),
        _ => ("bad", "failed"),
    };
    let image = escaped(&entry.image);
    let picture = match entry.picture {
        Some(_) => format!(
            "<a class=picture href=\"/image/{image}.jpg\"><img src=\"/image/{image}.jpg\" \
             alt=\"image {image} with landmarks\"></a>"
        ),
        None => "<div class=picture><div class=none>no preview</div></div>".to_owned(),
    };
    let age = SystemTime::now().duration_since(entry.received).unwrap_or_default().as_secs();
    let took = entry.took.map_or(String::new(), |took| format!(", {} ms", took.as_millis()));
    let to = match &entry.destinations[..] {
        [] => "no destination".to_owned(),
        names => format!("to {}", escaped(&names.join(", "))),
    };
    let _ = write!(
        out,
        "<article class=study>{picture}<p><code>{image}</code> <span class=soft>{age} ago</span></p>\
         <p class={class}>{outcome}{took}</p><p class=soft>{model}</p><p class=soft>{device}</p>\
         <p class=soft>{to}</p></article>",
        age = span(age),
        model = escaped(&entry.model),
        device = escaped(&entry.device),
    );
}

fn models(out: &mut String, shared: &Shared) {
    out.push_str("<h2>Models</h2><table><tr><th>name<th>SHA-256<th>device");
    for model in shared.recent.open_models() {
        let hash = model.sha256.get(..12).unwrap_or(&model.sha256);
        let (name, device) = (escaped(&model.name), escaped(&model.device));
        let _ = write!(out, "<tr><td>{name}<td><code>{hash}</code><td>{device}");
    }
    out.push_str("</table>");
}

fn destinations(out: &mut String, shared: &Shared) {
    out.push_str("<h2>Destinations</h2><table><tr><th>name<th>AE title<th class=number>waiting");
    for destination in &shared.config.destinations {
        let waiting = shared.spool.outgoing.get(&destination.name).map_or(0, |queue| queue.len());
        let (name, ae) = (escaped(&destination.name), escaped(&destination.ae));
        let _ = write!(out, "<tr><td>{name}<td>{ae}<td class=number>{waiting}");
    }
    out.push_str("</table>");
}

fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

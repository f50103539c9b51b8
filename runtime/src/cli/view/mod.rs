//! `fiducia view`: a page in the browser of this machine. An image that is dropped there is measured here; nothing
//! leaves the machine, nothing is kept on disk.
//!
//! ```text
//! page ─POST /detect, bytes of the file→ seen ─Detector→ Shown, kept in memory ─JSON→ page
//! page ─GET /N/overlay.png, /N/report.json, …→ Shown
//! ```

mod arguments;
mod shown;

pub(super) use arguments::ViewArguments;

use std::io::{Cursor, Read};
use std::net::{Ipv4Addr, SocketAddr};

use fiducia::{Detector, Error, ErrorKind, Radiograph};
use tiny_http::{Header, Method, Request, Response, Server};

use self::shown::Shown;
use super::{complain, device, model, print};

const PAGE: &str = include_str!("page.html");
/// Larger files are no radiographs.
const MAX_FILE: usize = 1 << 30;
/// Results that are kept for their pictures and exports.
const KEPT: usize = 16;
/// Pages of other sites cannot send it without being asked whether they may.
const OWN: &str = "X-Fiducia";

type Answer = Response<Cursor<Vec<u8>>>;

/// Serves the page until the program is ended.
pub(super) fn view(arguments: &ViewArguments) -> Result<(), Error> {
    let path = model::find(arguments.model.as_deref())?;
    let pack = model::open(&path, arguments.require_signed.as_deref())?;
    let detector = device::detector(&pack, &arguments.device, &pack.manifest().landmarks)?;
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let server = Server::http(at).map_err(|e| {
        let what = format!("cannot listen on {at}: {e}; choose another --port");
        Error::new(ErrorKind::Unwritable, what)
    })?;
    let port = server.server_addr().to_ip().map_or(arguments.port, |a| a.port());
    let mut desk = Desk { detector, shown: Vec::new(), count: 0, port };
    print(&format!("http://127.0.0.1:{port}/\n"))?;
    loop {
        match server.recv() {
            Ok(request) => desk.attend(request),
            Err(error) => complain(&format!("a request could not be read: {error}")),
        }
    }
}

/// What answers one request after the other.
struct Desk {
    detector: Detector,
    /// The latest last, each with its number.
    shown: Vec<(usize, Shown)>,
    count: usize,
    port: u16,
}

impl Desk {
    fn attend(&mut self, mut request: Request) {
        let answer = if self.is_ours(&request) {
            self.answer(&mut request)
        } else {
            text(403, "only for a browser on this machine")
        };
        // Whoever has gone away misses nothing.
        let _ = request.respond(answer);
    }

    /// Whether the browser means this machine: a name that another site has pointed here is not ours.
    fn is_ours(&self, request: &Request) -> bool {
        let hosts = ["127.0.0.1", "localhost"].map(|host| format!("{host}:{}", self.port));
        header(request, "Host").is_some_and(|host| hosts.iter().any(|h| h == host))
    }

    fn answer(&mut self, request: &mut Request) -> Answer {
        let url = request.url().to_owned();
        let (path, query) = url.split_once('?').unwrap_or((&url, ""));
        match (request.method(), path) {
            (Method::Get, "/") => of_type(Response::from_data(PAGE), "text/html; charset=utf-8"),
            (Method::Post, "/detect") if header(request, OWN).is_some() => {
                match self.detect(request, query) {
                    Ok(json) => of_type(Response::from_data(json), "application/json"),
                    Err(error) => text(422, &error.to_string()),
                }
            }
            // There is no little picture for the tab.
            (Method::Get, "/favicon.ico") => text(204, ""),
            (Method::Get, path) => self.part(path).unwrap_or_else(|| text(404, "not here")),
            _ => text(405, "not allowed"),
        }
    }

    /// Measures the image in the body; `name` and `spacing` stand in the query.
    fn detect(&mut self, request: &mut Request, query: &str) -> Result<Vec<u8>, Error> {
        let value = |key: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(k, _)| *k == key).map(|(_, v)| decoded(v)).find(|v| !v.is_empty())
        };
        let name = value("name").unwrap_or_else(|| "image".to_owned());
        let spacing = value("spacing").map(|mm| arguments::spacing(&mm)).transpose();
        let spacing_mm = spacing.map_err(|why| Error::new(ErrorKind::Usage, why))?;
        let mut file = Vec::new();
        let most = MAX_FILE as u64 + 1;
        let read = request.as_reader().take(most).read_to_end(&mut file);
        read.map_err(|e| Error::new(ErrorKind::Unreadable, format!("{name} did not arrive: {e}")))?;
        if file.len() > MAX_FILE {
            let what = format!("{name} is larger than {MAX_FILE} bytes");
            return Err(Error::new(ErrorKind::Unreadable, what));
        }
        let radiograph = Radiograph::decode_as(name, &file, &self.detector.reading(spacing_mm))?;
        let report = self.detector.detect(&radiograph)?;
        self.count += 1;
        let shown = Shown::new(&radiograph, report, &file)?;
        let json = shown.answer(self.count)?;
        self.shown.push((self.count, shown));
        if self.shown.len() > KEPT {
            self.shown.remove(0);
        }
        Ok(json)
    }

    /// `/N/overlay.png` and its like.
    fn part(&self, path: &str) -> Option<Answer> {
        let (number, part) = path.strip_prefix('/')?.split_once('/')?;
        let number: usize = number.parse().ok()?;
        let (_, shown) = self.shown.iter().find(|(n, _)| *n == number)?;
        let (form, bytes) = shown.part(part)?;
        Some(of_type(Response::from_data(bytes), form))
    }
}

fn header<'a>(request: &'a Request, name: &'static str) -> Option<&'a str> {
    request.headers().iter().find(|h| h.field.equiv(name)).map(|h| h.value.as_str())
}

fn text(status: u16, text: &str) -> Answer {
    let response = Response::from_data(text).with_status_code(status);
    of_type(response, "text/plain; charset=utf-8")
}

fn of_type(response: Answer, form: &str) -> Answer {
    const POLICY: &str = "default-src 'none'; img-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; \
                          script-src 'unsafe-inline'; frame-ancestors 'none'";
    let headers = [
        ("Content-Type", form),
        ("Content-Security-Policy", POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Cache-Control", "no-store"),
    ];
    let header = |(name, value)| Header::from_bytes(name, value).ok();
    headers.into_iter().filter_map(header).fold(response, Response::with_header)
}

/// The text behind `%41`; what is no such escape stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|h| std::str::from_utf8(h).ok());
        let byte = hex.filter(|_| first == b'%').and_then(|h| u8::from_str_radix(h, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn escapes_become_text() {
        for (from, to) in
            [("a%20b", "a b"), ("%C3%A9", "é"), ("100%", "100%"), ("%zz%4", "%zz%4"), ("", "")]
        {
            assert_eq!(decoded(from), to);
        }
    }
}

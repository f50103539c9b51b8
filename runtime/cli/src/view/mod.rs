//! `fiducia view`: serves a page for the browser of this machine. Images that are dropped there are processed by this
//! program; they do not leave the machine and are not written to disk.
//!
//! ```text
//! page ─POST /detect, bytes of the file→ Handler ─Detector→ StoredResult, in memory ─JSON→ page
//! page ─GET /N/overlay.png, /N/report.json, …→ StoredResult
//! ```

mod arguments;
mod stored;

pub(super) use arguments::ViewArguments;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};

use fiducia::{Detector, Error, ErrorKind, Radiograph};
use fiducia_web::{Limits, Request, Response, view_page};

use self::stored::StoredResult;
use super::{device, options::spacing, terminal::print};

/// Larger files are refused; the largest radiographs have about 30 MB.
const MAX_FILE_BYTES: usize = 1 << 30;
/// Results that stay in memory for their exports.
const MAX_RESULTS: usize = 16;
/// A header field that pages of other sites cannot send without a CORS preflight, which is never granted.
const OWN_HEADER: &str = "X-Fiducia";

/// Serves the page until the program is ended.
pub(super) fn view(arguments: &ViewArguments) -> Result<(), Error> {
    let pack = arguments.model.open()?;
    let detector = device::detector(&pack, &arguments.device, &pack.manifest().landmarks)?;
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let listener = TcpListener::bind(at).map_err(|e| {
        let what = format!("cannot listen on {at}: {e}; choose another --port");
        Error::new(ErrorKind::Unwritable, what)
    })?;
    let port = listener.local_addr().map_or(arguments.port, |address| address.port());
    let handler = Handler { detector: Mutex::new(detector), results: Mutex::default(), port };
    print(&format!("http://127.0.0.1:{port}/\n"))?;
    let handle = move |request: &mut Request<'_>| handler.handle(request);
    fiducia_web::serve(&listener, Limits::default(), || false, handle);
    Ok(())
}

/// Answers requests. Images are processed one at a time.
struct Handler {
    detector: Mutex<Detector>,
    results: Mutex<Results>,
    port: u16,
}

/// The latest results with their numbers, the newest last.
#[derive(Default)]
struct Results {
    count: usize,
    latest: VecDeque<(usize, StoredResult)>,
}

impl Handler {
    fn handle(&self, request: &mut Request<'_>) -> Response {
        if !self.is_for_this_machine(request) {
            return Response::text(403, "only browsers on this machine may use this page");
        }
        let path = request.path().to_owned();
        match (request.method(), path.as_str()) {
            ("GET", "/") => Response::html(view_page()).with_scripts(),
            ("POST", "/detect") if request.header(OWN_HEADER).is_some() => {
                match self.detect(request) {
                    Ok(json) => Response::new("application/json", json),
                    Err(error) => Response::text(422, error.to_string()),
                }
            }
            ("GET", "/favicon.ico") => Response::text(204, ""),
            ("GET", path) => self.export(path).unwrap_or_else(|| Response::text(404, "not found")),
            _ => Response::text(405, "method not allowed"),
        }
    }

    /// Whether the browser used the host name of the local machine. A foreign name that resolves to 127.0.0.1 (DNS
    /// rebinding) is rejected.
    fn is_for_this_machine(&self, request: &Request<'_>) -> bool {
        let hosts = ["127.0.0.1", "localhost"].map(|host| format!("{host}:{}", self.port));
        request.header("Host").is_some_and(|host| hosts.iter().any(|h| h == host))
    }

    /// Processes the image in the body; the query has its `name` and `spacing` (mm per px).
    fn detect(&self, request: &mut Request<'_>) -> Result<Vec<u8>, Error> {
        let name = request.query("name").unwrap_or_else(|| "image".to_owned());
        let spacing_mm = request.query("spacing").map(|mm| spacing(&mm)).transpose();
        let spacing_mm = spacing_mm.map_err(|why| Error::new(ErrorKind::Usage, why))?;
        let file = request.body(MAX_FILE_BYTES).map_err(|error| {
            Error::new(ErrorKind::Unreadable, format!("{name} was not received: {error}"))
        })?;
        // After a panic the detector can be used again: the next image overwrites all buffers.
        let mut detector = self.detector.lock().unwrap_or_else(PoisonError::into_inner);
        let radiograph = Radiograph::decode_as(name, &file, &detector.reading(spacing_mm))?;
        let report = detector.detect(&radiograph)?;
        drop(detector);
        let result = StoredResult::new(&radiograph, report, &file)?;
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.count += 1;
        let number = results.count;
        let json = result.json(number)?;
        results.latest.push_back((number, result));
        if results.latest.len() > MAX_RESULTS {
            results.latest.pop_front();
        }
        Ok(json)
    }

    /// `/N/overlay.png` and the other exports of result number N.
    fn export(&self, path: &str) -> Option<Response> {
        let (number, name) = path.strip_prefix('/')?.split_once('/')?;
        let number: usize = number.parse().ok()?;
        let results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, result) = results.latest.iter().find(|(n, _)| *n == number)?;
        let (content_type, bytes) = result.export(name)?;
        Some(Response::new(content_type, bytes))
    }
}

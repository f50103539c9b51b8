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

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};

use fiducia::{Detector, Error, ErrorKind, Radiograph};
use fiducia_web::{Limits, Request, Response, view_page};

use self::shown::Shown;
use super::{device, model, print};

/// Larger files are refused; the largest radiographs have some 30 MB.
const MAX_FILE_BYTES: usize = 1 << 30;
/// Results that are kept in memory for their pictures and exports.
const KEPT: usize = 16;
/// A header field that pages of other sites cannot send without a CORS preflight, which is never granted.
const OWN_HEADER: &str = "X-Fiducia";

/// Serves the page until the program is ended.
pub(super) fn view(arguments: &ViewArguments) -> Result<(), Error> {
    let pack =
        model::open_or_default(arguments.model.as_deref(), arguments.require_signed.as_deref())?;
    let detector = device::detector(&pack, &arguments.device, &pack.manifest().landmarks)?;
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let listener = TcpListener::bind(at).map_err(|e| {
        let what = format!("cannot listen on {at}: {e}; choose another --port");
        Error::new(ErrorKind::Unwritable, what)
    })?;
    let port = listener.local_addr().map_or(arguments.port, |address| address.port());
    let desk = Desk { detector: Mutex::new(detector), shown: Mutex::default(), port };
    print(&format!("http://127.0.0.1:{port}/\n"))?;
    fiducia_web::serve(&listener, Limits::default(), || false, move |request| desk.attend(request));
    Ok(())
}

/// Answers requests; one image at a time is measured.
struct Desk {
    detector: Mutex<Detector>,
    shown: Mutex<Results>,
    port: u16,
}

/// The latest results, the newest last, each with its number.
#[derive(Default)]
struct Results {
    count: usize,
    latest: VecDeque<(usize, Shown)>,
}

impl Desk {
    fn attend(&self, request: &mut Request<'_>) -> Response {
        if !self.is_for_this_machine(request) {
            return Response::text(403, "only for a browser on this machine");
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
            ("GET", path) => self.part(path).unwrap_or_else(|| Response::text(404, "not here")),
            _ => Response::text(405, "not allowed"),
        }
    }

    /// Whether the browser addressed this machine by its own name: a name that another site resolves to 127.0.0.1
    /// (DNS rebinding) is another host.
    fn is_for_this_machine(&self, request: &Request<'_>) -> bool {
        let hosts = ["127.0.0.1", "localhost"].map(|host| format!("{host}:{}", self.port));
        request.header("Host").is_some_and(|host| hosts.iter().any(|h| h == host))
    }

    /// Measures the image in the body; `name` and `spacing` (mm) stand in the query.
    fn detect(&self, request: &mut Request<'_>) -> Result<Vec<u8>, Error> {
        let name = request.query("name").unwrap_or_else(|| "image".to_owned());
        let spacing = request.query("spacing").map(|mm| arguments::spacing(&mm)).transpose();
        let spacing_mm = spacing.map_err(|why| Error::new(ErrorKind::Usage, why))?;
        let file = request.body(MAX_FILE_BYTES).map_err(|error| {
            Error::new(ErrorKind::Unreadable, format!("{name} was not received: {error}"))
        })?;
        // A detector that a panic left half-way overwrites its buffers with the next image.
        let mut detector = self.detector.lock().unwrap_or_else(PoisonError::into_inner);
        let radiograph = Radiograph::decode_as(name, &file, &detector.reading(spacing_mm))?;
        let report = detector.detect(&radiograph)?;
        drop(detector);
        let shown = Shown::new(&radiograph, report, &file)?;
        let mut results = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        results.count += 1;
        let number = results.count;
        let json = shown.answer(number)?;
        results.latest.push_back((number, shown));
        if results.latest.len() > KEPT {
            results.latest.pop_front();
        }
        Ok(json)
    }

    /// `/N/overlay.png` and the other forms of result number N.
    fn part(&self, path: &str) -> Option<Response> {
        let (number, part) = path.strip_prefix('/')?.split_once('/')?;
        let number: usize = number.parse().ok()?;
        let results = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, shown) = results.latest.iter().find(|(n, _)| *n == number)?;
        let (content_type, bytes) = shown.part(part)?;
        Some(Response::new(content_type, bytes))
    }
}

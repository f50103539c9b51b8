//! The HTTP server of `fiducia view` and of the DICOM node, and the assets that their pages share.
//!
//! ```text
//! connection ─httparse→ Request ─handler→ Response ─→ connection, closed
//! ```
//!
//! HTTP/1.1 with one request per connection and a thread for each, bounded in number and time. A fixed thread pool
//! stalled: browsers open connections before they have requests and keep them open, so that a page waited for idle
//! connections.
//!
//! ```
//! # use std::error::Error;
//! use std::io::{Read, Write};
//! use std::net::{TcpListener, TcpStream};
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use std::thread;
//!
//! use fiducia_web::{Limits, Response, serve};
//!
//! # fn main() -> Result<(), Box<dyn Error>> {
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//! let stopping = Arc::new(AtomicBool::new(false));
//! let is_stopping = Arc::clone(&stopping);
//! let server = thread::spawn(move || {
//!     serve(&listener, Limits::default(), || is_stopping.load(Ordering::Relaxed), |request| {
//!         match (request.method(), request.path()) {
//!             ("GET", "/healthz") => Response::text(200, "ok\n"),
//!             _ => Response::text(404, "not found\n"),
//!         }
//!     });
//! });
//!
//! let mut client = TcpStream::connect(address)?;
//! client.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
//! let mut response = String::new();
//! client.read_to_string(&mut response)?;
//! assert!(response.starts_with("HTTP/1.1 200 OK\r\n") && response.ends_with("\r\n\r\nok\n"));
//!
//! stopping.store(true, Ordering::Relaxed);
//! drop(TcpStream::connect(address)?); // wakes the server
//! server.join().unwrap();
//! # Ok(())
//! # }
//! ```

mod assets;
mod request;
mod response;
mod server;

pub use assets::{status_styles, view_page};
pub use request::{Request, RequestError};
pub use response::Response;
pub use server::{Limits, serve};

//! The HTTP server of `fiducia view` and of the DICOM node, and the assets that their pages share.
//!
//! ```text
//! connection ─httparse→ Request ─handler→ Response ─→ connection, closed
//! ```
//!
//! HTTP/1.1 with one request per connection and a thread for each, bounded in number and time. A server with a fixed
//! pool of threads was tried first: browsers open connections ahead of their requests and keep them, so that a page
//! waited for connections that said nothing.

mod assets;
mod request;
mod response;
mod server;

pub use assets::{status_styles, view_page};
pub use request::{Request, RequestError};
pub use response::Response;
pub use server::{Limits, serve};

//! HTTP requests to the servers under test.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A response that does not arrive within this time never will.
const LIMIT: Duration = Duration::from_secs(60);

/// A parsed response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Status line and header fields.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends the bytes of a request and returns all that the server sends until it closes the connection.
pub fn exchange(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(request).unwrap();
    let mut response = Vec::new();
    // A server that rejects a request may reset the connection after its response.
    let _ = stream.read_to_end(&mut response);
    response
}

/// Sends a request. `first` is its method and path; `headers` are lines that end in CRLF, to which `Host`, if it is
/// missing, and `Content-Length` are added.
///
/// # Panics
/// If the response is not valid HTTP.
pub fn request(address: SocketAddr, first: &str, headers: &str, body: &[u8]) -> Response {
    let host =
        if headers.contains("Host:") { String::new() } else { format!("Host: {address}\r\n") };
    let length = body.len();
    let head = format!(
        "{first} HTTP/1.1\r\n{host}{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let mut response = exchange(address, &[head.as_bytes(), body].concat());
    let end = response.windows(4).position(|w| w == b"\r\n\r\n").expect("a head");
    let body = response.split_off(end + 4);
    let head = String::from_utf8(response).unwrap();
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
    Response { status, head, body }
}

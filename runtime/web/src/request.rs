//! A request: its head is parsed; its body is read when the handler asks for it.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Most header fields of a request; browsers send about twenty.
const MAX_HEADERS: usize = 64;

/// Why a request could not be read.
#[derive(Debug)]
pub enum RequestError {
    /// The connection failed or was too slow.
    Io(io::Error),
    /// The bytes are not a valid HTTP/1 request.
    Malformed(&'static str),
    /// The head or the body is longer than this limit, bytes.
    TooLarge(usize),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the connection failed: {error}"),
            Self::Malformed(what) => write!(f, "not a valid HTTP/1 request: {what}"),
            Self::TooLarge(limit) => write!(f, "longer than {limit} bytes"),
        }
    }
}

impl std::error::Error for RequestError {}

impl From<io::Error> for RequestError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// One request of one connection.
#[derive(Debug)]
pub struct Request<'a> {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    /// Bytes of the body that were read with the head.
    start: Vec<u8>,
    stream: &'a mut TcpStream,
    /// Longest silence while the body is read.
    body_silence: Duration,
}

impl<'a> Request<'a> {
    /// Reads the head of a request, at most `limit` bytes, which must arrive before `deadline`.
    pub(crate) fn read(
        stream: &'a mut TcpStream,
        limit: usize,
        deadline: Instant,
        body_silence: Duration,
    ) -> Result<Self, RequestError> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 1024];
        loop {
            let count = read_before(stream, &mut buffer, deadline)?;
            bytes.extend_from_slice(&buffer[..count]);
            if let Some((head, length)) = parse(&bytes)? {
                let start = bytes.split_off(length);
                let (path, query) = head.target.split_once('?').unwrap_or((&head.target, ""));
                let (path, query) = (path.to_owned(), query.to_owned());
                let Head { method, headers, .. } = head;
                return Ok(Self { method, path, query, headers, start, stream, body_silence });
            }
            if count == 0 {
                return Err(RequestError::Malformed("the head is incomplete"));
            }
            if bytes.len() > limit {
                return Err(RequestError::TooLarge(limit));
            }
        }
    }

    /// `GET`, `POST`, …
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path without the query; percent escapes are not decoded.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value of the header field `name`; case is ignored.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The decoded value of `key` in the query; `None` if it is missing or empty.
    pub fn query(&self, key: &str) -> Option<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(k, _)| *k == key).map(|(_, v)| decoded(v)).find(|v| !v.is_empty())
    }

    /// Reads the body, whose length is `Content-Length`. Chunked bodies are not supported; browsers do not send them.
    ///
    /// # Errors
    /// [`RequestError::TooLarge`] if it is longer than `limit` bytes, before any of it is read;
    /// [`RequestError::Malformed`] if it is chunked or incomplete; [`RequestError::Io`] if the connection fails.
    pub fn body(&mut self, limit: usize) -> Result<Vec<u8>, RequestError> {
        if self.header("Transfer-Encoding").is_some() {
            return Err(RequestError::Malformed("a body without Content-Length"));
        }
        let length = match self.header("Content-Length") {
            None => 0,
            Some(text) => text
                .trim()
                .parse()
                .map_err(|_| RequestError::Malformed("Content-Length is not a number"))?,
        };
        if length > limit {
            return Err(RequestError::TooLarge(limit));
        }
        if self.header("Expect").is_some_and(|e| e.eq_ignore_ascii_case("100-continue")) {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let mut body = std::mem::take(&mut self.start);
        body.truncate(length);
        self.stream.set_read_timeout(Some(self.body_silence))?;
        let missing = (length - body.len()) as u64;
        let stream: &mut TcpStream = self.stream;
        let read = stream.take(missing).read_to_end(&mut body)?;
        if read as u64 != missing {
            return Err(RequestError::Malformed("the body is shorter than Content-Length"));
        }
        Ok(body)
    }
}

struct Head {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

/// The head at the start of `bytes` and its length; `None` if it is incomplete.
fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, RequestError> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut fields);
    let status = head.parse(bytes).map_err(|error| {
        RequestError::Malformed(match error {
            httparse::Error::TooManyHeaders => "too many header fields",
            httparse::Error::Version => "unknown version",
            _ => "invalid head",
        })
    })?;
    let httparse::Status::Complete(length) = status else { return Ok(None) };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = head.headers.iter().map(|h| (h.name.to_owned(), text(h.value))).collect();
    let [method, target] = [head.method, head.path].map(|v| v.unwrap_or_default().to_owned());
    Ok(Some((Head { method, target, headers }, length)))
}

/// Reads some bytes, which must arrive before `deadline`.
pub(crate) fn read_before(
    stream: &mut TcpStream,
    buffer: &mut [u8],
    deadline: Instant,
) -> io::Result<usize> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    stream.set_read_timeout(Some(left))?;
    stream.read(buffer)
}

/// Percent-decoding (RFC 3986, 2.1); invalid escapes are kept.
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
    use super::*;

    #[test]
    fn escapes_are_decoded() {
        for (from, to) in
            [("a%20b", "a b"), ("%C3%A9", "é"), ("100%", "100%"), ("%zz%4", "%zz%4"), ("", "")]
        {
            assert_eq!(decoded(from), to);
        }
    }

    #[test]
    fn a_head_is_parsed_once_it_is_complete() {
        let request = b"POST /detect?name=a HTTP/1.1\r\nHost: localhost\r\nX-Own:  1\r\n\r\nbody";
        for cut in 0..request.len() - 4 {
            assert!(parse(&request[..cut]).unwrap().is_none(), "{cut}");
        }
        let (head, length) = parse(request).unwrap().unwrap();
        assert_eq!((head.method.as_str(), head.target.as_str()), ("POST", "/detect?name=a"));
        assert_eq!((&request[length..], head.headers.len()), (&b"body"[..], 2));
        assert!(parse(b"\x16\x03\x01 no HTTP\r\n\r\n").is_err());
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + 1));
        assert!(parse(many.as_bytes()).is_err());
    }
}

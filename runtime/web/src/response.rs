//! A response, with headers that allow a browser only to display it.

use std::io::{self, Write};

/// Content type of plain text.
const PLAIN: &str = "text/plain; charset=utf-8";

/// Status, content type and body.
#[derive(Clone, Debug)]
pub struct Response {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
    scripts: bool,
}

impl Response {
    /// A response with status 200.
    pub fn new(content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, content_type, body: body.into(), scripts: false }
    }

    /// An HTML page with status 200. Inline styles are allowed, scripts are not.
    pub fn html(page: impl Into<Vec<u8>>) -> Self {
        Self::new("text/html; charset=utf-8", page)
    }

    /// Plain text with any status.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self { status, ..Self::new(PLAIN, text.into()) }
    }

    /// Allows a page to run inline scripts and to send requests to this server.
    pub fn with_scripts(self) -> Self {
        Self { scripts: true, ..self }
    }

    /// Writes it as HTTP/1.1; `with_body` is false for a `HEAD` request.
    pub(crate) fn write(&self, out: &mut impl Write, with_body: bool) -> io::Result<()> {
        let scripts =
            if self.scripts { "; connect-src 'self'; script-src 'unsafe-inline'" } else { "" };
        let head = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\
             Content-Security-Policy: default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; \
             frame-ancestors 'none'{scripts}\r\n\
             X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
             Cache-Control: no-store\r\nConnection: close\r\n\r\n",
            self.status,
            reason(self.status),
            self.content_type,
            self.body.len(),
        );
        let mut bytes = head.into_bytes();
        if with_body {
            bytes.extend_from_slice(&self.body);
        }
        out.write_all(&bytes)
    }
}

/// The reason phrase of RFC 9110, 15.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(response: &Response, with_body: bool) -> String {
        let mut bytes = Vec::new();
        response.write(&mut bytes, with_body).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn scripts_run_only_if_they_are_allowed() {
        let page = Response::html("<p>");
        let plain = written(&page, true);
        assert!(plain.starts_with("HTTP/1.1 200 OK\r\n") && plain.ends_with("\r\n\r\n<p>"));
        assert!(plain.contains("default-src 'none'") && !plain.contains("script-src"));
        assert!(written(&page.with_scripts(), true).contains("script-src 'unsafe-inline'"));
    }

    #[test]
    fn a_head_request_gets_only_the_length() {
        let head = written(&Response::text(404, "no file\n"), false);
        assert!(head.contains("Content-Length: 8\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    }
}

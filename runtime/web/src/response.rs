//! An answer, with the headers that keep a browser from doing more with it than showing it.

use std::io::{self, Write};

/// Content types of text.
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
    /// A body of this content type, with status 200.
    pub fn new(content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, content_type, body: body.into(), scripts: false }
    }

    /// A page of HTML, which may hold styles but no script.
    pub fn html(page: impl Into<Vec<u8>>) -> Self {
        Self::new("text/html; charset=utf-8", page)
    }

    /// Plain text with this status.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self { status, ..Self::new(PLAIN, text.into()) }
    }

    /// Lets a page run the scripts that are written in it, and ask this server.
    pub fn with_scripts(self) -> Self {
        Self { scripts: true, ..self }
    }

    /// Writes it as HTTP/1.1; of a `HEAD` request without the body.
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
    fn a_page_runs_scripts_only_where_they_are_allowed() {
        let page = Response::html("<p>");
        let plain = written(&page, true);
        assert!(plain.starts_with("HTTP/1.1 200 OK\r\n") && plain.ends_with("\r\n\r\n<p>"));
        assert!(plain.contains("default-src 'none'") && !plain.contains("script-src"));
        assert!(written(&page.with_scripts(), true).contains("script-src 'unsafe-inline'"));
    }

    #[test]
    fn a_head_request_gets_the_length_alone() {
        let head = written(&Response::text(404, "not here\n"), false);
        assert!(head.contains("Content-Length: 9\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    }
}

//! As much of HTTP as the dashboard needs: one small GET a connection, and an answer that a browser can't be misled with.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Bytes of a request's head; its body is never read.
const HEAD: usize = 8 * 1024;
/// Headers of a request.
const HEADERS: usize = 64;
/// The longest that a client may take to ask, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) host: String,
    pub(super) cookies: Vec<(String, String)>,
}

impl Request {
    /// The parameter of this name; nothing where it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(n, _)| n == name)?;
        Some(found.1.trim()).filter(|value| !value.is_empty())
    }

    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Reads one; a status where it is none that is answered.
    pub(super) fn read(stream: &mut TcpStream) -> Result<Request, u16> {
        let until = Instant::now() + PATIENCE;
        let mut bytes = Vec::new();
        let mut buffer = [0; 2048];
        loop {
            if let Some(request) = Request::parse(&bytes)? {
                return Ok(request);
            }
            if bytes.len() >= HEAD {
                return Err(431);
            }
            let left = until.saturating_duration_since(Instant::now());
            // A client that sends a byte now and then is as slow as one that sends none.
            if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
                return Err(408);
            }
            match stream.read(&mut buffer) {
                Ok(0) => return Err(400),
                Ok(n) => bytes.extend_from_slice(&buffer[..n]),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return Err(408),
            }
        }
    }

    /// A whole head, or nothing yet.
    fn parse(bytes: &[u8]) -> Result<Option<Request>, u16> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(431),
            Err(_) => return Err(400),
        }
        let target = parsed.path.unwrap_or("/");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Request {
            method: parsed.method.unwrap_or_default().to_owned(),
            path: path.to_owned(),
            parameters: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            ..Request::default()
        };
        let mut hosts = 0;
        for header in parsed.headers.iter() {
            let value = std::str::from_utf8(header.value).map_err(|_| 400_u16)?;
            if header.name.eq_ignore_ascii_case("host") {
                hosts += 1;
                value.clone_into(&mut request.host);
            } else if header.name.eq_ignore_ascii_case("cookie") {
                let pairs = value.split(';').filter_map(|pair| pair.trim().split_once('='));
                request.cookies.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
            }
        }
        if hosts == 1 { Ok(Some(request)) } else { Err(400) }
    }
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn page(body: String) -> Answer {
        Answer { status: 200, headers: vec![("Content-Type", "text/html; charset=utf-8".into())], body }
    }

    /// A status and a line of text.
    pub(super) fn plain(status: u16, text: &str) -> Answer {
        Answer {
            status,
            headers: vec![("Content-Type", "text/plain; charset=utf-8".into())],
            body: format!("{text}\n"),
        }
    }

    /// Sends it and ends the connection; a client that doesn't take it is left.
    pub(super) fn send(&self, stream: &mut TcpStream, with_body: bool) {
        let reason = match self.status {
            200 => "OK",
            303 => "See Other",
            400 => "Bad Request",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            408 => "Request Timeout",
            421 => "Misdirected Request",
            431 => "Request Header Fields Too Large",
            503 => "Service Unavailable",
            _ => "Error",
        };
        let mut head = format!("HTTP/1.1 {} {reason}\r\n", self.status);
        // No page of another site may show, embed, read or keep it; and it tells no other site where it is.
        for (name, value) in [
            ("Content-Security-Policy", concat_policy().as_str()),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cache-Control", "no-store"),
            ("Connection", "close"),
            ("Content-Length", self.body.len().to_string().as_str()),
        ]
        .into_iter()
        .chain(self.headers.iter().map(|(name, value)| (*name, value.as_str())))
        {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let body = if with_body { self.body.as_bytes() } else { b"" };
        let _ = stream.set_write_timeout(Some(PATIENCE));
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }
}

/// The page's own policy, and who may embed it, which only a header can say.
fn concat_policy() -> String {
    format!("{}; frame-ancestors 'none'", crate::commands::report::html::POLICY)
}

#[cfg(test)]
mod tests {
    use super::Request;

    #[test]
    fn a_head_is_read() {
        let bytes =
            b"GET /search?q=rm+-rf%20/&user=a HTTP/1.1\r\nHost: localhost:1\r\ncookie: a=b; shmon=c\r\n\r\n";
        let request = Request::parse(bytes).unwrap().unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/search"));
        assert_eq!(
            (request.get("q"), request.get("user"), request.get("x")),
            (Some("rm -rf /"), Some("a"), None)
        );
        assert_eq!((request.host.as_str(), request.cookie("shmon")), ("localhost:1", Some("c")));
        assert!(Request::parse(&bytes[..20]).unwrap().is_none());
        for (bad, status) in [
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            ("\u{1}\r\n\r\n", 400),
        ] {
            assert_eq!(Request::parse(bad.as_bytes()).unwrap_err(), status, "{bad}");
        }
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(100));
        assert_eq!(Request::parse(many.as_bytes()).unwrap_err(), 431);
    }
}

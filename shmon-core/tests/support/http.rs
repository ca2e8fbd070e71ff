//! An HTTP/1.1 server that answers as a test says, wrongly if need be.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// The longest that anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// One request as it came over the wire.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("a body of UTF-8")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }

    /// A field of a form, decoded.
    pub fn form(&self, name: &str) -> Option<String> {
        self.text().split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (key == name).then(|| decode(value))
        })
    }
}

fn decode(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                out.push(u8::from_str_radix(&value[at + 1..at + 3], 16).expect("hex digits"));
                at += 3;
            }
            b'+' => {
                out.push(b' ');
                at += 1;
            }
            byte => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).expect("a value of UTF-8")
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Status, headers, body.
    Answer(u16, Vec<(String, String)>, Vec<u8>),
    /// Closes without a word, having read the request.
    Close,
    /// Says nothing until the client goes away.
    Hang,
    /// Sends half of the promised body, then nothing.
    HangInBody(Vec<u8>),
    /// Sends half of the promised body, then closes.
    CutBody(Vec<u8>),
    /// Bytes that aren't HTTP.
    Garbage(Vec<u8>),
}

impl Reply {
    pub fn json(status: u16, body: &serde_json::Value) -> Reply {
        let headers = vec![("content-type".into(), "application/json".into())];
        Reply::Answer(status, headers, body.to_string().into_bytes())
    }

    pub fn text(status: u16, body: &str) -> Reply {
        Reply::Answer(status, Vec::new(), body.as_bytes().to_vec())
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Reply {
        if let Reply::Answer(_, headers, _) = &mut self {
            headers.push((name.into(), value.into()));
        }
        self
    }
}

type Handler = dyn FnMut(&Request) -> Reply + Send;

/// A server; it stops when it is dropped.
pub struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    requests: Receiver<Request>,
    tls: bool,
}

impl Server {
    pub fn start(handler: impl FnMut(&Request) -> Reply + Send + 'static) -> Server {
        Server::with_tls(None, handler)
    }

    /// With a certificate, it speaks HTTPS.
    pub fn with_tls(
        tls: Option<Arc<rustls::ServerConfig>>,
        handler: impl FnMut(&Request) -> Reply + Send + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = Arc::new(AtomicBool::new(false));
        let handler: Arc<Mutex<Box<Handler>>> = Arc::new(Mutex::new(Box::new(handler)));
        let (sender, requests) = channel();
        let stopped = stop.clone();
        let is_tls = tls.is_some();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(stream), handler, sender) = (stream, handler.clone(), sender.clone()) else {
                    continue;
                };
                let tls = tls.clone();
                std::thread::spawn(move || {
                    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                    let mut answer = |request: &Request| {
                        let reply = (handler.lock().expect("a handler"))(request);
                        let _ = sender.send(request.clone());
                        reply
                    };
                    match tls {
                        None => {
                            let writer = stream.try_clone().expect("a second handle");
                            serve(&mut BufReader::new(stream), writer, &mut answer);
                        }
                        Some(config) => serve_tls(stream, config, &mut answer),
                    }
                });
            }
        });
        Server { address, stop, thread: Some(thread), requests, tls: is_tls }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        if self.tls {
            format!("https://localhost:{}", self.address.port())
        } else {
            format!("http://{}", self.address)
        }
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.try_iter().collect()
    }

    /// Waits for one more request.
    pub fn request(&self) -> Request {
        self.requests.recv_timeout(PATIENCE).expect("a request")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve_tls(
    stream: TcpStream,
    config: Arc<rustls::ServerConfig>,
    answer: &mut dyn FnMut(&Request) -> Reply,
) {
    let connection = rustls::ServerConnection::new(config).expect("a TLS connection");
    let mut stream = rustls::StreamOwned::new(connection, stream);
    let Some(request) = read(&mut BufReader::new(&mut stream)) else { return };
    let reply = answer(&request);
    write(&mut stream, reply);
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

fn serve(
    reader: &mut BufReader<TcpStream>,
    mut writer: TcpStream,
    answer: &mut dyn FnMut(&Request) -> Reply,
) {
    while let Some(request) = read(reader) {
        let reply = answer(&request);
        let go_on = matches!(reply, Reply::Answer(..));
        let hang = matches!(reply, Reply::Hang | Reply::HangInBody(_));
        write(&mut writer, reply);
        if hang {
            // Until the client has had enough.
            let _ = reader.read(&mut [0]);
        }
        if !go_on {
            let _ = writer.shutdown(Shutdown::Both);
            return;
        }
    }
}

fn write(writer: &mut impl Write, reply: Reply) {
    let bytes = match reply {
        Reply::Answer(status, headers, body) => {
            let mut bytes = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len()).into_bytes();
            for (name, value) in headers {
                bytes.extend(format!("{name}: {value}\r\n").bytes());
            }
            bytes.extend(b"\r\n");
            bytes.extend(body);
            bytes
        }
        Reply::Close | Reply::Hang => return,
        Reply::HangInBody(body) | Reply::CutBody(body) => {
            let mut bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
            bytes.extend(&body[..body.len() / 2]);
            bytes
        }
        Reply::Garbage(bytes) => bytes,
    };
    let _ = writer.write_all(&bytes);
    let _ = writer.flush();
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace();
    let mut request =
        Request { method: words.next()?.into(), path: words.next()?.into(), ..Request::default() };
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
        request.headers.push((name.into(), value.trim().into()));
    }
    request.body = vec![0; length];
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}

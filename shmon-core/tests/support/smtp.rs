//! An SMTP server that takes mails, or refuses them as a test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// The longest that anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// A mail, or what there was of one, as it came.
#[derive(Debug, Clone, Default)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub login: Option<String>,
    /// It came after STARTTLS.
    pub starttls: bool,
    /// Headers and body with CR LF, dots not doubled.
    pub data: String,
}

impl Mail {
    /// The header lines, unfolded.
    pub fn headers(&self) -> Vec<String> {
        let (head, _) = self.data.split_once("\r\n\r\n").expect("an empty line after the headers");
        let mut headers: Vec<String> = Vec::new();
        for line in head.split("\r\n") {
            match headers.last_mut() {
                Some(last) if line.starts_with([' ', '\t']) => last.push_str(line),
                _ => headers.push(line.to_owned()),
            }
        }
        headers
    }
}

/// How the server encrypts.
#[derive(Clone)]
pub enum Tls {
    None,
    /// From the first byte.
    Wrapped(Arc<rustls::ServerConfig>),
    /// After STARTTLS.
    Starttls(Arc<rustls::ServerConfig>),
}

pub struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    mails: Receiver<Mail>,
}

impl Server {
    /// `refuse` gives the answer to a command line (`RCPT TO:…`, or `.` for the end of the data) where it isn't yes.
    pub fn start(tls: Tls, refuse: impl FnMut(&str) -> Option<String> + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, mails) = channel();
        let stopped = stop.clone();
        let refuse: Arc<Mutex<Box<Refuse>>> = Arc::new(Mutex::new(Box::new(refuse)));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(stream), tls, sender) = (stream, tls.clone(), sender.clone()) else { continue };
                let refuse = refuse.clone();
                std::thread::spawn(move || {
                    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                    let refuse = &mut |line: &str| (refuse.lock().expect("a handler"))(line);
                    let wrap = |config: Arc<rustls::ServerConfig>, stream: TcpStream| {
                        let connection = rustls::ServerConnection::new(config).expect("a TLS connection");
                        BufReader::new(rustls::StreamOwned::new(connection, stream))
                    };
                    let mut talk = Talk { mails: &sender, refuse, mail: Mail::default() };
                    match tls {
                        Tls::None => drop(talk.run(&mut BufReader::new(stream), true, false)),
                        Tls::Wrapped(config) => drop(talk.run(&mut wrap(config, stream), true, false)),
                        Tls::Starttls(config) => {
                            let plain = stream.try_clone().expect("a second handle");
                            if talk.run(&mut BufReader::new(plain), true, true) == Some(End::Starttls) {
                                talk.mail.starttls = true;
                                talk.run(&mut wrap(config, stream), false, false);
                            }
                        }
                    }
                });
            }
        });
        Server { address, stop, thread: Some(thread), mails }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn mail(&self) -> Mail {
        self.mails.recv_timeout(PATIENCE).expect("a mail")
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

type Refuse = dyn FnMut(&str) -> Option<String> + Send;

/// One conversation, of which a part may be encrypted.
struct Talk<'a> {
    mails: &'a Sender<Mail>,
    refuse: &'a mut dyn FnMut(&str) -> Option<String>,
    mail: Mail,
}

/// Why the server stopped talking.
#[derive(PartialEq, Eq)]
enum End {
    Quit,
    Starttls,
}

impl Talk<'_> {
    /// `offer` says whether STARTTLS is offered, after which the conversation goes on encrypted.
    fn run<S: Read + Write>(&mut self, stream: &mut BufReader<S>, greet: bool, offer: bool) -> Option<End> {
        if greet {
            say(stream, "220 test ESMTP")?;
        }
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            if let Some(answer) = (self.refuse)(line) {
                say(stream, &answer)?;
                continue;
            }
            match line.split([' ', ':']).next().unwrap_or("").to_ascii_uppercase().as_str() {
                "EHLO" | "HELO" => {
                    let more = if offer { "250-STARTTLS\r\n" } else { "" };
                    say(
                        stream,
                        &format!("250-test\r\n250-8BITMIME\r\n{more}250-SMTPUTF8\r\n250 AUTH PLAIN"),
                    )?;
                }
                "STARTTLS" if offer => {
                    say(stream, "220 go ahead")?;
                    return Some(End::Starttls);
                }
                "AUTH" => {
                    self.mail.login = Some(line.to_owned());
                    say(stream, "235 welcome")?;
                }
                "MAIL" => {
                    self.mail.from = line.to_owned();
                    say(stream, "250 ok")?;
                }
                "RCPT" => {
                    self.mail.to.push(line.to_owned());
                    say(stream, "250 ok")?;
                }
                "DATA" => {
                    say(stream, "354 go on")?;
                    loop {
                        let mut line = String::new();
                        if stream.read_line(&mut line).ok()? == 0 {
                            return None;
                        }
                        if line == ".\r\n" {
                            break;
                        }
                        self.mail.data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    }
                    let answer = (self.refuse)(".").unwrap_or_else(|| "250 2.0.0 queued as 4711".into());
                    let starttls = self.mail.starttls;
                    let _ = self.mails.send(std::mem::take(&mut self.mail));
                    self.mail.starttls = starttls;
                    say(stream, &answer)?;
                }
                "QUIT" => {
                    say(stream, "221 bye")?;
                    return Some(End::Quit);
                }
                _ => say(stream, "250 ok")?,
            }
        }
    }
}

fn say<S: Read + Write>(stream: &mut BufReader<S>, line: &str) -> Option<()> {
    let stream = stream.get_mut();
    stream.write_all(format!("{line}\r\n").as_bytes()).ok()?;
    stream.flush().ok()
}

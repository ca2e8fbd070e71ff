//! `shmon serve`: the record in a browser, on this machine alone.
//!
//! It listens on the loopback, but every user of the machine reaches that, and so does any page that a browser shows.
//! Hence a token, which only whoever started it sees; the `Host` header is checked, so that a name of another site that
//! was pointed at 127.0.0.1 gets nothing (DNS rebinding); nothing can be changed through it; and its pages load nothing.

mod http;
mod pages;

use crate::context::Globals;
use anyhow::{Context as _, Result};
use http::{Answer, Request};
use pages::Site;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Show the record in a browser on this machine: report, search, and commands as they come
#[derive(clap::Args)]
#[command(
    after_help = "Open the address that it prints; whoever has it can read the record until the command ends.\n\
    From another machine: ssh -L 8717:127.0.0.1:8717 HOST. Nothing can be changed through it, and secrets are replaced."
)]
pub(crate) struct Args {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8717)]
    port: u16,
}

/// Requests that are answered at the same time.
const AT_ONCE: usize = 8;

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<ExitCode> {
    // A record that can't be read is told here, not in the browser.
    drop(crate::reading::open(globals, &globals.config()?)?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).with_context(|| {
        format!("cannot listen on 127.0.0.1:{}: another port is taken with --port", args.port)
    })?;
    let port = listener.local_addr()?.port();
    let token = token()?;
    let mut out = std::io::stdout();
    writeln!(out, "http://127.0.0.1:{port}/?token={token}")?;
    out.flush()?;
    let config = globals.config()?;
    let site = Arc::new(Site::new(globals.home()?, globals.lang(&config)));
    let door = Arc::new(Door { port, token });
    let busy = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        if busy.fetch_add(1, Ordering::Relaxed) >= AT_ONCE {
            busy.fetch_sub(1, Ordering::Relaxed);
            Answer::plain(503, "too many requests at once").send(&mut stream, true);
            continue;
        }
        let held = Held(Arc::clone(&busy));
        let (site, door) = (Arc::clone(&site), Arc::clone(&door));
        // Where no thread can be had, the request is dropped and the next is tried.
        let _ = std::thread::Builder::new().spawn(move || {
            let _held = held;
            serve(&mut stream, &door, &site);
        });
    }
    Ok(ExitCode::SUCCESS)
}

/// One of the places for requests, given back in the end.
struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who is let in.
struct Door {
    port: u16,
    token: String,
}

impl Door {
    /// Other servers on this machine get the same cookies: the name tells them apart.
    fn cookie(&self) -> String {
        format!("shmon-{}", self.port)
    }

    /// What a request that isn't let in gets instead.
    fn refuse(&self, request: &Request) -> Option<Answer> {
        let names = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{}", self.port));
        // Port 80 isn't named.
        let bare = self.port == 80 && ["127.0.0.1", "localhost"].contains(&request.host.as_str());
        if !names.contains(&request.host) && !bare {
            return Some(Answer::plain(
                421,
                "this address is not served here: open the one that shmon serve printed",
            ));
        }
        if let Some(token) = request.get("token") {
            if !same(token, &self.token) {
                return Some(Answer::plain(
                    403,
                    "the token is wrong: open the address that shmon serve printed",
                ));
            }
            // From here on a cookie, so that the token stays in no history and no link.
            let cookie = format!("{}={}; HttpOnly; SameSite=Strict; Path=/", self.cookie(), self.token);
            return Some(Answer {
                status: 303,
                headers: vec![("Location", request.path.clone()), ("Set-Cookie", cookie)],
                body: String::new(),
            });
        }
        match request.cookie(&self.cookie()) {
            Some(token) if same(token, &self.token) => None,
            _ => Some(Answer::plain(403, "open the address that shmon serve printed: it has a token")),
        }
    }
}

fn serve(stream: &mut TcpStream, door: &Door, site: &Site) {
    let request = match Request::read(stream) {
        Ok(request) => request,
        Err(status) => return Answer::plain(status, "this can't be answered").send(stream, true),
    };
    let answer = match request.method.as_str() {
        "GET" | "HEAD" => door.refuse(&request).unwrap_or_else(|| site.answer(&request)),
        _ => Answer::plain(405, "the record can only be read"),
    };
    answer.send(stream, request.method != "HEAD");
}

/// 128 random bits.
fn token() -> Result<String> {
    let mut bytes = [0_u8; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .context("cannot make a token")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether two texts are the same, in a time that doesn't tell how much of them is.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

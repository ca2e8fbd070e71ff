//! How soon people are told: to the first bytes of a notification at the service.
//!
//! `commit_to_wire` begins with the commit of a critical command, with the worker of a daemon: classify, store, wake the
//! worker, sort, claim, connect, send. `enter_to_wire` begins with the Enter key in a real bash on a real terminal, as
//! `shmon init` sets it up: hook, spool, recorder and all of the former. The service is on the loopback, so what is
//! measured is ours; TLS and the way to a real service come on top.

#[path = "prompt/shell.rs"]
#[expect(dead_code, reason = "the benchmark of the prompt uses the rest")]
mod shell;

use criterion::{Criterion, criterion_group, criterion_main};
use rustix::process::{Pid, Signal};
use shell::{PROMPT, Shell};
use shmon_core::config::{Config, Home};
use shmon_core::monitor::{Incoming, Monitor};
use shmon_core::notify::{Background, Options, Worker};
use shmon_core::record::Event;
use shmon_core::store::{Store, StoreOptions};
use shmon_core::time;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A service that says yes, and tells when a request's first bytes arrived.
fn service() -> (u16, Receiver<Instant>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (arrived, times) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let arrived = arrived.clone();
            std::thread::spawn(move || {
                let mut stream = stream;
                let mut buffer = vec![0; 1 << 16];
                let mut request: Vec<u8> = Vec::new();
                while let Ok(length) = stream.read(&mut buffer) {
                    if length == 0 {
                        return;
                    }
                    if request.is_empty() {
                        let _ = arrived.send(Instant::now());
                    }
                    request.extend(&buffer[..length]);
                    let text = String::from_utf8_lossy(&request).to_lowercase();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let promised = head.split("content-length: ").nth(1).and_then(|t| t.split("\r\n").next());
                    if promised.and_then(|n| n.parse().ok()) == Some(body.len()) {
                        request.clear();
                        let _ = stream.write_all(
                            b"HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\n{\"message_id\":\"1\"}",
                        );
                    }
                }
            });
        }
    });
    (port, times)
}

fn commit_to_wire(criterion: &mut Criterion) {
    let (port, times) = service();
    let dir = tempfile::tempdir().expect("a folder");
    let home = Home::new(dir.path());
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    let config = Config::parse(&format!(
        "[notify.webhook]\nurl = 'http://127.0.0.1:{port}/'\nsecret_file = 'secret'\nper_minute = 100000"
    ))
    .expect("a configuration");
    let mut monitor = Monitor::open(&home, config.clone()).expect("a monitor");
    let worker = Worker::new(&home, &config, Options::default()).expect("a worker");
    let store = Store::open(home.database(&config), StoreOptions::default()).expect("a database");
    let outbox = Background::start(worker, store).expect("a thread");
    let mut sequence = 0_u64;
    let mut one = || {
        sequence += 1;
        let mut event = Event::default();
        event.command = format!("rm -rf /srv/data/{sequence}").into_bytes();
        event.user = "alice".into();
        event.host = "server".into();
        event.started_at = time::now();
        let begun = Instant::now();
        let recorded = monitor.record(&[Incoming::Event(event)]).expect("a row");
        assert_eq!(recorded[0].notifications, 1);
        outbox.wake();
        let arrived = times.recv_timeout(Duration::from_secs(30)).expect("a request");
        // As people type: the worker has gone to sleep again before the next command.
        std::thread::sleep(Duration::from_millis(5));
        arrived.saturating_duration_since(begun)
    };
    let mut group = criterion.benchmark_group("notify");
    group.sample_size(20).measurement_time(Duration::from_secs(8));
    group.bench_function("commit_to_wire", |b| b.iter_custom(|n| (0..n).map(|_| one()).sum()));
    group.finish();
    print("commit_to_wire", (0..if shmon_benches::short() { 5 } else { 500 }).map(|_| one()).collect());
    outbox.stop();
}

fn print(name: &str, mut spans: Vec<Duration>) {
    spans.sort();
    let at = |percent: usize| spans[spans.len() * percent / 100];
    let count = spans.len();
    println!("notify/{name} p50 {:?}, p95 {:?}, p99 {:?} of {count}", at(50), at(95), at(99));
}

/// How long one notification may take before the benchmark gives up and says what it sees.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two commands: a room takes 10 messages in 10 s.
const PAUSE: Duration = Duration::from_millis(1100);

/// A home as `shmon init` sets it up; its recorder ends with it.
struct Watched {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Watched {
    fn set_up(port: u16) -> Watched {
        let watched = Watched { folder: tempfile::tempdir().expect("a folder"), program: shell::build() };
        let home = watched.folder.path();
        // What is typed does nothing: PATH holds this stand-in alone.
        let stand_in = home.join("bin/rm");
        std::fs::create_dir(home.join("bin")).expect("a folder");
        std::fs::write(&stand_in, "#!/bin/sh\nexit 0\n").expect("a stand-in");
        std::fs::set_permissions(&stand_in, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        std::fs::write(home.join(".bashrc"), format!("PS1='{PROMPT}'\n")).expect("a start-up file");
        std::fs::write(home.join("token"), "t0ken").expect("a token");
        let set_up = watched.shmon(&[
            "init",
            "--yes",
            "--shell",
            "bash",
            "--chatwork-room",
            "1",
            "--chatwork-token-file",
            "token",
            "--set",
            &format!("notify.chatwork.api_base=http://127.0.0.1:{port}"),
        ]);
        assert!(set_up.status.success(), "{}", String::from_utf8_lossy(&set_up.stderr));
        watched
    }

    fn shmon(&self, arguments: &[&str]) -> Output {
        let home = self.folder.path();
        let mut command = Command::new(&self.program);
        command.args(arguments).env_clear().env("HOME", home).current_dir(home);
        command.output().expect("shmon")
    }

    fn bash(&self) -> Shell {
        let home = self.folder.path();
        let text = |path: &Path| path.to_str().expect("a path").to_owned();
        let env = [("HOME", text(home)), ("TERM", "dumb".into()), ("PATH", text(&home.join("bin")))];
        let env = env.map(|(name, value)| (name.to_owned(), value));
        let mut bash = Shell::start(&["/bin/bash".into(), "-i".into()], home, &env).expect("a bash");
        bash.enter("type -P rm >found");
        let found = std::fs::read_to_string(home.join("found")).expect("what rm is");
        assert_eq!(found.trim(), text(&home.join("bin/rm")), "the stand-in");
        bash
    }

    fn recorder(&self) -> Option<Pid> {
        let awake = std::fs::read_to_string(self.folder.path().join("monitor/run/awake")).ok()?;
        awake.trim().parse().ok().and_then(Pid::from_raw)
    }

    /// What there is to see when nothing arrives.
    fn state(&self) -> String {
        let said = |output: Output| {
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        };
        let (doctor, status) = (self.shmon(&["doctor"]), self.shmon(&["notify", "status"]));
        format!("recorder {:?}\n{}{}", self.recorder(), said(doctor), said(status))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(pid) = self.recorder() {
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
    }
}

fn enter_to_wire(_: &mut Criterion) {
    let (port, times) = service();
    let watched = Watched::set_up(port);
    let mut bash = watched.bash();
    // The shell's first command starts the recorder.
    let until = Instant::now() + PATIENCE;
    while watched.recorder().is_none() {
        assert!(Instant::now() < until, "no recorder runs: {}", watched.state());
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut number = 0;
    let mut one = || {
        number += 1;
        let begun = Instant::now();
        bash.enter(&format!("rm -rf /srv/data/{number}"));
        let arrived = times.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            panic!("command {number}: no request within {PATIENCE:?}: {}", watched.state())
        });
        arrived.saturating_duration_since(begun)
    };
    println!("notify/enter_to_wire first command {:?}", one());
    let (count, pause) = if shmon_benches::short() { (3, Duration::ZERO) } else { (40, PAUSE) };
    let spans = (0..count).map(|_| {
        std::thread::sleep(pause);
        one()
    });
    print("enter_to_wire", spans.collect());
}

criterion_group!(benches, commit_to_wire, enter_to_wire);
criterion_main!(benches);

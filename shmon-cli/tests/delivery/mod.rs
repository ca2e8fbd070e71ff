//! Deliveries by real `shmon` processes, which a test may kill at any moment.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses the part that it needs")]

#[path = "../../../shmon-core/tests/support/home.rs"]
pub mod home;
#[path = "../../../shmon-core/tests/support/http.rs"]
pub mod http;
#[path = "../../../shmon-core/tests/support/queue.rs"]
pub mod queue;

use home::Bed;
use http::{Reply, Request, Server};
use shmon_core::store::outbox::State;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The longest that anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until `check` gives something.
pub fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A home on disk with this configuration, at the present time.
pub fn home(config: &str) -> Bed {
    let bed = Bed::new(config);
    std::fs::write(bed.dir.path().join("config.toml"), config).expect("a configuration");
    bed.set_clock(shmon_core::time::now());
    bed
}

/// `shmon` in a home, with nothing of this process's environment.
pub fn shmon(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shmon"));
    command
        .args(arguments)
        .env_clear()
        .env("SHMON_HOME", home)
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub fn run(home: &Path, arguments: &[&str]) -> Output {
    shmon(home, arguments).output().expect("shmon")
}

/// A `shmon notify worker` of its own; it dies with its owner at the latest.
pub struct Worker(Child);

impl Worker {
    pub fn start(home: &Path) -> Worker {
        let child = shmon(home, &["notify", "worker"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Worker(child.expect("a worker"))
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    pub fn ended(&mut self) -> bool {
        self.0.try_wait().expect("its state").is_some()
    }

    /// Whether it holds the lock on this file. (Its open files are its own secret: it can't be dumped or traced.)
    pub fn has_locked(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        let Ok(about) = std::fs::metadata(path) else { return false };
        let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
        // `1: FLOCK  ADVISORY  WRITE 708 08:01:3804 0 EOF`
        locks.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let inode = words.get(5).and_then(|place| place.rsplit(':').next());
            words.get(4) == Some(&self.0.id().to_string().as_str()) && inode == Some(&about.ino().to_string())
        })
    }

    /// Whether a thread of this name runs.
    pub fn has_thread(&self, name: &str) -> bool {
        let Ok(threads) = std::fs::read_dir(format!("/proc/{}/task", self.0.id())) else { return false };
        let comm = |t: std::fs::DirEntry| std::fs::read_to_string(t.path().join("comm")).unwrap_or_default();
        threads.flatten().any(|thread| comm(thread).trim() == name)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether a connection to a port of this machine is being made and not answered.
pub fn is_connecting(port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    // 02 is SYN_SENT.
    table.lines().any(|line| line.contains(&format!("0100007F:{port:04X} 02 ")))
}

/// Waits until workers have delivered everything; a new one is started where the last has ended.
pub fn deliver_all(bed: &mut Bed) {
    let mut worker = Worker::start(bed.dir.path());
    eventually("everything to be delivered", || {
        if worker.ended() {
            worker = Worker::start(bed.dir.path());
        }
        std::thread::sleep(Duration::from_millis(20));
        let all = bed.all();
        let done = |s: State| matches!(s, State::Sent | State::Folded | State::Dead);
        all.iter().all(|n| done(n.state)).then_some(())
    });
}

/// A ChatWork room that keeps what it took. `odd` may answer a request in its place: it is given the request, and the
/// answer that the room would give; the message is in the room by then, if `odd` doesn't take it out.
pub struct Room {
    pub server: Server,
    pub messages: Arc<Mutex<Vec<String>>>,
    pub posts: Arc<Mutex<usize>>,
}

type Odd = dyn FnMut(&Request, &mut Vec<String>, Reply) -> Reply + Send;

impl Room {
    pub fn start(odd: impl FnMut(&Request, &mut Vec<String>, Reply) -> Reply + Send + 'static) -> Room {
        let (messages, posts) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let (kept, count) = (messages.clone(), posts.clone());
        let mut odd: Box<Odd> = Box::new(odd);
        let server = Server::start(move |request| {
            let mut kept = kept.lock().expect("the room");
            let reply = if request.method == "GET" {
                let list: Vec<_> = kept
                    .iter()
                    .enumerate()
                    .map(|(n, body)| serde_json::json!({"message_id": n.to_string(), "body": body}))
                    .collect();
                Reply::json(200, &serde_json::json!(list))
            } else {
                *count.lock().expect("the count") += 1;
                kept.push(request.form("body").expect("a body"));
                Reply::json(200, &serde_json::json!({"message_id": (kept.len() - 1).to_string()}))
            };
            odd(request, &mut kept, reply)
        });
        Room { server, messages, posts }
    }

    /// How often the message of a row is in the room.
    pub fn copies(&self, id: i64) -> usize {
        let line = format!("🗃️ Database ID: {id}");
        self.messages.lock().expect("the room").iter().filter(|m| m.lines().any(|l| l == line)).count()
    }
}

//! A home with a database, a clock that a test moves, and notifications to put into the outbox.

use shmon_core::Level;
use shmon_core::config::{Config, Home};
use shmon_core::notify::{Delivery, Options, Worker};
use shmon_core::store::outbox::{NewNotification, Notification, Payload, State};
use shmon_core::store::{Store, StoreOptions};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

pub const SECOND: i64 = 1_000_000_000;
/// 2025-06-28 08:50:30 UTC.
pub const START: i64 = 1_751_100_630 * SECOND;

pub struct Bed {
    pub dir: tempfile::TempDir,
    pub home: Home,
    pub config: Config,
    pub store: Store,
    pub worker: Worker,
    clock: Arc<AtomicI64>,
    env: Vec<(String, String)>,
}

impl Bed {
    /// A home with this `[notify…]` configuration; `token` holds a token.
    pub fn new(config: &str) -> Bed {
        Bed::with_env(config, &[])
    }

    /// The same, with environment variables.
    pub fn with_env(config: &str, env: &[(&str, String)]) -> Bed {
        let env: Vec<_> = env.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let dir = tempfile::tempdir().expect("a folder");
        let home = Home::new(dir.path());
        let token = dir.path().join("token");
        std::fs::write(&token, "t0ken\n").expect("a token");
        std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).expect("its mode");
        let clock = Arc::new(AtomicI64::new(START));
        let config = Config::parse(config).expect("a configuration");
        let path = home.database(&config);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let store = Store::open(&path, StoreOptions::default()).expect("a database");
        let worker = Worker::new(&home, &config, options(&clock, &env)).expect("a worker");
        Bed { dir, home, config, store, worker, clock, env }
    }

    /// A file that only its owner can read.
    pub fn secret(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    }

    /// Changes the database behind the worker's back.
    pub fn sql(&self, sql: &str) {
        let db = rusqlite::Connection::open(self.home.database(&self.config)).expect("a database");
        db.execute_batch(sql).expect("a change");
    }

    /// Another worker with a connection of its own, as another process has it.
    pub fn another(&self) -> (Worker, Store) {
        let worker =
            Worker::new(&self.home, &self.config, options(&self.clock, &self.env)).expect("a worker");
        let store =
            Store::open(self.home.database(&self.config), StoreOptions::default()).expect("a database");
        (worker, store)
    }

    pub fn restart(&mut self) {
        (self.worker, self.store) = self.another();
    }

    pub fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    pub fn set_clock(&self, to: i64) {
        self.clock.store(to, Ordering::SeqCst);
    }

    pub fn pass(&self, time: Duration) {
        self.clock.fetch_add(i64::try_from(time.as_nanos()).expect("a short time"), Ordering::SeqCst);
    }

    pub fn add(&mut self, sink: &str, payload: &Payload) -> i64 {
        let new = NewNotification { sink: sink.into(), level: payload.level, payload: payload.clone() };
        let now = self.now();
        self.store.enqueue(&new, now).expect("a place in the outbox")
    }

    pub fn run(&mut self) -> Delivery {
        self.worker.run_once(&mut self.store).expect("a run")
    }

    /// Runs, and moves the clock to each next time that something is due, until nothing waits or `most` has passed.
    pub fn run_for(&mut self, most: Duration) -> Delivery {
        let end = self.now() + i64::try_from(most.as_nanos()).expect("a short time");
        let mut sum = Delivery::default();
        loop {
            let one = self.run();
            sum.sent += one.sent;
            sum.delivered += one.delivered;
            sum.failed += one.failed;
            sum.dead += one.dead;
            sum.next_due = one.next_due;
            match one.next_due {
                Some(due) if due <= end => self.set_clock(due.max(self.now())),
                _ => return sum,
            }
        }
    }

    pub fn all(&mut self) -> Vec<Notification> {
        let mut all = self.store.notifications(None, &[], usize::MAX).expect("the outbox");
        all.reverse();
        all
    }

    pub fn states(&mut self) -> Vec<State> {
        self.all().iter().map(|n| n.state).collect()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home.log(&self.config)).unwrap_or_default()
    }
}

fn options(clock: &Arc<AtomicI64>, env: &[(String, String)]) -> Options {
    let (clock, env) = (clock.clone(), env.to_vec());
    let mut options = Options::with_env(move |name| match name {
        "SHMON_TEST_TOKEN" => Some("t0ken".to_owned()),
        _ => env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()),
    });
    options.clock = Arc::new(move || clock.load(Ordering::SeqCst));
    options.time_zone = jiff::tz::TimeZone::UTC;
    options
}

/// The alert of the ticket's sample, of row `id`.
pub fn alert(level: Level, id: i64) -> Payload {
    let mut payload = Payload::default();
    payload.id = id;
    payload.uid = format!("test-{id}");
    payload.level = level;
    payload.time = "2025-06-28 08:50:30".into();
    payload.time_ns = START;
    payload.user = "xb874667".into();
    payload.host = "sharelab-server".into();
    payload.directory = "/home/xb874667".into();
    payload.command = "nmap -sV target.example.com".into();
    payload.title_en = "Port scan".into();
    payload.title_ja = "ポートスキャン".into();
    payload.rules = vec!["network.nmap".into()];
    payload.category = "network".into();
    payload.attack = vec!["T1046".into()];
    payload.session_id = "s1".into();
    payload
}

/// The same by another user, so that it isn't folded.
pub fn alert_by(level: Level, id: i64, user: &str) -> Payload {
    let mut payload = alert(level, id);
    payload.user = user.into();
    payload
}

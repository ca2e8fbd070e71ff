//! `shmon daemon`: the recorder. One per home; a shell's hook starts it when none runs, and it ends when nobody types.

use crate::context::Globals;
use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use shmon_core::config::{Config, Home};
use shmon_core::monitor::{Incoming, Monitor};
use shmon_core::notify::Background;
use shmon_core::record::Event;
use shmon_core::recorder::{self, Door, Recorder, Run, Silence, Trouble, noticed};
use shmon_core::spool::SUFFIX;
use shmon_core::store::{Store, StoreOptions};
use shmon_core::time;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::collections::HashSet;
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Run the recorder: it takes what shells write, records it and sends notifications
#[derive(clap::Args)]
#[command(after_help = "Shells start it themselves; under systemd use the units in docs/capture.md.\n\
    SIGTERM ends it when everything is recorded, SIGHUP reads the configuration again.")]
pub(crate) struct Args {
    /// End after so many seconds without a command; 0 never
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    idle_exit: u64,
    /// Leave the terminal: a session of its own, and no word when a recorder runs already
    #[arg(long)]
    background: bool,
    /// Record the whole host, under an account of its own: users come from the kernel, each has his share
    #[arg(long, conflicts_with = "background")]
    system: bool,
}

/// All files are looked at this often: whether a shell is gone, a file removed, something written without an event.
const LOOK: Duration = Duration::from_secs(2);
/// Where no event comes (a home on a network), more often.
const LOOK_BLIND: Duration = Duration::from_millis(500);
/// What nobody waits for is collected so long.
const MOMENT: Duration = Duration::from_millis(2);
/// Terminals without events are looked for this often.
const LISTEN: Duration = Duration::from_secs(60);
/// After a failed commit the next try waits, longer each time up to this.
const PATIENCE: Duration = Duration::from_secs(30);
/// Open files: each living shell has one.
const FILES: u64 = 65_536;

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<ExitCode> {
    let home = if args.system { globals.system_home() } else { globals.home()? };
    // Everything that it makes is the user's alone; in system mode its group reads the database.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(if args.system { 0o027 } else { 0o077 }));
    crate::delivery::keep_secrets();
    if args.background {
        // Fails only in a process group's leader, who has no terminal to lose either way.
        let _ = rustix::process::setsid();
    }
    let Some(_lock) = recorder::lock(&home)? else {
        if args.background {
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!("shmon: a recorder runs already");
        return Ok(ExitCode::from(1));
    };
    // Whoever started it may unmount its folder.
    std::env::set_current_dir("/").context("cannot enter /")?;
    more_files();
    let mut trouble = Trouble::prepare(&home, args.system)?;
    let ended = Daemon::new(home, args.system).and_then(|daemon| daemon.serve(args, &mut trouble));
    if let Err(error) = &ended {
        // Its own standard error is nobody's: the shells tell it.
        trouble.tell_last(&format!("{error:#}"));
    }
    ended.map(|()| ExitCode::SUCCESS)
}

/// Raises the limit of open files as far as is allowed.
fn more_files() {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = Some(limit.maximum.unwrap_or(FILES).min(FILES));
    // Fewer open files cost time, nothing else.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, limit);
}

/// Makes an empty database that the group may read: SQLite gives its other files the same rights.
fn shared_database(path: &std::path::Path) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o750).create(folder)?;
    }
    let made = fs::File::options().write(true).create_new(true).mode(0o640).open(path);
    match made {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("cannot make {}", path.display()))
        }
        _ => Ok(()),
    }
}

struct Daemon {
    home: Home,
    recorder: Recorder,
    watch: Option<OwnedFd>,
    /// The watch may have told what nobody has read yet.
    unread: bool,
    bell: UnixDatagram,
    door: Door,
    signals: UnixStream,
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

/// The monitor, with what shows that its configuration changed.
struct Current {
    monitor: Monitor,
    outbox: Option<Background>,
    config: PathBuf,
    read: Option<SystemTime>,
}

/// Why the daemon woke up.
enum Woken {
    /// These shells wrote.
    By(HashSet<String>),
    /// It is time to look at all files, or nobody knows who wrote.
    All,
}

/// What has something to say.
struct Ready {
    bell: bool,
    signals: bool,
    /// The file system, of what shells wrote.
    wrote: bool,
    /// In the order of the door's descriptors.
    door: Vec<bool>,
}

impl Ready {
    fn is_empty(&self) -> bool {
        !(self.bell || self.signals || self.wrote || self.door.contains(&true))
    }
}

/// Waits until one of these has something to say, or a signal or the time comes.
fn wait_for(fds: &mut [PollFd<'_>], at_most: Duration) -> Result<()> {
    let timeout =
        Timespec { tv_sec: at_most.as_secs().cast_signed(), tv_nsec: at_most.subsec_nanos().into() };
    match poll(fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error).context("cannot wait for shells"),
    }
}

impl Daemon {
    fn new(home: Home, system: bool) -> Result<Daemon> {
        // A wrong configuration is told before anything waits for it.
        let config = Config::load(&home.config())?;
        let recorder = if system {
            shared_database(&home.database(&config))?;
            Recorder::open_system(&home, &config.system)?
        } else {
            Recorder::open(&home)?
        };
        let path = home.run_dir().join("doorbell");
        let _ = fs::remove_file(&path);
        let bell = UnixDatagram::bind(&path).with_context(|| format!("{}: cannot bind", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        bell.set_nonblocking(true)?;
        let door = Door::open(&home.socket(), if system { 0o666 } else { 0o600 })?;
        let (signals, wake) = UnixStream::pair()?;
        signals.set_nonblocking(true)?;
        let (stop, reload) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        for (signal, flag) in [(SIGTERM, &stop), (SIGINT, &stop), (SIGHUP, &reload)] {
            signal_hook::flag::register(signal, Arc::clone(flag))?;
            signal_hook::low_level::pipe::register(signal, wake.try_clone()?)?;
        }
        let watch =
            inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).and_then(|fd| {
                let what = inotify::WatchFlags::MODIFY
                    | inotify::WatchFlags::CREATE
                    | inotify::WatchFlags::DELETE
                    | inotify::WatchFlags::MOVED_FROM;
                inotify::add_watch(&fd, home.spool_dir(), what).map(|_| fd)
            });
        Ok(Daemon { recorder, watch: watch.ok(), unread: false, bell, door, signals, stop, reload, home })
    }

    fn serve(mut self, args: &Args, trouble: &mut Trouble) -> Result<()> {
        let mut current = Current::open(&self.home)?;
        let (run, killed) = Run::begin(&self.home)?;
        current.record(killed);
        current.tell_rule_fault();
        trouble.none()?;
        let mut silence = Silence::default();
        let (mut busy, mut looked, mut listened) = (Instant::now(), None, Instant::now());
        let (mut pause, mut failed) = (Duration::ZERO, Instant::now());
        let mut woken = Woken::All;
        loop {
            if self.reload.swap(false, Ordering::Relaxed) || current.changed() {
                current.reopen(&self.home);
            }
            let idle = current.idle(args.idle_exit, self.recorder.is_watching());
            let ending = self.stop.load(Ordering::Relaxed) || idle.is_some_and(|idle| busy.elapsed() >= idle);
            if ending {
                // Before the last look: a shell that writes after it finds nobody awake, and starts another.
                trouble.end();
            }
            let due = looked.is_none_or(|at: Instant| at.elapsed() >= self.look());
            let drained = match &woken {
                Woken::By(names) if !due && !ending => {
                    self.recorder.drain_sessions(&mut current.monitor, names, &mut self.door)
                }
                _ => {
                    looked = Some(Instant::now());
                    current.refresh_rules();
                    self.recorder.drain_all(&mut current.monitor, Some(&mut self.door))
                }
            };
            // What asks for something that was recorded before, or won't be.
            self.door.answer(&self.recorder);
            match drained {
                Ok(drained) => {
                    if !pause.is_zero()
                        && !ending
                        && let Err(error) = trouble.none()
                    {
                        eprintln!("shmon: {error}");
                    }
                    pause = Duration::ZERO;
                    if !drained.is_empty() {
                        busy = Instant::now();
                    }
                    if let (true, Some(outbox)) = (drained.notifications > 0, &current.outbox) {
                        outbox.wake();
                    }
                }
                Err(error) => {
                    // What shells write meanwhile is tried at once, and makes nobody wait longer.
                    if failed.elapsed() >= pause {
                        pause = (pause * 2).clamp(LOOK, PATIENCE);
                        failed = Instant::now();
                    }
                    eprintln!("shmon: {error}");
                    if !ending {
                        trouble.tell(&error.to_string());
                    }
                    // The database may have been replaced, or the disk have room again: begin afresh.
                    current.reopen(&self.home);
                }
            }
            if ending {
                // What is held back or failed is left to a worker that stays for it.
                if let Some(outbox) = current.outbox.take() {
                    outbox.stop();
                    crate::delivery::wake(&self.home)?;
                }
                run.end();
                return Ok(());
            }
            if listened.elapsed() >= LISTEN && current.monitor.config().capture.watch_terminals {
                listened = Instant::now();
                current.record(silence.look(&self.recorder, args.system));
            }
            woken = self.wait(pause)?;
        }
    }

    fn look(&self) -> Duration {
        if self.watch.is_some() { LOOK } else { LOOK_BLIND }
    }

    /// Waits for a shell, a signal, or the time; after a failure for the next try.
    fn wait(&mut self, pause: Duration) -> Result<Woken> {
        let mut names = HashSet::new();
        let mut all = std::mem::take(&mut self.unread) && !self.written(&mut names);
        let mut asked = HashSet::new();
        let failed = !pause.is_zero();
        if failed || (names.is_empty() && !all) {
            let ready = self.poll(if failed { pause } else { self.look() })?;
            all |= ready.is_empty();
            let mut buffer = [0; 4096];
            while ready.bell && self.bell.recv(&mut buffer).is_ok() {
                all = true;
            }
            while ready.signals && matches!(self.signals.read(&mut buffer), Ok(n) if n > 0) {
                all = true;
            }
            asked = self.door.receive(&ready.door);
        }
        if asked.is_empty() && !all {
            // Nobody waits: what comes in the next moment goes into the same commit. Most of the time that is the end of
            // a command and the beginning of the next, which a shell may wait for.
            asked = self.linger()?;
        }
        if !asked.is_empty() && !all {
            // Who asks has written first. What the file system says of it is read when he has his answer.
            self.unread = true;
            names.extend(asked);
            return Ok(Woken::By(names));
        }
        names.extend(asked);
        all |= !self.written(&mut names);
        Ok(if all { Woken::All } else { Woken::By(names) })
    }

    /// What has something to say.
    fn poll(&self, at_most: Duration) -> Result<Ready> {
        let door = self.door.fds();
        let mut fds = Vec::with_capacity(door.len() + 3);
        fds.push(PollFd::new(&self.bell, PollFlags::IN));
        fds.push(PollFd::new(&self.signals, PollFlags::IN));
        fds.extend(self.watch.iter().map(|watch| PollFd::new(watch, PollFlags::IN)));
        let others = fds.len();
        fds.extend(door.iter().map(|fd| PollFd::new(fd, PollFlags::IN)));
        wait_for(&mut fds, at_most)?;
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        Ok(Ready {
            bell: ready[0],
            signals: ready[1],
            wrote: others > 2 && ready[2],
            door: ready[others..].to_vec(),
        })
    }

    /// Waits a moment, or until somebody asks or a signal comes; the sessions that are asked for.
    fn linger(&mut self) -> Result<HashSet<String>> {
        let door = self.door.fds();
        let mut fds: Vec<PollFd<'_>> = door.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        fds.push(PollFd::new(&self.signals, PollFlags::IN));
        wait_for(&mut fds, MOMENT)?;
        let mut ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        // The signals are looked at when the next wait begins.
        ready.pop();
        Ok(self.door.receive(&ready))
    }

    /// Adds the sessions whose files were written; false where only a look at all of them tells.
    fn written(&mut self, names: &mut HashSet<String>) -> bool {
        let Some(watch) = &self.watch else { return false };
        let mut buffer = [MaybeUninit::uninit(); 8192];
        let mut reader = inotify::Reader::new(watch, &mut buffer);
        let mut known = true;
        // One read: what came meanwhile is there at the next wait.
        while let Ok(event) = reader.next() {
            let lost = inotify::ReadFlags::QUEUE_OVERFLOW
                | inotify::ReadFlags::DELETE
                | inotify::ReadFlags::MOVED_FROM
                | inotify::ReadFlags::IGNORED;
            let lost = event.events().intersects(lost);
            let name = event.file_name().and_then(|name| name.to_str().ok());
            match name.and_then(|name| name.strip_suffix(SUFFIX)) {
                // What the recorder itself removed when it was done with it.
                Some(name) if lost && self.recorder.has_removed(name) => {}
                Some(name) => {
                    names.insert(name.to_owned());
                    known &= !lost;
                }
                None => known &= !lost,
            }
            if reader.is_buffer_empty() {
                break;
            }
        }
        known
    }
}

impl Current {
    fn open(home: &Home) -> Result<Current> {
        let config = home.config();
        let read = modified(&config);
        let monitor = Monitor::open(home, Config::load(&config)?)?;
        let outbox = outbox(home, &monitor)?;
        Ok(Current { monitor, outbox, config, read })
    }

    /// Records what the recorder itself noticed; a failure is told, and what shells write matters more.
    fn record(&mut self, events: impl IntoIterator<Item = Event>) {
        let batch: Vec<Incoming> = events.into_iter().map(Incoming::Event).collect();
        if batch.is_empty() {
            return;
        }
        match self.monitor.record(&batch) {
            Ok(_) => self.outbox.iter().for_each(Background::wake),
            Err(error) => eprintln!("shmon: {error}"),
        }
    }

    /// After how long without a command the recorder ends; `None` while shells wait for its answers.
    fn idle(&self, seconds: u64, watching: bool) -> Option<Duration> {
        let asked = self.monitor.config().capture.ack && watching;
        (seconds > 0 && !asked).then(|| Duration::from_secs(seconds))
    }

    fn changed(&self) -> bool {
        modified(&self.config) != self.read
    }

    /// Rule files that changed come into force at once, or not at all: wrong ones are told, and the rules stay.
    fn refresh_rules(&mut self) {
        if self.monitor.refresh_rules().is_err() {
            self.tell_rule_fault();
        }
    }

    /// Wrong rules are an event, so that people are told; the same fault is recorded once.
    fn tell_rule_fault(&mut self) {
        let Some((key, fault)) = self.monitor.rule_fault() else { return };
        eprintln!("shmon: {fault}");
        let event = noticed(&key, "rules-broken", fault, time::now());
        self.record([event]);
    }

    /// A configuration that became wrong is told, and the one that was right stays in force.
    fn reopen(&mut self, home: &Home) {
        match Current::open(home) {
            Ok(mut current) => {
                current.monitor.keep_rules_of(&self.monitor);
                *self = current;
                self.tell_rule_fault();
            }
            Err(error) => {
                self.read = modified(&self.config);
                eprintln!("shmon: {error:#}");
            }
        }
    }
}

/// Delivery on a thread of its own: a sink that hangs keeps no command from being recorded.
fn outbox(home: &Home, monitor: &Monitor) -> Result<Option<Background>> {
    let config = monitor.config();
    let worker = crate::delivery::worker(home, config)?;
    if !worker.has_sinks() {
        return Ok(None);
    }
    let options = StoreOptions::of(config);
    Ok(Some(Background::start(worker, Store::open(home.database(config), options)?)?))
}

fn modified(path: &std::path::Path) -> Option<SystemTime> {
    match fs::metadata(path) {
        Ok(meta) => meta.modified().ok(),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(_) => Some(SystemTime::UNIX_EPOCH),
    }
}

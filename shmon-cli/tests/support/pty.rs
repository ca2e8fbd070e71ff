//! A program in a pseudo-terminal, as a person would use it.

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The longest that anything on a terminal may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program whose terminal is ours; it is killed when this is dropped.
pub struct Pty {
    master: File,
    child: Child,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Pty {
    /// Starts `command` with a terminal of its own as standard input, output and error.
    pub fn start(command: &Command) -> Pty {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&master).expect("a terminal of ours");
        unlockpt(&master).expect("an open terminal");
        let name = ptsname(&master, Vec::new()).expect("the terminal's name");
        let slave = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_str().expect("a path"))
            .expect("the terminal's other side");
        // setsid --ctty makes it the controlling terminal, which needs no unsafe code here.
        let mut started = Command::new("setsid");
        started.arg("--ctty").arg("--wait").arg(command.get_program()).args(command.get_args()).env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                started.env(name, value);
            }
        }
        if let Some(folder) = command.get_current_dir() {
            started.current_dir(folder);
        }
        let child = started
            .stdin(slave.try_clone().expect("a descriptor"))
            .stdout(slave.try_clone().expect("a descriptor"))
            .stderr(slave)
            .spawn()
            .expect("setsid");
        let master = File::from(master);
        let mut reader = master.try_clone().expect("a descriptor");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // EIO is how a terminal says that its last program went away.
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                sink.lock().expect("the text").extend_from_slice(&buffer[..count]);
            }
        });
        Pty { master, child, seen }
    }

    /// Types.
    pub fn send(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("a terminal that is there");
    }

    /// Everything shown so far.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().expect("the text")).into_owned()
    }

    /// Waits until `text` was shown `count` times.
    pub fn wait_for(&self, text: &str, count: usize) {
        let end = Instant::now() + PATIENCE;
        while self.screen().matches(text).count() < count {
            assert!(Instant::now() < end, "no {count} × {text:?} on the screen:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Types a line and waits for the next prompt, which is `prompt`.
    pub fn line(&mut self, text: &str, prompt: &str) {
        let before = self.screen().matches(prompt).count();
        self.send(text);
        self.send("\r");
        self.wait_for(prompt, before + 1);
    }

    /// Waits for the end of the program.
    pub fn end(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(Instant::now() < end, "the program doesn't end:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Both may fail because the program ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `check` gives something.
pub fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

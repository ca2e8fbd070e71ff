//! Several delivery processes at once, a disk that fills up under them, and where tokens must not be.

mod delivery;

use delivery::home::{alert, alert_by};
use delivery::http::{Reply, Server};
use delivery::{Room, Worker, deliver_all, home, run, shmon};
use shmon_core::Level;
use shmon_core::store::outbox::State;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

#[test]
fn workers_at_once_send_each_message_once() {
    let room = Room::start(|_, _, reply| reply);
    let mut bed = home(&format!(
        "[notify.chatwork]\nroom_id = 1\ntoken_file = 'token'\napi_base = '{}'",
        room.server.url()
    ));
    for id in 1..=9 {
        bed.add("chatwork", &alert_by(Level::High, id, &format!("user{id}")));
    }
    let folder = bed.dir.path().to_owned();
    let workers: Vec<Worker> = (0..4).map(|_| Worker::start(&folder)).collect();
    let flushes: Vec<_> =
        (0..4).map(|_| shmon(&folder, &["notify", "flush", "--quiet"]).spawn().unwrap()).collect();
    for mut flush in flushes {
        flush.wait().unwrap();
    }
    deliver_all(&mut bed);
    drop(workers);
    for id in 1..=9 {
        assert_eq!(room.copies(id), 1, "{id}");
    }
    assert!(bed.states().iter().all(|s| *s == State::Sent));
}

/// The home lies on a file system of its own, which the script fills: before a message is taken, and while the service
/// answers.
#[test]
fn a_full_disk_loses_nothing() {
    const SCRIPT: &str = r#"
        set -u
        cp -r "$SEED/." "$DISK"
        fill() { dd if=/dev/zero of="$DISK/filler" bs=4k 2>/dev/null; while echo >>"$DISK/filler"; do :; done 2>/dev/null; }
        fill
        "$SHMON" notify flush; echo "full: $?"
        ls "$SEED" | grep -c posted
        rm "$DISK/filler"
        "$SHMON" notify flush & flush=$!
        while ! [ -e "$SEED/posted" ]; do sleep 0.02; done
        fill
        touch "$SEED/filled"
        wait $flush; echo "filled up: $?"
        rm "$DISK/filler"
        i=0
        while [ $i -lt 240 ] && "$SHMON" notify status --format jsonl | grep -q '"state":"\(pending\|sending\|unknown\)"'; do
          "$SHMON" notify flush; sleep 0.5; i=$((i + 1))
        done
        "$SHMON" notify status --state sent --format jsonl
    "#;
    let seed: Arc<Mutex<PathBuf>> = Arc::default();
    let folder = seed.clone();
    let room = Room::start(move |request, _, reply| {
        let folder = folder.lock().unwrap();
        if request.method == "POST" {
            std::fs::write(folder.join("posted"), "").unwrap();
            delivery::eventually("a full disk", || folder.join("filled").exists().then_some(()));
        }
        reply
    });
    let mut bed = home(&format!(
        "[notify.chatwork]\nroom_id = 1\ntoken_file = 'token'\napi_base = '{}'",
        room.server.url()
    ));
    bed.add("chatwork", &alert(Level::Critical, 18));
    // The database is copied: all of it has to be in its file.
    bed.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    *seed.lock().unwrap() = bed.dir.path().to_owned();
    let disk = tempfile::tempdir().unwrap();
    let path = |p: &Path| p.to_str().unwrap().to_owned();
    let output = Command::new("bwrap")
        .args(["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"])
        .args(["--bind", &path(bed.dir.path()), &path(bed.dir.path())])
        .args(["--size", "4194304", "--tmpfs", &path(disk.path())])
        .args(["--setenv", "SEED", &path(bed.dir.path()), "--setenv", "DISK", &path(disk.path())])
        .args(["--setenv", "SHMON_HOME", &path(disk.path())])
        .args(["--setenv", "SHMON", env!("CARGO_BIN_EXE_shmon"), "sh", "-c", SCRIPT])
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return eprintln!("skipped: bwrap can't be run: {error}"),
    };
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if errors.contains("bwrap: ") {
        return eprintln!("skipped: bwrap can't make a file system here: {errors}");
    }
    assert!(text.contains("full: 2\n0\n"), "what can't be noted isn't sent: {text}{errors}");
    assert!(text.contains("filled up: 2\n"), "an answer that can't be noted is told: {text}{errors}");
    assert!(errors.to_lowercase().contains("disk"), "the reason is named: {errors}");
    assert!(text.contains("\"state\":\"sent\"") && text.contains("\"message_id\":\"0\""), "{text}{errors}");
    assert_eq!((room.copies(18), *room.posts.lock().unwrap()), (1, 1), "{text}{errors}");
}

/// Everything that any process says, writes or is called with, while services repeat what they were told.
#[test]
fn a_token_is_in_no_artefact() {
    const TOKENS: &[(&str, &str)] = &[
        ("file", "F1leT0ken-0123456789"),
        ("env", "Env1r0nT0ken-0123456789"),
        ("command", "C0mmandT0ken-0123456789"),
        ("hook", "H00kT0ken-0123456789"),
        ("proxy", "Pr0xyPassw0rd-0123456789"),
    ];
    let token = |name: &str| TOKENS.iter().find(|t| t.0 == name).unwrap().1;
    // What processes are called with, seen while a request is under way.
    let called: Arc<Mutex<String>> = Arc::default();
    let seen = called.clone();
    let server = Server::start(move |request| {
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            seen.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
        }
        let headers: Vec<String> = request.headers.iter().map(|(n, v)| format!("{n}: {v}")).collect();
        let body = String::from_utf8_lossy(&request.body).into_owned();
        Reply::text(404, &format!("no {} here; {}; {body}", request.path, headers.join("; ")))
    });
    let url = server.url();
    let bed = home(&format!(
        "[notify]\ntimeout = '5s'\nproxy = 'http://user:{}@127.0.0.1:9'\n\
         [notify.chatwork]\nroom_id = 1\ntoken_file = 'file'\napi_base = '{url}'\n\
         [notify.telegram]\nchat_id = 1\ntoken_env = 'TELEGRAM'\napi_base = '{url}'\n\
         [notify.redmine]\nurl = '{url}'\nissue = 1\ntoken_command = ['cat', 'FOLDER/command']\n\
         [[notify.slack]]\nurl_file = 'hook'\n\
         [[notify.slack]]\nname = 'far'\nurl_file = 'far'\n",
        token("proxy"),
    ));
    let folder = bed.dir.path().to_owned();
    let config = std::fs::read_to_string(folder.join("config.toml")).unwrap();
    std::fs::write(folder.join("config.toml"), config.replace("FOLDER", folder.to_str().unwrap())).unwrap();
    bed.secret("file", token("file"));
    bed.secret("command", token("command"));
    bed.secret("hook", &format!("{url}/services/{}/x", token("hook")));
    // Through the proxy, which is not there.
    bed.secret("far", &format!("https://hooks.invalid/services/{}/x", token("hook")));

    let mut said = String::new();
    let mut say = |arguments: &[&str]| {
        let output = shmon(&folder, arguments).env("TELEGRAM", token("env")).output().unwrap();
        said.push_str(&format!("{arguments:?}: {:?}\n", output.status.code()));
        said.push_str(&String::from_utf8_lossy(&output.stdout));
        said.push_str(&String::from_utf8_lossy(&output.stderr));
    };
    say(&["notify", "test"]);
    say(&["doctor"]);
    say(&["doctor", "--online"]);
    say(&["record", "--session", "s", "rm -rf /srv/data"]);
    say(&["notify", "flush"]);
    say(&["notify", "status"]);
    say(&["notify", "status", "--format", "jsonl"]);
    // A token that others can read is refused by its name, not by its text.
    std::fs::set_permissions(folder.join("file"), std::fs::Permissions::from_mode(0o644)).unwrap();
    say(&["notify", "test", "--sink", "chatwork"]);
    assert!(said.contains("chmod 600"), "{said}");
    for sink in ["chatwork", "telegram", "redmine", "slack", "far"] {
        assert!(said.contains(&format!("{sink}: failed: ")), "{sink} was tried: {said}");
    }
    assert!(said.matches("HTTP 404: no /").count() >= 4, "the services repeated what they were told: {said}");

    let called = called.lock().unwrap();
    assert!(called.contains("notify"), "the processes were seen: {called}");
    let mut artefacts = vec![
        ("what was said".to_owned(), said.into_bytes()),
        ("command lines".to_owned(), called.clone().into_bytes()),
    ];
    let mut folders = vec![folder.clone()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at).unwrap().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file()
                && !["file", "command", "hook", "far", "config.toml"].iter().any(|n| name == *n)
            {
                artefacts.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    assert!(artefacts.iter().any(|(name, _)| name.ends_with("monitor.db")), "the database was looked at");
    assert!(artefacts.iter().any(|(name, _)| name.ends_with(".log")), "the log was looked at");
    for (name, bytes) in artefacts {
        for (which, token) in TOKENS {
            let found = bytes.windows(token.len()).any(|w| w == token.as_bytes());
            assert!(!found, "the {which} token is in {name}: {}", String::from_utf8_lossy(&bytes));
        }
    }
}

/// What the subcommands say to right and wrong input, and their exit status.
#[test]
fn subcommands_answer() {
    let room = Room::start(|_, _, reply| reply);
    let mut bed = home(&format!(
        "lang = 'ja'\n[notify.chatwork]\nroom_id = 1\ntoken_file = 'token'\napi_base = '{}'\n\
         [notify.slack]\nenabled = false\nurl_file = 'none'",
        room.server.url()
    ));
    let folder = bed.dir.path().to_owned();
    let check = |arguments: &[&str], status: i32, parts: &[&str]| {
        let output = run(&folder, arguments);
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {text}");
        for part in parts {
            assert!(text.contains(part), "{arguments:?}: {part:?} in {text}");
        }
    };
    check(&["notify", "test"], 0, &["chatwork: sent, message id 0"]);
    assert!(room.messages.lock().unwrap()[0].starts_with("🔔 テスト通知 - SSH Monitor\n"), "in Japanese");
    check(&["notify", "test", "--sink", "slack"], 2, &["no sink 'slack'", "configured are chatwork"]);
    check(&["notify", "status"], 0, &["chatwork", "slack", "off"]);
    check(&["notify", "status", "--sink", "nope"], 2, &["no sink 'nope'"]);
    check(&["notify", "status", "--state", "lost"], 2, &["lost", "pending, sending, unknown"]);
    check(&["notify", "retry"], 2, &["<ID>"]);
    check(&["notify", "retry", "7"], 2, &["no notification 7"]);
    check(&["notify", "retry", "--dead"], 1, &["0 put back"]);
    check(&["notify", "drop", "7"], 2, &["no notification 7"]);
    let id = bed.add("chatwork", &alert(Level::Critical, 18)).to_string();
    check(&["notify", "drop", &id], 0, &["1 dropped"]);
    check(&["notify", "flush"], 0, &["0 sent"]);
    check(&["notify", "status", "--state", "dropped"], 0, &["nmap -sV"]);
    // What was taken out and put back goes out.
    check(&["notify", "retry", &id], 0, &["1 put back"]);
    deliver_all(&mut bed);
    assert_eq!(room.copies(18), 1);
    check(&["notify", "drop", &id], 2, &["is sent"]);
    check(&["doctor", "--online"], 1, &["chatwork from high up, it answers", "slack is switched off"]);
}

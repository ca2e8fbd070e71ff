//! Several delivery processes at once, a disk that fills up under them, and where tokens must not be.

mod delivery;

use delivery::home::{alert, alert_by};
use delivery::{Room, Worker, deliver_all, home, shmon};
use shmon_core::Level;
use shmon_core::store::outbox::State;
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
        while [ $i -lt 40 ] && "$SHMON" notify status --format jsonl | grep -q '"state":"\(pending\|sending\|unknown\)"'; do
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

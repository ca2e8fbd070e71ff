//! `kill -9` of a real delivery worker at every step: nothing is lost, and nothing doubled where the service can be asked.

mod delivery;

use delivery::home::{Bed, alert, alert_by};
use delivery::http::{Reply, Server};
use delivery::queue::Full;
use delivery::{Room, Worker, deliver_all, eventually, home, is_connecting};
use rusqlite::Connection;
use serde_json::json;
use shmon_core::Level;
use shmon_core::store::outbox::State;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A step at which the worker dies, and how many requests try to post the message until all is well.
const STEPS: &[(&str, usize)] = &[
    ("before it takes a message", 1),
    ("after it took a message", 1),
    ("while connecting", 1),
    ("after the request, taken", 1),
    ("after the request, not taken", 2),
    ("in the middle of the answer", 1),
    ("after the answer, before it is noted", 1),
    ("after it is noted", 1),
    ("while it looks a message up", 1),
];

#[test]
fn a_killed_worker_loses_and_doubles_nothing() {
    std::thread::scope(|scope| {
        for (step, posts) in STEPS {
            std::thread::Builder::new()
                .name((*step).into())
                .spawn_scoped(scope, || at(step, *posts))
                .unwrap();
        }
    });
}

fn chatwork(url: &str, token: &str) -> String {
    format!("[notify.chatwork]\nroom_id = 1\n{token}\napi_base = '{url}'\n")
}

/// Holds the database's lock for writers until it is dropped.
fn hold(bed: &Bed) -> Connection {
    let db = Connection::open(bed.home.database(&bed.config)).unwrap();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    db
}

fn at(step: &str, posts: usize) {
    // How many requests came while the fault lasts.
    let reached = Arc::new(AtomicUsize::new(0));
    let well = Arc::new(Mutex::new(false));
    let held: Arc<Mutex<Option<Connection>>> = Arc::default();
    let database: Arc<Mutex<Option<std::path::PathBuf>>> = Arc::default();
    let room = {
        let (reached, well, held, database) = (reached.clone(), well.clone(), held.clone(), database.clone());
        let step = step.to_owned();
        Room::start(move |request, messages, reply| {
            if *well.lock().unwrap() {
                return reply;
            }
            let reply = match step.as_str() {
                "after the request, taken" => Reply::Hang,
                "after the request, not taken" => {
                    messages.clear();
                    Reply::Hang
                }
                "in the middle of the answer" => Reply::HangInBody(b"{\"message_id\":\"0\"}".to_vec()),
                "after the answer, before it is noted" => {
                    let db = Connection::open(database.lock().unwrap().as_ref().unwrap()).unwrap();
                    db.busy_timeout(Duration::from_secs(20)).unwrap();
                    db.execute_batch("BEGIN IMMEDIATE").unwrap();
                    *held.lock().unwrap() = Some(db);
                    reply
                }
                "while it looks a message up" if request.method == "POST" => Reply::Close,
                "while it looks a message up" => Reply::Hang,
                _ => reply,
            };
            reached.fetch_add(1, Ordering::SeqCst);
            reply
        })
    };
    let mut bed = home(&chatwork(&room.server.url(), "token_file = 'token'"));
    *database.lock().unwrap() = Some(bed.home.database(&bed.config));
    let folder = bed.dir.path().to_owned();
    let configure = |url: &str, token: &str| {
        std::fs::write(folder.join("config.toml"), chatwork(url, token)).unwrap();
    };
    let id = bed.add("chatwork", &alert(Level::Critical, 18));

    let mut full = None;
    match step {
        "before it takes a message" => *held.lock().unwrap() = Some(hold(&bed)),
        // Reading the token comes between the two.
        "after it took a message" => configure(
            &room.server.url(),
            &format!(
                "token_command = 'cd {0}; touch gate; for i in $(seq 600); do [ -e open ] && break; sleep 0.1; done; cat token'",
                folder.display()
            ),
        ),
        "while connecting" => {
            let queue = Full::new();
            configure(&format!("http://{}", queue.address), "token_file = 'token'");
            full = Some(queue);
        }
        _ => {}
    }
    let mut worker = Worker::start(&folder);
    eventually(step, || {
        let there = match step {
            "before it takes a message" => worker.has_locked(&bed.home.run_dir().join("notify.lock")),
            "after it took a message" => folder.join("gate").exists(),
            "while connecting" => is_connecting(full.as_ref()?.address.port()),
            "after the answer, before it is noted" => {
                reached.load(Ordering::SeqCst) == 1 && !worker.has_thread("shmon-notify")
            }
            "after it is noted" => bed.states() == [State::Sent],
            "while it looks a message up" => reached.load(Ordering::SeqCst) == 2,
            _ => reached.load(Ordering::SeqCst) == 1,
        };
        there.then_some(())
    });
    worker.kill();
    let left = bed.all()[0].state;
    let expected = match step {
        "before it takes a message" => State::Pending,
        "after it is noted" => State::Sent,
        "while it looks a message up" => State::Unknown,
        _ => State::Sending,
    };
    assert_eq!(left, expected, "{step}: what the dead worker left");

    *held.lock().unwrap() = None;
    *well.lock().unwrap() = true;
    std::fs::write(folder.join("open"), "").unwrap();
    drop(full);
    configure(&room.server.url(), "token_file = 'token'");
    deliver_all(&mut bed);
    let one = bed.all().into_iter().find(|n| n.id == id).unwrap();
    assert_eq!((one.state, one.message_id.as_deref()), (State::Sent, Some("0")), "{step}: {one:?}");
    assert_eq!(room.copies(18), 1, "{step}: neither lost nor doubled");
    assert_eq!(*room.posts.lock().unwrap(), posts, "{step}");
}

#[test]
fn workers_killed_at_any_moment_lose_and_double_nothing() {
    const ALERTS: i64 = 12;
    let topic: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = topic.clone();
    let server = Server::start(move |request| {
        let mut kept = kept.lock().unwrap();
        if request.method == "GET" {
            let list = kept
                .iter()
                .enumerate()
                .map(|(n, text)| format!("{}\n", json!({"id": n.to_string(), "message": text})));
            return Reply::text(200, &list.collect::<String>());
        }
        // Taken, then answered: a worker may die in between.
        kept.push(request.json()["message"].as_str().unwrap().to_owned());
        let id = (kept.len() - 1).to_string();
        drop(kept);
        std::thread::sleep(Duration::from_millis(8));
        Reply::json(200, &json!({"id": id}))
    });
    let mut bed = home(&format!("[notify.ntfy]\ntopic = 't'\napi_base = '{}'", server.url()));
    for id in 1..=ALERTS {
        bed.add("ntfy", &alert_by(Level::High, id, &format!("user{id}")));
    }
    // Moments of a fixed sequence; where they fall differs with the machine, what comes of it must not.
    let mut random = 0x9e37_79b9_u64;
    for _ in 0..14 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut worker = Worker::start(bed.dir.path());
        std::thread::sleep(Duration::from_millis(5 + (random >> 33) % 90));
        worker.kill();
    }
    deliver_all(&mut bed);
    assert!(bed.states().iter().all(|s| *s == State::Sent), "{:?}", bed.all());
    let topic = topic.lock().unwrap();
    for id in 1..=ALERTS {
        let line = format!("🗃️ Database ID: {id}");
        let copies = topic.iter().filter(|m| m.lines().any(|l| l == line)).count();
        assert_eq!(copies, 1, "alert {id} of {topic:#?}");
    }
}

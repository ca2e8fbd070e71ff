//! An outcome that is unknown: what can be asked is asked before a second send, and what can't gets the same id again.

use crate::support::home::{Bed, alert};
use crate::support::http::{Reply, Request, Server};
use serde_json::{Value, json};
use shmon_core::Level;
use shmon_core::store::outbox::State;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A service that keeps messages and lists them.
struct Service {
    table: &'static str,
    /// What is kept of a request that sends.
    keep: fn(&Request) -> Value,
    /// The answer to it.
    yes: fn() -> Reply,
    /// The list of what was kept.
    list: fn(&[Value]) -> Reply,
    /// The id that a message which was found gets.
    id: &'static str,
}

const SERVICES: &[Service] = &[
    Service {
        table: "[notify.chatwork]\nroom_id = 1\ntoken_file = 'token'\napi_base = 'URL'",
        keep: |r| json!({"message_id": "42", "body": r.form("body")}),
        yes: || Reply::json(200, &json!({"message_id": "42"})),
        list: |all| Reply::json(200, &json!(all)),
        id: "42",
    },
    Service {
        table: "[notify.chatwork_task]\nroom_id = 1\nto_ids = [7]\ntoken_file = 'token'\napi_base = 'URL'",
        keep: |r| json!({"task_id": 43, "body": r.form("body")}),
        yes: || Reply::json(200, &json!({"task_ids": [43]})),
        list: |all| Reply::json(200, &json!(all)),
        id: "43",
    },
    Service {
        table: "[notify.ntfy]\ntopic = 't'\napi_base = 'URL'",
        keep: |r| json!({"id": "x44", "event": "message", "message": r.json()["message"]}),
        yes: || Reply::json(200, &json!({"id": "x44"})),
        list: |all| Reply::text(200, &all.iter().map(|one| format!("{one}\n")).collect::<String>()),
        id: "x44",
    },
    Service {
        table: "[notify.redmine]\nurl = 'URL'\nproject = 'p'\ntoken_file = 'token'",
        keep: |r| json!({"id": 45, "description": r.json()["issue"]["description"]}),
        yes: || Reply::json(201, &json!({"issue": {"id": 45}})),
        list: |all| Reply::json(200, &json!({"issues": all})),
        id: "45",
    },
    Service {
        table: "[notify.redmine]\nurl = 'URL'\nissue = 804\ntoken_file = 'token'",
        keep: |r| json!({"notes": r.json()["issue"]["notes"]}),
        yes: || Reply::text(204, ""),
        list: |all| Reply::json(200, &json!({"issue": {"id": 804, "journals": all}})),
        id: "804",
    },
];

/// A home with one sink at a service; `URL` in the table stands for it.
fn bed(table: &str, server: &Server) -> (Bed, String) {
    let sink = table.split(['[', ']', '.']).nth(2).expect("[notify.SINK]").to_owned();
    let bed = Bed::new(&table.replace("URL", &server.url()));
    bed.secret("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    (bed, sink)
}

#[test]
fn a_service_that_lists_messages_is_asked_first() {
    for service in SERVICES {
        for taken in [true, false] {
            let kept: Arc<Mutex<Vec<Value>>> = Arc::default();
            let posts = Arc::new(Mutex::new(0));
            let (shared, count) = (kept.clone(), posts.clone());
            let server = Server::start(move |request| {
                let mut kept = shared.lock().unwrap();
                if request.method == "GET" {
                    return (service.list)(&kept);
                }
                let mut posts = count.lock().unwrap();
                *posts += 1;
                if *posts > 1 || taken {
                    kept.push((service.keep)(request));
                }
                // The first answer is lost.
                if *posts > 1 { (service.yes)() } else { Reply::Close }
            });
            let (mut bed, sink) = bed(service.table, &server);
            // Nothing else is in the list yet.
            bed.add(&sink, &alert(Level::Critical, 18));
            bed.run();
            assert_eq!(bed.states(), [State::Unknown], "{sink}");
            bed.run_for(Duration::from_secs(600));
            let one = &bed.all()[0];
            assert_eq!(one.state, State::Sent, "{sink}: {one:?}");
            assert_eq!(one.message_id.as_deref(), Some(service.id), "{sink}");
            assert_eq!(kept.lock().unwrap().len(), 1, "{sink}: neither lost nor doubled");
            assert_eq!(*posts.lock().unwrap(), if taken { 1 } else { 2 }, "{sink}");
            // A later alert is another message, although the first one is in the list.
            bed.add(&sink, &alert(Level::Critical, 19));
            bed.run_for(Duration::from_secs(600));
            assert_eq!(kept.lock().unwrap().len(), 2, "{sink}");
        }
    }
}

#[test]
fn a_look_up_that_fails_is_repeated_before_anything_is_sent() {
    for service in SERVICES {
        let asked = Arc::new(Mutex::new((0, 0)));
        let shared = asked.clone();
        let server = Server::start(move |request| {
            let mut asked = shared.lock().unwrap();
            if request.method == "GET" {
                asked.1 += 1;
                if asked.1 < 4 { Reply::text(503, "later") } else { (service.list)(&[]) }
            } else {
                asked.0 += 1;
                if asked.0 > 1 { (service.yes)() } else { Reply::Close }
            }
        });
        let (mut bed, sink) = bed(service.table, &server);
        bed.add(&sink, &alert(Level::Critical, 18));
        for _ in 0..3 {
            let due = bed.run().next_due.expect("another attempt");
            assert_eq!((bed.states()[0], asked.lock().unwrap().0), (State::Unknown, 1), "{sink}");
            bed.set_clock(due);
        }
        bed.run_for(Duration::from_secs(600));
        assert_eq!(bed.states(), [State::Sent], "{sink}");
        assert_eq!(*asked.lock().unwrap(), (2, 4), "{sink}: found out first, then sent again");
    }
}

#[test]
fn a_service_that_knows_repeats_gets_the_same_id() {
    let webhook = |r: &Request| r.header("webhook-id").map(str::to_owned);
    let pagerduty = |r: &Request| r.json()["dedup_key"].as_str().map(str::to_owned);
    type Key = fn(&Request) -> Option<String>;
    let cases: [(&str, Key); 2] = [
        ("[notify.webhook]\nurl = 'URL/in'\nsecret_file = 'secret'", webhook),
        ("[notify.pagerduty]\nrouting_key_file = 'token'\napi_base = 'URL'", pagerduty),
    ];
    for (table, id) in cases {
        let mut first = true;
        let server = Server::start(move |_| {
            if std::mem::take(&mut first) {
                Reply::Close
            } else {
                Reply::json(202, &json!({"dedup_key": "k"}))
            }
        });
        let (mut bed, sink) = bed(table, &server);
        bed.add(&sink, &alert(Level::Critical, 18));
        bed.run_for(Duration::from_secs(600));
        bed.restart();
        bed.add(&sink, &alert(Level::Critical, 19));
        bed.run_for(Duration::from_secs(600));
        assert_eq!(bed.states(), [State::Sent, State::Sent], "{sink}");
        let requests = server.requests();
        let ids: Vec<_> = requests.iter().map(|r| id(r).expect("an id")).collect();
        assert_eq!(ids.len(), 3, "{sink}");
        assert_eq!(ids[0], ids[1], "{sink}: the same message");
        assert_ne!(ids[1], ids[2], "{sink}: another one");
        assert_eq!(requests[0].json()["data"]["command"], requests[1].json()["data"]["command"]);
    }
}

//! A checkpoint of the evidence in the messages: held off the host, it proves what was recorded before.

use crate::support::home::{Bed, alert};
use crate::support::http::{Reply, Server};
use serde_json::json;
use shmon_core::Level;
use shmon_core::monitor::{Incoming, Monitor};
use shmon_core::record::Event;
use shmon_core::store::outbox::State;
use std::time::Duration;

/// Records one command, whose batch is signed.
fn record(bed: &mut Bed, command: &str) {
    let mut monitor = Monitor::open(&bed.home, bed.config.clone()).unwrap();
    let mut event = Event::default();
    event.command = command.as_bytes().to_vec();
    event.started_at = shmon_core::time::now();
    monitor.record(&[Incoming::Event(event)]).unwrap();
    monitor.store().checkpoint().unwrap();
}

#[test]
fn a_message_proves_what_was_recorded_before_it() {
    let mut answers =
        vec![Reply::Close, Reply::json(200, &json!([])), Reply::json(200, &json!({"message_id": "1"}))]
            .into_iter();
    let server = Server::start(move |_| answers.next().unwrap_or(Reply::Hang));
    let mut bed = Bed::new(&format!(
        "[notify.chatwork]\nroom_id = 1\ntoken_file = 'token'\ncheckpoint = true\napi_base = '{}'",
        server.url()
    ));
    record(&mut bed, "ls");
    bed.add("chatwork", &alert(Level::Critical, 18));
    bed.run();
    // Later attempts say the same: a look-up compares texts.
    record(&mut bed, "pwd");
    bed.run_for(Duration::from_secs(600));
    assert_eq!(bed.states(), [State::Sent]);
    let requests = server.requests();
    let bodies: Vec<String> = requests.iter().filter_map(|r| r.form("body")).collect();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0], bodies[1]);
    assert!(bodies[0].contains("🗃️ Database ID: 18\n\n🔏 Checkpoint:\nshmon/"), "{}", bodies[0]);
    // The whole message is what `verify` reads it from.
    let report = bed.store.verify(&[bodies[0].clone()], &mut |_, _| {}).unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
    bed.sql("UPDATE command_logs SET command = 'rm' WHERE id = 1");
    let report = bed.store.verify(&[bodies[0].clone()], &mut |_, _| {}).unwrap();
    assert!(!report.problems.is_empty(), "{report:?}");
}

#[test]
fn json_carries_it_and_the_tickets_message_does_not() {
    let server = Server::start(|request| match request.path.as_str() {
        "/in" => Reply::text(200, ""),
        _ => Reply::json(200, &json!({"message_id": "1"})),
    });
    let mut bed = Bed::new(&format!(
        "[notify.chatwork]\nroom_id = 1\ntoken_file = 'token'\napi_base = '{0}'\n\
         [notify.webhook]\nurl = '{0}/in'\nsecret_file = 'secret'",
        server.url()
    ));
    bed.secret("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    record(&mut bed, "ls");
    let note = bed.store.last_checkpoint().unwrap().unwrap();
    for sink in ["chatwork", "webhook"] {
        bed.add(sink, &alert(Level::Critical, 18));
    }
    assert_eq!(bed.run().sent, 2);
    for request in server.requests() {
        match request.form("body") {
            Some(body) => assert!(body.ends_with("🗃️ Database ID: 18"), "{body}"),
            None => assert_eq!(request.json()["data"]["checkpoint"], json!(note)),
        }
    }
}

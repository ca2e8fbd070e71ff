//! The outbox as a whole: floods, limits, quiet hours, killed workers, two workers, clocks, dead sinks.

use crate::faults::Room;
use crate::support::home::{Bed, SECOND, START, alert, alert_by};
use crate::support::http::{Reply, Server};
use serde_json::json;
use shmon_core::Level;
use shmon_core::store::outbox::State;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn chatwork(server: &Server, more: &str) -> Bed {
    Bed::new(&format!(
        "[notify]\n{more}\n[notify.chatwork]\nroom_id = 1\ntoken_file = 'token'\napi_base = '{}'",
        server.url()
    ))
}

#[test]
fn equal_alerts_are_folded_with_first_and_last() {
    let (server, room) = Room::serve(None);
    let mut bed = chatwork(&server, "");
    for id in 1..=38 {
        let mut payload = alert(Level::High, id);
        payload.time_ns = START + id * 2 * SECOND;
        payload.command = format!("nmap host{id}");
        bed.add("chatwork", &payload);
        bed.run();
        bed.pass(Duration::from_secs(2));
    }
    assert_eq!(room.lock().unwrap().messages.len(), 1, "the first at once, the others wait");
    let delivery = bed.run_for(6 * MINUTE);
    let room = room.lock().unwrap();
    assert_eq!((room.messages.len(), delivery.sent, delivery.delivered), (2, 1, 37));
    let flood = &room.messages[1];
    assert!(flood.contains("🔁 ×37 network.nmap by xb874667 in 72 s\n"), "{flood}");
    assert!(flood.contains("⚡ First: nmap host2\n⚡ Last: nmap host38\n"), "{flood}");
    assert!(flood.ends_with("🗃️ Database ID: 2 – 38"), "{flood}");
    drop(room);
    let states = bed.states();
    assert_eq!(states.iter().filter(|s| **s == State::Sent).count(), 2);
    assert_eq!(states.iter().filter(|s| **s == State::Folded).count(), 36);
}

#[test]
fn messages_in_japanese() {
    let (server, room) = Room::serve(None);
    let mut bed = Bed::new(&format!(
        "name = '共有サーバー監視'\nlang = 'ja'\n[notify]\ndigest = '09:00'\n[notify.chatwork]\nroom_id = 1\n\
         token_file = 'token'\napi_base = '{}'\n\
         template = \"{{heading}}\\n{{user}}さんが{{host}}で実行: {{command}}\\n危険度: {{level}}、{{description}}(ID {{id}})\"",
        server.url()
    ));
    for (id, level) in [(1, Level::High), (2, Level::High), (3, Level::High), (4, Level::Critical)] {
        let mut payload = alert(level, id);
        payload.time_ns = START + id * 70 * SECOND;
        bed.add("chatwork", &payload);
    }
    bed.run_for(15 * MINUTE);
    let room = room.lock().unwrap();
    let of = |start: &str| room.messages.iter().find(|m| m.starts_with(start)).expect(start);
    assert!(
        of("⚠️ HIGH RISK - 共有サーバー監視\nxb874667さんが").contains("危険度: 高、ポートスキャン(ID 1)"),
        "{room:?}"
    );
    assert!(of("🚨 CRITICAL ALERT").ends_with("ポートスキャン(ID 4)"));
    let flood = room.messages.iter().find(|m| m.contains("🔁")).expect("a flood");
    assert!(flood.contains("🔁 ×2 network.nmap(xb874667、70 秒)\n"), "{flood}");
    assert!(of("📊 日次ダイジェスト - 共有サーバー監視").contains("コマンド数: 0"));
}

#[test]
fn critical_alerts_are_never_folded_nor_held_back() {
    let (server, room) = Room::serve(None);
    let mut bed = chatwork(&server, "quiet_hours = '00:00-23:59'");
    for id in 1..=50 {
        bed.add("chatwork", &alert(Level::Critical, id));
    }
    let delivery = bed.run();
    assert_eq!((delivery.delivered, delivery.next_due), (50, None), "at once, although it is quiet");
    let text = room.lock().unwrap().messages.join("\n");
    for id in 1..=50 {
        let line = format!("🗃️ Database ID: {id}");
        assert_eq!(text.lines().filter(|l| *l == line).count(), 1, "{id}");
    }
    assert_eq!(text.matches("🚨 CRITICAL ALERT - ").count(), 50, "each one complete");
    assert!(bed.states().iter().all(|s| *s == State::Sent));
}

#[test]
fn ten_thousand_alerts_in_a_minute() {
    let times: Arc<Mutex<Vec<i64>>> = Arc::default();
    let clock: Arc<Mutex<i64>> = Arc::new(Mutex::new(START));
    let texts: Arc<Mutex<Vec<String>>> = Arc::default();
    let (t, c, m) = (times.clone(), clock.clone(), texts.clone());
    let server = Server::start(move |request| {
        t.lock().unwrap().push(*c.lock().unwrap());
        m.lock().unwrap().push(request.form("body").unwrap());
        Reply::json(200, &json!({"message_id": "1"}))
    });
    let mut bed = chatwork(&server, "");
    let mut criticals = 0;
    for second in 0..60 {
        for n in 0..167 {
            let id = second * 167 + n + 1;
            let level = if n == 0 { Level::Critical } else { Level::High };
            criticals += i64::from(n == 0);
            bed.add("chatwork", &alert_by(level, id, &format!("user{}", n % 40)));
        }
        *clock.lock().unwrap() = bed.now();
        bed.run();
        bed.pass(Duration::from_secs(1));
    }
    let end = bed.now() + 3600 * SECOND;
    loop {
        *clock.lock().unwrap() = bed.now();
        match bed.run().next_due {
            Some(due) if due < end => bed.set_clock(due.max(bed.now())),
            _ => break,
        }
    }
    let all = bed.all();
    assert_eq!(all.len(), 10_020);
    assert!(all.iter().all(|n| matches!(n.state, State::Sent | State::Folded)), "nothing is lost or waits");
    let texts = texts.lock().unwrap();
    let seen: i64 = texts.iter().map(|t| t.matches("🚨 CRITICAL ALERT").count() as i64).sum();
    assert_eq!(seen, criticals, "each critical one, once");
    assert!(texts.len() < 300, "{} messages", texts.len());
    let times = times.lock().unwrap();
    for (count, span) in [(10, 10 * SECOND), (300, 300 * SECOND)] {
        assert!(times.windows(count + 1).all(|w| w[count] - w[0] >= span), "{count} in {span} ns");
    }
}

#[test]
fn quiet_hours_hold_back_what_is_not_critical() {
    let (server, room) = Room::serve(None);
    // START is 08:50:30 UTC, the test's time zone.
    let mut bed = chatwork(&server, "quiet_hours = '08:00-09:00'");
    bed.add("chatwork", &alert(Level::High, 1));
    bed.add("chatwork", &alert(Level::High, 2));
    let due = bed.run().next_due.unwrap();
    assert_eq!(due, START + 570 * SECOND);
    assert_eq!(room.lock().unwrap().posts, 0);
    bed.run_for(10 * MINUTE);
    let room = room.lock().unwrap();
    assert_eq!(room.messages.len(), 1);
    assert!(room.messages[0].contains("×2 network.nmap"), "{}", room.messages[0]);
}

/// What a worker leaves that is killed: before the request, after it, and after the answer.
#[test]
fn a_worker_killed_at_any_step_loses_and_doubles_nothing() {
    for arrived in [false, true] {
        let (server, room) = Room::serve(None);
        let mut bed = chatwork(&server, "");
        bed.add("chatwork", &alert(Level::Critical, 18));
        bed.run();
        // The state of a worker that died with the notification in its hands.
        bed.sql("UPDATE notifications SET state = 'sending', message_id = NULL");
        if !arrived {
            room.lock().unwrap().messages.clear();
        }
        bed.restart();
        bed.run_for(10 * MINUTE);
        assert_eq!(bed.states(), [State::Sent], "{arrived}");
        let room = room.lock().unwrap();
        assert_eq!(room.messages.len(), 1, "{arrived}");
        assert_eq!(room.posts, if arrived { 1 } else { 2 });
        drop(room);
        assert_eq!(bed.all()[0].message_id.as_deref(), Some("0"));
    }
}

#[test]
fn two_workers_at_once_send_each_message_once() {
    let (server, room) = Room::serve(None);
    let mut bed = chatwork(&server, "");
    for id in 1..=9 {
        bed.add("chatwork", &alert_by(Level::High, id, &format!("u{id}")));
    }
    let workers: Vec<_> = (0..4).map(|_| bed.another()).collect();
    std::thread::scope(|scope| {
        for (mut worker, mut store) in workers {
            scope.spawn(move || worker.run_once(&mut store).unwrap());
        }
    });
    bed.run_for(MINUTE);
    assert_eq!(room.lock().unwrap().messages.len(), 9);
    assert!(bed.states().iter().all(|s| *s == State::Sent));
}

#[test]
fn a_clock_that_is_set_back_delays_nothing() {
    let (server, room) = Room::serve(Some((Reply::text(503, ""), false)));
    let mut bed = chatwork(&server, "");
    bed.add("chatwork", &alert(Level::Critical, 1));
    bed.run();
    bed.set_clock(START - 86_400 * SECOND);
    bed.restart();
    bed.run_for(5 * MINUTE);
    assert_eq!(bed.states(), [State::Sent]);
    assert_eq!(room.lock().unwrap().messages.len(), 1);
}

#[test]
fn a_dead_sink_holds_up_no_other() {
    let dead = Server::start(|_| Reply::Hang);
    let (server, room) = Room::serve(None);
    let mut bed = Bed::new(&format!(
        "[notify.chatwork]\nroom_id = 1\ntoken_file = 'token'\napi_base = '{}'\n\
         [notify.slack]\nurl_file = 'url'\ntimeout = '1s'\n",
        server.url()
    ));
    bed.secret("url", &dead.url());
    for id in 1..=5 {
        for sink in ["slack", "chatwork"] {
            bed.add(sink, &alert_by(Level::High, id, &format!("u{id}")));
        }
    }
    let delivery = bed.run();
    assert_eq!((delivery.sent, delivery.failed), (5, 1), "one attempt tells that the other is dead");
    assert_eq!(room.lock().unwrap().messages.len(), 5);
    assert_eq!(bed.store.sink_state("slack").unwrap().failures, 1);
    assert!(bed.store.sink_state("slack").unwrap().blocked_until_ns > bed.now());
}

#[test]
fn what_cannot_be_delivered_is_given_up_with_its_reason() {
    let server = Server::start(|_| Reply::text(403, "not yours"));
    let mut bed = chatwork(&server, "give_up_after = '1h'");
    bed.add("chatwork", &alert(Level::Critical, 1));
    bed.add("nobody", &alert(Level::Critical, 1));
    bed.run_for(120 * MINUTE);
    bed.run();
    let all = bed.all();
    assert_eq!(bed.states(), [State::Dead, State::Dead]);
    assert!(all[0].error.as_deref().unwrap().contains("HTTP 403: not yours"), "{all:?}");
    assert!(all[1].error.as_deref().unwrap().contains("no sink of this name"), "{all:?}");
    let now = bed.now();
    assert_eq!(bed.store.retry_notification(all[0].id, now).unwrap(), 1);
    assert_eq!(bed.store.drop_notification(all[1].id, now).unwrap(), 1);
    assert_eq!(bed.states(), [State::Pending, State::Dropped]);
    assert!(bed.store.drop_notification(99, now).unwrap_err().to_string().contains("no notification 99"));
}

#[test]
fn a_full_disk_loses_nothing() {
    let (server, room) = Room::serve(None);
    let mut bed = chatwork(&server, "");
    bed.add("chatwork", &alert(Level::Critical, 1));
    // Every write fails from here on, as on a full disk.
    bed.sql("CREATE TRIGGER full BEFORE UPDATE ON notifications BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    assert!(bed.worker.run_once(&mut bed.store).is_err());
    assert_eq!(room.lock().unwrap().posts, 0, "what can't be noted isn't sent");
    // It fills up while a request is under way: the answer is kept, and written down when there is room.
    bed.sql("DROP TRIGGER full");
    bed.sql(
        "CREATE TRIGGER full BEFORE UPDATE ON notifications WHEN new.state = 'sent' \
         BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    );
    assert!(bed.worker.run_once(&mut bed.store).is_err());
    bed.sql("DROP TRIGGER full");
    bed.run_for(MINUTE);
    assert_eq!(bed.states(), [State::Sent]);
    assert_eq!(room.lock().unwrap().posts, 1, "sent once");
}

#[test]
fn a_digest_comes_once_a_day() {
    let (server, room) = Room::serve(None);
    let mut bed = chatwork(&server, "digest = '09:00'");
    bed.run_for(Duration::from_secs(3 * 86_400));
    let room = room.lock().unwrap();
    assert_eq!(room.messages.len(), 3, "{:?}", room.messages);
    assert!(
        room.messages[0].starts_with("📊 DAILY DIGEST - SSH Monitor\n📅 2025-06-28 09:00:00\n"),
        "{:?}",
        room.messages
    );
    assert!(room.messages[0].contains("Commands: 0"), "{:?}", room.messages);
}

//! Every filter against the same filter written in Rust.

use crate::common::{DAY, SECOND, Scene, batch, entry, event};
use shmon_core::record::Ending;
use shmon_core::store::{Entry, Order, Query, Row};
use shmon_core::{Level, time};

/// A record of 400 rows, 100 of which have ended.
fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.add(&batch(0, 400));
    let ends: Vec<Entry> = (0..400)
        .step_by(4)
        .map(|n| {
            let mut ending = Ending::default();
            ending.key = event(n, "").key;
            ending.exit_status = Some(n as i32 % 3);
            Entry::End(ending)
        })
        .collect();
    scene.add(&ends);
    scene
}

fn check(name: &str, query: impl Fn(&mut Query), keep: impl Fn(&Row) -> bool) {
    let scene = scene();
    let all: Vec<Row> = scene.store.rows(&Query::new()).unwrap().map(Result::unwrap).collect();
    assert_eq!(all.len(), 400);
    for order in [Order::Newest, Order::Oldest] {
        let mut q = Query::new();
        query(&mut q);
        q.order = order;
        let mut wanted: Vec<i64> = all.iter().filter(|row| keep(row)).map(|row| row.id).collect();
        assert!(!wanted.is_empty() && wanted.len() < 400, "{name}: {} rows are no test", wanted.len());
        assert_eq!(scene.store.count(&q).unwrap(), wanted.len() as u64, "{name}");
        if order == Order::Oldest {
            wanted.reverse();
        }
        let ids = |q: &Query| scene.store.rows(q).unwrap().map(|row| row.unwrap().id).collect::<Vec<_>>();
        assert_eq!(ids(&q), wanted, "{name}");
        q.limit = Some(7);
        assert_eq!(ids(&q), &wanted[..wanted.len().min(7)], "{name} with a limit");
    }
}

#[test]
fn level() {
    check("level", |q| q.level = Some(Level::High), |r| r.level == Level::High);
    check("min_level", |q| q.min_level = Some(Level::Medium), |r| r.level >= Level::Medium);
}

#[test]
fn people_and_places() {
    check("user", |q| q.user = Some("bob".into()), |r| r.user == "bob");
    check("session", |q| q.session = Some("s3".into()), |r| r.session_id == "s3");
    let below = |r: &Row| r.working_directory == "/home/ann" || r.working_directory == "/home/ann/src";
    check("directory", |q| q.directory = Some("/home/ann".into()), below);
    check("directory with a slash", |q| q.directory = Some("/home/ann/".into()), below);
}

#[test]
fn times() {
    check("since", |q| q.since = Some(DAY + 390 * SECOND), |r| r.started_at >= DAY + 390 * SECOND);
    check("until", |q| q.until = Some(DAY + 9 * SECOND), |r| r.started_at < DAY + 9 * SECOND);
}

#[test]
fn outcome() {
    check("exit status", |q| q.exit_status = Some(2), |r| r.exit_status == Some(2));
    check("exit status 0", |q| q.exit_status = Some(0), |r| r.exit_status == Some(0));
    check("failed", |q| q.failed = true, |r| r.exit_status.is_some_and(|s| s != 0));
}

#[test]
fn text_and_ids() {
    let has = |r: &Row| String::from_utf8_lossy(&r.command).contains("number 17");
    check("text", |q| q.text = Some("NUMBER 17".into()), has);
    check("after_id", |q| q.after_id = Some(300), |r| r.id > 300);
    check("before_id", |q| q.before_id = Some(20), |r| r.id < 20);
}

#[test]
fn filters_together() {
    check(
        "all together",
        |q| {
            q.min_level = Some(Level::High);
            q.user = Some("bob".into());
            q.since = Some(DAY + 100 * SECOND);
        },
        |r| r.level >= Level::High && r.user == "bob" && r.started_at >= DAY + 100 * SECOND,
    );
}

#[test]
fn time_orders_rows_that_came_late() {
    let mut scene = Scene::new();
    for seconds in [50, 10, 30, 10] {
        let mut event = event(seconds as usize, "x");
        event.key.clear();
        event.started_at = DAY + seconds * SECOND;
        scene.add(&[entry(event, Level::Low)]);
    }
    let ids: Vec<i64> = scene.store.rows(&Query::new()).unwrap().map(|r| r.unwrap().id).collect();
    assert_eq!(ids, [1, 3, 4, 2]);
}

#[test]
fn statistics_count_what_the_query_asks_for() {
    let scene = scene();
    let mut query = Query::new();
    query.min_level = Some(Level::Medium);
    let stats = scene.store.stats(&query, 3).unwrap();
    assert_eq!(stats.total, 300);
    let levels: Vec<(&str, u64)> = stats.levels.iter().map(|c| (c.name.as_str(), c.count)).collect();
    assert_eq!(levels, [("critical", 100), ("high", 100), ("medium", 100)]);
    assert_eq!(stats.days.iter().map(|c| c.count).sum::<u64>(), 300);
    assert_eq!(stats.days[0].name, &time::local(DAY)[..10]);
    assert_eq!(stats.hours[0].name, &time::local(DAY)[11..13]);
    assert_eq!(stats.sessions.len(), 3);
    assert_eq!(stats.users.iter().map(|c| c.count).sum::<u64>(), 300);
    assert_eq!(stats.users.iter().map(|c| c.high).sum::<u64>(), 200);
    assert_eq!(stats.commands.len(), 3);
}

//! The text index against a plain look at every row, and sessions against their rows.

use crate::common::{DAY, SECOND, Scene, entry, event};
use shmon_core::Level;
use shmon_core::record::Event;
use shmon_core::store::{Entry, Order, Prune, Query, Row, SessionQuery, Store, StoreOptions};

const WORDS: [&str; 12] = [
    "git",
    "status",
    "rm -rf",
    "/etc/passwd",
    "を削除する",
    "ユーザー",
    "\"quoted\"",
    "50%",
    "a_b",
    "GREP",
    "curl",
    "É",
];

/// The commands number `from` to `to`.
fn rows(from: usize, to: usize) -> Vec<Entry> {
    (from..to)
        .map(|n| {
            let text = match n {
                1234 => "make Qz".to_owned(),
                1500..1510 => format!("設定 {n}"),
                2222 => "設".to_owned(),
                2223 => "vi 設定".to_owned(),
                _ => format!("{} {} {n}", WORDS[n % 12], WORDS[n / 12 % 12]),
            };
            entry(event(n, &text), Level::ALL[n % 4])
        })
        .collect()
}

/// 3,000 rows, all in the index.
fn scene() -> Scene {
    let mut scene = Scene::new();
    for from in (0..3000).step_by(500) {
        scene.add(&rows(from, from + 500));
    }
    scene
}

fn ids(store: &Store, query: &Query) -> Vec<i64> {
    store.rows(query).unwrap().map(|row| row.unwrap().id).collect()
}

/// The answer must be what a look at every row gives, in both orders, counted, and page by page.
fn check(
    scene: &Scene,
    all: &[Row],
    text: &str,
    change: &dyn Fn(&mut Query),
    keep: &dyn Fn(&Row) -> bool,
) -> usize {
    let holds = |row: &&Row| {
        let command = String::from_utf8_lossy(&row.command).to_ascii_lowercase();
        command.contains(&text.to_ascii_lowercase()) && keep(row)
    };
    let mut wanted: Vec<i64> = all.iter().filter(holds).map(|row| row.id).collect();
    wanted.sort_unstable_by(|a, b| b.cmp(a));
    let mut query = Query::new();
    query.text = Some(text.into());
    change(&mut query);
    assert_eq!(scene.store.count(&query).unwrap(), wanted.len() as u64, "{text}");
    assert_eq!(ids(&scene.store, &query), wanted, "{text}");
    query.limit = Some(50);
    let mut paged: Vec<i64> = Vec::new();
    loop {
        let page = ids(&scene.store, &query);
        query.page_after = page.last().copied();
        paged.extend(&page);
        if page.len() < 50 {
            break;
        }
    }
    assert_eq!(paged, wanted, "{text} in pages");
    (query.order, query.limit, query.page_after) = (Order::Oldest, None, None);
    let oldest: Vec<i64> = wanted.iter().rev().copied().collect();
    assert_eq!(ids(&scene.store, &query), oldest, "{text} oldest first");
    wanted.len()
}

#[test]
fn any_part_of_a_command_is_found() {
    let mut scene = scene();
    // Too few to be put into the index at once.
    scene.add(&rows(3000, 3600));
    let all: Vec<Row> = scene.store.rows(&Query::new()).unwrap().map(Result::unwrap).collect();
    let texts = [
        "git",
        "GIT",
        "status",
        "rm -rf",
        "/etc/passwd",
        "削除",
        "を削除する",
        "ユーザー",
        "\"quoted\"",
        "0%",
        "50%",
        "a_b",
        "a%b",
        "grep",
        "É",
        "é",
        "x",
        "status 1",
        "l 299",
        "'",
        "git git",
        // Rare texts of one and two characters, also at the end of a command and as all of it.
        "設定",
        "設",
        "定",
        "qz",
        "Qz",
        "Q",
        "zq",
        "j",
        "\"",
        "\u{3}",
        "ß",
    ];
    for round in 0..2 {
        let mut found = 0;
        for text in texts {
            found += check(&scene, &all, text, &|_| {}, &|_| true);
            check(&scene, &all, text, &|q| q.user = Some("ann".into()), &|r| r.user == "ann");
            check(&scene, &all, text, &|q| q.since = Some(DAY + 2900 * SECOND), &|r| {
                r.started_at >= DAY + 2900 * SECOND
            });
            check(&scene, &all, text, &|q| q.before_id = Some(1500), &|r| r.id < 1500);
            check(&scene, &all, text, &|q| q.min_level = Some(Level::High), &|r| r.level >= Level::High);
        }
        assert!(found > 1000, "{found} rows are no test");
        // Once as writers leave the index, once when it is full.
        let waiting = scene.store.index_text().unwrap();
        assert_eq!(waiting > 0, round == 0, "{waiting} rows waited");
    }
}

#[test]
fn pages_follow_the_order_of_time() {
    let scene = scene();
    let mut query = Query::new();
    query.min_level = Some(Level::Medium);
    let all = ids(&scene.store, &query);
    query.limit = Some(100);
    query.page_after = Some(all[99]);
    assert_eq!(ids(&scene.store, &query), &all[100..200]);
    query.page_after = Some(9999);
    assert!(scene.store.rows(&query).is_err());
}

#[test]
fn pruned_rows_leave_the_index_too() {
    let mut scene = scene();
    scene.store.index_text().unwrap();
    assert_eq!(scene.store.text_index_difference().unwrap(), (0, 0));
    scene.store.prune(&Prune::new(DAY + 1000 * SECOND), &mut |_| {}).unwrap();
    assert_eq!(scene.store.text_index_difference().unwrap(), (0, 0));
    let mut query = Query::new();
    query.text = Some("status".into());
    assert!(ids(&scene.store, &query).into_iter().all(|id| id > 1000));
    // Somebody who blinds the search is found.
    scene.sqlite().execute_batch("DELETE FROM command_text_docsize WHERE id BETWEEN 2000 AND 2009").unwrap();
    assert_eq!(scene.store.text_index_difference().unwrap(), (10, 0));
}

#[test]
fn a_secret_that_is_not_kept_is_not_in_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = StoreOptions::default();
    options.redact = true;
    let mut store = Store::open(folder.path().join("monitor.db"), options).unwrap();
    let mut record = shmon_core::record::Record::default();
    record.event = event(0, "mysql -pS3cret");
    record.verdict.redacted = Some("mysql -p***".into());
    store.commit(&[Entry::Command(Box::new(record), Vec::new())]).unwrap();
    store.index_text().unwrap();
    let count = |text: &str| {
        let mut query = Query::new();
        query.text = Some(text.into());
        store.count(&query).unwrap()
    };
    assert_eq!((count("S3cret"), count("mysql -p***")), (0, 1));
}

#[test]
fn sessions_are_listed_with_their_counts() {
    let mut scene = scene();
    let sessions = scene.store.sessions(&SessionQuery::new()).unwrap();
    let names: Vec<&str> = sessions.iter().map(|s| s.session_id.as_str()).collect();
    assert_eq!(names, ["s4", "s3", "s2", "s1", "s0"]);
    assert_eq!((sessions[0].commands(), sessions[0].counts), (600, [150; 4]));
    assert_eq!((sessions[0].worst, sessions[0].tty.as_deref()), (Level::Critical, Some("/dev/pts/0")));
    assert_eq!((sessions[4].started_at, sessions[4].last_at), (DAY, DAY + 2995 * SECOND));
    let mut query = SessionQuery::new();
    query.limit = Some(2);
    query.page_after = Some("s3".into());
    let page: Vec<String> = scene.store.sessions(&query).unwrap().into_iter().map(|s| s.session_id).collect();
    assert_eq!(page, ["s2", "s1"]);
    query = SessionQuery::new();
    query.since = Some(DAY + 2998 * SECOND);
    query.tty = Some("pts/0".into());
    assert_eq!(scene.store.sessions(&query).unwrap().len(), 2);
    query.user = Some("nobody".into());
    assert_eq!(scene.store.sessions(&query).unwrap().len(), 0);
    // Pruning takes rows out of the counts, and sessions without rows away.
    scene.store.prune(&Prune::new(DAY + 1000 * SECOND), &mut |_| {}).unwrap();
    let session = scene.store.session("s0").unwrap().unwrap();
    assert_eq!((session.commands(), session.counts), (400, [100; 4]));
    scene.store.prune(&Prune::new(DAY + 2997 * SECOND), &mut |_| {}).unwrap();
    let left: Vec<String> =
        scene.store.sessions(&SessionQuery::new()).unwrap().into_iter().map(|s| s.session_id).collect();
    assert_eq!(left, ["s4", "s3", "s2"]);
}

#[test]
fn lineage_goes_up_and_down_and_never_in_circles() {
    let mut scene = Scene::new();
    let of = |n: usize, session: &str, parent: Option<&str>| {
        let mut event: Event = event(n, "x");
        event.session_id = session.into();
        event.parent_session = parent.map(str::to_owned);
        entry(event, Level::Low)
    };
    scene.add(&[
        of(0, "login", Some("before")),
        of(1, "su", Some("login")),
        of(2, "tmux", Some("su")),
        of(3, "b", Some("su")),
    ]);
    let lineage = scene.store.lineage("su").unwrap();
    assert_eq!(
        (lineage.ancestors, lineage.children),
        (vec!["login".into(), "before".into()], vec!["tmux".into(), "b".into()])
    );
    scene
        .sqlite()
        .execute_batch("UPDATE sessions SET parent_session = 'tmux' WHERE session_id = 'login'")
        .unwrap();
    assert_eq!(scene.store.lineage("tmux").unwrap().ancestors, ["su", "login", "tmux"]);
    let like: Vec<String> =
        scene.store.sessions_like("t", 2).unwrap().into_iter().map(|s| s.session_id).collect();
    assert_eq!(like, ["tmux"]);
}

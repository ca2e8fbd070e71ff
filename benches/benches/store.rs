//! The record at growing sizes: rows per second, bytes per row, verification, proofs and searches.
//!
//! One database grows to 10^4, 10^5, … rows, up to `SHMON_BENCH_ROWS` (100,000 without it), and is measured at each size.
//! Times are of a warm cache; the median of several runs, and the worst.

use shmon_benches::{Random, commands};
use shmon_core::config::Durability;
use shmon_core::record::{Event, Record};
use shmon_core::store::{Entry, Query, SessionQuery, Store, StoreOptions};
use shmon_core::{Classifier, Level};
use std::path::Path;
use std::time::{Duration, Instant};

const SECOND: i64 = 1_000_000_000;
/// 2025-01-01 00:00:00 UTC.
const START: i64 = 1_735_689_600 * SECOND;
/// Rows of one commit while the database grows, as a busy recorder has them.
const GROUP: usize = 1000;

/// Makes rows: twenty users, of whom one has half of all rows, and one hardly any; a session of some hundred commands; a
/// command every few seconds; every hundredth dangerous.
struct Rows {
    corpus: Vec<String>,
    nmap: shmon_core::Verdict,
    random: Random,
    next: usize,
}

impl Rows {
    fn new() -> Rows {
        let nmap = Classifier::builtin().classify(b"nmap -sV target.example.com");
        Rows { corpus: commands(2000, 1), nmap, random: Random::new(7), next: 0 }
    }

    fn entry(&mut self) -> Entry {
        let n = self.next;
        self.next += 1;
        let user = match self.random.below(1000) {
            0 if n.is_multiple_of(100) => "rare".to_owned(),
            0..500 => "user0".to_owned(),
            k => format!("user{}", k % 18 + 1),
        };
        let mut event = Event::default();
        event.key = format!("b:{n}");
        event.session_id = format!("{user}-{}", n / 4000);
        event.command = match n % 1000 {
            999 => format!("nmap -sV target-{n}.example.com"),
            500 => format!("echo 設定ファイルを削除しました {n}"),
            _ => format!("{} {}", self.corpus[n % self.corpus.len()], n / 7),
        }
        .into_bytes();
        event.working_directory = format!("/home/{user}/project{}", self.random.below(30));
        event.started_at = START + n as i64 * 3 * SECOND;
        event.duration = Some(self.random.below(1_000_000_000) as i64);
        event.exit_status = Some(i32::from(self.random.below(20) == 0));
        event.user = user;
        event.uid = Some(1000);
        event.host = "web-1.example.com".into();
        event.tty = Some("/dev/pts/3".into());
        event.pid = Some(4000);
        event.shell = "bash".into();
        let mut verdict = if n % 1000 == 999 { self.nmap.clone() } else { shmon_core::Verdict::default() };
        if n % 1000 != 999 && n.is_multiple_of(100) {
            verdict.level = [Level::Medium, Level::High, Level::Critical][n / 100 % 3];
        }
        Entry::Command(Box::new(Record::new(event, verdict)), Vec::new())
    }

    fn batch(&mut self, count: usize) -> Vec<Entry> {
        (0..count).map(|_| self.entry()).collect()
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let value = work();
    (value, began.elapsed())
}

/// Time that went by, and time that this program had a processor in all its threads: the second is the same on a busy
/// machine.
#[derive(Clone, Copy, Default)]
struct Cost {
    wall: Duration,
    processor: Duration,
}

fn processor() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn cost<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let began = processor();
    let (value, wall) = timed(work);
    (value, Cost { wall, processor: processor().saturating_sub(began) })
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, more: Cost) {
        self.wall += more.wall;
        self.processor += more.processor;
    }
}

fn per_second(rows: usize, cost: Cost) -> String {
    let each = |time: Duration| time.as_secs_f64() * 1e6 / rows as f64;
    format!(
        "{:.0} rows/s ({:.1} µs a row, {:.1} of a processor)",
        rows as f64 / cost.wall.as_secs_f64(),
        each(cost.wall),
        each(cost.processor)
    )
}

/// Median and worst of some runs, and the median of the processor's time, in milliseconds.
fn median(mut work: impl FnMut()) -> String {
    let costs: Vec<Cost> = (0..9).map(|_| cost(&mut work).1).collect();
    let sorted = |of: fn(&Cost) -> Duration| {
        let mut times: Vec<f64> = costs.iter().map(|cost| of(cost).as_secs_f64() * 1e3).collect();
        times.sort_by(f64::total_cmp);
        times
    };
    let (wall, processor) = (sorted(|cost| cost.wall), sorted(|cost| cost.processor));
    format!("{:.2} ms (worst {:.2}; {:.2} of a processor)", wall[4], wall[8], processor[4])
}

fn options(durability: Durability) -> StoreOptions {
    let mut options = StoreOptions::default();
    options.durability = durability;
    options.lock_timeout = Some(Duration::from_secs(120));
    options
}

fn writing() {
    println!("| writers | commits | durability | rate |\n| --- | --- | --- | --- |");
    for (writers, commits, group, durability) in [
        (1, 2000, 1, Durability::Normal),
        (1, 500, 1, Durability::Full),
        (1, 100, GROUP, Durability::Normal),
        (100, 50, 1, Durability::Normal),
        (100, 5, 1, Durability::Full),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("monitor.db");
        drop(Store::open(&path, options(durability)).expect("a database"));
        let mut rows = Rows::new();
        let work: Vec<(Store, Vec<Vec<Entry>>)> = (0..writers)
            .map(|_| {
                let store = Store::open(&path, options(durability)).expect("a database");
                (store, (0..commits).map(|_| rows.batch(group)).collect())
            })
            .collect();
        let ((), time) = cost(|| {
            std::thread::scope(|scope| {
                for (mut store, batches) in work {
                    scope.spawn(move || {
                        for batch in batches {
                            store.commit(&batch).expect("a commit");
                        }
                    });
                }
            });
        });
        let rate = per_second(writers * commits * group, time);
        println!("| {writers} | of {group} | {durability:?} | {rate} |");
    }
}

/// What the text index adds to a row.
fn indexing(store: &mut Store, rows: &mut Rows) {
    store.index_text().expect("an index");
    let (mut commit, mut index) = (Cost::default(), Cost::default());
    for _ in 0..10 {
        // One thousand rows wait, which is too few for the commit itself to take them.
        let batch = rows.batch(GROUP);
        commit += cost(|| store.commit(&batch).expect("a commit")).1;
        let (count, time) = cost(|| store.index_text().expect("an index"));
        assert_eq!(count, GROUP as u64);
        index += time;
    }
    let each = |cost: Cost| cost.processor.as_secs_f64() * 1e6 / 10.0 / GROUP as f64;
    println!(
        "\nA row costs {:.1} µs of a processor, its place in the text index {:.1} µs more.",
        each(commit),
        each(index)
    );
}

fn searches(store: &Store, size: usize) {
    let query = |change: &dyn Fn(&mut Query)| {
        let mut query = Query::new();
        query.limit = Some(50);
        change(&mut query);
        query
    };
    let end = START + size as i64 * 3 * SECOND;
    let day = 86_400 * SECOND;
    let all: [(&str, Query); 14] = [
        ("newest page", query(&|_| {})),
        ("text: one row", query(&|q| q.text = Some(format!("target-{}.", size / 2000 * 1000 + 999)))),
        ("text: every thousandth row", query(&|q| q.text = Some("nmap -sV".into()))),
        ("text: Japanese", query(&|q| q.text = Some("を削除し".into()))),
        ("text: in many rows", query(&|q| q.text = Some("/var/log".into()))),
        ("text: in no row, of common parts", query(&|q| q.text = Some("/var/log/hosts systemctl".into()))),
        ("text of 2 characters", query(&|q| q.text = Some("ps".into()))),
        ("text of 2 characters, rare", query(&|q| q.text = Some("設定".into()))),
        (
            "rare user, text in many rows",
            query(&|q| {
                (q.user, q.text) = (Some("rare".into()), Some("/var/log".into()));
            }),
        ),
        (
            "user with half of all, rule",
            query(&|q| {
                (q.user, q.rule) = (Some("user0".into()), Some("reconnaissance".into()));
            }),
        ),
        (
            "high and above, one day",
            query(&|q| {
                (q.min_level, q.since, q.until) = (Some(Level::High), Some(end - 2 * day), Some(end - day));
            }),
        ),
        (
            "folder, failed",
            query(&|q| {
                (q.directory, q.failed) = (Some("/home/user3/project7".into()), true);
            }),
        ),
        ("page in the middle", query(&|q| q.page_after = Some(size as i64 / 2))),
        (
            "user's page in the middle",
            query(&|q| {
                (q.page_after, q.user) = (Some(size as i64 / 2), Some("user0".into()));
            }),
        ),
    ];
    for (name, query) in all {
        let found = store.rows(&query).expect("rows").count();
        let time = median(|| {
            store.rows(&query).expect("rows").for_each(drop);
        });
        println!("| {size} | search, {name}: {found} rows | {time} |");
    }
    let mut query = Query::new();
    query.text = Some("nmap -sV".into());
    println!(
        "| {size} | count of a text | {} |",
        median(|| {
            store.count(&query).expect("a count");
        })
    );
    let mut sessions = SessionQuery::new();
    sessions.limit = Some(50);
    println!("| {size} | sessions | {} |", median(|| drop(store.sessions(&sessions).expect("sessions"))));
    println!(
        "| {size} | proof of one row | {} |",
        median(|| drop(store.proof(size as i64 / 2, None).expect("a proof")))
    );
}

/// Every filter alone and with every other: no pair may be slow, also where both pass many rows and no row passes both.
fn combinations(store: &Store, size: usize) {
    type Filter = Box<dyn Fn(&mut Query)>;
    let end = START + size as i64 * 3 * SECOND;
    let day = 86_400 * SECOND;
    let user = |name: &'static str| -> Filter { Box::new(move |q| q.user = Some(name.into())) };
    let folder = |name: &'static str| -> Filter { Box::new(move |q| q.directory = Some(name.into())) };
    let text = |name: &'static str| -> Filter { Box::new(move |q| q.text = Some(name.into())) };
    let rule = |name: &'static str| -> Filter { Box::new(move |q| q.rule = Some(name.into())) };
    // A kind of filter, its name, what it does to a query. Two of a kind exclude each other.
    let filters: Vec<(u8, &str, Filter)> = vec![
        (0, "user of half of all", user("user0")),
        (0, "user of a fortieth", user("user3")),
        (0, "rare user", user("rare")),
        (1, "session", Box::new(move |q| q.session = Some(format!("user3-{}", size / 8000)))),
        (2, "host of all", Box::new(|q| q.host = Some("web-1.example.com".into()))),
        (2, "host of none", Box::new(|q| q.host = Some("web-2.example.com".into()))),
        (3, "folder of half of all", folder("/home/user0")),
        (3, "folder of a fortieth", folder("/home/user5")),
        (3, "folder of few", folder("/home/user5/project7")),
        (4, "level high", Box::new(|q| q.level = Some(Level::High))),
        (4, "level medium and above", Box::new(|q| q.min_level = Some(Level::Medium))),
        (5, "rule", rule("reconnaissance")),
        (5, "rule of none", rule("destruction")),
        (6, "exit status 1", Box::new(|q| q.exit_status = Some(1))),
        (6, "exit status 7", Box::new(|q| q.exit_status = Some(7))),
        (6, "failed", Box::new(|q| q.failed = true)),
        (7, "one day", Box::new(move |q| (q.since, q.until) = (Some(end - 9 * day), Some(end - 8 * day)))),
        (7, "first half", Box::new(move |q| q.until = Some(START + size as i64 * 3 / 2 * SECOND))),
        (8, "text of many", text("/var/log")),
        (8, "text of few", text("nmap -sV")),
        (8, "text of none", text("/var/log/hosts systemctl")),
        (8, "2 characters of many", text("ps")),
        (8, "2 characters of few", text("設定")),
        (9, "not excluded", Box::new(|q| q.hide_excluded = true)),
        (10, "ids of the first half", Box::new(move |q| q.before_id = Some(size as i64 / 2))),
        (11, "oldest first", Box::new(|q| q.order = shmon_core::store::Order::Oldest)),
        (12, "page in the middle", Box::new(move |q| q.page_after = Some(size as i64 / 2))),
    ];
    let mut times = Vec::new();
    for (n, (kind, name, first)) in filters.iter().enumerate() {
        for (other, with, second) in &filters[n..] {
            if kind == other && name != with {
                continue;
            }
            let mut query = Query::new();
            query.limit = Some(50);
            first(&mut query);
            second(&mut query);
            let mut runs: Vec<Duration> = (0..3)
                .map(|_| cost(|| store.rows(&query).expect("rows").for_each(drop)).1.processor)
                .collect();
            runs.sort();
            let name = if name == with { (*name).to_owned() } else { format!("{name}, {with}") };
            times.push((runs[1], name));
        }
    }
    times.sort_by(|a, b| b.cmp(a));
    let below = |ms| times.iter().filter(|(time, _)| *time < Duration::from_millis(ms)).count();
    println!(
        "| {size} | {} pairs of filters | {} below 1 ms, {} below 10, {} below 50 |",
        times.len(),
        below(1),
        below(10),
        below(50)
    );
    for (time, name) in times.iter().take(12) {
        println!("| {size} | slow pair: {name} | {:.2} ms |", time.as_secs_f64() * 1e3);
    }
}

fn bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

fn growing(most: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("monitor.db");
    let mut store = Store::open(&path, options(Durability::Normal)).expect("a database");
    let mut rows = Rows::new();
    println!("\n| rows | what | |\n| --- | --- | --- |");
    let mut size = 10_000;
    while size <= most {
        let from = rows.next;
        let mut time = Cost::default();
        while rows.next < size {
            let batch = rows.batch(GROUP.min(size - rows.next));
            time += cost(|| store.commit(&batch).expect("a commit")).1;
        }
        store.index_text().expect("an index");
        store.checkpoint().expect("a checkpoint");
        println!("| {size} | commits of {GROUP} | {} |", per_second(size - from, time));
        println!("| {size} | bytes of a row, with indexes and evidence | {} |", bytes(&path) / size as u64);
        let (report, time) = cost(|| store.verify(&[], &mut |_, _| {}).expect("a report"));
        assert!(report.problems.is_empty(), "{report:?}");
        println!("| {size} | verify | {:.2} s, {} |", time.wall.as_secs_f64(), per_second(size, time));
        searches(&store, size);
        combinations(&store, size);
        size *= 10;
    }
    indexing(&mut store, &mut rows);
}

fn main() {
    // A record that was kept, for another look at its searches.
    if let Some(kept) = std::env::var_os("SHMON_BENCH_RECORD") {
        let store = Store::open_read(Path::new(&kept)).expect("a record");
        let size = usize::try_from(store.last_id().expect("a row")).unwrap_or(0);
        searches(&store, size);
        return combinations(&store, size);
    }
    let most = std::env::var("SHMON_BENCH_ROWS").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    writing();
    growing(most);
}

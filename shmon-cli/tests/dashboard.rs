//! The record in a browser: `shmon report --format html` and `shmon serve`.

mod record;

use shmon_core::record::{Event, Record};
use shmon_core::store::{Entry, Store, StoreOptions};
use shmon_core::{Classifier, time};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

const DAY: &str = "2025-06-28";

/// 120 commands of one day, some of them meant to become markup.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path().join("db/monitor.db"), StoreOptions::default()).unwrap();
    let start = time::parse_local(&format!("{DAY} 08:50:30")).unwrap();
    let entries: Vec<Entry> = (0..120_i64)
        .map(|n| {
            let mut event = Event::default();
            event.key = format!("k{n}");
            event.session_id = format!("s{}", n % 2);
            event.command = match n {
                117 => b"nmap -sV target.example.com".to_vec(),
                118 => b"rm -rf / # <script>alert(1)</script>".to_vec(),
                119 => "echo '設定を削除' \"><img src=x onerror=alert(1)>".into(),
                n => format!("make target-{n}").into_bytes(),
            };
            event.user = if n == 118 { "<b>mallory</b>".into() } else { "ann".into() };
            event.host = "web-1".into();
            event.started_at = start + n * 60_000_000_000;
            let verdict = Classifier::builtin().classify(&event.command);
            Entry::Command(Box::new(Record::new(event, verdict)), Vec::new())
        })
        .collect();
    store.commit(&entries).unwrap();
    store.checkpoint().unwrap();
    home
}

/// A page that runs nothing, loads nothing, and shows what others typed as text.
#[track_caller]
fn is_harmless(page: &str) {
    let (head, body) = page.split_once("<body>").expect("a page");
    assert!(head.contains("default-src 'none'"), "{head}");
    for markup in ["<script", "<img", "<b>mallory", "<link", "<iframe", "javascript:", "://"] {
        assert!(!body.contains(markup), "{markup}: {body}");
    }
    assert!(!head.contains("url(") && !head.contains("@import"), "{head}");
}

#[test]
fn a_page_needs_nothing_beside_itself() {
    let home = home();
    let page = record::says(home.path(), 0, &["report", "--format", "html", "--date", DAY]);
    is_harmless(&page);
    for text in [
        "The record is as it was written: 120 rows",
        "<svg class=\"chart\"",
        "<title>2025-06-28 10  low 48  high 1  critical 1",
        "rm -rf / # &lt;script&gt;alert(1)&lt;/script&gt;",
        "&lt;b&gt;mallory&lt;/b&gt;@web-1",
        "(destruction.",
        "shmon/",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let ja = record::says(
        home.path(),
        0,
        &["report", "--format", "html", "--date", DAY, "--period", "month", "--lang", "ja", "--no-verify"],
    );
    is_harmless(&ja);
    assert!(ja.contains("<html lang=\"ja\">") && ja.contains("2025-06-01 – 2025-06-30"), "{ja}");
    assert!(!ja.contains("照合") && ja.contains("危険なコマンド"), "{ja}");
    // Somebody edits the record.
    let db = rusqlite::Connection::open(home.path().join("db/monitor.db")).unwrap();
    db.execute_batch("UPDATE command_logs SET command = 'ls' WHERE id = 119").unwrap();
    let page = record::says(home.path(), 0, &["report", "--format", "html", "--date", DAY]);
    assert!(page.contains("note bad") && page.contains("row 119 is not as it was recorded"), "{page}");
}

/// `shmon serve` on a free port; it ends with its owner.
struct Served {
    child: Child,
    port: u16,
    token: String,
}

impl Served {
    fn start(home: &tempfile::TempDir) -> Served {
        let mut command = record::command(home.path(), &["serve", "--port", "0"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let rest = line.trim().strip_prefix("http://127.0.0.1:").expect("an address");
        let (port, token) = rest.split_once("/?token=").expect("a token");
        Served { port: port.parse().unwrap(), token: token.to_owned(), child }
    }

    /// What a request gets, head and body.
    fn ask(&self, head: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// What somebody who is let in gets for a path.
    fn get(&self, path: &str) -> String {
        let Served { port, token, .. } = self;
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: a=b; shmon-{port}={token}\r\n\r\n"
        ))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn only_who_has_the_token_is_served() {
    let home = home();
    let served = Served::start(&home);
    let port = served.port;
    let status = |head: &str| served.ask(head)["HTTP/1.1 ".len()..][..3].to_owned();
    let host = format!("Host: 127.0.0.1:{port}\r\n");
    assert_eq!(status(&format!("GET / HTTP/1.1\r\n{host}\r\n")), "403");
    assert_eq!(status(&format!("GET /?token=0 HTTP/1.1\r\n{host}\r\n")), "403");
    assert_eq!(status(&format!("GET / HTTP/1.1\r\n{host}Cookie: shmon-{port}=0\r\n\r\n")), "403");
    // With a name that somebody else pointed here, even the token opens nothing.
    let token = &served.token;
    for name in [format!("evil.example.com:{port}"), "127.0.0.1".into(), format!("127.0.0.1.:{port}")] {
        assert_eq!(status(&format!("GET /?token={token} HTTP/1.1\r\nHost: {name}\r\n\r\n")), "421", "{name}");
    }
    assert_eq!(status(&format!("GET /?token={token} HTTP/1.1\r\n\r\n")), "400", "no host");
    assert_eq!(status(&format!("POST /?token={token} HTTP/1.1\r\n{host}\r\n")), "405");
    assert_eq!(status(&format!("GET / HTTP/1.1\r\n{host}X: {}\r\n\r\n", "x".repeat(20_000))), "431");
    assert_eq!(status("\u{1}\r\n\r\n"), "400");
    let answer = served.ask(&format!("GET /?token={token} HTTP/1.1\r\n{host}\r\n"));
    assert!(answer.starts_with("HTTP/1.1 303 ") && answer.contains("\r\nLocation: /\r\n"), "{answer}");
    assert!(
        answer.contains(&format!("Set-Cookie: shmon-{port}={token}; HttpOnly; SameSite=Strict; Path=/\r\n")),
        "{answer}"
    );
}

#[test]
fn its_pages_show_the_record() {
    let home = home();
    let served = Served::start(&home);
    let page = |path: &str| {
        let answer = served.get(path);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
        assert!(
            head.starts_with("HTTP/1.1 200 ") && head.contains("frame-ancestors 'none'"),
            "{path}: {head}"
        );
        is_harmless(body);
        body.to_owned()
    };
    assert!(page(&format!("/?date={DAY}")).contains("rm -rf / # &lt;script&gt;"));
    assert!(page(&format!("/?date={DAY}&period=week")).contains("2025-06-23 – 2025-06-29"));
    let found = page("/search?q=%E3%82%92%E5%89%8A%E9%99%A4");
    assert!(found.contains("設定を削除") && !found.contains("nmap"), "{found}");
    assert!(page("/search?min_level=high&user=ann").contains("nmap -sV"));
    assert!(page("/search?q=nowhere").contains("Nothing was found."));
    // What was asked for stands in the form again, and the way to the next page keeps it.
    let first = page("/search?q=target&user=ann");
    assert!(first.contains("value=\"target\"") && first.contains("make target-68<"), "{first}");
    let next =
        first.split_once("href=\"/search?q=target&amp;user=ann&amp;page_after=").expect("a next page").1;
    let next = next.split_once('"').unwrap().0;
    let second = page(&format!("/search?q=target&user=ann&page_after={next}"));
    assert!(second.contains("make target-67<") && !second.contains("make target-68<"), "{second}");
    let live = page("/live");
    assert!(live.contains("http-equiv=\"refresh\"") && live.contains("設定を削除"), "{live}");
    assert!(page("/verify").contains("The record is as it was written"));
    for (path, status) in [
        ("/nowhere", "404"),
        ("/search?since=someday", "400"),
        ("/search?min_level=x", "400"),
        ("/?period=x", "400"),
        ("/?date=2025-13-01", "400"),
    ] {
        assert_eq!(&served.get(path)["HTTP/1.1 ".len()..][..3], status, "{path}");
    }
}

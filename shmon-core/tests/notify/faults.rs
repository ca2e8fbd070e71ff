//! The table of faults: a room that fails once, and what becomes of the message.

use crate::support::home::{Bed, START, alert};
use crate::support::http::{Reply, Server};
use crate::support::{queue, tls};
use serde::Deserialize;
use serde_json::json;
use shmon_core::Level;
use shmon_core::store::outbox::State;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
    /// Faults with a test of their own.
    #[serde(default)]
    own: Vec<Own>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    name: String,
    test: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    reply: String,
    /// How many posts in a row get it.
    #[serde(default = "one")]
    times: usize,
    #[serde(default)]
    accepted: bool,
    state: String,
    reason: String,
    end: String,
    room: usize,
    posts: usize,
}

fn one() -> usize {
    1
}

/// A room as ChatWork has it: posts, and the list of them.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pub(crate) messages: Vec<String>,
    pub(crate) posts: usize,
}

impl Room {
    /// A server for the room; `first` says what the first post gets, and whether it is taken.
    pub(crate) fn serve(first: Option<(Reply, bool)>) -> (Server, Arc<Mutex<Room>>) {
        Room::serve_many(first, 1)
    }

    /// The same, with `times` posts that get it.
    fn serve_many(first: Option<(Reply, bool)>, times: usize) -> (Server, Arc<Mutex<Room>>) {
        let room = Arc::new(Mutex::new(Room::default()));
        let shared = room.clone();
        let server = Server::start(move |request| {
            let mut room = shared.lock().unwrap();
            if request.method == "GET" {
                let list: Vec<_> = room
                    .messages
                    .iter()
                    .enumerate()
                    .map(|(n, body)| json!({"message_id": n.to_string(), "body": body}))
                    .collect();
                return Reply::json(200, &json!(list));
            }
            room.posts += 1;
            let body = request.form("body").expect("a body");
            if let (Some((reply, accepted)), true) = (&first, room.posts <= times) {
                if *accepted {
                    room.messages.push(body);
                }
                return reply.clone();
            }
            room.messages.push(body);
            Reply::json(200, &json!({"message_id": (room.messages.len() - 1).to_string()}))
        });
        (server, room)
    }
}

fn reply(name: &str) -> Option<Reply> {
    Some(match name {
        "hang" => Reply::Hang,
        "hang-body" => Reply::HangInBody(b"{\"message_id\":\"0\"}".to_vec()),
        "cut-body" => Reply::CutBody(b"{\"message_id\":\"0\"}".to_vec()),
        "close" => Reply::Close,
        "garbage" => Reply::text(200, "<html>welcome to our hotel</html>"),
        "not-http" => Reply::Garbage(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()),
        "429-after" => Reply::text(429, "").with("Retry-After", "120"),
        "429-reset" => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
            Reply::text(429, "")
                .with("X-RateLimit-Limit", "300")
                .with("X-RateLimit-Remaining", "0")
                .with("X-RateLimit-Reset", &(now + 120).to_string())
        }
        "429-date" => {
            let then = jiff::Timestamp::now() + Duration::from_secs(120);
            let date = then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            Reply::text(429, "").with("Retry-After", &date)
        }
        "302" => Reply::text(302, "").with("Location", "http://127.0.0.1:1/"),
        status => match status.parse() {
            Ok(status) => Reply::json(status, &json!({"errors": ["of the test"]})),
            Err(_) => return None,
        },
    })
}

#[test]
fn table() {
    let table: Table = toml::from_str(include_str!("faults.toml")).unwrap();
    for case in table.case {
        let name = &case.name;
        let (server, room) = Room::serve_many(reply(&case.reply).map(|r| (r, case.accepted)), case.times);
        let closed = queue::Closed::new();
        let full = (case.reply == "hang-connect").then(queue::Full::new);
        let dir = tempfile::tempdir().unwrap();
        let strange = Server::with_tls(Some(tls::server(&dir.path().join("ca.pem"))), |_| Reply::Close);
        let base = match case.reply.as_str() {
            "hang-connect" => format!("http://{}", full.as_ref().unwrap().address),
            "refused" => format!("http://{}", closed.address),
            "dns" => "https://chatwork.invalid".to_owned(),
            "tls" => strange.url(),
            "not-tls" => format!("https://localhost:{}", server.address().port()),
            _ => server.url(),
        };
        // What hangs has to be waited for; everything else takes as long as a busy machine needs.
        let timeout = match case.reply.as_str() {
            "hang-connect" => 2,
            "hang" | "hang-body" => 5,
            _ => 60,
        };
        let mut bed = Bed::new(&format!(
            "[notify]\ntimeout = '{timeout}s'\n[notify.chatwork]\nroom_id = 1\ntoken_file = 'token'\napi_base = '{base}'"
        ));
        bed.add("chatwork", &alert(Level::Critical, 18));
        // The first attempt alone: the clock stands, so nothing that waits is due.
        let delivery = bed.run();
        let one = bed.all()[0].clone();
        assert_eq!(one.state.as_str(), case.state, "{name}: {one:?}");
        let reason = one.error.as_deref().unwrap_or("");
        assert!(reason.contains(&case.reason), "{name}: {reason}");
        assert!(!reason.contains("t0ken"), "{name}: {reason}");
        if one.state == State::Pending || one.state == State::Unknown {
            assert!(delivery.next_due.is_some_and(|due| due > START), "{name}: {delivery:?}");
        }
        if case.reply.starts_with("429-") {
            // The reset is by the service's clock, of which a few seconds have gone by.
            assert!(delivery.next_due.is_some_and(|due| due >= START + 100_000_000_000), "{delivery:?}");
        }
        // A hang costs real time.
        bed.run_for(Duration::from_secs(if full.is_some() { 60 } else { 3600 }));
        let one = bed.all()[0].clone();
        assert_eq!(one.state.as_str(), case.end, "{name}: {one:?}");
        let room = room.lock().unwrap();
        assert_eq!(room.messages.len(), case.room, "{name}");
        assert_eq!(room.posts, case.posts, "{name}");
        if one.state == State::Sent {
            assert!(one.message_id.is_some(), "{name}");
        }
        // However long it lasts, the log tells a fault once.
        assert!(bed.log().matches("WARNING").count() <= 1, "{name}: {}", bed.log());
    }
}

/// What people read is what is tested: the same faults, under the same names, here and in the documentation.
#[test]
fn the_documentation_has_the_same_faults() {
    let table: Table = toml::from_str(include_str!("faults.toml")).unwrap();
    let docs = include_str!("../../../docs/notify.md");
    let section = docs.split("\n## ").find(|s| s.starts_with("Faults\n")).expect("a section of faults");
    let row = |line: &str| line.strip_prefix("| ")?.split(" | ").next().map(str::to_owned);
    let told: Vec<String> =
        section.lines().filter_map(row).filter(|n| n != "fault" && !n.starts_with("---")).collect();
    let tested: Vec<String> =
        table.case.into_iter().map(|c| c.name).chain(table.own.iter().map(|o| o.name.clone())).collect();
    assert_eq!(told, tested, "the names, in the same order");
    for own in table.own {
        let (file, name) = own.test.split_once("::").expect("FILE::TEST");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(text.contains(&format!("#[test]\nfn {name}()")), "{}: no test {name}", own.name);
    }
}

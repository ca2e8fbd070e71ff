//! The table of faults: a room that fails once, and what becomes of the message.

use crate::support::home::{Bed, START, alert};
use crate::support::http::{Reply, Server};
use crate::support::tls;
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
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    reply: String,
    #[serde(default)]
    accepted: bool,
    state: String,
    reason: String,
    end: String,
    room: usize,
    posts: usize,
}

/// A room as ChatWork has it: posts, and the list of them.
#[derive(Default)]
pub(crate) struct Room {
    pub(crate) messages: Vec<String>,
    pub(crate) posts: usize,
}

impl Room {
    /// A server for the room; `first` says what the first post gets, and whether it is taken.
    pub(crate) fn serve(first: Option<(Reply, bool)>) -> (Server, Arc<Mutex<Room>>) {
        let room = Arc::new(Mutex::new(Room::default()));
        let shared = room.clone();
        let mut first = first;
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
            if let Some((reply, accepted)) = first.take() {
                if accepted {
                    room.messages.push(body);
                }
                return reply;
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
        let (server, room) = Room::serve(reply(&case.reply).map(|r| (r, case.accepted)));
        let dir = tempfile::tempdir().unwrap();
        let strange = Server::with_tls(Some(tls::server(&dir.path().join("ca.pem"))), |_| Reply::Close);
        let base = match case.reply.as_str() {
            // Nobody listens on the port of a listener that is gone.
            "refused" => {
                let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
                format!("http://{}", gone.local_addr().unwrap())
            }
            "dns" => "https://chatwork.invalid".to_owned(),
            "tls" => strange.url(),
            "not-tls" => format!("https://localhost:{}", server.address().port()),
            _ => server.url(),
        };
        let mut bed = Bed::new(&format!(
            "[notify]\ntimeout = '1s'\n[notify.chatwork]\nroom_id = 1\ntoken_file = 'token'\napi_base = '{base}'"
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
        if case.reply == "429-after" {
            assert!(delivery.next_due.is_some_and(|due| due >= START + 120_000_000_000), "{delivery:?}");
        }
        bed.run_for(Duration::from_secs(3600));
        let one = bed.all()[0].clone();
        assert_eq!(one.state.as_str(), case.end, "{name}: {one:?}");
        let room = room.lock().unwrap();
        assert_eq!(room.messages.len(), case.room, "{name}");
        assert_eq!(room.posts, case.posts, "{name}");
        if one.state == State::Sent {
            assert!(one.message_id.is_some(), "{name}");
        }
    }
}

//! The wire format of each sink: what the service gets, and what its answer means.

use crate::support::home::{Bed, alert};
use crate::support::http::{Reply, Request, Server};
use crate::support::{smtp, tls};
use serde_json::{Value, json};
use shmon_core::Level;
use shmon_core::store::outbox::{Payload, State};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::Duration;

/// One message through one sink of an HTTP service: the request, and the message's id.
pub(crate) fn through(table: &str, reply: Reply, payload: &Payload) -> (Request, Option<String>) {
    let server = Server::start(move |_| reply.clone());
    let (mut bed, sink) = bed(table, &server.url());
    bed.add(&sink, payload);
    let delivery = bed.run();
    assert_eq!((delivery.sent, delivery.failed, delivery.dead), (1, 0, 0), "{:?}", bed.all());
    let one = &bed.all()[0];
    assert_eq!(one.state, State::Sent);
    assert_eq!(bed.log().lines().count(), 1, "{}", bed.log());
    (server.request(), one.message_id.clone())
}

/// A home with one sink; `URL` in the table stands for the server, and the file `url` holds `URL/hook`.
fn bed(table: &str, url: &str) -> (Bed, String) {
    let sink = table.split(['[', ']', '.']).nth(2).expect("[notify.SINK]").to_owned();
    let bed = Bed::new(&format!("name = 'SSH Monitor'\n{}", table.replace("URL", url)));
    bed.secret("url", &format!("{url}/hook"));
    bed.secret("webhook", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    (bed, sink)
}

fn high() -> Payload {
    alert(Level::High, 18)
}

#[test]
fn slack() {
    let (request, id) = through("[notify.slack]\nurl_file = 'url'", Reply::text(200, "ok"), &high());
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/hook"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    let body = request.json();
    assert!(
        body["text"].as_str().unwrap().starts_with("⚠️ HIGH RISK - SSH Monitor\n📅 2025-06-28 08:50:30\n")
    );
    assert_eq!(body["mrkdwn"], json!(false));
    assert_eq!(id, None);
}

#[test]
fn discord() {
    let reply = Reply::json(200, &json!({"id": "998877"}));
    let (request, id) = through("[notify.discord]\nurl_file = 'url'", reply, &high());
    assert_eq!(request.path, "/hook?wait=true");
    assert_eq!(request.json()["allowed_mentions"], json!({"parse": []}));
    assert_eq!(id.as_deref(), Some("998877"));
}

#[test]
fn teams() {
    let (request, _) = through("[notify.teams]\nurl_file = 'url'", Reply::text(202, ""), &high());
    let body = request.json();
    assert_eq!(body["type"], "message");
    let card = &body["attachments"][0];
    assert_eq!(card["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!(card["content"]["type"], "AdaptiveCard");
    assert_eq!(card["content"]["body"][0]["inlines"][0]["text"], "⚠️ HIGH RISK - SSH Monitor");
    assert_eq!(card["content"]["body"].as_array().unwrap().len(), 9, "a line each");
}

#[test]
fn telegram() {
    let reply = Reply::json(200, &json!({"ok": true, "result": {"message_id": 77}}));
    let table = "[notify.telegram]\nchat_id = -1001\ntoken_file = 'token'\napi_base = 'URL'";
    let (request, id) = through(table, reply, &high());
    assert_eq!(request.path, "/bott0ken/sendMessage");
    assert_eq!(request.json()["chat_id"], "-1001");
    assert_eq!(id.as_deref(), Some("77"));
}

#[test]
fn ntfy() {
    let reply = Reply::json(200, &json!({"id": "xE73", "event": "message"}));
    let table = "[notify.ntfy]\ntopic = 'alerts'\ntoken_env = 'SHMON_TEST_TOKEN'\napi_base = 'URL'";
    let (request, id) = through(table, reply, &alert(Level::Critical, 3));
    assert_eq!(request.header("authorization"), Some("Bearer t0ken"));
    let body = request.json();
    assert_eq!((&body["topic"], &body["priority"]), (&json!("alerts"), &json!(5)));
    assert_eq!(body["title"], "🚨 CRITICAL ALERT - SSH Monitor");
    assert_eq!(id.as_deref(), Some("xE73"));
}

#[test]
fn pagerduty() {
    let reply = Reply::json(202, &json!({"status": "success", "dedup_key": "k1"}));
    let table = "[notify.pagerduty]\nrouting_key_file = 'token'\napi_base = 'URL'";
    let (request, id) = through(table, reply, &alert(Level::Critical, 3));
    assert_eq!(request.path, "/v2/enqueue");
    let body = request.json();
    assert_eq!((&body["routing_key"], &body["event_action"]), (&json!("t0ken"), &json!("trigger")));
    assert_eq!(body["payload"]["severity"], "critical");
    assert_eq!(body["payload"]["source"], "sharelab-server");
    assert_eq!(
        body["payload"]["summary"],
        "CRITICAL: nmap -sV target.example.com (xb874667@sharelab-server)"
    );
    assert_eq!(body["payload"]["custom_details"]["attack"], json!(["T1046"]));
    assert!(body["dedup_key"].as_str().unwrap().starts_with("shmon-"));
    assert_eq!(id.as_deref(), Some("k1"));
}

#[test]
fn redmine_issue() {
    let reply = Reply::json(201, &json!({"issue": {"id": 804}}));
    let table =
        "[notify.redmine]\nurl = 'URL/redmine'\nproject = 'ops'\ntracker_id = 2\ntoken_file = 'token'";
    let (request, id) = through(table, reply, &high());
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/redmine/issues.json"));
    assert_eq!(request.header("x-redmine-api-key"), Some("t0ken"));
    let issue = &request.json()["issue"];
    assert_eq!((&issue["project_id"], &issue["tracker_id"]), (&json!("ops"), &json!(2)));
    assert!(issue["description"].as_str().unwrap().starts_with("<pre>\n⚠️ HIGH RISK"));
    assert_eq!(id.as_deref(), Some("804"));
}

#[test]
fn redmine_note() {
    let table = "[notify.redmine]\nurl = 'URL'\nissue = 804\ntoken_file = 'token'";
    let (request, id) = through(table, Reply::text(204, ""), &high());
    assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/issues/804.json"));
    assert!(request.json()["issue"]["notes"].as_str().unwrap().contains("🗃️ Database ID: 18\n"));
    assert_eq!(id.as_deref(), Some("804"));
}

#[test]
fn webhook() {
    use hmac::{Hmac, KeyInit, Mac};
    let table = "[notify.webhook]\nurl = 'URL/in'\nsecret_file = 'webhook'";
    let (request, id) = through(table, Reply::text(200, ""), &high());
    let header = |name| request.header(name).unwrap().to_owned();
    let (uid, time) = (header("webhook-id"), header("webhook-timestamp"));
    // The receiver's side of the standard.
    let key = [
        0x31, 0xf2, 0x90, 0xf6, 0xbf, 0x06, 0x29, 0x8a, 0xab, 0x4f, 0x08, 0xd4, 0x3c, 0x3f, 0x08, 0x2c, 0xf6,
        0x48, 0xa3, 0x62, 0xda, 0x2d, 0xa4, 0xb0,
    ];
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{uid}.{time}.{}", request.text()).as_bytes());
    use base64::Engine as _;
    let expected = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{expected}"));
    assert_eq!(request.json()["data"]["command"], "nmap -sV target.example.com");
    assert_eq!(id, Some(uid));
}

#[test]
fn chatwork_task() {
    let reply = Reply::json(200, &json!({"task_ids": [123, 124]}));
    let table =
        "[notify.chatwork_task]\nroom_id = '5'\nto_ids = [1, 2]\ntoken_file = 'token'\napi_base = 'URL'";
    let (request, id) = through(table, reply, &alert(Level::Critical, 3));
    assert_eq!(request.path, "/rooms/5/tasks");
    assert_eq!(request.form("to_ids").as_deref(), Some("1,2"));
    assert_eq!(request.form("limit_type").as_deref(), Some("time"));
    assert!(request.form("body").unwrap().starts_with("🚨 CRITICAL ALERT - SSH Monitor\n"));
    assert_eq!(id.as_deref(), Some("123"));
}

/// One mail through a server, encrypted as `[notify.email]` calls it.
pub(crate) fn mail(payload: &Payload, encryption: &str) -> smtp::Mail {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    let how = match encryption {
        "tls" => smtp::Tls::Wrapped(tls::server(&ca)),
        "starttls" => smtp::Tls::Starttls(tls::server(&ca)),
        _ => smtp::Tls::None,
    };
    let server = smtp::Server::start(how, |_| None);
    let mut bed = mail_bed(&server, encryption, &ca);
    bed.add("email", payload);
    let delivery = bed.run();
    assert_eq!((delivery.sent, delivery.failed), (1, 0), "{:?}", bed.all());
    server.mail()
}

/// A home that mails to a server.
fn mail_bed(server: &smtp::Server, encryption: &str, ca: &std::path::Path) -> Bed {
    let how = match encryption {
        "none" => "server = '127.0.0.1'".to_owned(),
        _ => format!("server = 'localhost'\nca_file = '{}'", ca.display()),
    };
    Bed::new(&format!(
        "[notify.email]\n{how}\nencryption = '{encryption}'\nport = {}\nfrom = 'shmon@example.com'\n\
         to = ['Ops <ops@example.com>']\nusername = 'u'\npassword_file = 'token'",
        server.port()
    ))
}

#[test]
fn email() {
    for encryption in ["none", "tls", "starttls"] {
        let mail = mail(&alert(Level::Critical, 18), encryption);
        assert_eq!(mail.starttls, encryption == "starttls");
        assert_eq!(
            mail.from.split(' ').take(2).collect::<Vec<_>>().join(" "),
            "MAIL FROM:<shmon@example.com>"
        );
        assert_eq!(mail.to, ["RCPT TO:<ops@example.com>"]);
        assert!(mail.login.as_deref().unwrap().starts_with("AUTH PLAIN "));
        let headers = mail.headers();
        let has = |start: &str| headers.iter().any(|h| h.starts_with(start));
        assert!(has("Message-ID: <shmon-") && has("Auto-Submitted: auto-generated"), "{headers:?}");
        assert!(has("Importance: high") && has("Content-Type: text/plain; charset=utf-8"), "{headers:?}");
    }
}

/// What the server says to which line, and what becomes of the mail.
#[test]
fn email_answers() {
    for (line, answer, state, reason) in [
        ("AUTH", "535 5.7.8 wrong", State::Pending, "535"),
        ("MAIL", "451 later", State::Pending, "451"),
        ("RCPT", "550 5.1.1 nobody", State::Pending, "550"),
        (".", "452 full", State::Pending, "452"),
        (".", "554 5.7.1 spam", State::Dead, "554"),
        (".", "552 5.3.4 too large", State::Dead, "552"),
    ] {
        let server = smtp::Server::start(smtp::Tls::None, move |said| {
            (said == line || (line != "." && said.starts_with(line))).then(|| answer.to_owned())
        });
        let mut bed = mail_bed(&server, "none", std::path::Path::new(""));
        bed.add("email", &high());
        bed.run();
        let one = &bed.all()[0];
        assert_eq!(one.state, state, "{answer}: {one:?}");
        let error = one.error.as_deref().unwrap();
        assert!(error.contains(reason) && !error.contains("t0ken"), "{one:?}");
    }
}

/// A server that offers no STARTTLS, or that nobody vouches for, gets neither password nor mail.
#[test]
fn email_never_goes_out_in_the_clear() {
    let dir = tempfile::tempdir().unwrap();
    let (ca, other) = (dir.path().join("ca.pem"), dir.path().join("other.pem"));
    let _ = tls::server(&other);
    for (how, ca) in [(smtp::Tls::None, &other), (smtp::Tls::Starttls(tls::server(&ca)), &other)] {
        let lines = Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = lines.clone();
        let server = smtp::Server::start(how, move |line| {
            seen.lock().unwrap().push(line.to_owned());
            None
        });
        let mut bed = mail_bed(&server, "starttls", ca);
        bed.add("email", &high());
        bed.run();
        let one = &bed.all()[0];
        assert!(matches!(one.state, State::Pending | State::Unknown), "{one:?}");
        let lines = lines.lock().unwrap();
        assert!(!lines.iter().any(|l| l.starts_with("AUTH") || l.starts_with("MAIL")), "{lines:?}");
    }
}

/// What a syslog receiver gets: a Unix socket, TCP or TLS.
pub(crate) fn syslog(payload: &Payload, kind: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    let run = |address: &str| {
        let ca = if kind == "tls" { format!("ca_file = '{}'", ca.display()) } else { String::new() };
        let mut bed = Bed::new(&format!("[notify.syslog]\naddress = '{address}'\n{ca}"));
        bed.add("syslog", payload);
        let delivery = bed.run();
        assert_eq!((delivery.sent, delivery.failed), (1, 0), "{:?}", bed.all());
    };
    if kind == "unix" {
        let path = dir.path().join("log");
        let socket = UnixDatagram::bind(&path).unwrap();
        run(&format!("unix:{}", path.display()));
        let mut buffer = vec![0; 1 << 17];
        let length = socket.recv(&mut buffer).unwrap();
        return String::from_utf8(buffer[..length].to_vec()).unwrap();
    }
    let config = (kind == "tls").then(|| tls::server(&ca));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let receiver = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        match config {
            None => stream.read_to_end(&mut bytes).map(drop).unwrap(),
            Some(config) => {
                let connection = rustls::ServerConnection::new(config).unwrap();
                rustls::StreamOwned::new(connection, stream).read_to_end(&mut bytes).map(drop).unwrap();
            }
        }
        String::from_utf8(bytes).unwrap()
    });
    run(&format!("{kind}://localhost:{port}"));
    let framed = receiver.join().unwrap();
    // RFC 6587, 3.4.1: the length in bytes, a space, the message.
    let (length, line) = framed.split_once(' ').unwrap();
    assert_eq!(length.parse::<usize>().unwrap(), line.len());
    line.to_owned()
}

#[test]
fn syslog_over_each_transport() {
    for kind in ["unix", "tcp", "tls"] {
        let line = syslog(&alert(Level::Critical, 18), kind);
        // authpriv (10) * 8 + critical (2)
        assert!(line.starts_with("<82>1 2025-06-28T08:50:30.000000Z sharelab-server shmon "), "{line}");
        assert!(line.contains(" alert [shmon@32473 uid=\"shmon-"), "{line}");
        assert!(line.contains(" id=\"18\" level=\"critical\" count=\"1\" user=\"xb874667\""), "{line}");
        assert!(line.contains("] \u{feff}🚨 CRITICAL ALERT - SSH Monitor | 📅 2025-06-28"), "{line}");
    }
}

/// The fields of one journal datagram.
pub(crate) fn journald(payload: &Payload) -> Vec<(String, String)> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut bed = Bed::new(&format!("[notify.journald]\nsocket = '{}'", path.display()));
    bed.add("journald", payload);
    assert_eq!(bed.run().sent, 1, "{:?}", bed.all());
    let mut buffer = vec![0; 1 << 17];
    let length = socket.recv(&mut buffer).unwrap();
    let mut rest = &buffer[..length];
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|b| *b == b'\n').unwrap();
        let key = String::from_utf8(rest[..end].to_vec()).unwrap();
        rest = &rest[end + 1..];
        let size = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        fields.push((key, String::from_utf8(rest[8..8 + size].to_vec()).unwrap()));
        assert_eq!(rest[8 + size], b'\n');
        rest = &rest[8 + size + 1..];
    }
    fields
}

#[test]
fn journald_fields() {
    let fields = journald(&alert(Level::High, 18));
    let value = |key: &str| fields.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
    assert_eq!(value("PRIORITY"), Some("4"));
    assert_eq!(value("SYSLOG_IDENTIFIER"), Some("shmon"));
    assert_eq!(value("SHMON_COMMAND"), Some("nmap -sV target.example.com"));
    assert!(value("MESSAGE").unwrap().starts_with("⚠️ HIGH RISK - SSH Monitor\n"));
    assert!(fields.iter().all(|(k, _)| k.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')));
}

/// What a program gets on its standard input.
pub(crate) fn command(payload: &Payload) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let mut bed = Bed::new(&format!("[notify.command]\nrun = ['tee', '{}']", out.display()));
    bed.add("command", payload);
    assert_eq!(bed.run().sent, 1, "{:?}", bed.all());
    serde_json::from_str(&std::fs::read_to_string(out).unwrap()).unwrap()
}

#[test]
fn command_gets_json_and_its_status_counts() {
    assert_eq!(command(&high())["command"], "nmap -sV target.example.com");
    for (line, state, reason) in [
        ("echo busy >&2; exit 75", State::Pending, "exit status: 75: busy"),
        ("exit 65", State::Dead, "exit status: 65"),
        ("no-such-program-of-ours", State::Pending, "127"),
        ("sleep 60", State::Unknown, "was killed"),
    ] {
        let timeout = if state == State::Unknown { 1 } else { 60 };
        let mut bed = Bed::new(&format!("[notify.command]\nrun = '{line}'\ntimeout = '{timeout}s'"));
        bed.add("command", &high());
        bed.run();
        let one = &bed.all()[0];
        assert_eq!(one.state, state, "{line}: {one:?}");
        assert!(one.error.as_deref().unwrap().contains(reason), "{line}: {one:?}");
    }
}

#[test]
fn a_private_certificate_is_trusted_where_it_is_configured_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    let config = tls::server(&ca);
    let server =
        Server::with_tls(Some(Arc::clone(&config)), |_| Reply::json(200, &json!({"message_id": "1"})));
    let table =
        format!("[notify.chatwork]\nroom_id = 1\ntoken_file = 'token'\napi_base = '{}'\n", server.url());
    let mut trusting = Bed::new(&format!("{table}ca_file = '{}'", ca.display()));
    trusting.add("chatwork", &high());
    assert_eq!(trusting.run().sent, 1, "{:?}", trusting.all());
    let mut other = Bed::new(&table);
    other.add("chatwork", &high());
    other.run();
    let one = &other.all()[0];
    // Surely not sent: it isn't looked for, but tried again.
    assert_eq!(one.state, State::Pending, "{one:?}");
    assert!(one.error.as_deref().unwrap().contains("certificate"), "{one:?}");
}

#[test]
fn requests_go_through_a_proxy_but_not_to_this_machine() {
    let server = Server::start(|_| Reply::json(200, &json!({"message_id": "1"})));
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap();
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = proxy.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            bytes.extend(byte);
        }
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").unwrap();
        String::from_utf8(bytes).unwrap()
    });
    let table = |base: &str| {
        format!(
            "[notify]\nproxy = 'http://{address}'\n[notify.chatwork]\nroom_id = 1\ntoken_file = 'token'\napi_base = '{base}'"
        )
    };
    let mut near = Bed::new(&table(&server.url()));
    near.add("chatwork", &high());
    assert_eq!(near.run().sent, 1, "{:?}", near.all());
    let mut far = Bed::new(&table("https://chatwork.invalid/v2"));
    far.add("chatwork", &high());
    far.run();
    assert!(asked.join().unwrap().starts_with("CONNECT chatwork.invalid:443 "));
    let one = &far.all()[0];
    assert_eq!(one.state, State::Pending, "{one:?}");
    assert!(one.error.as_deref().unwrap().contains("proxy"), "{one:?}");
}

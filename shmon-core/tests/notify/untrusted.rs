//! What a command, a user name or a folder can do to a service: nothing.

use crate::sinks::{command, journald, mail, syslog, through};
use crate::support::home::alert;
use crate::support::http::Reply;
use serde_json::{Value, json};
use shmon_core::Level;
use shmon_core::store::outbox::Payload;
use shmon_core::text::is_deceptive;

const EVIL: &str = "x\n[toall] [To:1] @everyone @here <!channel> <@U1> </pre> {{macro}} **b** `c` \u{202e}gpj\u{200b}\r\n\
    Bcc: evil@example.com\r\n\r\n<script> \"] [x y=\"z\"] \u{1b}[2J\0 ";

fn evil() -> Payload {
    let mut payload = alert(Level::High, 18);
    payload.command = format!("{EVIL}{}", "A".repeat(100_000));
    payload.user = EVIL.into();
    payload.directory = EVIL.into();
    payload.host = EVIL.into();
    payload.title_en = EVIL.into();
    payload.session_id = EVIL.into();
    payload.rules = vec![EVIL.into()];
    payload
}

/// No character that steers, hides or forges; lines only where the message has them.
fn clean(text: &str, lines: usize) {
    // The emoji of the ticket's lines hold a variation selector.
    let hidden = text.chars().filter(|c| is_deceptive(*c) && *c != '\n' && *c != '\u{fe0f}').count();
    assert_eq!(hidden, 0, "{text:?}");
    assert_eq!(text.lines().count(), lines, "{text}");
}

fn http(table: &str, reply: Reply) -> Value {
    through(table, reply, &evil()).0.json()
}

#[test]
fn chatwork() {
    let reply = Reply::json(200, &json!({"message_id": "1"}));
    let table = "[notify.chatwork]\nroom_id = 1\ntoken_file = 'token'\napi_base = 'URL'";
    let body = through(table, reply, &evil()).0.form("body").unwrap();
    clean(&body, 9);
    assert!(!body.contains(['[', ']']), "{body}");
    assert!(body.contains("\u{ff3b}toall\u{ff3d}") && body.len() < 65_535, "{}", body.len());
    assert!(body.contains("… (+"), "what is missing is counted");
}

#[test]
fn chatwork_task() {
    let reply = Reply::json(200, &json!({"task_ids": [1]}));
    let table = "[notify.chatwork_task]\nroom_id = 1\nto_ids = [1]\ntoken_file = 'token'\napi_base = 'URL'";
    let body = through(table, reply, &evil()).0.form("body").unwrap();
    clean(&body, 9);
    assert!(!body.contains(['[', ']']) && body.len() < 65_535, "{body}");
}

#[test]
fn slack() {
    let body = http("[notify.slack]\nurl_file = 'url'", Reply::text(200, "ok"));
    let text = body["text"].as_str().unwrap();
    clean(text, 9);
    assert!(!text.contains(['<', '>']) && text.contains("&lt;!channel&gt;"), "{text}");
}

#[test]
fn discord() {
    let body = http("[notify.discord]\nurl_file = 'url'", Reply::json(200, &json!({"id": "1"})));
    let text = body["content"].as_str().unwrap();
    clean(text, 9);
    assert_eq!(body["allowed_mentions"], json!({"parse": []}));
    assert!(text.encode_utf16().count() <= 2000 && text.contains("\\@everyone"), "{text}");
}

#[test]
fn teams() {
    let body = http("[notify.teams]\nurl_file = 'url'", Reply::text(202, ""));
    let text = body.to_string();
    assert!(!text.contains("\"TextBlock\"") && !text.contains("\"entities\""), "plain runs alone");
    let blocks = body["attachments"][0]["content"]["body"].as_array().unwrap();
    assert_eq!(blocks.len(), 9);
    assert!(text.len() < 28_000, "{}", text.len());
}

#[test]
fn telegram() {
    let table = "[notify.telegram]\nchat_id = 1\ntoken_file = 'token'\napi_base = 'URL'";
    let body = http(table, Reply::json(200, &json!({"result": {"message_id": 7}})));
    let text = body["text"].as_str().unwrap();
    clean(text, 9);
    assert!(body.get("parse_mode").is_none() && text.encode_utf16().count() <= 4096);
    let heading = text.lines().next().unwrap().encode_utf16().count();
    let pre = &body["entities"][1];
    assert_eq!((&pre["type"], &pre["offset"]), (&json!("pre"), &json!(heading + 1)));
    assert_eq!(pre["length"], json!(text.encode_utf16().count() - heading - 1), "all that is untrusted");
}

#[test]
fn ntfy() {
    let table = "[notify.ntfy]\ntopic = 't'\napi_base = 'URL'";
    let body = http(table, Reply::json(200, &json!({"id": "1"})));
    let text = body["message"].as_str().unwrap();
    clean(text, 9);
    assert!(text.len() <= 4096);
    assert_eq!(body.as_object().unwrap().len(), 4, "no actions, no click, no Markdown: {body}");
}

#[test]
fn pagerduty() {
    let table = "[notify.pagerduty]\nrouting_key_file = 'token'\napi_base = 'URL'";
    let body = http(table, Reply::json(202, &json!({"dedup_key": "k"})));
    let summary = body["payload"]["summary"].as_str().unwrap();
    clean(summary, 1);
    assert!(summary.chars().count() <= 1024 && body["dedup_key"].as_str().unwrap().len() <= 255);
}

#[test]
fn redmine() {
    let table = "[notify.redmine]\nurl = 'URL'\nproject = 'p'\ntoken_file = 'token'";
    let body = http(table, Reply::json(201, &json!({"issue": {"id": 1}})));
    let text = body["issue"]["description"].as_str().unwrap();
    clean(text, 12);
    assert_eq!((text.matches("</pre>").count(), text.ends_with("\n</pre>")), (1, true), "{text}");
    assert!(!text.contains("{{"), "{text}");
    let subject = body["issue"]["subject"].as_str().unwrap();
    clean(subject, 1);
    assert!(subject.chars().count() <= 255);
}

#[test]
fn webhook_and_command_get_it_as_it_was_typed_inside_json() {
    let table = "[notify.webhook]\nurl = 'URL'\nsecret_file = 'webhook'";
    let body = http(table, Reply::text(200, ""));
    assert!(body["data"]["command"].as_str().unwrap().starts_with(EVIL));
    assert_eq!(body["data"]["user"], EVIL);
    assert!(command(&evil())["command"].as_str().unwrap().starts_with(EVIL));
}

#[test]
fn email() {
    let mail = mail(&evil(), "none");
    let headers = mail.headers();
    for name in ["bcc:", "script"] {
        assert!(!headers.iter().any(|h| h.to_lowercase().starts_with(name)), "{headers:?}");
    }
    assert_eq!(headers.iter().filter(|h| h.starts_with("Subject:")).count(), 1);
    assert_eq!(mail.to.len(), 1, "{:?}", mail.to);
}

#[test]
fn syslog_line() {
    for kind in ["unix", "tcp"] {
        let line = syslog(&evil(), kind);
        clean(&line.replace('\u{feff}', ""), 1);
        // Quotes that aren't escaped stand in pairs around each value, before the end of the structured data.
        let (data, _) = line.split_once("] \u{feff}").unwrap();
        let data = data.split_once(" alert [").unwrap().1;
        let bare = data.replace("\\\\", "").replace("\\\"", "");
        assert_eq!(bare.matches('"').count() % 2, 0, "{data}");
        assert!(!data.replace("\\]", "").contains(']'), "{data}");
        let header: Vec<_> = line.split(' ').take(6).collect();
        assert!(header[2].bytes().all(|b| b.is_ascii_graphic()) && header[2].len() <= 255, "{header:?}");
    }
}

#[test]
fn journald_datagram() {
    let fields = journald(&evil());
    let names: Vec<_> = fields.iter().map(|(k, _)| k.as_str()).collect();
    assert_eq!(names.iter().filter(|n| **n == "MESSAGE").count(), 1, "{names:?}");
    assert!(names.iter().all(|n| !n.starts_with('_') && !n.contains("Bcc")), "{names:?}");
    clean(&fields[0].1, 9);
}

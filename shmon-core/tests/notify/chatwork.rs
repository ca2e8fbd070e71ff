use crate::support::home::{Bed, alert};
use crate::support::http::{Reply, Server};
use serde_json::json;
use shmon_core::Level;
use shmon_core::store::outbox::State;

fn config(server: &Server) -> String {
    format!(
        "name = 'Sharelab SSH Monitor'\nlang = 'ja'\n[notify.chatwork]\nroom_id = 403373420\ntoken_file = 'token'\napi_base = '{}/v2'\n",
        server.url()
    )
}

#[test]
fn the_message_is_the_tickets_line_for_line() {
    let server = Server::start(|_| Reply::json(200, &json!({"message_id": "1990594158120804352"})));
    let mut bed = Bed::new(&config(&server));
    bed.add("chatwork", &alert(Level::High, 18));
    let delivery = bed.run();
    assert_eq!((delivery.sent, delivery.failed), (1, 0));

    let request = server.request();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v2/rooms/403373420/messages"));
    assert_eq!(request.header("x-chatworktoken"), Some("t0ken"));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.form("self_unread").as_deref(), Some("0"));
    let expected = "⚠️ HIGH RISK - Sharelab SSH Monitor
📅 2025-06-28 08:50:30
👤 User: xb874667
🖥️ Server: sharelab-server
📂 Directory: /home/xb874667
⚡ Command: nmap -sV target.example.com
🛡️ Risk Level: HIGH
📋 Description: ポートスキャン
🗃️ Database ID: 18";
    assert_eq!(request.form("body").as_deref(), Some(expected));

    let sent = &bed.all()[0];
    assert_eq!((sent.state, sent.message_id.as_deref()), (State::Sent, Some("1990594158120804352")));
    assert!(
        bed.log().ends_with("] ChatWork notification sent: {\"message_id\":\"1990594158120804352\"}\n"),
        "{}",
        bed.log()
    );
    assert_eq!(bed.run().next_due, None);
    assert_eq!(server.requests().len(), 0, "sent once");
}

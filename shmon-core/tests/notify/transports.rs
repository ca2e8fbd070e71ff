//! Faults of what isn't HTTP, proxies out of the environment, and looking at sinks without telling anybody.

use crate::support::home::{Bed, alert};
use crate::support::http::{Reply, Server};
use crate::support::{queue, smtp, tls};
use serde_json::json;
use shmon_core::Level;
use shmon_core::store::outbox::State;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

#[test]
fn what_surely_did_not_leave_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let (ca, other) = (dir.path().join("ca.pem"), dir.path().join("other.pem"));
    let _ = tls::server(&other);
    let strange = Server::with_tls(Some(tls::server(&ca)), |_| Reply::Close);
    let (closed, full) = (queue::Closed::new(), queue::Full::new());
    let (gone, strange, full) = (closed.address.port(), strange.address().port(), full.address.port());
    let (other, folder) = (other.display(), dir.path().display());
    let mail = "from = 'a@b.example'\nto = ['c@d.example']";
    for (name, table, reason) in [
        ("syslog refused", format!("syslog]\naddress = 'tcp://127.0.0.1:{gone}'"), "refused"),
        ("syslog without a name", "syslog]\naddress = 'tcp://syslog.invalid'".into(), "resolved"),
        ("syslog to a full queue", format!("syslog]\naddress = 'tcp://127.0.0.1:{full}'"), "timed out"),
        (
            "syslog of nobody's",
            format!("syslog]\naddress = 'tls://localhost:{strange}'\nca_file = '{other}'"),
            "TLS",
        ),
        ("no syslog", format!("syslog]\naddress = 'unix:{folder}/none'"), "none"),
        ("no journal", format!("journald]\nsocket = '{folder}/none'"), "none"),
        (
            "mail refused",
            format!("email]\n{mail}\nserver = '127.0.0.1'\nencryption = 'none'\nport = {gone}"),
            "refused",
        ),
        (
            "mail to a full queue",
            format!("email]\n{mail}\nserver = '127.0.0.1'\nencryption = 'none'\nport = {full}"),
            "timed out",
        ),
        ("mail without a name", format!("email]\n{mail}\nserver = 'mail.invalid'"), "lookup address"),
        (
            "mail server of nobody's",
            format!("email]\n{mail}\nserver = 'localhost'\nport = {strange}\nca_file = '{other}'"),
            "certificate",
        ),
    ] {
        let sink = table.split(']').next().unwrap().to_owned();
        // What hangs has to be waited for; everything else takes as long as a busy machine needs.
        let timeout = if name.contains("full queue") { 1 } else { 60 };
        let mut bed = Bed::new(&format!("[notify]\ntimeout = '{timeout}s'\n[notify.{table}"));
        bed.add(&sink, &alert(Level::Critical, 18));
        let due = bed.run().next_due.expect("another attempt");
        let one = &bed.all()[0];
        assert_eq!(one.state, State::Pending, "{name}: {one:?}");
        assert!(one.error.as_deref().unwrap().contains(reason), "{name}: {one:?}");
        assert!(due > bed.now(), "{name}");
    }
}

/// The server took the mail and its answer was lost: it can't be asked, and readers know the repeat by its id.
#[test]
fn a_mail_that_comes_twice_has_the_same_id() {
    let (given_up, first) = std::sync::mpsc::channel::<()>();
    let mut first = Some(first);
    let server = smtp::Server::start(smtp::Tls::None, move |line| {
        // Longer than the client waits.
        if line == "."
            && let Some(first) = first.take()
        {
            let _ = first.recv();
        }
        None
    });
    let mut bed = Bed::new(&format!(
        "[notify.email]\nserver = '127.0.0.1'\nencryption = 'none'\nport = {}\nfrom = 'a@b.example'\n\
         to = ['c@d.example']\ntimeout = '4s'",
        server.port()
    ));
    bed.add("email", &alert(Level::Critical, 18));
    bed.run();
    drop(given_up);
    assert_eq!(bed.states(), [State::Unknown]);
    bed.run_for(Duration::from_secs(600));
    assert_eq!(bed.states(), [State::Sent]);
    let id = |mail: smtp::Mail| mail.headers().into_iter().find(|h| h.starts_with("Message-ID: ")).unwrap();
    assert_eq!(id(server.mail()), id(server.mail()));
}

/// `HTTPS_PROXY` is used, and `NO_PROXY` names what goes direct.
#[test]
fn proxies_of_the_environment() {
    for (no_proxy, through) in [("", true), ("elsewhere.example", true), ("chatwork.invalid", false)] {
        let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = proxy.local_addr().unwrap();
        let env = [("HTTPS_PROXY", format!("http://me:s3cret@{address}")), ("NO_PROXY", no_proxy.to_owned())];
        let mut bed = Bed::with_env(
            "[notify]\ntimeout = '60s'\n[notify.chatwork]\nroom_id = 1\ntoken_file = 'token'\n\
             api_base = 'https://chatwork.invalid/v2'",
            &env,
        );
        bed.add("chatwork", &alert(Level::Critical, 18));
        let asked = std::thread::scope(|scope| {
            let asked = scope.spawn(|| {
                proxy.set_nonblocking(!through).unwrap();
                let Ok((mut stream, _)) = proxy.accept() else { return String::new() };
                let mut bytes = Vec::new();
                while !bytes.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    bytes.extend(byte);
                }
                stream.write_all(b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n").unwrap();
                String::from_utf8(bytes).unwrap()
            });
            bed.run();
            asked.join().unwrap()
        });
        assert_eq!(asked.starts_with("CONNECT chatwork.invalid:443 "), through, "{no_proxy}: {asked}");
        let one = &bed.all()[0];
        assert_eq!(one.state, State::Pending, "{one:?}");
        let reason = one.error.as_deref().unwrap();
        assert!(reason.contains(if through { "proxy" } else { "resolved" }), "{no_proxy}: {reason}");
        assert!(!reason.contains("s3cret"), "{reason}");
    }
}

#[test]
fn looking_at_a_sink_tells_nobody() {
    for status in [200, 401] {
        let server = Server::start(move |_| Reply::json(status, &json!({"ok": true})));
        let url = server.url();
        let mail = smtp::Server::start(smtp::Tls::None, |_| None);
        let dir = tempfile::tempdir().unwrap();
        let journal = dir.path().join("journal");
        let _socket = std::os::unix::net::UnixDatagram::bind(&journal).unwrap();
        let bed = Bed::new(&format!(
            "[notify.chatwork]\nroom_id = 1\ntoken_file = 'token'\napi_base = '{url}'\n\
             [notify.chatwork_task]\nroom_id = 1\nto_ids = [1]\ntoken_file = 'token'\napi_base = '{url}'\n\
             [notify.slack]\nurl_file = 'url'\n[notify.discord]\nurl_file = 'url'\n[notify.teams]\nurl_file = 'url'\n\
             [notify.telegram]\nchat_id = 1\ntoken_file = 'token'\napi_base = '{url}'\n\
             [notify.ntfy]\ntopic = 't'\ntoken_file = 'token'\napi_base = '{url}'\n\
             [notify.pagerduty]\nrouting_key_file = 'token'\napi_base = '{url}'\n\
             [notify.redmine]\nurl = '{url}'\nproject = 'p'\ntoken_file = 'token'\n\
             [notify.webhook]\nurl = '{url}/in'\nsecret_file = 'secret'\n\
             [notify.email]\nserver = '127.0.0.1'\nencryption = 'none'\nport = {}\nfrom = 'a@b.example'\n\
             to = ['c@d.example']\n\
             [notify.syslog]\naddress = 'unix:{journal}'\n[notify.journald]\nsocket = '{journal}'\n\
             [[notify.command]]\nname = 'there'\nrun = ['/bin/sh', '-c', 'touch told']\n\
             [[notify.command]]\nname = 'missing'\nrun = ['no-such-program-of-ours']",
            mail.port(),
            journal = journal.display()
        ));
        bed.secret("url", &format!("{url}/hook"));
        bed.secret("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert_eq!(bed.worker.examine(false).iter().filter(|e| e.problem.is_some()).count(), 1);
        assert_eq!(server.requests().len(), 0, "nothing is asked unless it is wanted");
        let found = bed.worker.examine(true);
        assert_eq!(found.len(), 15);
        // A host that answers at all is what can be found out where every request would post.
        let posts_only = ["slack", "teams", "pagerduty", "webhook", "email", "syslog", "journald", "there"];
        for one in found {
            let fine = one.sink != "missing" && (status == 200 || posts_only.contains(&one.sink.as_str()));
            assert_eq!(one.problem.is_none(), fine, "{status}: {one:?}");
        }
        let asked = server.requests();
        assert!(asked.iter().all(|r| r.method != "POST" || r.path.ends_with("/getChat")), "{asked:?}");
        assert!(!bed.dir.path().join("told").exists());
    }
}

#[test]
fn a_missing_secret_is_found_without_asking() {
    for (table, part) in [
        ("[notify.chatwork]\nroom_id = 1\ntoken_file = 'none'", "none: cannot read the token"),
        ("[notify.slack]\nurl_env = 'NOT_SET'", "NOT_SET isn't set"),
        ("[notify.slack]\nurl_file = 'token'", "https://"),
        ("[notify.webhook]\nurl = 'https://w.example'\nsecret_file = 'token'", "whsec_"),
        ("[notify.ntfy]\ntopic = 't'\ntoken_command = 'exit 3'", "exit status: 3"),
    ] {
        let found = Bed::new(table).worker.examine(false);
        let problem = found[0].problem.as_deref().unwrap_or_default();
        assert!(problem.contains(part) && !problem.contains("t0ken"), "{table}: {problem}");
    }
}

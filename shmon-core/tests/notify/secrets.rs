//! What a service says back can't bring a token into a reason, the log or the database; and `Debug` shows none.

use crate::support::home::{Bed, alert};
use crate::support::http::{Reply, Request, Server};
use shmon_core::Level;
use shmon_core::config::Config;

/// A service that repeats everything it was told, in the ways that servers have.
fn echo(status: u16) -> Server {
    Server::start(move |request: &Request| {
        let headers: Vec<String> = request.headers.iter().map(|(n, v)| format!("{n}: {v}")).collect();
        let host = request.header("host").unwrap_or_default();
        let text = format!(
            "Cannot {} {} {} http://{host}{} {} {}",
            request.method,
            request.path,
            request.path.replace('/', "\\/"),
            request.path,
            headers.join(", "),
            String::from_utf8_lossy(&request.body)
        );
        // Short enough to be quoted whole, whatever part it is.
        Reply::Answer(status, Vec::new(), text.into_bytes())
    })
}

#[test]
fn a_service_that_repeats_the_token_brings_it_nowhere() {
    const TOKEN: &str = "T0K3N-of-the-test";
    for status in [200, 400, 401, 404, 429, 500] {
        let server = echo(status);
        let url = server.url();
        let mut bed = Bed::new(&format!(
            "[notify.chatwork]\nroom_id = 1\ntoken_file = 'tok'\napi_base = '{url}'\n\
             [notify.telegram]\nchat_id = 1\ntoken_file = 'tok'\napi_base = '{url}'\n\
             [notify.ntfy]\ntopic = 't'\ntoken_file = 'tok'\napi_base = '{url}'\n\
             [notify.redmine]\nurl = '{url}'\nissue = 1\ntoken_file = 'tok'\n\
             [notify.pagerduty]\nrouting_key_file = 'tok'\napi_base = '{url}'\n\
             [notify.slack]\nurl_file = 'hook'\n[notify.discord]\nurl_file = 'hook'\n[notify.teams]\nurl_file = 'hook'\n"
        ));
        bed.secret("tok", TOKEN);
        bed.secret("hook", &format!("{url}/services/{TOKEN}/B0"));
        for sink in ["chatwork", "telegram", "ntfy", "redmine", "pagerduty", "slack", "discord", "teams"] {
            bed.add(sink, &alert(Level::Critical, 18));
        }
        bed.run();
        bed.run();
        let told = format!("{:?}\n{}", bed.all(), bed.log());
        assert!(told.contains("Cannot") || status == 200, "{status}: the answers were quoted: {told}");
        assert!(!told.contains(TOKEN), "{status}: {told}");
        for entry in walk(bed.dir.path()) {
            if entry.ends_with("tok") || entry.ends_with("hook") {
                continue;
            }
            let bytes = std::fs::read(&entry).unwrap();
            let found = bytes.windows(TOKEN.len()).any(|w| w == TOKEN.as_bytes());
            assert!(!found, "{status}: {}", entry.display());
        }
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn debug_shows_no_secret() {
    let config = Config::parse(
        "[notify]\nproxy = 'http://u:Pr0xyPass@proxy:3128'\n[notify.chatwork]\nroom_id = 1\n\
         token_command = 'vault read -token=V4ultT0ken chatwork'\n[notify.slack]\nurl_command = ['pass', 'V4ultT0ken']\n",
    )
    .unwrap();
    let text = format!("{config:?}");
    assert!(text.contains("ProxyUrl(…)") && text.contains("vault"), "{text}");
    assert!(!text.contains("Pr0xyPass") && !text.contains("V4ultT0ken"), "{text}");
}

//! The dashboard's pages: the report, a search, the newest commands, and whether the record is as it was written.

use super::http::{Answer, Request};
use crate::commands::report::page::{Page, Period, Time};
use crate::commands::report::{html, say};
use crate::when::When;
use anyhow::Result;
use clap::ValueEnum as _;
use html::text;
use shmon_core::config::{Config, Home};
use shmon_core::store::{Order, Query, Row, Store};
use shmon_core::{Lang, Level, time};
use std::fmt::Write as _;
use std::str::FromStr;
use std::sync::Mutex;

/// Rows of a page.
const ROWS: usize = 50;
/// Seconds after which the newest commands are looked for again.
const REFRESH: u32 = 3;

/// What the pages are made of.
pub(super) struct Site {
    home: Home,
    lang: Lang,
    /// Verification reads everything: once at a time.
    verifying: Mutex<()>,
}

/// A field that can't be understood is the browser's fault, not ours.
struct Wrong(String);

impl Site {
    pub(super) fn new(home: Home, lang: Lang) -> Site {
        Site { home, lang, verifying: Mutex::new(()) }
    }

    pub(super) fn answer(&self, request: &Request) -> Answer {
        let page = match request.path.as_str() {
            "/" => self.report(request),
            "/search" => self.search(request),
            "/live" => self.live(request),
            "/verify" => self.verify(),
            _ => return Answer::plain(404, "there is no such page"),
        };
        page.unwrap_or_else(|error| match error.downcast::<Wrong>() {
            Ok(Wrong(message)) => Answer::plain(400, &message),
            Err(error) => Answer::plain(500, &format!("{error:#}")),
        })
    }

    fn say(&self, en: &'static str, ja: &'static str) -> &'static str {
        say(self.lang, en, ja)
    }

    fn open(&self) -> Result<(Config, Store)> {
        let config = Config::load(&self.home.config())?;
        let store = Store::open_read(self.home.database(&config))?;
        Ok((config, store))
    }

    /// A page with the way to the others above it.
    fn page(&self, config: &Config, here: &str, head: &str, body: &str) -> Answer {
        let mut out = format!("<nav><strong>{}</strong>", text(&config.name));
        for (path, name) in [
            ("/", self.say("Report", "レポート")),
            ("/search", self.say("Search", "検索")),
            ("/live", self.say("Newest", "最新")),
            ("/verify", self.say("Verify", "検証")),
        ] {
            let class = if path == here { " class=\"here\"" } else { "" };
            let _ = write!(out, "<a href=\"{path}\"{class}>{name}</a>");
        }
        let _ = write!(out, "</nav>\n{body}");
        Answer::page(html::document(&config.name, self.lang, head, &out))
    }

    fn report(&self, request: &Request) -> Result<Answer> {
        let (config, store) = self.open()?;
        let period = match request.get("period") {
            None => Period::Day,
            Some(name) => Period::from_str(name, true).map_err(|_| wrong("period", name))?,
        };
        let date = field(request, "date")?.unwrap_or_else(|| time::now_local().date());
        let time = Time::of(period, date)?;
        let page = Page::of(&store, &time, 20, self.lang)?;
        let mut body = String::from("<form action=\"/\">");
        let periods = [
            (Period::Day, "day", self.say("Day", "日")),
            (Period::Week, "week", self.say("Week", "週")),
            (Period::Month, "month", self.say("Month", "月")),
        ];
        let name = periods.iter().find(|(p, ..)| *p == period).map_or("day", |(_, name, _)| name);
        for (step, label) in [(-1, "‹"), (1, "›")] {
            if let Some(day) = time.neighbour(step) {
                let _ = write!(body, "<a href=\"/?period={name}&amp;date={day}\">{label}</a> ");
            }
        }
        let _ = write!(body, "<input type=\"date\" name=\"date\" value=\"{}\">", page.time.first);
        body.push_str("<select name=\"period\">");
        for (p, value, label) in periods {
            let selected = if p == period { " selected" } else { "" };
            let _ = write!(body, "<option value=\"{value}\"{selected}>{label}</option>");
        }
        let _ = writeln!(body, "</select><button>{}</button></form>", self.say("Show", "表示"));
        body.push_str(&html::body(&config.name, &page, self.lang));
        Ok(self.page(&config, "/", "", &body))
    }

    fn search(&self, request: &Request) -> Result<Answer> {
        let (config, store) = self.open()?;
        let mut query = filter(request)?;
        query.page_after = field(request, "page_after")?;
        query.limit = Some(ROWS);
        let rows = read(&store, &query)?;
        let mut body = self.form(request);
        let _ = write!(body, "<section><h2>{}</h2>", self.say("Commands", "コマンド"));
        if rows.is_empty() {
            let _ =
                write!(body, "<p class=\"soft\">{}</p>", self.say("Nothing was found.", "見つかりません。"));
        } else {
            html::rows(&mut body, &rows, &store.rule_titles(self.lang)?, self.lang);
        }
        if rows.len() == ROWS
            && let Some(last) = rows.last()
        {
            let mut next = form_urlencoded::Serializer::new(String::new());
            next.extend_pairs(request.parameters.iter().filter(|(name, _)| name != "page_after"));
            next.append_pair("page_after", &last.id.to_string());
            let next = text(&next.finish());
            let _ =
                write!(body, "<p><a href=\"/search?{next}\">{}</a></p>", self.say("Next page", "次のページ"));
        }
        body.push_str("</section>\n");
        Ok(self.page(&config, "/search", "", &body))
    }

    fn form(&self, request: &Request) -> String {
        let mut out = String::from("<form action=\"/search\">");
        let mut input = |kind: &str, name: &str, label: &str| {
            let _ = write!(
                out,
                "<input type=\"{kind}\" name=\"{name}\" placeholder=\"{label}\" aria-label=\"{label}\" value=\"{}\">",
                text(request.get(name).unwrap_or_default())
            );
        };
        input("search", "q", self.say("Text", "文字列"));
        input("text", "user", self.say("User", "ユーザー"));
        input("text", "session", self.say("Session", "セッション"));
        input("text", "rule", self.say("Rule", "ルール"));
        input("text", "since", self.say("Since: 2 hours ago", "開始: yesterday"));
        input("text", "until", self.say("Until", "終了"));
        out.push_str("<select name=\"min_level\">");
        let chosen = request.get("min_level").unwrap_or("low");
        for level in Level::ALL {
            let selected = if level.as_str() == chosen { " selected" } else { "" };
            let above = self.say(" and above", "以上");
            let _ =
                write!(out, "<option value=\"{level}\"{selected}>{}{above}</option>", level.label(self.lang));
        }
        let _ = writeln!(out, "</select><button>{}</button></form>", self.say("Search", "検索"));
        out
    }

    fn live(&self, request: &Request) -> Result<Answer> {
        let (config, store) = self.open()?;
        let mut query = filter(request)?;
        query.limit = Some(ROWS);
        // In the order of recording: what comes late out of a spool is new, too.
        query.after_id = Some(0);
        let rows = read(&store, &query)?;
        let mut body = format!(
            "<section><h2>{}</h2><p class=\"soft\">{}</p>",
            self.say("Newest commands", "最新のコマンド"),
            self.say("Looked for again every 3 seconds.", "3秒ごとに更新します。")
        );
        html::rows(&mut body, &rows, &store.rule_titles(self.lang)?, self.lang);
        body.push_str("</section>\n");
        let head = format!("<meta http-equiv=\"refresh\" content=\"{REFRESH}\">\n");
        Ok(self.page(&config, "/live", &head, &body))
    }

    fn verify(&self) -> Result<Answer> {
        let Ok(_one) = self.verifying.try_lock() else {
            return Ok(Answer::plain(503, "the record is being verified already: try again"));
        };
        let (config, store) = self.open()?;
        let report = store.verify(&[], &mut |_, _| {})?;
        Ok(self.page(&config, "/verify", "", &html::verification(&report, self.lang)))
    }
}

fn read(store: &Store, query: &Query) -> Result<Vec<Row>> {
    Ok(store.rows(query)?.collect::<shmon_core::Result<_>>()?)
}

fn wrong(name: &str, value: &str) -> anyhow::Error {
    Wrong(format!("{name}: '{}' can't be understood", shmon_core::text::visible(value))).into()
}

/// The parameter of this name, read as what it has to be.
fn field<T: FromStr>(request: &Request, name: &str) -> Result<Option<T>> {
    request.get(name).map(|value| value.parse().map_err(|_| wrong(name, value))).transpose()
}

fn filter(request: &Request) -> Result<Query> {
    let mut query = Query::new();
    let own = |name: &str| request.get(name).map(str::to_owned);
    query.order = Order::Newest;
    query.text = own("q");
    query.user = own("user");
    query.session = own("session");
    query.host = own("host");
    query.directory = own("dir");
    query.rule = own("rule");
    query.min_level = field(request, "min_level")?;
    query.since = field::<When>(request, "since")?.map(|when| when.0);
    query.until = field::<When>(request, "until")?.map(|when| when.0);
    query.failed = request.get("failed").is_some();
    Ok(query)
}

impl std::fmt::Debug for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

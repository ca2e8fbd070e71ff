//! The report as a page for a browser: nothing beside itself, no script, nothing from elsewhere.

use super::chart;
use super::page::{self, Page, of_level};
use super::say;
use shmon_core::store::{Count, Report, Row, Session};
use shmon_core::text::visible;
use shmon_core::{Lang, Level, time};
use std::collections::HashMap;
use std::fmt::Write as _;

/// What may be loaded: the style in the page itself.
pub(crate) const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'";

/// A whole page for one report.
pub(crate) fn report(name: &str, page: &Page, lang: Lang) -> String {
    let title = format!("{name}: {} {}", say(lang, "report for", "レポート"), page.title);
    document(&title, lang, "", &body(name, page, lang))
}

/// A document around a body; `head` goes into its head as it is.
pub(crate) fn document(title: &str, lang: Lang, head: &str, body: &str) -> String {
    let language = say(lang, "en", "ja");
    format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{head}\
         <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        text(title),
        include_str!("style.css")
    )
}

/// Text of others between tags or in an attribute: nothing of it is markup, and what can't be seen is shown.
pub(crate) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The report's body, without what a browser's page needs around it.
pub(crate) fn body(name: &str, page: &Page, lang: Lang) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<header><h1>{}</h1><p>{} {} · {} {}</p></header>",
        text(name),
        say(lang, "Report for", "レポート対象期間"),
        text(&page.title),
        say(lang, "made at", "作成"),
        time::local(time::now())
    );
    if let Some(report) = &page.verified {
        out.push_str(&verification(report, lang));
    }
    cards(&mut out, page, lang);
    charts(&mut out, page, lang);
    alerts(&mut out, page, lang);
    out.push_str("<div class=\"two\">\n");
    let rules = say(lang, "Rules that matched most", "検知の多いルール");
    counts(&mut out, rules, &page.stats.rules, Some(&page.titles), lang);
    counts(&mut out, say(lang, "Users", "ユーザー別"), &page.stats.users, None, lang);
    out.push_str("</div>\n");
    sessions(&mut out, &page.sessions, lang);
    if let Some(checkpoint) = &page.checkpoint {
        let _ = writeln!(
            out,
            "<section><h2>{}</h2><p class=\"soft\">{}</p><pre>{}</pre></section>",
            say(lang, "Newest checkpoint", "最新チェックポイント"),
            say(
                lang,
                "Kept elsewhere, it proves every row up to it: shmon verify --checkpoint FILE",
                "別の場所に保管すれば、それまでの全行を証明できます: shmon verify --checkpoint FILE",
            ),
            lines(checkpoint)
        );
    }
    let _ = writeln!(
        out,
        "<footer>{} shmon {}</footer>",
        say(lang, "Secrets are replaced.", "秘密情報は伏せています。"),
        env!("CARGO_PKG_VERSION")
    );
    out
}

/// What verification found, in a frame whose colour says how it is.
pub(crate) fn verification(report: &Report, lang: Lang) -> String {
    let (class, mark) = match (report.problems.is_empty(), report.warnings.is_empty()) {
        (false, _) => ("note bad", "✗"),
        (true, false) => ("note open", "!"),
        (true, true) => ("note", "✓"),
    };
    let mut out = format!("<div class=\"{class}\">");
    for (n, line) in page::verification(report, lang).iter().enumerate() {
        let line = text(line);
        let _ = match n {
            0 => write!(out, "<p><strong>{mark} {line}</strong></p>"),
            _ => write!(out, "<p>{line}</p>"),
        };
    }
    out.push_str("</div>\n");
    out
}

/// Several lines: their ends are ours, everything else isn't.
fn lines(several: &str) -> String {
    several.lines().map(text).collect::<Vec<_>>().join("\n")
}

fn cards(out: &mut String, page: &Page, lang: Lang) {
    let before = |count: u64| match lang {
        Lang::En => format!("before: {}", grouped(count)),
        Lang::Ja => format!("前期間: {}", grouped(count)),
    };
    let all = say(lang, "Commands", "コマンド数");
    let mut cards = vec![("", all, page.stats.total, before(page.before.total))];
    for level in Level::ALL.into_iter().rev() {
        let (now, then) = (of_level(&page.stats, level), of_level(&page.before, level));
        cards.push((level.as_str(), level.label(lang), now, before(then)));
    }
    cards.push(("", say(lang, "Ended with an error", "異常終了"), page.failed, String::new()));
    out.push_str("<div class=\"cards\">");
    for (class, name, count, below) in cards {
        let _ = write!(
            out,
            "<div class=\"card {class}\"><span>{name}</span><b>{}</b><span>{below}</span></div>",
            grouped(count)
        );
    }
    out.push_str("</div>\n");
}

fn charts(out: &mut String, page: &Page, lang: Lang) {
    let dangerous = [Level::High, Level::Critical];
    let charts = [
        (say(lang, "High and critical", "高リスクと重大"), &dangerous[..]),
        (say(lang, "All commands", "全コマンド"), &Level::ALL[..]),
    ];
    for (title, levels) in charts {
        let drawn = chart::bars(&page.slots, levels, title);
        if drawn.is_empty() {
            continue;
        }
        let _ = write!(out, "<section><h2>{title}</h2>{drawn}<p class=\"legend\">");
        for level in levels.iter().rev() {
            let _ = write!(out, "<i class=\"{level}\"></i>{}", level.label(lang));
        }
        out.push_str("</p></section>\n");
    }
}

fn alerts(out: &mut String, page: &Page, lang: Lang) {
    let title = say(lang, "Dangerous commands, the worst first", "危険なコマンド(重大な順)");
    let _ = write!(out, "<section><h2>{title}</h2>");
    if page.alerts.is_empty() {
        let _ = write!(out, "<p class=\"soft\">{}</p>", say(lang, "None.", "ありません。"));
    } else {
        rows(out, &page.alerts, &page.titles, lang);
    }
    out.push_str("</section>\n");
}

/// Rows as a table.
pub(crate) fn rows(out: &mut String, rows: &[Row], titles: &HashMap<String, String>, lang: Lang) {
    let heads = match lang {
        Lang::En => ["ID", "Time", "Level", "User", "Command", "Exit"],
        Lang::Ja => ["ID", "時刻", "レベル", "ユーザー", "コマンド", "終了"],
    };
    out.push_str("<div class=\"scroll\"><table><tr>");
    for (n, head) in heads.iter().enumerate() {
        let _ = write!(out, "<th{}>{head}</th>", if n == 0 || n == 5 { " class=\"n\"" } else { "" });
    }
    out.push_str("</tr>\n");
    for row in rows {
        let place = format!("{}@{}", row.user, row.host);
        let folder = Some(text(&row.working_directory)).filter(|folder| !folder.is_empty());
        let rules = row.rules.iter().take(3).map(|rule| {
            let title = titles.get(rule).map_or(rule.as_str(), String::as_str);
            format!("{} ({})", text(title), text(rule))
        });
        let below = folder.into_iter().chain(rules).collect::<Vec<_>>().join(" · ");
        let _ = writeln!(
            out,
            "<tr><td class=\"n\">{}</td><td class=\"t\">{}</td><td class=\"level {level}\">{}</td><td>{}</td>\
             <td><code>{}</code><small>{below}</small></td><td class=\"n\">{}</td></tr>",
            row.id,
            text(&row.execution_time),
            row.level.label(lang),
            text(&place),
            text(&row.shown()),
            row.exit_status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
            level = row.level,
        );
    }
    out.push_str("</table></div>");
}

fn counts(
    out: &mut String,
    title: &str,
    counts: &[Count],
    titles: Option<&HashMap<String, String>>,
    lang: Lang,
) {
    if counts.is_empty() {
        return;
    }
    let most = counts.iter().map(|c| c.count).max().unwrap_or(1).max(1);
    let all = say(lang, "Commands", "コマンド数");
    let dangerous = say(lang, "Dangerous", "危険");
    let _ = writeln!(
        out,
        "<section><h2>{title}</h2><table><tr><th></th><th></th><th class=\"n\">{all}</th><th class=\"n\">{dangerous}</th></tr>"
    );
    for count in counts {
        let name = if count.name.is_empty() { "-" } else { &count.name };
        let known = titles.and_then(|titles| titles.get(name));
        let name = match known {
            Some(known) => format!("{}<small>{}</small>", text(known), text(name)),
            None => text(name),
        };
        let share = count.count as f64 * 100.0 / most as f64;
        let _ = writeln!(
            out,
            "<tr><td>{name}</td><td><div class=\"meter\"><i style=\"width:{share:.0}%\"></i></div></td>\
             <td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            grouped(count.count),
            grouped(count.high)
        );
    }
    out.push_str("</table></section>\n");
}

fn sessions(out: &mut String, sessions: &[Session], lang: Lang) {
    if sessions.is_empty() {
        return;
    }
    let heads = match lang {
        Lang::En => ["Began", "Last command", "User", "From", "Session", "Commands", "Worst"],
        Lang::Ja => {
            ["開始", "最後のコマンド", "ユーザー", "接続元", "セッション", "コマンド数", "最大レベル"]
        }
    };
    let _ = write!(
        out,
        "<section><h2>{}</h2><div class=\"scroll\"><table><tr>",
        say(lang, "Sessions", "セッション")
    );
    for (n, head) in heads.iter().enumerate() {
        let _ = write!(out, "<th{}>{head}</th>", if n == 5 { " class=\"n\"" } else { "" });
    }
    out.push_str("</tr>\n");
    for s in sessions {
        let _ = writeln!(
            out,
            "<tr><td class=\"t\">{}</td><td class=\"t\">{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td>\
             <td class=\"level {level}\">{}</td></tr>",
            time::local(s.started_at),
            time::local(s.last_at),
            text(&format!("{}@{}", s.user, s.host)),
            text(s.ssh_client.as_deref().unwrap_or("-")),
            text(&s.session_id),
            grouped(s.commands()),
            s.worst.label(lang),
            level = s.worst,
        );
    }
    out.push_str("</table></div></section>\n");
}

/// A number with its thousands apart: `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_of_others_is_no_markup() {
        assert_eq!(
            super::text("<script>alert('x')</script> & \"\u{202e}\n"),
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;\\u{202e}\\n"
        );
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(super::grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}

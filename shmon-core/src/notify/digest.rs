//! The daily digest: what a day's commands were, and where the evidence stands.

use super::message::short;
use crate::record::UnixNanos;
use crate::store::outbox::{Kind, Payload};
use crate::store::{Query, Store};
use crate::{Lang, Level, Result, identity};
use jiff::Timestamp;
use jiff::tz::TimeZone;

const DAY: i64 = 86_400_000_000_000;
/// Rules and users that are named.
const TOP: usize = 5;

/// The digest of the 24 hours before `until`.
pub(super) fn payload(store: &mut Store, lang: Lang, until: UnixNanos, tz: &TimeZone) -> Result<Payload> {
    let mut query = Query::new();
    query.since = Some(until.saturating_sub(DAY));
    query.until = Some(until);
    let stats = store.stats(&query, TOP)?;
    let ja = lang == Lang::Ja;
    let mut lines = vec![format!("{}: {}", if ja { "コマンド数" } else { "Commands" }, stats.total)];
    for count in &stats.levels {
        let label = count.name.parse::<Level>().map_or(count.name.as_str(), |level| level.label(lang));
        lines.push(format!("• {label}: {}", count.count));
    }
    let mut top = |title: &str, counts: &[crate::store::Count]| {
        let named: Vec<String> =
            counts.iter().map(|c| format!("{} ×{}", short(&c.name, 60), c.count)).collect();
        if !named.is_empty() {
            lines.push(format!("{title}: {}", named.join(", ")));
        }
    };
    top(if ja { "ルール" } else { "Rules" }, &stats.rules);
    top(if ja { "ユーザー" } else { "Users" }, &stats.users);
    // Held off this host, it vouches for every row before it.
    if let Some(checkpoint) = store.last_checkpoint()? {
        lines.push(if ja { "チェックポイント:".into() } else { "Checkpoint:".into() });
        lines.extend(checkpoint.lines().filter(|l| !l.is_empty()).map(str::to_owned));
    }
    let local = Timestamp::from_nanosecond(i128::from(until)).unwrap_or_default().to_zoned(tz.clone());
    Ok(Payload {
        kind: Kind::Digest,
        uid: format!("digest-{until}"),
        level: Level::Low,
        time: local.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        time_ns: until,
        host: identity::host_name(),
        lines,
        ..Payload::default()
    })
}

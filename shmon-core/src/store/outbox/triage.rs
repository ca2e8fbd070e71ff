//! New notifications: each is looked at once, and either goes by itself or waits for others like it.

use super::Kind;
use crate::record::UnixNanos;
use crate::store::Store;
use crate::{Level, Result};
use rusqlite::{Connection, OptionalExtension, Row};

/// A notification that nobody has looked at yet.
#[derive(Debug, Clone)]
pub(crate) struct Untriaged {
    pub(crate) id: i64,
    pub(crate) sink: String,
    pub(crate) level: Level,
    pub(crate) kind: Kind,
    /// What equal alerts share: rule and user.
    pub(crate) fold: String,
}

/// When a notification is due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Nanoseconds for which equal ones are collected; 0 sends each by itself.
    pub(crate) window: i64,
    /// How many of a window go by themselves.
    pub(crate) after: u32,
    /// Not before this time.
    pub(crate) not_before: UnixNanos,
}

/// The character between rule and user in a fold.
pub(crate) const BETWEEN: char = '\u{1f}';

fn read(row: &Row<'_>) -> rusqlite::Result<Untriaged> {
    let text = |i| row.get::<_, Option<String>>(i).map(Option::unwrap_or_default);
    let level: String = row.get(2)?;
    Ok(Untriaged {
        id: row.get(0)?,
        sink: row.get(1)?,
        level: level.parse().unwrap_or(Level::Critical),
        kind: match text(3)?.as_str() {
            "digest" => Kind::Digest,
            "test" => Kind::Test,
            _ => Kind::Alert,
        },
        fold: format!("{}{BETWEEN}{}", text(4)?, text(5)?),
    })
}

impl Store {
    /// Looks at up to `most` new notifications; `plan` says for each when it is due, `None` for those that go at once.
    /// Gives how many there were.
    pub(crate) fn triage(
        &mut self,
        now: UnixNanos,
        most: usize,
        plan: &dyn Fn(&Untriaged) -> Option<Plan>,
    ) -> Result<usize> {
        // Reading first: a worker with nothing to do must not keep writers waiting.
        if !self.has_new_notifications()? {
            return Ok(0);
        }
        self.write("sort the outbox", |tx| {
            // A payload that isn't JSON goes by itself, and fails by itself.
            let mut statement = tx.prepare_cached(
                "SELECT id, sink, level, json_extract(p, '$.kind'), json_extract(p, '$.rules[0]'), json_extract(p, '$.user')
                 FROM (SELECT id, sink, level, iif(json_valid(payload), payload, '{}') AS p
                       FROM notifications WHERE fold IS NULL ORDER BY id LIMIT ?1)",
            )?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let new = statement.query_map([most], read)?.collect::<rusqlite::Result<Vec<_>>>()?;
            for one in &new {
                let (solo, due) = match plan(one) {
                    None => (true, 0),
                    Some(plan) if plan.window <= 0 => (plan.not_before <= now, plan.not_before),
                    Some(plan) => place(tx, one, plan, now)?,
                };
                tx.prepare_cached(
                    "UPDATE notifications SET fold = ?2, solo = ?3, next_attempt_ns = ?4, updated_at_ns = ?5 WHERE id = ?1",
                )?
                .execute((one.id, &one.fold, solo, due, now))?;
            }
            Ok(new.len())
        })
    }
}

/// Alone and now, or with the rest of its window.
fn place(
    db: &Connection,
    one: &Untriaged,
    plan: Plan,
    now: UnixNanos,
) -> rusqlite::Result<(bool, UnixNanos)> {
    let window: Option<(UnixNanos, u32)> = db
        .prepare_cached("SELECT until_ns, alone FROM notify_folds WHERE sink = ?1 AND fold = ?2")?
        .query_row((&one.sink, &one.fold), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let open = |until: UnixNanos, alone: u32| {
        db.prepare_cached(
            "INSERT INTO notify_folds (sink, fold, until_ns, alone) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (sink, fold) DO UPDATE SET until_ns = excluded.until_ns, alone = excluded.alone",
        )?
        .execute((&one.sink, &one.fold, until, alone))
        .map(drop)
    };
    // A window further off than a whole one was opened before the clock was set back.
    let running = window.filter(|(until, _)| *until > now && *until <= now.saturating_add(plan.window));
    match running {
        Some((until, alone)) if alone >= plan.after => Ok((false, until.max(plan.not_before))),
        Some((until, alone)) if plan.not_before <= now => {
            open(until, alone + 1)?;
            Ok((true, plan.not_before))
        }
        _ if plan.not_before > now => Ok((false, plan.not_before)),
        _ => {
            let until = now.saturating_add(plan.window);
            // An equal one is still waiting (the sink is down, or slow): it joins that one.
            let waiting = db
                .prepare_cached(
                    "SELECT 1 FROM notifications WHERE sink = ?1 AND fold = ?2 AND state IN ('pending', 'sending', 'unknown')
                     AND id <> ?3 LIMIT 1",
                )?
                .query_row((&one.sink, &one.fold, one.id), |_| Ok(()))
                .optional()?
                .is_some();
            if waiting || plan.after == 0 {
                open(until, plan.after)?;
                return Ok((false, until));
            }
            open(until, 1)?;
            Ok((true, plan.not_before))
        }
    }
}

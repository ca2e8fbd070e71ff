//! From 'pending' to 'sent': what the worker takes, and what became of it. Each step is one transaction.
//!
//! ```text
//! pending ─claim─ sending ─┬─ sent (those folded into it: folded)
//!    ↑               │     ├─ pending (surely not delivered; a later time)
//!    │               │     ├─ unknown (may have been delivered) ─ looked up ─┬─ sent
//!    └───────────────┼─────┼─────────────────────────────────────────────────┘ (not found: pending)
//!   worker killed: unknown └─ dead (with the reason)
//! ```

use super::triage::BETWEEN;
use super::{Payload, parse_payload};
use crate::record::UnixNanos;
use crate::store::{Store, failed};
use crate::{Level, Result};
use rusqlite::{Connection, OptionalExtension};

/// How many equal or different ones a message may carry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) sink: &'a str,
    /// Complete critical alerts in one message, where more than a few wait.
    pub(crate) joined: usize,
    /// Different messages below critical that may wait before all of them become one.
    pub(crate) overflow: u32,
    /// Whether the message carries the newest checkpoint of the evidence.
    pub(crate) checkpoint: bool,
    /// What the request counts against: the scope, and whether it is kept for messages alone.
    pub(crate) scopes: &'a [String],
}

/// What the worker holds: one notification, or several that go out together.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// The first one's id.
    pub(crate) leader: i64,
    /// How often it was tried before.
    pub(crate) attempts: u32,
    /// Its outcome is unknown: it has to be looked for.
    pub(crate) unknown: bool,
    pub(crate) first: Payload,
    pub(crate) members: Members,
}

/// How long after it was taken a message of a dead worker is looked for: its request may still be on its way, and a list
/// that doesn't have it yet would make it go out twice.
pub(crate) const SETTLE: UnixNanos = 3_000_000_000;

/// The others in a batch.
#[derive(Debug, Clone)]
pub(crate) enum Members {
    /// None.
    None,
    /// Complete critical alerts.
    Joined(Vec<Payload>),
    /// Equal ones: how many in all, and the last.
    Equal(u64, Box<Payload>),
    /// Different ones: how many in all, the last, and how many of which rule and user.
    Different(u64, Box<Payload>, Vec<(u64, String, String)>),
}

const OPEN: &str = "state IN ('pending', 'sending', 'unknown')";

impl Store {
    /// Brings the outbox in order when a worker begins: what another was sending when it died is unknown, and times in
    /// the future of a clock that was set back are moved.
    pub(crate) fn recover(&mut self, now: UnixNanos) -> Result<()> {
        self.write("recover the outbox", |tx| {
            tx.execute(
                "UPDATE notifications SET state = 'unknown', next_attempt_ns = min(updated_at_ns, ?1) + ?2,
                   updated_at_ns = ?1, error = 'the worker ended while it was sending'
                 WHERE state IN ('pending', 'sending', 'unknown') AND state = 'sending'",
                (now, SETTLE),
            )?;
            set_back(tx, now)
        })
    }

    /// Takes the most urgent batch that is due and marks it 'sending' (or leaves it 'unknown', for a look-up), and
    /// notes the request in its scopes; `None` where nothing is due.
    pub(crate) fn claim(&mut self, claim: &Claim<'_>, now: UnixNanos) -> Result<Option<Batch>> {
        let path = self.path().to_path_buf();
        let due =
            head(self.connection(), claim.sink, now).map_err(|e| failed("read the outbox", &path, e))?;
        if due.is_none() {
            return Ok(None);
        }
        self.write("take from the outbox", |tx| {
            let Some((leader, batched, unknown)) = head(tx, claim.sink, now)? else { return Ok(None) };
            if !batched {
                form(tx, claim, leader, now)?;
            }
            if !unknown {
                tx.prepare_cached(
                    "UPDATE notifications SET state = 'sending', updated_at_ns = ?2, attempts = attempts + 1 WHERE batch = ?1",
                )?
                .execute((leader, now))?;
            }
            for scope in claim.scopes {
                tx.prepare_cached("INSERT INTO notify_requests (scope, at_ns, post) VALUES (?1, ?2, ?3)")?
                    .execute((scope, now, !unknown))?;
            }
            load(tx, leader, unknown).map(Some)
        })
    }

    /// The batch was delivered.
    pub(crate) fn delivered(&mut self, leader: i64, id: Option<&str>, now: UnixNanos) -> Result<()> {
        self.write("note a delivery", |tx| {
            tx.execute(
                "UPDATE notifications SET updated_at_ns = ?3, message_id = ?2, error = NULL,
                   state = iif(id = ?1 OR level = 'critical', 'sent', 'folded') WHERE batch = ?1",
                (leader, id, now),
            )?;
            tx.execute(
                "UPDATE notify_sinks SET failures = 0, blocked_until_ns = 0, updated_at_ns = ?2, sent_at_ns = ?2, error = NULL
                 WHERE sink = (SELECT sink FROM notifications WHERE id = ?1)",
                (leader, now),
            )?;
            tx.execute(
                "INSERT OR IGNORE INTO notify_sinks (sink, updated_at_ns, sent_at_ns)
                 SELECT sink, ?2, ?2 FROM notifications WHERE id = ?1",
                (leader, now),
            )
            .map(drop)
        })
    }

    /// The batch waits: 'pending' or 'unknown', not before `next`.
    pub(crate) fn postponed(
        &mut self,
        leader: i64,
        unknown: bool,
        next: UnixNanos,
        reason: &str,
        now: UnixNanos,
    ) -> Result<()> {
        let state = if unknown { "unknown" } else { "pending" };
        self.write("note a failure", |tx| {
            tx.execute(
                "UPDATE notifications SET state = ?2, next_attempt_ns = ?3, error = ?4, updated_at_ns = ?5 WHERE batch = ?1",
                (leader, state, next, reason, now),
            )
            .map(drop)
        })
    }

    /// The batch will never be delivered.
    pub(crate) fn dead(&mut self, leader: i64, reason: &str, now: UnixNanos) -> Result<()> {
        self.write("note a dead letter", |tx| {
            tx.execute(
                "UPDATE notifications SET state = 'dead', error = ?2, updated_at_ns = ?3 WHERE batch = ?1",
                (leader, reason, now),
            )
            .map(drop)
        })
    }

    /// Dead-letters what is older than `before` and can't be delivered: it was tried in vain, its sink is failing, or
    /// no sink of its name is configured. Gives how many.
    pub(crate) fn give_up(
        &mut self,
        before: UnixNanos,
        configured: &[&str],
        age: &str,
        now: UnixNanos,
    ) -> Result<usize> {
        let configured = serde_json::to_string(configured).unwrap_or_default();
        let path = self.path().to_path_buf();
        let old = format!("SELECT 1 FROM notifications WHERE {OPEN} AND created_at_ns < ?1 LIMIT 1");
        let any = self.connection().query_row(&old, [before], |_| Ok(())).optional();
        if any.map_err(|e| failed("read the outbox", &path, e))?.is_none() {
            return Ok(0);
        }
        self.write("note dead letters", |tx| {
            tx.execute(
                &format!(
                    "UPDATE notifications SET state = 'dead', updated_at_ns = ?2, error = 'gave up after ' || ?4 || ': ' ||
                       coalesce(error, (SELECT error FROM notify_sinks s WHERE s.sink = notifications.sink),
                                'no sink of this name is configured')
                     WHERE {OPEN} AND state <> 'sending' AND created_at_ns < ?1 AND (attempts > 0
                       OR sink NOT IN (SELECT value FROM json_each(?3))
                       OR EXISTS (SELECT 1 FROM notify_sinks s WHERE s.sink = notifications.sink AND s.failures > 0))"
                ),
                (before, now, configured, age),
            )
        })
    }

    /// When the next notification of the sink is due; `None` where none waits.
    pub(crate) fn next_due(&mut self, sink: &str) -> Result<Option<UnixNanos>> {
        let path = self.path().to_path_buf();
        let sql = format!("SELECT min(next_attempt_ns) FROM notifications WHERE sink = ?1 AND {OPEN}");
        self.connection()
            .prepare_cached(&sql)
            .and_then(|mut s| s.query_row([sink], |row| row.get(0)))
            .map_err(|e| failed("read the outbox", &path, e))
    }

    /// When the `nth` latest request of a scope was made (1 is the latest); `None` where there were fewer.
    pub(crate) fn nth_request(
        &mut self,
        scope: &str,
        posts_only: bool,
        nth: u32,
    ) -> Result<Option<UnixNanos>> {
        let path = self.path().to_path_buf();
        let sql = "SELECT at_ns FROM notify_requests WHERE scope = ?1 AND post >= ?2 ORDER BY at_ns DESC \
                   LIMIT 1 OFFSET ?3 - 1";
        self.connection()
            .prepare_cached(sql)
            .and_then(|mut s| s.query_row((scope, posts_only, nth), |row| row.get(0)).optional())
            .map_err(|e| failed("read the outbox", &path, e))
    }

    /// Notes a request that isn't made for a notification.
    pub(crate) fn note_requests(&mut self, scopes: &[String], now: UnixNanos) -> Result<()> {
        self.write("note a request", |tx| {
            for scope in scopes {
                tx.execute(
                    "INSERT INTO notify_requests (scope, at_ns, post) VALUES (?1, ?2, 1)",
                    (scope, now),
                )?;
            }
            Ok(())
        })
    }

    /// Forgets requests before `before`, closed windows and delivered notifications before `keep`.
    pub(crate) fn tidy(&mut self, before: UnixNanos, keep: UnixNanos, now: UnixNanos) -> Result<()> {
        self.write("tidy the outbox", |tx| {
            tx.execute("DELETE FROM notify_requests WHERE at_ns < ?1", [before])?;
            tx.execute("DELETE FROM notify_folds WHERE until_ns < ?1", [now])?;
            tx.execute(
                "DELETE FROM notifications WHERE state IN ('sent', 'folded', 'dropped') AND updated_at_ns < ?1",
                [keep],
            )
            .map(drop)
        })
    }
}

/// The most urgent leader: critical first, then in order.
fn head(db: &Connection, sink: &str, now: UnixNanos) -> rusqlite::Result<Option<(i64, bool, bool)>> {
    let sql = format!(
        "SELECT id, batch IS NOT NULL, state = 'unknown' FROM notifications
         WHERE sink = ?1 AND {OPEN} AND state <> 'sending' AND next_attempt_ns <= ?2 AND fold IS NOT NULL
           AND (batch IS NULL OR batch = id)
         ORDER BY level = 'critical' DESC, id LIMIT 1"
    );
    db.prepare_cached(&sql)?
        .query_row((sink, now), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
}

/// How many critical alerts wait before they go out together.
const JOIN_FROM: i64 = 4;

/// Decides who goes with the leader, and writes it down: every later attempt sends exactly the same.
fn form(db: &Connection, claim: &Claim<'_>, leader: i64, now: UnixNanos) -> rusqlite::Result<()> {
    let (level, solo, fold, kind): (String, bool, String, Option<String>) = db
        .prepare_cached(
            "SELECT level, solo, fold, iif(json_valid(payload), json_extract(payload, '$.kind'), 'alert')
             FROM notifications WHERE id = ?1",
        )?
        .query_row([leader], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let alert = kind.is_none_or(|k| k == "alert");
    let due = format!(
        "sink = ?1 AND {OPEN} AND state = 'pending' AND batch IS NULL AND fold IS NOT NULL AND next_attempt_ns <= ?2"
    );
    let count = |what: &str, filter: &str| -> rusqlite::Result<i64> {
        db.prepare_cached(&format!("SELECT count({what}) FROM notifications WHERE {due} AND {filter}"))?
            .query_row((claim.sink, now), |row| row.get(0))
    };
    db.prepare_cached("UPDATE notifications SET batch = id WHERE id = ?1")?.execute([leader])?;
    if claim.checkpoint && alert {
        // Written down with the message, whose later attempts have to say the same.
        db.prepare_cached(
            "UPDATE notifications SET payload = json_set(payload, '$.checkpoint', note)
             FROM (SELECT note FROM checkpoints ORDER BY number DESC LIMIT 1) WHERE id = ?1 AND json_valid(payload)",
        )?
        .execute([leader])?;
    }
    if level == Level::Critical.as_str() {
        if claim.joined > 1 && count("*", "level = 'critical'")? >= JOIN_FROM - 1 {
            let most = i64::try_from(claim.joined - 1).unwrap_or(0);
            db.prepare_cached(&format!(
                "UPDATE notifications SET batch = ?3 WHERE id IN (SELECT id FROM notifications
                 WHERE {due} AND level = 'critical' ORDER BY id LIMIT ?4)"
            ))?
            .execute((claim.sink, now, leader, most))?;
        }
    } else if alert {
        let below = "level <> 'critical' AND iif(json_valid(payload), json_extract(payload, '$.kind'), 'alert') = 'alert'";
        let different = count("DISTINCT iif(solo, id, fold)", below)?;
        if different >= i64::from(claim.overflow.max(1)) {
            db.prepare_cached(&format!("UPDATE notifications SET batch = ?3 WHERE {due} AND {below}"))?
                .execute((claim.sink, now, leader))?;
        } else if !solo {
            db.prepare_cached(&format!(
                "UPDATE notifications SET batch = ?3 WHERE {due} AND {below} AND NOT solo AND fold = ?4"
            ))?
            .execute((claim.sink, now, leader, fold))?;
        }
    }
    Ok(())
}

/// SQLite's counts are signed, and never negative.
fn unsigned(count: i64) -> u64 {
    count.unsigned_abs()
}

fn load(db: &Connection, leader: i64, unknown: bool) -> rusqlite::Result<Batch> {
    let (level, attempts, payload): (String, u32, String) = db
        .prepare_cached("SELECT level, attempts, payload FROM notifications WHERE id = ?1")?
        .query_row([leader], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let level: Level = level.parse().unwrap_or(Level::Critical);
    let (count, last, folds): (u64, i64, u64) = db
        .prepare_cached("SELECT count(*), max(id), count(DISTINCT fold) FROM notifications WHERE batch = ?1")?
        .query_row([leader], |row| Ok((unsigned(row.get(0)?), row.get(1)?, unsigned(row.get(2)?))))?;
    let payload_of = |id: i64| -> rusqlite::Result<Payload> {
        db.prepare_cached("SELECT payload FROM notifications WHERE id = ?1")?
            .query_row([id], |row| row.get::<_, String>(0))
            .map(|text| parse_payload(&text))
    };
    let members = if count <= 1 {
        Members::None
    } else if level == Level::Critical {
        let mut statement =
            db.prepare_cached("SELECT payload FROM notifications WHERE batch = ?1 AND id <> ?1 ORDER BY id")?;
        let rest = statement.query_map([leader], |row| row.get::<_, String>(0))?;
        Members::Joined(rest.map(|text| text.map(|t| parse_payload(&t))).collect::<rusqlite::Result<_>>()?)
    } else if folds == 1 {
        Members::Equal(count, Box::new(payload_of(last)?))
    } else {
        let mut statement = db.prepare_cached(
            "SELECT count(*), fold FROM notifications WHERE batch = ?1 GROUP BY fold ORDER BY 1 DESC, 2 LIMIT 10",
        )?;
        let parts = statement.query_map([leader], |row| {
            let fold: String = row.get(1)?;
            let (rule, user) = fold.split_once(BETWEEN).unwrap_or((&fold, ""));
            Ok((unsigned(row.get(0)?), rule.to_owned(), user.to_owned()))
        })?;
        Members::Different(count, Box::new(payload_of(last)?), parts.collect::<rusqlite::Result<_>>()?)
    };
    Ok(Batch { leader, attempts, unknown, first: parse_payload(&payload), members })
}

/// A time that was computed more than a moment in the future was computed before the clock was set back: the wait
/// begins again from now.
fn set_back(db: &Connection, now: UnixNanos) -> rusqlite::Result<()> {
    let slack = 2_000_000_000;
    let future = now.saturating_add(slack);
    db.execute(
        &format!(
            "UPDATE notifications SET next_attempt_ns = ?1 + max(0, next_attempt_ns - updated_at_ns), updated_at_ns = ?1
             WHERE {OPEN} AND updated_at_ns > ?2 AND next_attempt_ns > 0"
        ),
        (now, future),
    )?;
    db.execute(
        "UPDATE notify_sinks SET blocked_until_ns = ?1 + max(0, blocked_until_ns - updated_at_ns), updated_at_ns = ?1
         WHERE updated_at_ns > ?2",
        (now, future),
    )?;
    db.execute("UPDATE notify_requests SET at_ns = ?1 WHERE at_ns > ?2", (now, future)).map(drop)
}

//! What waits, what was sent and what wasn't: for `shmon notify status`, and to change it by hand.

use super::{Payload, parse_payload, unknown_id};
use crate::record::UnixNanos;
use crate::store::{Store, failed};
use crate::{Error, ErrorKind, Level, Result};
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;

/// Where a notification stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Waits for its time.
    Pending,
    /// Being sent right now.
    Sending,
    /// It may have been delivered: it is looked for before it is sent again.
    Unknown,
    /// Delivered.
    Sent,
    /// Delivered as part of another message.
    Folded,
    /// Never delivered; the reason stands with it.
    Dead,
    /// Taken out by hand.
    Dropped,
}

impl State {
    /// All states.
    pub const ALL: [State; 7] = [
        State::Pending,
        State::Sending,
        State::Unknown,
        State::Sent,
        State::Folded,
        State::Dead,
        State::Dropped,
    ];

    /// As the database has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Sending => "sending",
            State::Unknown => "unknown",
            State::Sent => "sent",
            State::Folded => "folded",
            State::Dead => "dead",
            State::Dropped => "dropped",
        }
    }
}

impl std::str::FromStr for State {
    type Err = Error;

    fn from_str(text: &str) -> Result<State> {
        State::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| {
            let all = State::ALL.map(State::as_str).join(", ");
            Error::new(ErrorKind::Invalid, format!("unknown state '{text}': use one of {all}"))
        })
    }
}

/// One notification.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Notification {
    /// Its id, for `shmon notify retry` and `drop`.
    pub id: i64,
    /// The row that it tells of.
    pub command_id: Option<i64>,
    /// The sink's name.
    pub sink: String,
    /// The level.
    pub level: Level,
    /// Where it stands.
    pub state: State,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was written, in nanoseconds since the Unix epoch.
    pub created_at_ns: UnixNanos,
    /// Not tried before this time; 0 is at once.
    pub next_attempt_ns: UnixNanos,
    /// When it last changed.
    pub updated_at_ns: UnixNanos,
    /// The service's id of the message.
    pub message_id: Option<String>,
    /// Why it wasn't delivered (yet).
    pub error: Option<String>,
    /// The first of those that go out together with it.
    pub batch: Option<i64>,
    /// What it says.
    pub payload: Payload,
}

/// How a sink fares.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct SinkState {
    /// Failures since the last success.
    pub failures: u32,
    /// It is left alone until then, in nanoseconds since the Unix epoch.
    pub blocked_until_ns: UnixNanos,
    /// When it last took a message; 0 where it never did.
    pub sent_at_ns: UnixNanos,
    /// What went wrong last, where it is failing.
    pub error: Option<String>,
    /// The day of the last digest.
    pub digest_day: Option<String>,
}

/// How many notifications of a sink are in which state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Waiting {
    /// The sink's name.
    pub sink: String,
    /// The state.
    pub state: State,
    /// How many.
    pub count: u64,
    /// When the oldest was written.
    pub oldest_ns: UnixNanos,
}

impl Store {
    /// How many notifications are in which state, by sink.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be read.
    pub fn outbox_counts(&mut self) -> Result<Vec<Waiting>> {
        let path = self.path().to_path_buf();
        let read = |db: &Connection| {
            let mut statement = db.prepare_cached(
                "SELECT sink, state, count(*), min(created_at_ns) FROM notifications GROUP BY 1, 2 ORDER BY 1, 2",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(Waiting {
                    sink: row.get(0)?,
                    state: state(row.get(1)?),
                    count: row.get::<_, i64>(2)?.unsigned_abs(),
                    oldest_ns: row.get(3)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read(self.connection()).map_err(|e| failed("read the outbox", &path, e))
    }

    /// Notifications, latest first: of one sink or all, in these states or (where empty) all.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be read.
    pub fn notifications(
        &mut self,
        sink: Option<&str>,
        states: &[State],
        most: usize,
    ) -> Result<Vec<Notification>> {
        let path = self.path().to_path_buf();
        let names = serde_json::to_string(states).unwrap_or_default();
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let read = |db: &Connection| {
            let mut statement = db.prepare_cached(
                "SELECT id, command_id, sink, level, state, attempts, created_at_ns, next_attempt_ns, updated_at_ns,
                   message_id, error, batch, payload
                 FROM notifications WHERE (?1 IS NULL OR sink = ?1)
                   AND (?2 = '[]' OR state IN (SELECT value FROM json_each(?2))) ORDER BY id DESC LIMIT ?3",
            )?;
            let rows = statement.query_map((sink, &names, most), |row| {
                let level: String = row.get(3)?;
                let payload: String = row.get(12)?;
                Ok(Notification {
                    id: row.get(0)?,
                    command_id: row.get(1)?,
                    sink: row.get(2)?,
                    level: level.parse().unwrap_or(Level::Critical),
                    state: state(row.get(4)?),
                    attempts: row.get(5)?,
                    created_at_ns: row.get(6)?,
                    next_attempt_ns: row.get(7)?,
                    updated_at_ns: row.get(8)?,
                    message_id: row.get(9)?,
                    error: row.get(10)?,
                    batch: row.get(11)?,
                    payload: parse_payload(&payload),
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read(self.connection()).map_err(|e| failed("read the outbox", &path, e))
    }

    /// How a sink fares.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be read.
    pub fn sink_state(&mut self, sink: &str) -> Result<SinkState> {
        let path = self.path().to_path_buf();
        let sql = "SELECT failures, blocked_until_ns, sent_at_ns, error, digest_day FROM notify_sinks WHERE sink = ?1";
        let read = |db: &Connection| {
            db.prepare_cached(sql)?
                .query_row([sink], |row| {
                    Ok(SinkState {
                        failures: row.get(0)?,
                        blocked_until_ns: row.get(1)?,
                        sent_at_ns: row.get(2)?,
                        error: row.get(3)?,
                        digest_day: row.get(4)?,
                    })
                })
                .optional()
        };
        let found = read(self.connection()).map_err(|e| failed("read the outbox", &path, e))?;
        Ok(found.unwrap_or_default())
    }

    /// Whether there are notifications that no worker has seen yet.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be read.
    pub fn has_new_notifications(&mut self) -> Result<bool> {
        let path = self.path().to_path_buf();
        let sql = "SELECT EXISTS (SELECT 1 FROM notifications WHERE fold IS NULL)";
        let found = self.connection().prepare_cached(sql).and_then(|mut s| s.query_row([], |row| row.get(0)));
        found.map_err(|e| failed("read the outbox", &path, e))
    }

    /// Leaves a sink alone until `until`; `failure` says why, where it is a failure of the sink.
    #[cfg(feature = "notify")]
    pub(crate) fn block_sink(
        &mut self,
        sink: &str,
        until: UnixNanos,
        failure: Option<&str>,
        now: UnixNanos,
    ) -> Result<()> {
        self.write("note a failure", |tx| {
            tx.execute(
                "INSERT INTO notify_sinks (sink, failures, blocked_until_ns, updated_at_ns, error)
                 VALUES (?1, ?3 IS NOT NULL, ?2, ?4, ?3)
                 ON CONFLICT (sink) DO UPDATE SET failures = failures + (?3 IS NOT NULL), blocked_until_ns = ?2,
                   updated_at_ns = ?4, error = coalesce(?3, error)",
                (sink, until, failure, now),
            )
            .map(drop)
        })
    }

    /// Notes the day of a sink's last digest and puts that digest into the outbox, both or neither.
    #[cfg(feature = "notify")]
    pub(crate) fn digest_told(
        &mut self,
        sink: &str,
        day: &str,
        payload: Option<&Payload>,
        now: UnixNanos,
    ) -> Result<()> {
        self.write("write the outbox", |tx| {
            tx.execute(
                "INSERT INTO notify_sinks (sink, updated_at_ns, digest_day) VALUES (?1, ?3, ?2)
                 ON CONFLICT (sink) DO UPDATE SET digest_day = ?2",
                (sink, day, now),
            )?;
            if let Some(payload) = payload {
                let new = super::NewNotification {
                    sink: sink.to_owned(),
                    level: payload.level,
                    payload: payload.clone(),
                };
                super::put(tx, None, now, &new, payload.clone())?;
            }
            Ok(())
        })
    }

    /// Makes a sink, or all, due now: after somebody mended it, or to try by hand.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be written.
    pub fn unblock_sinks(&mut self, sink: Option<&str>, now: UnixNanos) -> Result<()> {
        self.write("write the outbox", |tx| {
            tx.execute(
                "UPDATE notify_sinks SET blocked_until_ns = 0, updated_at_ns = ?2 WHERE ?1 IS NULL OR sink = ?1",
                (sink, now),
            )?;
            // Those that were tried; what is folded or kept for later hours keeps its time.
            tx.execute(
                "UPDATE notifications SET next_attempt_ns = 0, updated_at_ns = ?2
                 WHERE (?1 IS NULL OR sink = ?1) AND state IN ('pending', 'unknown') AND attempts > 0",
                (sink, now),
            )
            .map(drop)
        })
    }

    /// Puts a dead or dropped notification (and those that went with it) back into the outbox; gives how many.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when there is no such notification or it can't be tried again.
    pub fn retry_notification(&mut self, id: i64, now: UnixNanos) -> Result<usize> {
        self.change(id, &["dead", "dropped", "unknown", "pending"], "can't be tried again", |tx, batch| {
            tx.execute(
                "UPDATE notifications SET state = iif(state = 'unknown', 'unknown', 'pending'), attempts = 0,
                   next_attempt_ns = 0, created_at_ns = ?2, updated_at_ns = ?2, error = NULL
                 WHERE id = ?1 OR batch = ?1",
                (batch, now),
            )
        })
    }

    /// Takes a notification (and those that go with it) out of the outbox; it stays to be seen as dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when there is no such notification or it was delivered already.
    pub fn drop_notification(&mut self, id: i64, now: UnixNanos) -> Result<usize> {
        self.change(id, &["dead", "unknown", "pending"], "can't be dropped", |tx, batch| {
            tx.execute(
                "UPDATE notifications SET state = 'dropped', fold = coalesce(fold, ''), updated_at_ns = ?2
                 WHERE id = ?1 OR batch = ?1",
                (batch, now),
            )
        })
    }

    fn change(
        &mut self,
        id: i64,
        from: &[&str],
        refusal: &str,
        change: impl FnOnce(&Connection, i64) -> rusqlite::Result<usize>,
    ) -> Result<usize> {
        let answer = self.write("write the outbox", |tx| {
            let found: Option<(String, Option<i64>)> = tx
                .query_row("SELECT state, batch FROM notifications WHERE id = ?1", [id], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()?;
            match found {
                Some((state, batch)) if from.contains(&state.as_str()) => {
                    change(tx, batch.unwrap_or(id)).map(Ok)
                }
                Some((state, _)) => Ok(Err(Some(state))),
                None => Ok(Err(None)),
            }
        })?;
        answer.map_err(|state| match state {
            Some(state) => {
                Error::new(ErrorKind::Invalid, format!("notification {id} is {state}: it {refusal}"))
            }
            None => unknown_id(id),
        })
    }
}

fn state(text: String) -> State {
    text.parse().unwrap_or(State::Dead)
}

//! The sessions of the record: who was at which terminal, when, and what became of it.

use super::{Store, failed, session_counts};
use crate::record::UnixNanos;
use crate::{Level, Result};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params_from_iter};
use serde::{Deserialize, Serialize};

/// One session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Session {
    /// Its id.
    pub session_id: String,
    /// The session that it was started from.
    pub parent_session: Option<String>,
    /// Login name.
    pub user: String,
    /// User id.
    pub uid: Option<u32>,
    /// Name of the host.
    pub host: String,
    /// Terminal.
    pub tty: Option<String>,
    /// Process id of the shell.
    pub pid: Option<u32>,
    /// What captured it.
    pub shell: String,
    /// Address and port of the SSH client.
    pub ssh_client: Option<String>,
    /// Its first row.
    pub first_id: i64,
    /// Its last row.
    pub last_id: i64,
    /// When its first command was accepted.
    pub started_at: UnixNanos,
    /// When its last command was accepted.
    pub last_at: UnixNanos,
    /// Commands by level, lowest first.
    pub counts: [u64; 4],
    /// The highest level of any of its commands, pruned ones too.
    pub worst: Level,
}

impl Session {
    /// How many commands it has.
    pub fn commands(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Which sessions are wanted; every field that is set narrows the choice. The one that was active last comes first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SessionQuery {
    /// Login name.
    pub user: Option<String>,
    /// Host.
    pub host: Option<String>,
    /// Terminal, with or without `/dev/`.
    pub tty: Option<String>,
    /// Active at this instant or later.
    pub since: Option<UnixNanos>,
    /// Begun before this instant.
    pub until: Option<UnixNanos>,
    /// With a command of this level or above.
    pub min_level: Option<Level>,
    /// Sessions that come after this one: the next page.
    pub page_after: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

impl SessionQuery {
    /// All sessions.
    pub fn new() -> SessionQuery {
        SessionQuery::default()
    }
}

/// Where a session comes from and what came from it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Lineage {
    /// The sessions that it was started from, the nearest first. The last may be one of which nothing was recorded.
    pub ancestors: Vec<String>,
    /// The sessions that were started from it, oldest first.
    pub children: Vec<String>,
}

/// A chain of parents is no longer than this; somebody who edits the table could make a circle.
const ANCESTORS: usize = 64;

const COLUMNS: &str = "session_id, parent_session, user, uid, host, tty, pid, shell, ssh_client, first_id, last_id, \
     started_at_ns, last_at_ns, commands, worst, medium, high, critical";

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Session> {
    let text = |i| row.get::<_, Option<String>>(i);
    let count = |i| row.get::<_, i64>(i).map(|n| u64::try_from(n).unwrap_or(0));
    let (medium, high, critical) = (count(15)?, count(16)?, count(17)?);
    let low = count(13)?.saturating_sub(medium + high + critical);
    Ok(Session {
        session_id: row.get(0)?,
        parent_session: text(1)?,
        user: text(2)?.unwrap_or_default(),
        uid: row.get(3)?,
        host: text(4)?.unwrap_or_default(),
        tty: text(5)?,
        pid: row.get(6)?,
        shell: text(7)?.unwrap_or_default(),
        ssh_client: text(8)?,
        first_id: row.get(9)?,
        last_id: row.get(10)?,
        started_at: row.get(11)?,
        last_at: row.get(12)?,
        counts: [low, medium, high, critical],
        worst: Level::from_u8(row.get(14)?).unwrap_or(Level::Critical),
    })
}

impl Store {
    /// How many sessions differ from what the rows say of them; 0 in a record that nobody edited. The table of sessions is
    /// no evidence, but `shmon sessions` goes by it.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read.
    pub fn session_differences(&self) -> Result<u64> {
        let sql = "SELECT count(*) FROM \
                     (SELECT session_id, count(*) AS commands FROM command_logs \
                      WHERE session_id IS NOT NULL AND id < ?1 GROUP BY 1) c \
                     FULL JOIN sessions s USING (session_id) WHERE c.commands IS NOT s.commands";
        let read = || -> rusqlite::Result<i64> {
            // In one view of the database: a recorder may be at work.
            let tx = self.db.unchecked_transaction()?;
            // The newest rows may wait for the next commit.
            let end = session_counts::first_left(&tx)?.unwrap_or(i64::MAX);
            tx.query_row(sql, [end], |row| row.get(0))
        };
        read().map(i64::cast_unsigned).map_err(|e| failed("compare the sessions", &self.path, e))
    }

    /// The sessions that `query` asks for.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read.
    pub fn sessions(&self, query: &SessionQuery) -> Result<Vec<Session>> {
        let mut terms: Vec<&str> = Vec::new();
        let mut values: Vec<Value> = Vec::new();
        for (term, value) in [("user = ?", &query.user), ("host = ?", &query.host)] {
            if let Some(value) = value {
                terms.push(term);
                values.push(value.clone().into());
            }
        }
        if let Some(tty) = &query.tty {
            terms.push("tty IN (?, '/dev/' || ?)");
            values.extend([tty.clone().into(), tty.clone().into()]);
        }
        if let Some(since) = query.since {
            terms.push("last_at_ns >= ?");
            values.push(since.into());
        }
        if let Some(until) = query.until {
            terms.push("started_at_ns < ?");
            values.push(until.into());
        }
        if let Some(level) = query.min_level.filter(|level| *level > Level::Low) {
            terms.push("worst >= ?");
            values.push(i64::from(level as u8).into());
        }
        if let Some(session) = &query.page_after {
            terms.push("(last_at_ns, session_id) < (SELECT last_at_ns, session_id FROM sessions WHERE session_id = ?)");
            values.push(session.clone().into());
        }
        let filter = if terms.is_empty() { String::new() } else { format!(" WHERE {}", terms.join(" AND ")) };
        let limit = query.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let sql = format!(
            "SELECT {COLUMNS} FROM sessions{filter} ORDER BY last_at_ns DESC, session_id DESC LIMIT {limit}"
        );
        let all = || -> rusqlite::Result<Vec<Session>> {
            let mut statement = self.db.prepare_cached(&sql)?;
            statement.query_map(params_from_iter(values), read)?.collect()
        };
        all().map_err(|e| failed("read the sessions", &self.path, e))
    }

    /// The session with this id.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read.
    pub fn session(&self, id: &str) -> Result<Option<Session>> {
        let sql = format!("SELECT {COLUMNS} FROM sessions WHERE session_id = ?1");
        let one = || self.db.prepare_cached(&sql)?.query_row([id], read).optional();
        one().map_err(|e| failed("read the sessions", &self.path, e))
    }

    /// At most `limit` sessions whose id begins with `start`.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read.
    pub fn sessions_like(&self, start: &str, limit: usize) -> Result<Vec<Session>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sessions WHERE session_id >= ?1 AND session_id < ?1 || char(1114111) \
             ORDER BY session_id LIMIT {limit}"
        );
        let all = || -> rusqlite::Result<Vec<Session>> {
            self.db.prepare_cached(&sql)?.query_map([start], read)?.collect()
        };
        all().map_err(|e| failed("read the sessions", &self.path, e))
    }

    /// The sessions that `id` was started from, and those that were started from it.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read.
    pub fn lineage(&self, id: &str) -> Result<Lineage> {
        let read = || -> rusqlite::Result<Lineage> {
            let mut lineage = Lineage::default();
            let mut up =
                self.db.prepare_cached("SELECT parent_session FROM sessions WHERE session_id = ?1")?;
            let mut at = id.to_owned();
            while let Some(parent) =
                up.query_row([&at], |row| row.get::<_, Option<String>>(0)).optional()?.flatten()
            {
                if lineage.ancestors.len() == ANCESTORS || lineage.ancestors.contains(&parent) {
                    break;
                }
                lineage.ancestors.push(parent.clone());
                at = parent;
            }
            let sql = "SELECT session_id FROM sessions WHERE parent_session = ?1 ORDER BY started_at_ns, session_id";
            let mut down = self.db.prepare_cached(sql)?;
            lineage.children = down.query_map([id], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            Ok(lineage)
        };
        read().map_err(|e| failed("read the sessions", &self.path, e))
    }
}

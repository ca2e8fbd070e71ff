//! What the record says in numbers: the ticket's statistics by level, day and hour, and who did most.

use super::{Query, Store, failed};
use crate::{Lang, Result};
use rusqlite::params_from_iter;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A name and how many rows have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Count {
    /// A level, a day, an hour, a rule, a session, a user or a program.
    pub name: String,
    /// How many rows.
    pub count: u64,
    /// How many of them are of level high or critical.
    pub high: u64,
}

/// Numbers over the rows of a query.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// All rows.
    pub total: u64,
    /// Local time of the first.
    pub first: Option<String>,
    /// Local time of the last.
    pub last: Option<String>,
    /// Rows by level, highest first.
    pub levels: Vec<Count>,
    /// Rows by local day, oldest first.
    pub days: Vec<Count>,
    /// Rows by local hour of the day, `00` to `23`; hours without rows are left out.
    pub hours: Vec<Count>,
    /// The rules that matched most rows.
    pub rules: Vec<Count>,
    /// The sessions with most rows.
    pub sessions: Vec<Count>,
    /// The users with most rows.
    pub users: Vec<Count>,
    /// The commands typed most often, with their secrets replaced.
    pub commands: Vec<Count>,
}

/// How finely time is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slice {
    /// By the hour: `2025-06-28 08`.
    Hour,
    /// By the day: `2025-06-28`.
    Day,
}

/// An hour or a day, and how many rows of each level it has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Slot {
    /// Local day, or day and hour.
    pub name: String,
    /// Rows by level, lowest first.
    pub levels: [u64; 4],
}

impl Slot {
    /// One without rows.
    pub fn new(name: impl Into<String>) -> Slot {
        Slot { name: name.into(), levels: [0; 4] }
    }
}

impl Store {
    /// How many rows of each level every hour or day has that `query` asks for, oldest first; those without rows are
    /// left out.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read.
    pub fn levels_over_time(&self, query: &Query, slice: Slice) -> Result<Vec<Slot>> {
        let read = || -> rusqlite::Result<Vec<Slot>> {
            let condition = super::plan::whole(query, &self.db)?;
            let length = match slice {
                Slice::Hour => 13,
                Slice::Day => 10,
            };
            let counts = crate::Level::ALL.map(|level| format!("sum(risk_level = '{level}')")).join(", ");
            let sql = format!(
                "SELECT substr(execution_time, 1, {length}), {counts} FROM command_logs{} GROUP BY 1 ORDER BY 1",
                condition.sql()
            );
            let mut statement = self.db.prepare(&sql)?;
            let rows = statement.query_map(params_from_iter(condition.values), |row| {
                let mut slot = Slot::new(row.get::<_, Option<String>>(0)?.unwrap_or_default());
                for (level, count) in slot.levels.iter_mut().enumerate() {
                    *count = row.get::<_, Option<i64>>(level + 1)?.unwrap_or(0).cast_unsigned();
                }
                Ok(slot)
            })?;
            rows.collect()
        };
        read().map_err(|e| failed("read the database", &self.path, e))
    }

    /// What the rules that ever matched are called, by their ids.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read.
    pub fn rule_titles(&self, lang: Lang) -> Result<HashMap<String, String>> {
        let sql = match lang {
            Lang::En => "SELECT rule, title_en FROM rules",
            Lang::Ja => "SELECT rule, title_ja FROM rules",
        };
        let read = || -> rusqlite::Result<HashMap<String, String>> {
            self.db.prepare(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        read().map_err(|e| failed("read the database", &self.path, e))
    }

    /// Numbers over all rows that `query` asks for (its limit doesn't count), with at most `top` rules, sessions,
    /// users and commands.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read.
    pub fn stats(&self, query: &Query, top: usize) -> Result<Stats> {
        self.read_stats(query, top).map_err(|e| failed("read the database", &self.path, e))
    }

    fn read_stats(&self, query: &Query, top: usize) -> rusqlite::Result<Stats> {
        // One read transaction, so that all numbers are of the same moment.
        let tx = self.db.unchecked_transaction()?;
        let condition = super::plan::whole(query, &tx)?;
        let filter = condition.sql();
        let high = "sum(risk_level IN ('high', 'critical'))";
        let counts = |sql: String| -> rusqlite::Result<Vec<Count>> {
            let mut statement = tx.prepare(&sql)?;
            let rows = statement.query_map(params_from_iter(condition.values.iter()), |row| {
                let name = row.get::<_, Option<String>>(0)?.unwrap_or_default();
                let count = row.get::<_, i64>(1)?.cast_unsigned();
                Ok(Count { name, count, high: row.get::<_, Option<i64>>(2)?.unwrap_or(0).cast_unsigned() })
            })?;
            rows.collect()
        };
        let group = |name: &str, order: &str, limit: &str| {
            counts(format!(
                "SELECT {name} AS name, count(*) AS count, {high} FROM command_logs{filter} \
                 GROUP BY 1 ORDER BY {order} {limit}"
            ))
        };
        let most = format!("LIMIT {top}");
        let whole =
            format!("SELECT count(*), min(execution_time), max(execution_time) FROM command_logs{filter}");
        let (total, first, last) =
            tx.query_row(&whole, params_from_iter(condition.values.iter()), |row| {
                Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?, row.get(2)?))
            })?;
        let by_level =
            "CASE lower(name) WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END";
        Ok(Stats {
            total,
            first,
            last,
            levels: group("risk_level", by_level, "")?,
            days: group("substr(execution_time, 1, 10)", "1", "")?,
            hours: group("substr(execution_time, 12, 2)", "1", "")?,
            rules: counts(format!(
                "SELECT r.rule, count(DISTINCT f.command_id) AS count, \
                   count(DISTINCT CASE WHEN f.level IN ('high', 'critical') THEN f.command_id END) \
                 FROM findings f JOIN rules r ON r.number = f.rule \
                 WHERE f.command_id IN (SELECT id FROM command_logs{filter}) \
                 GROUP BY 1 ORDER BY 2 DESC, 1 {most}"
            ))?,
            sessions: group("session_id", "2 DESC, 1", &most)?,
            users: group("user", "2 DESC, 1", &most)?,
            commands: group("coalesce(redacted, command_logs.command)", "2 DESC, 1", &most)?,
        })
    }
}

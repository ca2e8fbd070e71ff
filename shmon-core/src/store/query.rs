//! Reading: which rows, in which order, page by page.

use super::row::{COLUMNS, Row};
use super::{Store, failed};
use crate::record::UnixNanos;
use crate::{Level, Result};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params_from_iter};

/// Which end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The newest row first.
    #[default]
    Newest,
    /// The oldest row first.
    Oldest,
}

/// Which rows are wanted; every field that is set narrows the choice.
///
/// Rows come in the order of the events' time. With `text`, `rule`, `after_id` or `before_id` they come in the order
/// of ids, which is the order of recording.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Query {
    /// Exactly this level.
    pub level: Option<Level>,
    /// This level and those above.
    pub min_level: Option<Level>,
    /// Login name.
    pub user: Option<String>,
    /// Session.
    pub session: Option<String>,
    /// Host.
    pub host: Option<String>,
    /// Working directory, and all below it.
    pub directory: Option<String>,
    /// Accepted at this instant or later.
    pub since: Option<UnixNanos>,
    /// Accepted before this instant.
    pub until: Option<UnixNanos>,
    /// Part of the command; upper and lower case are the same.
    pub text: Option<String>,
    /// A rule's id, or its first parts: `destruction` finds `destruction.rm-recursive-force`.
    pub rule: Option<String>,
    /// Exactly this exit status.
    pub exit_status: Option<i32>,
    /// Only commands whose exit status is known and not 0.
    pub failed: bool,
    /// Leave out noise.
    pub hide_excluded: bool,
    /// Rows with a greater id.
    pub after_id: Option<i64>,
    /// Rows with a smaller id.
    pub before_id: Option<i64>,
    /// At most so many rows.
    pub limit: Option<usize>,
    /// Newest or oldest first.
    pub order: Order,
}

/// The condition of a query in SQL, with the values of its marks.
#[derive(Debug, Clone, Default)]
pub(super) struct Condition {
    pub(super) terms: Vec<String>,
    pub(super) values: Vec<Value>,
}

impl Condition {
    fn add(&mut self, term: &str, value: impl Into<Value>) {
        self.terms.push(term.to_owned());
        self.values.push(value.into());
    }

    /// `WHERE …`, or nothing.
    pub(super) fn sql(&self) -> String {
        if self.terms.is_empty() { String::new() } else { format!(" WHERE {}", self.terms.join(" AND ")) }
    }
}

/// Where a page ended: instant and id of its last row.
type Cursor = (UnixNanos, i64);

impl Query {
    /// All rows, newest first.
    pub fn new() -> Query {
        Query::default()
    }

    /// Whether rows come in the order of ids.
    fn by_id(&self) -> bool {
        self.text.is_some() || self.rule.is_some() || self.after_id.is_some() || self.before_id.is_some()
    }

    /// The levels that are wanted; `None` for all.
    fn levels(&self) -> Option<Vec<Level>> {
        if self.level.is_none() && self.min_level.is_none_or(|min| min == Level::Low) {
            return None;
        }
        let min = self.min_level.unwrap_or_default();
        Some(
            Level::ALL
                .into_iter()
                .filter(|l| *l >= min && self.level.is_none_or(|only| only == *l))
                .collect(),
        )
    }

    /// Everything but the level and the cursor.
    fn condition(&self) -> Condition {
        let mut c = Condition::default();
        let mut equal = |column: &str, value: &Option<String>| {
            if let Some(value) = value {
                c.add(&format!("{column} = ?"), value.clone());
            }
        };
        equal("session_id", &self.session);
        equal("user", &self.user);
        equal("host", &self.host);
        if let Some(directory) = &self.directory {
            let directory = if directory == "/" { "" } else { directory.trim_end_matches('/') };
            // '0' is the character after '/': everything below the folder, by the index.
            c.terms
                .push("(working_directory = ? OR (working_directory >= ? AND working_directory < ?))".into());
            c.values.push(if directory.is_empty() { "/".to_owned() } else { directory.to_owned() }.into());
            c.values.extend([format!("{directory}/").into(), format!("{directory}0").into()]);
        }
        if let Some(since) = self.since {
            c.add("started_at_ns >= ?", since);
        }
        if let Some(until) = self.until {
            c.add("started_at_ns < ?", until);
        }
        if let Some(text) = &self.text {
            c.add("instr(lower(command), lower(?)) > 0", text.clone());
        }
        if let Some(rule) = &self.rule {
            c.terms.push(
                "id IN (SELECT f.command_id FROM findings f JOIN rules r ON r.number = f.rule \
                 WHERE r.rule = ? OR (r.rule >= ? AND r.rule < ?))"
                    .into(),
            );
            // '/' is the character after '.'.
            c.values.extend([rule.clone().into(), format!("{rule}.").into(), format!("{rule}/").into()]);
        }
        if let Some(status) = self.exit_status {
            c.add("exit_status = ?", i64::from(status));
        }
        if self.failed || self.exit_status.is_some_and(|status| status != 0) {
            c.terms.push("exit_status <> 0".into());
        }
        if self.hide_excluded {
            c.terms.push("excluded = 0".into());
        }
        if let Some(id) = self.after_id {
            c.add("id > ?", id);
        }
        if let Some(id) = self.before_id {
            c.add("id < ?", id);
        }
        c
    }

    /// The whole condition, for counting.
    pub(super) fn whole(&self) -> Condition {
        let mut c = self.condition();
        if let Some(levels) = self.levels() {
            let names: Vec<String> = levels.iter().map(|l| format!("'{l}'")).collect();
            c.terms.push(format!("risk_level IN ({})", names.join(", ")));
        }
        c
    }

    /// One page in order, beginning after the cursor.
    pub(super) fn page(&self, cursor: Option<Cursor>, size: usize) -> (String, Vec<Value>) {
        let (compare, direction) = match self.order {
            Order::Newest => ("<", "DESC"),
            Order::Oldest => (">", "ASC"),
        };
        let mut c = self.condition();
        let order = if self.by_id() {
            if let Some((_, id)) = cursor {
                c.add(&format!("id {compare} ?"), id);
            }
            format!("id {direction}")
        } else {
            if let Some((at, id)) = cursor {
                c.terms.push(format!("(started_at_ns, id) {compare} (?, ?)"));
                c.values.extend([at.into(), id.into()]);
            }
            format!("started_at_ns {direction}, id {direction}")
        };
        let select = |c: &Condition| {
            format!("SELECT {COLUMNS} FROM command_logs{} ORDER BY {order} LIMIT {size}", c.sql())
        };
        let Some(levels) = self.levels() else { return (select(&c), c.values) };
        // One ordered walk through the index per level, merged: no level's rows are sorted or skipped over.
        let mut parts = Vec::with_capacity(levels.len());
        let mut values = Vec::new();
        for level in &levels {
            let mut c = c.clone();
            c.terms.insert(0, format!("risk_level = '{level}'"));
            parts.push(format!("SELECT * FROM ({})", select(&c)));
            values.extend(c.values);
        }
        if parts.is_empty() {
            parts.push(format!("SELECT {COLUMNS} FROM command_logs WHERE 0"));
        }
        (format!("{} ORDER BY {order} LIMIT {size}", parts.join(" UNION ALL ")), values)
    }
}

/// A walk through the rows of a query that holds no borrow: for callers that can't keep one, as other languages.
#[derive(Debug)]
pub struct Pages {
    query: Query,
    epochs: Vec<(i64, String)>,
    cursor: Option<Cursor>,
    left: usize,
    done: bool,
}

impl Pages {
    /// The next page, in a read transaction of its own; empty after the last.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read; the walk is over then.
    pub fn next(&mut self, store: &Store) -> Result<Vec<Row>> {
        if self.done {
            return Ok(Vec::new());
        }
        self.done = true;
        // The first page is small because most readers want a screenful.
        let size = if self.cursor.is_none() { 64 } else { 1024 }.min(self.left);
        let (sql, values) = self.query.page(self.cursor, size);
        let read = || -> rusqlite::Result<Vec<Row>> {
            let mut statement = store.db.prepare_cached(&sql)?;
            let mut rows = statement.query(params_from_iter(values))?;
            let mut page = Vec::with_capacity(size);
            while let Some(row) = rows.next()? {
                page.push(Row::read(row, &self.epochs)?);
            }
            Ok(page)
        };
        let page = read().map_err(|e| failed("read the database", &store.path, e))?;
        self.left -= page.len();
        self.done = page.len() < size || self.left == 0;
        self.cursor = page.last().map(|row| (row.started_at, row.id));
        Ok(page)
    }
}

/// The rows of a query, in order. They are read in pages, each in a read transaction of its own, so that a slow reader
/// (`shmon log | less`) never keeps SQLite from truncating its write-ahead log.
pub struct Rows<'a> {
    store: &'a Store,
    pages: Pages,
    page: std::vec::IntoIter<Row>,
}

impl Iterator for Rows<'_> {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        if let Some(row) = self.page.next() {
            return Some(Ok(row));
        }
        match self.pages.next(self.store) {
            Ok(page) => self.page = page.into_iter(),
            Err(error) => return Some(Err(error)),
        }
        self.page.next().map(Ok)
    }
}

impl std::iter::FusedIterator for Rows<'_> {}

impl Store {
    /// The rows that `query` asks for.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read, here or from the iterator.
    pub fn rows(&self, query: &Query) -> Result<Rows<'_>> {
        Ok(Rows { store: self, pages: self.pages(query)?, page: Vec::new().into_iter() })
    }

    /// The rows that `query` asks for, page by page, without a borrow of the store.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read.
    pub fn pages(&self, query: &Query) -> Result<Pages> {
        Ok(Pages {
            query: query.clone(),
            epochs: self.epochs()?,
            cursor: None,
            left: query.limit.unwrap_or(usize::MAX),
            done: query.limit == Some(0),
        })
    }

    /// The row with this id.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read.
    pub fn row(&self, id: i64) -> Result<Option<Row>> {
        let epochs = self.epochs()?;
        let sql = format!("SELECT {COLUMNS} FROM command_logs WHERE id = ?1");
        let read = || self.db.prepare_cached(&sql)?.query_row([id], |row| Row::read(row, &epochs)).optional();
        read().map_err(|e| failed("read the database", &self.path, e))
    }

    /// How many rows `query` asks for; its limit doesn't count.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read.
    pub fn count(&self, query: &Query) -> Result<u64> {
        let condition = query.whole();
        let sql = format!("SELECT count(*) FROM command_logs{}", condition.sql());
        let read = || {
            self.db
                .prepare_cached(&sql)?
                .query_row(params_from_iter(condition.values), |row| row.get::<_, i64>(0))
        };
        read().map(i64::cast_unsigned).map_err(|e| failed("read the database", &self.path, e))
    }

    /// The greatest id that was given away; 0 in an empty database.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read.
    pub fn last_id(&self) -> Result<i64> {
        let sql = "SELECT coalesce(max(id), 0) FROM command_logs";
        let read = || self.db.prepare_cached(sql)?.query_row([], |row| row.get(0));
        read().map_err(|e| failed("read the database", &self.path, e))
    }

    /// First row and name of every epoch, in order.
    fn epochs(&self) -> Result<Vec<(i64, String)>> {
        let read = || -> rusqlite::Result<Vec<_>> {
            let mut statement =
                self.db.prepare_cached("SELECT first_row, epoch FROM epochs ORDER BY number")?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        read().map_err(|e| failed("read the database", &self.path, e))
    }
}

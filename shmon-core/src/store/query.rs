//! Reading: which rows, in which order, page by page.

use super::plan::{self, Plan};
use super::row::{COLUMNS, Row};
use super::{Store, failed};
use crate::record::UnixNanos;
use crate::{Error, ErrorKind, Level, Result};
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
/// of ids, which is the order of recording; it differs where histories were imported or the clock was set back.
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
    /// Part of the command; upper and lower case of ASCII letters are the same.
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
    /// Rows that come after the row with this id, in the order of this query: the next page.
    pub page_after: Option<i64>,
    /// At most so many rows.
    pub limit: Option<usize>,
    /// Newest or oldest first.
    pub order: Order,
}

/// Where a page ended: instant and id of its last row.
pub(super) type Cursor = (UnixNanos, i64);

impl Query {
    /// All rows, newest first.
    pub fn new() -> Query {
        Query::default()
    }
}

/// A walk through the rows of a query that holds no borrow: for callers that can't keep one, as other languages.
#[derive(Debug)]
pub struct Pages {
    plan: Plan,
    epochs: Vec<(i64, String)>,
    cursor: Option<Cursor>,
    read: bool,
    left: usize,
    done: bool,
}

impl Pages {
    /// The next page, in a read transaction of its own; empty after the last.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be read; the walk is over then.
    pub fn next(&mut self, store: &Store) -> Result<Vec<Row>> {
        if self.done {
            return Ok(Vec::new());
        }
        self.done = true;
        // The first page is small because most readers want a screenful.
        let size = if self.read { 1024 } else { 64 }.min(self.left);
        self.read = true;
        let (sql, values) = self.plan.page(self.cursor, size);
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
    /// [`ErrorKind::Store`] when the database can't be read, here or from the iterator.
    pub fn rows(&self, query: &Query) -> Result<Rows<'_>> {
        Ok(Rows { store: self, pages: self.pages(query)?, page: Vec::new().into_iter() })
    }

    /// The rows that `query` asks for, page by page, without a borrow of the store.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be read;
    /// [`ErrorKind::Invalid`] when the row of [`Query::page_after`] is gone.
    pub fn pages(&self, query: &Query) -> Result<Pages> {
        let cursor = query.page_after.map(|id| self.place(id)).transpose()?;
        let plan = Plan::of(query, &self.db).map_err(|e| failed("read the database", &self.path, e))?;
        Ok(Pages {
            plan,
            epochs: self.epochs()?,
            cursor,
            read: false,
            left: query.limit.unwrap_or(usize::MAX),
            done: query.limit == Some(0),
        })
    }

    /// The row with this id.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be read.
    pub fn row(&self, id: i64) -> Result<Option<Row>> {
        let epochs = self.epochs()?;
        let sql = format!("SELECT {COLUMNS} FROM command_logs WHERE id = ?1");
        let read = || self.db.prepare_cached(&sql)?.query_row([id], |row| Row::read(row, &epochs)).optional();
        read().map_err(|e| failed("read the database", &self.path, e))
    }

    /// Instant and id of a row.
    fn place(&self, id: i64) -> Result<Cursor> {
        let sql = "SELECT coalesce(started_at_ns, 0), id FROM command_logs WHERE id = ?1";
        let read =
            || self.db.prepare_cached(sql)?.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))).optional();
        let found = read().map_err(|e| failed("read the database", &self.path, e))?;
        found.ok_or_else(|| Error::new(ErrorKind::Invalid, format!("there is no row {id} to go on after")))
    }

    /// How many rows `query` asks for; its limit and where its page begins don't count.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be read.
    pub fn count(&self, query: &Query) -> Result<u64> {
        let read = || {
            let condition = plan::whole(query, &self.db)?;
            let sql = format!("SELECT count(*) FROM command_logs{}", condition.sql());
            let values = params_from_iter(condition.values);
            self.db.prepare_cached(&sql)?.query_row(values, |row| row.get::<_, i64>(0))
        };
        read().map(i64::cast_unsigned).map_err(|e| failed("read the database", &self.path, e))
    }

    /// The greatest id that was given away; 0 in an empty database.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be read.
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

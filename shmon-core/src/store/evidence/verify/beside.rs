//! What stands beside the rows: tables and triggers, tombstones and epochs without evidence, the key that moved on.

use super::super::key::KeyFile;
use super::{Problem, Report, Verifier};
use crate::store::evidence::canonical::Kind;
use crate::store::prune::Ranges;
use crate::store::{Store, file};
use rusqlite::{Connection, OptionalExtension};

/// Tables that have to be tables: a view in their place could show anything.
const TABLES: [&str; 9] = [
    "command_logs",
    "findings",
    "rules",
    "evidence",
    "tree",
    "checkpoints",
    "tombstones",
    "epochs",
    "notifications",
];

/// What can be said of a record that lacks a table or a column: nothing in it can be compared.
pub(super) fn incomplete(missing: &str) -> Report {
    let message = format!(
        "the database is not whole ({missing}): somebody changed its tables, and nothing can be compared"
    );
    Report { problems: vec![Problem { row: None, entry: None, message }], ..Report::default() }
}

impl Verifier<'_> {
    /// What changes rows on their way in, or shows others than there are.
    pub(super) fn check_schema(&mut self) -> rusqlite::Result<()> {
        let mut statement = self.db.prepare("SELECT type, name, tbl_name FROM sqlite_schema")?;
        let objects = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<Vec<(String, String, String)>>>()?;
        for (kind, name, table) in &objects {
            if kind == "trigger" {
                let message = format!(
                    "the database has a trigger '{name}' on {table} that shmon didn't make: it changes what is written"
                );
                self.problem(None, None, message);
            }
        }
        for table in TABLES {
            if !objects.iter().any(|(kind, name, _)| kind == "table" && name == table) {
                self.problem(None, None, format!("{table} is no table any more"));
            }
        }
        Ok(())
    }

    /// Tombstones and epochs that no entry tells of excuse nothing.
    pub(super) fn check_inserted(&mut self) -> rusqlite::Result<()> {
        let mut tombstones = self.db.prepare("SELECT number, ranges FROM tombstones ORDER BY number")?;
        let mut rows = tombstones.query([])?;
        while let Some(row) = rows.next()? {
            let number = row.get(0)?;
            if !self.attested.contains(&(Kind::Tombstone, number)) {
                let first = Ranges::parse(row.get_ref(1)?).first();
                let message =
                    format!("tombstone {number} has no evidence: it was inserted, and excuses no row");
                self.problem(first, None, message);
            }
        }
        let mut epochs = self.db.prepare("SELECT number, first_row FROM epochs ORDER BY number")?;
        let mut rows = epochs.query([])?;
        while let Some(row) = rows.next()? {
            let number = row.get(0)?;
            if !self.attested.contains(&(Kind::Epoch, number)) {
                let message = format!("epoch {number} has no evidence: it was inserted");
                self.problem(row.get(1).ok(), None, message);
            }
        }
        Ok(())
    }
}

/// The last checkpoint's number and the key that it names for the next.
fn last(db: &Connection) -> rusqlite::Result<Option<(i64, [u8; 32])>> {
    let sql = "SELECT number, next_key FROM checkpoints ORDER BY number DESC LIMIT 1";
    db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1).unwrap_or_default()))).optional()
}

/// Whether the file of keys lies beside the record, can be read, and has moved on beyond the last checkpoint.
pub(super) fn key_moved_on(store: &Store) -> rusqlite::Result<Option<i64>> {
    let path = file::beside(&store.path, ".key");
    let mut before = last(&store.db)?;
    loop {
        let Some((number, next)) = before else { return Ok(None) };
        // Who may read the record but not its key can't tell.
        let Ok(keys) = KeyFile::read(&path) else { return Ok(None) };
        if keys.is_empty() || keys.find(&next).is_some() {
            return Ok(None);
        }
        // A checkpoint that was made meanwhile explains it.
        let after = last(&store.db)?;
        if after == before {
            return Ok(Some(number));
        }
        before = after;
    }
}

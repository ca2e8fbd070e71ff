//! Appending to the evidence: each entry's hash covers the hash of the entry before.

use super::canonical::{Canonical, Hash, Kind};
use super::tree;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OptionalExtension};

/// The end of the chain inside one transaction.
pub(in crate::store) struct Chain<'a> {
    db: &'a Connection,
    insert: CachedStatement<'a>,
    sequence: i64,
    previous: Hash,
    canonical: Canonical,
}

impl<'a> Chain<'a> {
    /// Reads where the chain ends. The caller holds the write transaction.
    pub(in crate::store) fn resume(db: &'a Connection) -> rusqlite::Result<Chain<'a>> {
        let (sequence, previous) = head(db)?;
        let insert = "INSERT INTO evidence (sequence, kind, row_id, leaf) VALUES (?1, ?2, ?3, ?4)";
        let insert = db.prepare_cached(insert)?;
        Ok(Chain { db, insert, sequence, previous, canonical: Canonical::default() })
    }

    /// Appends one entry that covers `values`.
    pub(in crate::store) fn append<'v>(
        &mut self,
        kind: Kind,
        row: i64,
        values: impl IntoIterator<Item = ValueRef<'v>>,
    ) -> rusqlite::Result<()> {
        let sequence = self.sequence + 1;
        self.canonical.begin(kind, sequence, row, &self.previous);
        for value in values {
            self.canonical.value(value);
        }
        let leaf = self.canonical.leaf();
        self.insert.execute((sequence, kind as i64, row, &leaf[..]))?;
        self.sequence = sequence;
        self.previous = leaf;
        if sequence % tree::WIDTH == 0 {
            tree::complete_tiles(self.db, sequence)?;
        }
        Ok(())
    }
}

/// Sequence and hash of the last entry; 0 and zeros where there is none.
pub(in crate::store) fn head(db: &Connection) -> rusqlite::Result<(i64, Hash)> {
    let sql = "SELECT sequence, leaf FROM evidence ORDER BY sequence DESC LIMIT 1";
    let head = db.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(head.unwrap_or((0, [0; 32])))
}

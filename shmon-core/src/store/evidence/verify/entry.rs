//! One entry of the evidence, and what it is about as the database has it now.

use super::cursor::{Cursor, encoded};
use super::{LateEnd, Verifier};
use crate::store::evidence::canonical::{Hash, Kind};
use rusqlite::OptionalExtension as _;

impl Verifier<'_> {
    /// One entry of the evidence against what it is about.
    pub(super) fn entry(
        &mut self,
        sequence: i64,
        kind: Option<Kind>,
        row: i64,
        leaf: Hash,
        gap: bool,
        cursor: &mut Cursor<'_>,
    ) -> rusqlite::Result<()> {
        let previous = std::mem::replace(&mut self.stored, leaf);
        let corrected = self.computed.take();
        // What it is about, as the database has it now; `None` where that is gone.
        let present = match kind {
            Some(Kind::Command) => self.seek(sequence, row, cursor)?,
            Some(Kind::End) => match self.ends.remove(&row) {
                Some(values) => Some(values),
                None if row < self.piece.rows.0 => {
                    self.late_ends.push(LateEnd { sequence, row, previous, leaf });
                    None
                }
                None if self.ranges.contains(row) => None,
                None => {
                    self.problem(
                        Some(row),
                        Some(sequence),
                        format!("row {row}: its exit status and duration are gone"),
                    );
                    None
                }
            },
            Some(Kind::Tombstone) => self.one(
                "SELECT created_at_ns, rows, description, ranges FROM tombstones WHERE number = ?1",
                row,
                sequence,
                "tombstone",
            )?,
            Some(Kind::Epoch) => self.one(
                "SELECT epoch, first_row, started_at_ns, reason FROM epochs WHERE number = ?1",
                row,
                sequence,
                "epoch",
            )?,
            None => {
                self.problem(
                    None,
                    Some(sequence),
                    format!("entry {sequence} of the evidence is of no known kind"),
                );
                None
            }
        };
        let (Some(values), Some(kind)) = (present, kind) else { return Ok(()) };
        // The hash before is not known after a gap, so this entry's own can't be told.
        if gap {
            return Ok(());
        }
        let hash = self.hash(kind, sequence, row, &previous, &values);
        if hash == leaf {
            return Ok(());
        }
        if let Some(corrected) = corrected {
            // The entry before is what was altered; this one still holds its true hash.
            if self.hash(kind, sequence, row, &corrected, &values) == leaf {
                return Ok(());
            }
        }
        self.computed = Some(hash);
        let message = match kind {
            Kind::Command => format!("row {row} is not as it was recorded: it or its evidence was altered"),
            Kind::End => format!("row {row}: its exit status or duration is not as it was recorded"),
            Kind::Tombstone => format!("tombstone {row} is not as it was written"),
            Kind::Epoch => format!("epoch {row} is not as it was written"),
        };
        let about = matches!(kind, Kind::Command | Kind::End).then_some(row);
        self.problem(about, Some(sequence), message);
        Ok(())
    }

    pub(super) fn hash(
        &mut self,
        kind: Kind,
        sequence: i64,
        row: i64,
        previous: &Hash,
        values: &[u8],
    ) -> Hash {
        self.canonical.begin(kind, sequence, row, previous);
        self.canonical.encoded(values);
        self.canonical.leaf()
    }

    /// Moves to the row that an entry is about; the values that its hash covers.
    fn seek(
        &mut self,
        sequence: i64,
        row: i64,
        cursor: &mut Cursor<'_>,
    ) -> rusqlite::Result<Option<Vec<u8>>> {
        while let Some(id) = cursor.id.filter(|id| *id < row) {
            let message = format!("row {id} has no evidence: it was inserted, or its evidence was removed");
            self.problem(Some(id), None, message);
            cursor.advance()?;
        }
        if cursor.id != Some(row) {
            if self.ranges.contains(row) {
                self.report.pruned += 1;
            } else {
                self.problem(
                    Some(row),
                    Some(sequence),
                    format!("row {row} is missing: it was removed without a tombstone"),
                );
            }
            return Ok(None);
        }
        self.report.rows += 1;
        let (values, end) = cursor.take()?;
        if !end.is_empty() {
            self.ends.insert(row, end);
        }
        cursor.advance()?;
        Ok(Some(values))
    }

    fn one(
        &mut self,
        sql: &str,
        number: i64,
        sequence: i64,
        name: &str,
    ) -> rusqlite::Result<Option<Vec<u8>>> {
        let read = |row: &rusqlite::Row<'_>| encoded(row, 0..4);
        let found: Option<Vec<u8>> = self.db.prepare_cached(sql)?.query_row([number], read).optional()?;
        if found.is_none() {
            self.problem(None, Some(sequence), format!("{name} {number} is missing"));
        }
        Ok(found)
    }
}

//! Rows and findings, as their evidence covers them.

use crate::store::evidence::canonical::encode;
use crate::store::schema::COVERED_COLUMNS;
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::types::ValueRef;

/// Rows and findings, read side by side in the order of ids.
pub(super) struct Cursor<'a> {
    pub(super) rows: rusqlite::Rows<'a>,
    pub(super) findings: rusqlite::Rows<'a>,
    /// The finding that was read but belongs to a later row: its row, and its values.
    pub(super) next: Option<(i64, Vec<u8>)>,
    pub(super) id: Option<i64>,
}

impl Cursor<'_> {
    /// To the next row.
    pub(super) fn advance(&mut self) -> rusqlite::Result<()> {
        self.id = match self.rows.next()? {
            Some(row) => Some(row.get(COVERED_COLUMNS.len())?),
            None => None,
        };
        Ok(())
    }

    /// What the evidence of this row covers; its exit status and duration, nothing where it has neither.
    pub(super) fn take(&mut self) -> rusqlite::Result<(Vec<u8>, Vec<u8>)> {
        let count = COVERED_COLUMNS.len();
        let Some(row) = self.rows.get() else { return Ok((Vec::new(), Vec::new())) };
        let id: i64 = row.get(count)?;
        let mut values = encoded(row, 0..count)?;
        let mut end = Vec::new();
        if row.get_ref(count + 1)? != ValueRef::Null || row.get_ref(count + 2)? != ValueRef::Null {
            end = encoded(row, count + 1..count + 3)?;
        }
        loop {
            if self.next.is_none() {
                let Some(row) = self.findings.next()? else { break };
                self.next = Some((row.get(0)?, encoded(row, 1..5)?));
            }
            match self.next.take() {
                Some((command, finding)) if command == id => values.extend(finding),
                // A finding of a row that is gone.
                Some((command, _)) if command < id => {}
                later => {
                    self.next = later;
                    break;
                }
            }
        }
        Ok((values, end))
    }
}

pub(super) fn encoded(row: &rusqlite::Row<'_>, columns: std::ops::Range<usize>) -> rusqlite::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(512);
    for column in columns {
        encode(&mut out, row.get_ref(column)?);
    }
    Ok(out)
}

//! A limit on the database's size: the oldest rows go, with tombstones, and the file gets smaller.

use super::prune::{self, Pruned};
use super::{Store, failed};
use crate::{Level, Result};
use rusqlite::Connection;

/// When the limit is reached, so much room is made that it isn't reached again at once: a tenth.
const ROOM: u64 = 10;

/// Bytes of the pages in use.
fn used(db: &Connection) -> rusqlite::Result<u64> {
    let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = number("page_count")? - number("freelist_count")?;
    Ok((pages * number("page_size")?).max(0).cast_unsigned())
}

impl Store {
    /// Bytes that the database's content takes; its file may be larger until [`Store::vacuum`].
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read.
    pub fn size(&self) -> Result<u64> {
        used(&self.db).map_err(|e| failed("read the database's size", &self.path, e))
    }

    /// Removes the oldest rows until the content takes nine tenths of `most` bytes, where it takes more than `most` now,
    /// and gives the space back. Rows of level `keep` and above stay, and so do those whose notifications wait: then the
    /// database may stay larger. Ends with a checkpoint.
    ///
    /// # Errors
    /// As [`Store::commit`]; what was removed until then stays removed, with its tombstones.
    pub fn limit_size(
        &mut self,
        most: u64,
        keep: Option<Level>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Pruned> {
        let mut pruned = Pruned::default();
        if self.size()? <= most {
            return Ok(pruned);
        }
        let target = most - most / ROOM;
        let condition = prune::removable(keep);
        let reason = format!("over {most} bytes");
        let description = prune::description(&reason, keep);
        loop {
            let size = self.size()?;
            if size <= target {
                break;
            }
            // Rows are not equally large, so only as many go at once as surely must.
            let rows = self.rows_about()?.max(1);
            let must = (size - target) / (size / rows).max(1) / 2;
            let batch = usize::try_from(must).unwrap_or(usize::MAX).clamp(100, prune::BATCH);
            let removed = self
                .write("remove the oldest rows", |tx| prune::remove(tx, &condition, &description, batch))?;
            if removed == 0 {
                break;
            }
            pruned.rows += removed as u64;
            pruned.tombstones += 1;
            progress(pruned.rows);
        }
        if pruned.rows > 0 {
            self.checkpoint()?;
        }
        self.vacuum()?;
        Ok(pruned)
    }

    /// How many rows there are at most: counting them would take seconds.
    fn rows_about(&self) -> Result<u64> {
        let sql =
            "SELECT coalesce((SELECT max(id) FROM command_logs) - (SELECT min(id) FROM command_logs) + 1, 0)";
        let rows = self.db.query_row(sql, [], |row| row.get::<_, i64>(0));
        rows.map(|n| n.max(0).cast_unsigned()).map_err(|e| failed("read the database's size", &self.path, e))
    }

    /// Keeps the limit of the options after a commit; the commit stands whatever happens here.
    pub(super) fn limit_if_due(&mut self) {
        let Some(most) = self.options.max_bytes else { return };
        if self.size().is_ok_and(|size| size > most)
            && let Err(error) = self.limit_size(most, self.options.keep, &mut |_| {})
        {
            let notice = super::Notice::TooLarge { reason: error.to_string() };
            if !self.notices.contains(&notice) {
                self.notices.push(notice);
            }
        }
    }
}

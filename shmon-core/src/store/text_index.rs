//! The index over the commands' text: trigrams, so that any part of a command is found, in any script.
//!
//! It is filled behind the rows, some thousand at a time in one commit: a row's own entry in the index would cost each
//! commit a segment of its own. A search looks through the newest rows, which aren't in it yet, one by one.

use super::{Store, failed};
use crate::Result;
use rusqlite::{Connection, OptionalExtension};

/// A commit fills the index when so many rows wait for it …
const WAITING: i64 = 1024;
/// … but takes at most so many, so that a database that was brought up to date makes nobody wait for seconds.
const PIECE: i64 = 4096;

/// Trigrams that are looked up of one text at most. Every third one would do, and is two to three times as fast where one
/// of them is rare; but those across two words are often the rare ones, and without them a text of common words that no
/// row has took ten times as long (in three million rows).
const TRIGRAMS: usize = 24;

/// The last row that is in the index.
pub(super) fn end(db: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT value FROM meta WHERE name = 'indexed_to'";
    Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Adds waiting rows, inside the caller's transaction, where enough of them wait.
pub(super) fn catch_up(tx: &Connection) -> rusqlite::Result<()> {
    let last: i64 = tx
        .prepare_cached("SELECT coalesce(max(id), 0) FROM command_logs")?
        .query_row([], |row| row.get(0))?;
    if last - end(tx)? >= WAITING { fill(tx, PIECE).map(drop) } else { Ok(()) }
}

/// Adds at most `most` waiting rows, oldest first; how many there were.
fn fill(tx: &Connection, most: i64) -> rusqlite::Result<u64> {
    let from = end(tx)?;
    let sql =
        "SELECT max(id), count(*) FROM (SELECT id FROM command_logs WHERE id > ?1 ORDER BY id LIMIT ?2)";
    let (to, count): (Option<i64>, i64) =
        tx.prepare_cached(sql)?.query_row((from, most), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Some(to) = to else { return Ok(0) };
    let sql = "INSERT INTO command_text (rowid, command) SELECT id, command FROM command_logs WHERE id > ?1 AND id <= ?2";
    tx.prepare_cached(sql)?.execute((from, to))?;
    tx.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES ('indexed_to', ?1)")?
        .execute([to])?;
    Ok(count.cast_unsigned())
}

/// The index's question for rows that may hold `text`: trigrams that it has. `None` for a text too short for one.
pub(super) fn question(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let last = chars.len().checked_sub(3)?;
    // Of a long text, trigrams spread over it.
    let step = last.div_ceil(TRIGRAMS - 1).max(1);
    let mut words: Vec<String> = Vec::new();
    for at in (0..last).step_by(step).chain([last]) {
        let word: String = chars[at..at + 3].iter().collect();
        let word = format!("\"{}\"", word.replace('"', "\"\""));
        if !words.contains(&word) {
            words.push(word);
        }
    }
    Some(words.join(" "))
}

impl Store {
    /// Puts every row into the text index that isn't in it yet; how many there were. Writers do it piece by piece
    /// anyway: this is for those who want the fastest search right after an import.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn index_text(&mut self) -> Result<u64> {
        let mut all = 0;
        loop {
            let count = self.write("fill the text index", |tx| fill(tx, PIECE))?;
            all += count;
            if count == 0 {
                return Ok(all);
            }
        }
    }

    /// How many rows the text index lacks that it should hold, and how many it holds that are gone: both 0 in a record
    /// that nobody edited. The index is no evidence, but a search goes by it.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read.
    pub fn text_index_difference(&self) -> Result<(u64, u64)> {
        let read = || -> rusqlite::Result<(i64, i64)> {
            let to = end(&self.db)?;
            let lacks = "SELECT count(*) FROM command_logs WHERE id <= ?1 AND id NOT IN (SELECT id FROM command_text_docsize)";
            let stale =
                "SELECT count(*) FROM command_text_docsize WHERE id NOT IN (SELECT id FROM command_logs)";
            Ok((self.db.query_row(lacks, [to], |r| r.get(0))?, self.db.query_row(stale, [], |r| r.get(0))?))
        };
        let (lacks, stale) = read().map_err(|e| failed("read the text index", &self.path, e))?;
        Ok((lacks.cast_unsigned(), stale.cast_unsigned()))
    }
}

#[cfg(test)]
mod tests {
    use super::question;

    #[test]
    fn a_text_is_asked_for_by_its_trigrams() {
        assert_eq!(question("ab"), None);
        assert_eq!(question("削除"), None);
        assert_eq!(question("nmap").as_deref(), Some("\"nma\" \"map\""));
        assert_eq!(question("nma").as_deref(), Some("\"nma\""));
        assert_eq!(
            question("systemctl -s").as_deref(),
            Some("\"sys\" \"yst\" \"ste\" \"tem\" \"emc\" \"mct\" \"ctl\" \"tl \" \"l -\" \" -s\"")
        );
        assert_eq!(question("を削除する").as_deref(), Some("\"を削除\" \"削除す\" \"除する\""));
        assert_eq!(question("a\"b").as_deref(), Some("\"a\"\"b\""));
        assert_eq!(question("aaaaaa").as_deref(), Some("\"aaa\""));
        let long: String = (0..300).map(|n| char::from(b'a' + (n * 7 % 26) as u8)).collect();
        let words = question(&long).unwrap();
        assert!(words.ends_with(&format!("\"{}\"", &long[297..])), "{words}");
        assert!(words.split(' ').count() <= super::TRIGRAMS, "{words}");
    }
}

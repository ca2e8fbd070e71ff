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
    // With two characters behind it, every character of a command begins a trigram.
    let sql = "INSERT INTO command_text (rowid, command) \
               SELECT id, command || char(3, 3) FROM command_logs WHERE id > ?1 AND id <= ?2";
    tx.prepare_cached(sql)?.execute((from, to))?;
    tx.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES ('indexed_to', ?1)")?
        .execute([to])?;
    Ok(count.cast_unsigned())
}

/// A text of one or two characters is frequent when the newest rows fill a page …
const PAGE: i64 = 64;
/// … of so many.
const NEWEST: i64 = 2000;
/// Trigrams that may begin with such a text.
const BEGINNINGS: i64 = 1000;

/// The index's question for rows that may hold `text`: trigrams that it has, or those that begin with a text too short for
/// one. `None` where rows are rather looked at one by one, newest first, because a page of them is soon found.
pub(super) fn question(db: &Connection, text: &str, counting: bool) -> rusqlite::Result<Option<String>> {
    match trigrams(text) {
        Some(question) => Ok(Some(question)),
        None if counting || !is_frequent(db, text)? => beginnings(db, text),
        None => Ok(None),
    }
}

fn is_frequent(db: &Connection, text: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM command_logs \
               WHERE id > (SELECT coalesce(max(id), 0) FROM command_logs) - ?1 AND instr(lower(command), lower(?2)) > 0 LIMIT ?3)";
    let count: i64 = db.prepare_cached(sql)?.query_row((NEWEST, text, PAGE), |row| row.get(0))?;
    Ok(count == PAGE)
}

/// All trigrams that begin with a text; `None` where there are too many, or where the index may write it otherwise.
fn beginnings(db: &Connection, text: &str) -> rusqlite::Result<Option<String>> {
    // The index folds the case of all scripts, a search that of ASCII alone.
    let same = |c: char| c.is_ascii() || (c.to_lowercase().eq([c]) && c.to_uppercase().eq([c]));
    if text.is_empty() || !text.chars().all(same) {
        return Ok(None);
    }
    db.execute_batch(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.command_terms USING fts5vocab('main', 'command_text', 'row')",
    )?;
    let from = text.to_ascii_lowercase();
    let to = format!("{from}{}", char::MAX);
    let sql = "SELECT term FROM temp.command_terms WHERE term >= ?1 AND term < ?2 LIMIT ?3";
    let mut statement = db.prepare_cached(sql)?;
    let terms = statement.query_map((from, to, BEGINNINGS + 1), |row| row.get::<_, String>(0))?;
    let terms = terms.map(|term| term.map(|t| quoted(&t))).collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(match i64::try_from(terms.len()).unwrap_or(i64::MAX) {
        // What no row has: behind a command stand two of them alone.
        0 => Some(quoted("\u{3}\u{3}\u{3}")),
        count if count <= BEGINNINGS => Some(terms.join(" OR ")),
        _ => None,
    })
}

fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('"', "\"\""))
}

/// Trigrams that a text has; `None` for one that is too short.
fn trigrams(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let last = chars.len().checked_sub(3)?;
    // Of a long text, trigrams spread over it.
    let step = last.div_ceil(TRIGRAMS - 1).max(1);
    let mut words: Vec<String> = Vec::new();
    for at in (0..last).step_by(step).chain([last]) {
        let word: String = chars[at..at + 3].iter().collect();
        let word = quoted(&word);
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
    use super::trigrams;

    #[test]
    fn a_text_is_asked_for_by_its_trigrams() {
        assert_eq!(trigrams("ab"), None);
        assert_eq!(trigrams("削除"), None);
        assert_eq!(trigrams("nmap").as_deref(), Some("\"nma\" \"map\""));
        assert_eq!(trigrams("nma").as_deref(), Some("\"nma\""));
        assert_eq!(
            trigrams("systemctl -s").as_deref(),
            Some("\"sys\" \"yst\" \"ste\" \"tem\" \"emc\" \"mct\" \"ctl\" \"tl \" \"l -\" \" -s\"")
        );
        assert_eq!(trigrams("を削除する").as_deref(), Some("\"を削除\" \"削除す\" \"除する\""));
        assert_eq!(trigrams("a\"b").as_deref(), Some("\"a\"\"b\""));
        assert_eq!(trigrams("aaaaaa").as_deref(), Some("\"aaa\""));
        let long: String = (0..300).map(|n| char::from(b'a' + (n * 7 % 26) as u8)).collect();
        let words = trigrams(&long).unwrap();
        assert!(words.ends_with(&format!("\"{}\"", &long[297..])), "{words}");
        assert!(words.split(' ').count() <= super::TRIGRAMS, "{words}");
    }
}

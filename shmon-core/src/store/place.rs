//! How far each spool is read. It stands in the database, so that it is committed with the rows that were read up to it.

use rusqlite::Connection;

/// Before the names in the table `meta`.
const PREFIX: &str = "spool:";

/// A place in a spool; `None` forgets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The spool's name.
    pub(crate) name: String,
    /// What the recorder needs to go on there.
    pub(crate) value: Option<String>,
}

/// Writes places in order, inside the caller's transaction.
pub(super) fn write(db: &Connection, places: &[Place]) -> rusqlite::Result<()> {
    for place in places {
        let name = format!("{PREFIX}{}", place.name);
        match &place.value {
            Some(value) => db
                .prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?
                .execute((name, value))?,
            None => db.prepare_cached("DELETE FROM meta WHERE name = ?1")?.execute([name])?,
        };
    }
    Ok(())
}

/// All places, by name.
pub(super) fn read(db: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    // `;` follows `:` in ASCII.
    let mut statement =
        db.prepare("SELECT name, value FROM meta WHERE name >= 'spool:' AND name < 'spool;'")?;
    let rows = statement.query_map([], |row| {
        let name: String = row.get(0)?;
        Ok((name.strip_prefix(PREFIX).unwrap_or_default().to_owned(), row.get(1)?))
    })?;
    rows.collect()
}

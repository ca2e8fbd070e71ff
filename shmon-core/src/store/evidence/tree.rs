//! The Merkle tree of RFC 6962 over the leaves, kept in tiles: the hash of every full group of 256 nodes is stored one
//! level up, so that appending costs 1/255 of a row more, and root and proof need some hundreds of hashes at any size.

use super::canonical::Hash;
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

/// Nodes of one tile.
pub(in crate::store) const WIDTH: i64 = 256;

/// The hash of two nodes (RFC 6962 section 2.1).
pub(in crate::store) fn node(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

/// The root over `nodes`, which are leaves or roots of equally large full subtrees.
pub(in crate::store) fn root_of(nodes: &[Hash]) -> Hash {
    match nodes {
        [] => Sha256::digest([]).into(),
        [one] => *one,
        _ => {
            // The largest power of two below the count: RFC 6962's split.
            let split = 1 << (usize::BITS - 1 - (nodes.len() - 1).leading_zeros());
            let (left, right) = nodes.split_at(split);
            node(&root_of(left), &root_of(right))
        }
    }
}

/// Stores the tiles that leaf number `size` (counted from 1) completes.
pub(in crate::store) fn complete_tiles(db: &Connection, size: i64) -> rusqlite::Result<()> {
    let mut count = size;
    let mut level = 0;
    while count > 0 && count % WIDTH == 0 {
        let position = count / WIDTH - 1;
        let hash = root_of(&nodes(db, level, position * WIDTH, WIDTH)?);
        let sql = "INSERT OR REPLACE INTO tree (level, position, hash) VALUES (?1, ?2, ?3)";
        db.prepare_cached(sql)?.execute((level + 1, position, &hash[..]))?;
        count /= WIDTH;
        level += 1;
    }
    Ok(())
}

/// `count` nodes of a level from position `first`: leaves for level 0.
pub(in crate::store) fn nodes(
    db: &Connection,
    level: i64,
    first: i64,
    count: i64,
) -> rusqlite::Result<Vec<Hash>> {
    let mut out = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    if level == 0 {
        let sql = "SELECT leaf FROM evidence WHERE sequence > ?1 AND sequence <= ?1 + ?2 ORDER BY sequence";
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query((first, count))?;
        while let Some(row) = rows.next()? {
            out.push(row.get(0)?);
        }
    } else {
        let sql = "SELECT hash FROM tree WHERE level = ?1 AND position >= ?2 AND position < ?2 + ?3 ORDER BY position";
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query((level, first, count))?;
        while let Some(row) = rows.next()? {
            out.push(row.get(0)?);
        }
    }
    Ok(out)
}

/// The root of the tree over the first `size` leaves.
pub(in crate::store) fn root(db: &Connection, size: i64) -> rusqlite::Result<Hash> {
    // Per level, what doesn't fill a tile stands at the right edge; the full tiles are one level up.
    let mut edge: Option<Hash> = None;
    let mut level = 0;
    let mut count = size;
    if size == 0 {
        return Ok(root_of(&[]));
    }
    loop {
        let full = count / WIDTH;
        let rest = count % WIDTH;
        let last = full == 0;
        let mut tail = nodes(db, level, full * WIDTH, rest)?;
        // What stands to the right of this level's nodes is smaller than each of them, so it comes last, and
        // RFC 6962's split (the largest power of two) falls between the same nodes as if it were full.
        if let Some(smaller) = edge.take() {
            tail.push(smaller);
        }
        if !tail.is_empty() {
            edge = Some(root_of(&tail));
        }
        if last {
            return Ok(edge.unwrap_or_default());
        }
        count = full;
        level += 1;
    }
}

/// The leaf of one entry.
pub(in crate::store) fn leaf(db: &Connection, sequence: i64) -> rusqlite::Result<Option<Hash>> {
    db.prepare_cached("SELECT leaf FROM evidence WHERE sequence = ?1")?
        .query_row([sequence], |row| row.get(0))
        .optional()
}

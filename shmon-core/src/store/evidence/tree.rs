//! The Merkle tree of RFC 6962 over the leaves, kept in tiles: the hash of every full group of 256 nodes is stored one
//! level up, so that appending costs 1/255 of a row more, and root and proof need some hundreds of hashes at any size.

use super::canonical::Hash;
use rusqlite::Connection;
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

/// The root over the leaves `first` (counted from 0) to `end`, `end` excluded: a subtree of RFC 6962's tree.
fn subtree(db: &Connection, first: i64, end: i64) -> rusqlite::Result<Hash> {
    let count = end - first;
    if count & (count - 1) == 0 && first % count == 0 {
        // A full subtree is made of at most 128 nodes of one level of tiles.
        let level = i64::from(count.trailing_zeros() / WIDTH.trailing_zeros());
        let shift = level * i64::from(WIDTH.trailing_zeros());
        return Ok(root_of(&nodes(db, level, first >> shift, count >> shift)?));
    }
    let middle = first + split(count);
    Ok(node(&subtree(db, first, middle)?, &subtree(db, middle, end)?))
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: i64) -> i64 {
    1 << (63 - (count - 1).leading_zeros())
}

/// The inclusion proof of leaf `index` (counted from 0) in the tree over the first `size` leaves (RFC 6962 section
/// 2.1.1): hashes from the leaf's neighbour up to the root's other half.
pub(in crate::store) fn path(db: &Connection, index: i64, size: i64) -> rusqlite::Result<Vec<Hash>> {
    let (mut first, mut end) = (0, size);
    let mut path = Vec::new();
    while end - first > 1 {
        let middle = first + split(end - first);
        if index < middle {
            path.push(subtree(db, middle, end)?);
            end = middle;
        } else {
            path.push(subtree(db, first, middle)?);
            first = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2); `None` where its length doesn't fit.
pub(in crate::store) fn root_by_path(leaf: &Hash, index: i64, size: i64, path: &[Hash]) -> Option<Hash> {
    if index < 0 || index >= size {
        return None;
    }
    let (mut at, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for other in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            hash = node(other, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, other);
        }
        at >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree over `size` leaves, with its tiles.
    fn tree(size: i64) -> (Connection, Vec<Hash>) {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(
            "CREATE TABLE evidence (sequence INTEGER PRIMARY KEY, leaf BLOB);
             CREATE TABLE tree (level INTEGER, position INTEGER, hash BLOB, PRIMARY KEY (level, position)); BEGIN",
        )
        .unwrap();
        let leaves: Vec<Hash> = (1..=size).map(|n| Sha256::digest(n.to_be_bytes()).into()).collect();
        let mut insert = db.prepare("INSERT INTO evidence VALUES (?1, ?2)").unwrap();
        for (n, leaf) in (1..).zip(&leaves) {
            insert.execute((n, &leaf[..])).unwrap();
            if n % WIDTH == 0 {
                complete_tiles(&db, n).unwrap();
            }
        }
        drop(insert);
        (db, leaves)
    }

    #[test]
    fn every_leaf_of_small_trees_is_proven_and_no_other() {
        let (db, leaves) = tree(40);
        for size in 1..=40 {
            let root = root_of(&leaves[..size as usize]);
            for index in 0..size {
                let path = path(&db, index, size).unwrap();
                let leaf = &leaves[index as usize];
                assert_eq!(root_by_path(leaf, index, size, &path), Some(root), "{index} of {size}");
                assert_ne!(root_by_path(&[7; 32], index, size, &path), Some(root));
                assert_ne!(
                    root_by_path(leaf, (index + 1) % size, size, &path),
                    Some(root).filter(|_| size > 1)
                );
                if let Some((_, shorter)) = path.split_last() {
                    assert_eq!(root_by_path(leaf, index, size, shorter), None);
                }
            }
        }
    }

    #[test]
    fn tiles_give_the_same_root_and_proofs() {
        let size = 66_000;
        let (db, leaves) = tree(size);
        for size in [255, 256, 257, 65_535, 65_536, 65_537, size] {
            let whole = root_of(&leaves[..size as usize]);
            assert_eq!(root(&db, size).unwrap(), whole, "{size}");
            for index in [0, 1, 255, 256, size / 2, size - 2, size - 1].into_iter().filter(|i| *i < size) {
                let path = path(&db, index, size).unwrap();
                let leaf = &leaves[index as usize];
                assert_eq!(root_by_path(leaf, index, size, &path), Some(whole), "{index} of {size}");
            }
        }
    }
}

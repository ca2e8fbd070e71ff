//! How far a spool file is drained. It is committed with the rows that were read up to it, so that a crash at any moment
//! neither loses an entry nor reads one as new.

use crate::store::Place;
use sha2::{Digest, Sha256};

/// Bytes before the place that must be the same when the drain goes on: so a file that was rewritten is noticed.
pub(super) const TAIL: u64 = 256;

/// A place in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark {
    /// Everything before it is recorded, in bytes.
    pub(super) offset: u64,
    /// Which file it is, whatever its name.
    pub(super) inode: u64,
    /// The highest sequence number that was read; `None` where a damaged record may have held it.
    pub(super) sequence: Option<u64>,
    /// Of the bytes before the place.
    pub(super) tail: u64,
}

impl Mark {
    /// The start of a file.
    pub(super) fn start(inode: u64) -> Mark {
        Mark { offset: 0, inode, sequence: Some(0), tail: digest(b"") }
    }

    /// What the database keeps: `OFFSET INODE SEQUENCE TAIL`, with `-` for a sequence that isn't known.
    pub(super) fn place(&self, name: &str) -> Place {
        let sequence = self.sequence.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let value = format!("{} {} {sequence} {:016x}", self.offset, self.inode, self.tail);
        Place { name: name.to_owned(), value: Some(value) }
    }

    /// Reads it back; `None` for what isn't a mark.
    pub(super) fn parse(value: &str) -> Option<Mark> {
        let mut words = value.split(' ');
        let offset = words.next()?.parse().ok()?;
        let inode = words.next()?.parse().ok()?;
        let sequence = match words.next()? {
            "-" => None,
            number => Some(number.parse().ok()?),
        };
        Some(Mark { offset, inode, sequence, tail: u64::from_str_radix(words.next()?, 16).ok()? })
    }
}

/// The first eight bytes of the SHA-256 of the last [`TAIL`] bytes.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    let from = bytes.len().saturating_sub(usize::try_from(TAIL).unwrap_or(0));
    let hash = Sha256::digest(&bytes[from..]);
    hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back() {
        for sequence in [None, Some(0), Some(u64::MAX)] {
            let mark = Mark { offset: 5, inode: u64::MAX, sequence, tail: digest(b"abc") };
            let place = mark.place("7-8");
            assert_eq!(
                (place.name.as_str(), place.value.as_deref().and_then(Mark::parse)),
                ("7-8", Some(mark))
            );
        }
        assert_eq!((Mark::parse(""), Mark::parse("1 2 x 3")), (None, None));
    }
}

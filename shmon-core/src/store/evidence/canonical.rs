//! The canonical bytes of one entry of the evidence: what its hash covers.

use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub(in crate::store) type Hash = [u8; 32];

/// What an entry of the evidence is about. The numbers are in the database and in the hashes: they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(in crate::store) enum Kind {
    /// A command was accepted.
    Command = 1,
    /// A command ended: exit status and duration.
    End = 2,
    /// Rows were removed on purpose; the row id is the tombstone's number.
    Tombstone = 3,
    /// A new epoch began; the row id is its number.
    Epoch = 4,
}

impl Kind {
    pub(in crate::store) fn from_number(number: i64) -> Option<Kind> {
        match number {
            1 => Some(Kind::Command),
            2 => Some(Kind::End),
            3 => Some(Kind::Tombstone),
            4 => Some(Kind::Epoch),
            _ => None,
        }
    }
}

const MAGIC: &[u8] = b"shmon evidence v1\n";

/// Builds the bytes of one entry in a buffer that is used again for the next.
///
/// `MAGIC, kind (1 byte), sequence (8), row id (8), hash of the entry before (32)`, then one value after the other:
/// a type byte (0 null, 1 integer, 2 real, 3 text, 4 blob), for integers and reals 8 bytes, for text and blobs a
/// length of 8 bytes and the bytes. All numbers are big-endian. Every value says its length, so no two
/// different entries have the same bytes.
#[derive(Default)]
pub(in crate::store) struct Canonical {
    bytes: Vec<u8>,
}

impl Canonical {
    pub(in crate::store) fn begin(&mut self, kind: Kind, sequence: i64, row: i64, previous: &Hash) {
        self.bytes.clear();
        // RFC 6962 section 2.1: a leaf's hash begins with a zero byte.
        self.bytes.push(0);
        self.bytes.extend_from_slice(MAGIC);
        self.bytes.push(kind as u8);
        self.bytes.extend_from_slice(&sequence.to_be_bytes());
        self.bytes.extend_from_slice(&row.to_be_bytes());
        self.bytes.extend_from_slice(previous);
    }

    pub(in crate::store) fn value(&mut self, value: ValueRef<'_>) {
        encode(&mut self.bytes, value);
    }

    /// Values that [`encode`] wrote before.
    pub(in crate::store) fn encoded(&mut self, values: &[u8]) {
        self.bytes.extend_from_slice(values);
    }

    /// The leaf hash of RFC 6962 over what was built.
    pub(in crate::store) fn leaf(&self) -> Hash {
        Sha256::digest(&self.bytes).into()
    }
}

/// Appends one value.
pub(in crate::store) fn encode(out: &mut Vec<u8>, value: ValueRef<'_>) {
    let mut counted = |tag: u8, bytes: &[u8]| {
        out.push(tag);
        out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        out.extend_from_slice(bytes);
    };
    match value {
        ValueRef::Text(text) => counted(3, text),
        ValueRef::Blob(blob) => counted(4, blob),
        ValueRef::Null => out.push(0),
        ValueRef::Integer(n) => {
            out.push(1);
            out.extend_from_slice(&n.to_be_bytes());
        }
        ValueRef::Real(n) => {
            out.push(2);
            out.extend_from_slice(&n.to_bits().to_be_bytes());
        }
    }
}

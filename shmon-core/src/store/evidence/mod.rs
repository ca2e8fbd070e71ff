//! Tamper evidence: canonical bytes, hashes, the tree over them, signed checkpoints. `docs/evidence.md` tells it in words.

pub(super) mod canonical;
pub(super) mod chain;
pub(super) mod checkpoint;
mod key;
mod note;
pub(super) mod proof;
pub(super) mod tree;
pub(super) mod verify;

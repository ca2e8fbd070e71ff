//! The evolving key: one key signs one checkpoint, which names the next key; then its secret is overwritten.
//!
//! The file has two slots. The next key is written into the free slot, the checkpoint is committed, and only then the
//! used slot is overwritten: whenever a process dies, the key that the database expects is in one of them. Slots are
//! overwritten in place because a renamed file would leave the old secret on the disk.

use crate::{Error, Result};
use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const MAGIC: &[u8; 16] = b"shmon-evidence1\n";
const SEED: usize = 32;
/// Magic, seed, hash of both; padded so that no slot shares a disk sector with the other.
const SLOT: u64 = 512;
const USED: usize = 16 + SEED + 32;

/// The file with the secret, opened and read.
pub(in crate::store) struct KeyFile {
    file: File,
    path: PathBuf,
    slots: [Option<Zeroizing<[u8; SEED]>>; 2],
}

impl KeyFile {
    /// Opens `path`; creates it without keys where it doesn't exist.
    pub(in crate::store) fn open(path: &Path) -> Result<KeyFile> {
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        Ok(KeyFile::load(open.map_err(|e| Error::io("open the evidence key", path, e))?, path))
    }

    /// Opens `path` for reading alone.
    pub(in crate::store) fn read(path: &Path) -> Result<KeyFile> {
        let file = File::open(path).map_err(|e| Error::io("open the evidence key", path, e))?;
        Ok(KeyFile::load(file, path))
    }

    fn load(file: File, path: &Path) -> KeyFile {
        let mut slots = [None, None];
        for (index, slot) in slots.iter_mut().enumerate() {
            let mut bytes = Zeroizing::new([0_u8; USED]);
            // A short file is one whose slots were not written yet.
            if file.read_exact_at(&mut bytes[..], index as u64 * SLOT).is_ok() && whole(&bytes) {
                let mut seed = Zeroizing::new([0; SEED]);
                seed.copy_from_slice(&bytes[16..16 + SEED]);
                *slot = Some(seed);
            }
        }
        KeyFile { file, path: path.to_path_buf(), slots }
    }

    /// No slot holds a key.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    /// The slot that holds the secret of this public key.
    pub(in crate::store) fn find(&self, public: &[u8; 32]) -> Option<(usize, SigningKey)> {
        self.slots.iter().enumerate().find_map(|(index, slot)| {
            let key = SigningKey::from_bytes(slot.as_deref()?);
            (key.verifying_key().as_bytes() == public).then_some((index, key))
        })
    }

    /// Writes a new random key into the slot.
    pub(in crate::store) fn generate(&mut self, index: usize, sync: bool) -> Result<SigningKey> {
        let mut seed = Zeroizing::new([0_u8; SEED]);
        rustix::rand::getrandom(&mut seed[..], rustix::rand::GetRandomFlags::empty())
            .map_err(|e| Error::io("make an evidence key", &self.path, e.into()))?;
        let mut bytes = Zeroizing::new([0_u8; USED]);
        bytes[..16].copy_from_slice(MAGIC);
        bytes[16..16 + SEED].copy_from_slice(&seed[..]);
        let hash = Sha256::digest(&bytes[..16 + SEED]);
        bytes[16 + SEED..].copy_from_slice(&hash);
        self.write(index, &bytes[..], sync)?;
        let key = SigningKey::from_bytes(&seed);
        self.slots[index] = Some(seed);
        Ok(key)
    }

    /// Overwrites the slot: its key can't sign any more.
    pub(in crate::store) fn destroy(&mut self, index: usize, sync: bool) -> Result<()> {
        self.slots[index] = None;
        self.write(index, &[0; USED], sync)
    }

    fn write(&self, index: usize, bytes: &[u8], sync: bool) -> Result<()> {
        let write = || {
            self.file.write_all_at(bytes, index as u64 * SLOT)?;
            if sync { self.file.sync_data() } else { Ok(()) }
        };
        write().map_err(|e| Error::io("write the evidence key", &self.path, e))
    }
}

fn whole(bytes: &[u8; USED]) -> bool {
    bytes[..16] == MAGIC[..] && Sha256::digest(&bytes[..16 + SEED])[..] == bytes[16 + SEED..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destroyed_key_is_gone_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let mut file = KeyFile::open(&path).unwrap();
        let first = file.generate(0, false).unwrap();
        let second = file.generate(1, true).unwrap();
        let public = |key: &SigningKey| key.verifying_key().to_bytes();
        let again = KeyFile::open(&path).unwrap();
        assert_eq!(again.find(&public(&first)).unwrap().0, 0);
        assert_eq!(again.find(&public(&second)).unwrap().0, 1);
        file.destroy(0, true).unwrap();
        let again = KeyFile::open(&path).unwrap();
        assert!(again.find(&public(&first)).is_none() && again.find(&public(&second)).is_some());
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(SEED).any(|w| w == first.to_bytes()));
        assert!(bytes.windows(SEED).any(|w| w == second.to_bytes()));
    }

    #[test]
    fn a_torn_slot_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let key = KeyFile::open(&path).unwrap().generate(0, false).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[40] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(KeyFile::open(&path).unwrap().find(key.verifying_key().as_bytes()).is_none());
    }
}

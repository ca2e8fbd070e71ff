//! The compiled form of the user's rules, kept in a file, so that a process that classifies one command doesn't compile
//! them again.
//!
//! What is kept counts only for the very texts, exclusions, built-in rules and compiler that it was made of ([`Key`]), only
//! where the file belongs to this process's user and nobody else can read or write it, and only where its checksum is
//! right. In all other cases the rules are compiled, without a word; so they are where nothing can be written.

use super::compiler::layout::Blob;
use super::compiler::{Compiled, Source};
use crate::Level;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, open, openat, renameat, unlinkat};
use rustix::process::geteuid;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

/// The first bytes of a file; the digit is the form of what follows.
const MAGIC: &[u8; 8] = b"shmonrc1";
const HASH: usize = 32;
/// Magic, key, and the checksum of all that follows.
const HEAD: usize = MAGIC.len() + 2 * HASH;
/// A greater file is none of ours.
const MOST: u64 = 1 << 30;
const NAME: &str = "rules";

/// What the compiled form was made of, as a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key([u8; HASH]);

impl Key {
    /// `build` stands for the compiler and the built-in rules.
    pub(super) fn new(build: &str, builtin: bool, sources: &[Source], exclude: Option<&[String]>) -> Key {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        part(build.as_bytes());
        part(&[u8::from(builtin), u8::from(exclude.is_some())]);
        for name in exclude.unwrap_or_default() {
            part(name.as_bytes());
        }
        part(b"files");
        for source in sources {
            part(source.name.as_bytes());
            part(source.text.as_bytes());
        }
        Key(hash.finalize().into())
    }
}

/// The folder of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(crate) fn new(folder: PathBuf) -> Cache {
        Cache { folder }
    }

    /// The compiled form that was kept under this key.
    pub(super) fn load(&self, key: Key) -> Option<Compiled> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = openat(&self.folder()?, NAME, flags, Mode::empty()).ok()?;
        let stat = fstat(&file).ok()?;
        let size = u64::try_from(stat.st_size).ok().filter(|&size| size <= MOST)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || !is_private(&stat) {
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).ok()?);
        File::from(file).take(MOST).read_to_end(&mut bytes).ok()?;
        read(&bytes, key)
    }

    /// Keeps the compiled form; where that isn't possible, nothing is kept.
    pub(super) fn save(&self, key: Key, compiled: &Compiled) {
        let _ = self.write(&written(key, compiled));
    }

    fn write(&self, bytes: &[u8]) -> Option<()> {
        if self.folder().is_none() {
            // Not the folders above it: a home that isn't set up stays so.
            rustix::fs::mkdir(&self.folder, Mode::RWXU).ok()?;
        }
        let folder = self.folder()?;
        let name = format!("{NAME}.{}", rustix::process::getpid().as_raw_nonzero());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&folder, &name, flags, Mode::RUSR | Mode::WUSR);
        let done = match file {
            Ok(file) => File::from(file).write_all(bytes).is_ok(),
            // Left by a process of the same number that was killed: the next one may write.
            Err(_) => false,
        };
        if done && renameat(&folder, &name, &folder, NAME).is_ok() {
            return Some(());
        }
        let _ = unlinkat(&folder, &name, AtFlags::empty());
        None
    }

    /// The folder, where it is this user's and nobody else can put files into it.
    fn folder(&self) -> Option<OwnedFd> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        let folder = open(&self.folder, flags, Mode::empty()).ok()?;
        let stat = fstat(folder.as_fd()).ok()?;
        is_private(&stat).then_some(folder)
    }
}

/// Whether it belongs to this process's user, and to nobody else in any way.
fn is_private(stat: &Stat) -> bool {
    stat.st_uid == geteuid().as_raw() && stat.st_mode & 0o077 == 0
}

fn written(key: Key, compiled: &Compiled) -> Vec<u8> {
    let Compiled { blob, levels, disable, excludes } = compiled;
    let mut out = Vec::with_capacity(HEAD + blob.words.len() * 4 + blob.bytes.len() + 1024);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&key.0);
    out.extend_from_slice(&[0; HASH]);
    let mut list = |bytes: &[u8]| {
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(bytes);
    };
    list(&[u8::from(*excludes)]);
    list(&(levels.len() as u64).to_le_bytes());
    for (id, level) in levels {
        list(id.as_bytes());
        list(&[*level as u8]);
    }
    list(&(disable.len() as u64).to_le_bytes());
    for id in disable {
        list(id.as_bytes());
    }
    list(&blob.words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>());
    list(&blob.bytes);
    let sum: [u8; HASH] = Sha256::digest(&out[HEAD..]).into();
    out[HEAD - HASH..HEAD].copy_from_slice(&sum);
    out
}

fn read(bytes: &[u8], key: Key) -> Option<Compiled> {
    let rest = bytes.strip_prefix(MAGIC)?.strip_prefix(&key.0)?;
    let (sum, content) = rest.split_at_checked(HASH)?;
    if sum != Sha256::digest(content).as_slice() {
        return None;
    }
    let mut lists = Lists(content);
    let excludes = match lists.one()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    let mut levels = Vec::new();
    for _ in 0..lists.count()? {
        levels.push((lists.text()?, Level::from_u8(lists.one()?)?));
    }
    let mut disable = Vec::new();
    for _ in 0..lists.count()? {
        disable.push(lists.text()?);
    }
    let (words, tail) = lists.next()?.as_chunks::<4>();
    let blob =
        Blob { words: words.iter().map(|w| u32::from_le_bytes(*w)).collect(), bytes: lists.next()?.to_vec() };
    (tail.is_empty() && lists.0.is_empty()).then_some(Compiled { blob, levels, disable, excludes })
}

/// Lists of bytes, each after its length.
struct Lists<'a>(&'a [u8]);

impl<'a> Lists<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<8>()?;
        let (list, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        self.0 = rest;
        Some(list)
    }

    fn one(&mut self) -> Option<u8> {
        match self.next()? {
            [one] => Some(*one),
            _ => None,
        }
    }

    fn count(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.next()?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.next()?.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    fn source(text: &str) -> Source {
        Source { name: "own.toml".into(), text: text.into() }
    }

    fn key(text: &str) -> Key {
        Key::new("build", true, &[source(text)], None)
    }

    fn compiled() -> Compiled {
        let blob = Blob {
            words: (0..500u32).map(|n| n.wrapping_mul(0x0101_0101)).collect(),
            bytes: b"strings".to_vec(),
        };
        Compiled {
            blob,
            levels: vec![("a.b".into(), Level::High), ("c.*".into(), Level::Low)],
            disable: vec!["d.e".into()],
            excludes: true,
        }
    }

    fn same(one: &Compiled, other: &Compiled) -> bool {
        one.blob == other.blob
            && one.levels == other.levels
            && one.disable == other.disable
            && one.excludes == other.excludes
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_is_kept_comes_back_under_its_own_key_alone() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::new(home.path().join("cache"));
        assert!(cache.load(key("one")).is_none());
        cache.save(key("one"), &compiled());
        assert!(same(&cache.load(key("one")).unwrap(), &compiled()));
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&home.path().join("cache")), 0o700);
        assert_eq!(mode(&home.path().join("cache/rules")), 0o600);
        let others = [
            key("two"),
            Key::new("other build", true, &[source("one")], None),
            Key::new("build", false, &[source("one")], None),
            Key::new("build", true, &[source("one")], Some(&[])),
            Key::new("build", true, &[source("one"), source("")], None),
            Key::new("build", true, &[source("on"), source("e")], None),
        ];
        for (n, other) in others.into_iter().enumerate() {
            assert!(cache.load(other).is_none(), "{n}");
        }
        cache.save(key("two"), &Compiled::default());
        assert!(cache.load(key("one")).is_none());
        assert!(same(&cache.load(key("two")).unwrap(), &Compiled::default()));
        assert_eq!(std::fs::read_dir(home.path().join("cache")).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_file_is_never_read() {
        let whole = written(key("one"), &compiled());
        assert!(read(&whole, key("one")).is_some());
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            assert!(read(&damaged, key("one")).is_none(), "byte {at}");
            assert!(read(&whole[..at], key("one")).is_none(), "cut at {at}");
        }
        assert!(read(&[&whole[..], b"x"].concat(), key("one")).is_none());
        // Lengths that lie under a right checksum lead nowhere else.
        for at in HEAD..whole.len() {
            let mut lying = whole.clone();
            lying[at] = lying[at].wrapping_add(1);
            let sum: [u8; HASH] = Sha256::digest(&lying[HEAD..]).into();
            lying[HEAD - HASH..HEAD].copy_from_slice(&sum);
            if let Some(read) = read(&lying, key("one")) {
                assert!(!same(&read, &compiled()), "byte {at}");
            }
        }
    }

    #[test]
    fn files_that_others_could_have_written_are_never_read() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("cache");
        let file = folder.join("rules");
        let cache = Cache::new(folder.clone());
        cache.save(key("one"), &compiled());
        for mode in [0o620, 0o602, 0o640, 0o604, 0o666] {
            set_mode(&file, mode);
            assert!(cache.load(key("one")).is_none(), "{mode:o}");
        }
        set_mode(&file, 0o600);
        for mode in [0o770, 0o777, 0o705] {
            set_mode(&folder, mode);
            assert!(cache.load(key("one")).is_none(), "{mode:o}");
            // Nothing is written there either.
            cache.save(key("two"), &compiled());
            set_mode(&folder, 0o700);
            assert!(cache.load(key("two")).is_none(), "{mode:o}");
        }
        assert!(cache.load(key("one")).is_some());
        let elsewhere = home.path().join("elsewhere");
        std::fs::rename(&file, &elsewhere).unwrap();
        symlink(&elsewhere, &file).unwrap();
        assert!(cache.load(key("one")).is_none());
        // The link is replaced, not followed.
        cache.save(key("two"), &compiled());
        assert!(cache.load(key("two")).is_some());
        assert_eq!(std::fs::read(&elsewhere).unwrap(), written(key("one"), &compiled()));
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert!(cache.load(key("two")).is_none());
        cache.save(key("two"), &compiled());
        assert!(cache.load(key("two")).is_none());
    }

    #[test]
    fn rules_that_were_kept_find_what_compiled_ones_find() {
        let home = tempfile::tempdir().unwrap();
        let own = "disable = [\"discovery.*\"]\n[levels]\n\"destruction.*\" = \"medium\"\n\
            [[rule]]\nid = \"own.tool\"\nlevel = \"high\"\ntitle = \"T\"\nmatch = { program = \"mytool\", arg = { regex = \"^x+$\" } }\n";
        let build = |text: &str| {
            crate::Classifier::builder().rules_text("own.toml", text).cache(home.path().join("cache")).build()
        };
        let said = |classifier: &crate::Classifier| -> Vec<String> {
            let verdicts = ["mytool xx", "mytool y", "rm -rf /srv", "nmap x"].map(|c| classifier.classify(c));
            verdicts.iter().map(|v| format!("{} {:?}", v.level, v.findings)).collect()
        };
        let (first, second) = (build(own).unwrap(), build(own).unwrap());
        assert!(home.path().join("cache/rules").exists());
        assert_eq!(said(&first), said(&second));
        assert!(said(&first)[0].starts_with("high"), "{:?}", said(&first));
        assert!(said(&first)[2].starts_with("medium"), "{:?}", said(&first));
        let changed = build(&own.replace("high", "low")).unwrap();
        assert!(said(&changed)[0].starts_with("low"), "{:?}", said(&changed));
        // What is wrong isn't kept, and is told again.
        for _ in 0..2 {
            let wrong = build(
                "[[rule]]\nid = \"own.x\"\nlevel = \"high\"\ntitle = \"T\"\nmatch = { text = { regex = \"(\" } }\n",
            );
            assert!(wrong.unwrap_err().to_string().contains("regex"));
            assert!(build("disable = [\"no.such\"]").is_err());
        }
    }

    #[test]
    fn where_nothing_can_be_written_nothing_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::new(home.path().join("not/set/up"));
        cache.save(key("one"), &compiled());
        assert!(!home.path().join("not").exists());
        let file = home.path().join("file");
        std::fs::write(&file, "a file").unwrap();
        Cache::new(file.clone()).save(key("one"), &compiled());
        assert_eq!(std::fs::read(&file).unwrap(), b"a file");
    }
}

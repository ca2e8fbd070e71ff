//! Histories and logs of other programs, brought into the record: classified on the way, and each entry once however often
//! the same file is imported.
//!
//! Nobody is told of what was imported, and the log file has no line of it: it happened long ago.

mod database;
mod history;
mod repeated;

use crate::audit;
use crate::classifier::{Classifier, Context, Scratch};
use crate::record::{Event, Record, UnixNanos};
use crate::shell::Dialect;
use crate::store::{Entry, Store};
use crate::{Error, ErrorKind, Result, identity};
use repeated::Repeated;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

/// What kind of file is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// `~/.bash_history`, with or without the time stamps of `HISTTIMEFORMAT`.
    Bash,
    /// `~/.zsh_history`, plain or of `EXTENDED_HISTORY`.
    Zsh,
    /// `~/.local/share/fish/fish_history`.
    Fish,
    /// atuin's `history.db`.
    Atuin,
    /// The `monitor.db` of the system before shmon, when it shall not become the record itself.
    Ticket,
    /// auditd's `audit.log`, or what `ausearch --raw` prints.
    Audit,
}

impl Source {
    /// The name, as in the column `shell` of what was imported: `import:NAME`.
    pub const fn name(self) -> &'static str {
        match self {
            Source::Bash => "bash",
            Source::Zsh => "zsh",
            Source::Fish => "fish",
            Source::Atuin => "atuin",
            Source::Ticket => "ticket",
            Source::Audit => "auditd",
        }
    }

    fn dialect(self) -> Dialect {
        match self {
            Source::Zsh => Dialect::Zsh,
            Source::Fish => Dialect::Fish,
            _ => Dialect::Bash,
        }
    }
}

/// Whose file it is: what the file itself doesn't say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Owner {
    /// Login name.
    pub user: String,
    /// User id.
    pub uid: Option<u32>,
    /// Name of the host.
    pub host: String,
}

impl Owner {
    /// The owner with this login name on this host.
    pub fn new(user: impl Into<String>, uid: Option<u32>, host: impl Into<String>) -> Owner {
        Owner { user: user.into(), uid, host: host.into() }
    }
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Imported {
    /// Rows that were added.
    pub added: u64,
    /// Entries that were imported before.
    pub known: u64,
    /// Entries that can't be read; the rest was imported.
    pub bad: u64,
    /// The first of them: file, line (or row) and what is wrong.
    pub errors: Vec<String>,
}

/// So many errors are told; the others are counted.
const ERRORS: usize = 20;
/// Entries of one commit.
const GROUP: usize = 2000;
/// No entry of a history is longer, in bytes: it is another kind of file.
const LONGEST: usize = 64 << 20;

/// What a reader finds.
enum Piece {
    /// An entry. An empty key is filled in.
    Event(Box<Event>),
    /// An entry that has no time of its own, but the file's.
    Undated(Box<Event>),
    /// Something at this line or row that is no entry.
    Bad(u64, String),
}

/// Takes pieces as they are read, with the bytes (or rows) that were read so far and that there are.
type Sink<'a> = &'a mut dyn FnMut(Piece, (u64, u64)) -> Result<()>;

/// Imports `path` into `store`. `progress` gets what was read so far and all there is, in bytes or, of a database, rows.
///
/// # Errors
/// [`ErrorKind::Io`] when the file can't be read, [`ErrorKind::Invalid`] when it is a database of another kind, or what
/// [`Store::commit`] says; what was imported until then stays, and a second import goes on after it.
pub fn import(
    source: Source,
    path: &Path,
    owner: &Owner,
    classifier: &Classifier,
    store: &mut Store,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Imported> {
    let before = store.last_id()?;
    let mut importer = Importer {
        source,
        path,
        classifier,
        store,
        before,
        scratch: Scratch::default(),
        group: Vec::new(),
        repeated: Repeated::default(),
        done: Imported::default(),
    };
    let mut sink = |piece: Piece, at: (u64, u64)| {
        importer.take(piece)?;
        if importer.group.len() >= GROUP {
            importer.commit()?;
            progress(at.0, at.1);
        }
        Ok(())
    };
    match source {
        Source::Bash => lines(path, &mut history::Bash::default(), owner, &mut sink)?,
        Source::Zsh => lines(path, &mut history::Zsh::default(), owner, &mut sink)?,
        Source::Fish => lines(path, &mut history::Fish::default(), owner, &mut sink)?,
        Source::Audit => lines(path, &mut Audit::default(), owner, &mut sink)?,
        Source::Atuin => database::atuin(path, &mut sink)?,
        Source::Ticket => database::ticket(path, owner, &mut sink)?,
    }
    importer.commit()?;
    importer.store.index_text()?;
    Ok(importer.done)
}

struct Importer<'a> {
    source: Source,
    path: &'a Path,
    classifier: &'a Classifier,
    store: &'a mut Store,
    /// The last row before this import.
    before: i64,
    scratch: Scratch,
    group: Vec<Entry>,
    repeated: Repeated,
    done: Imported,
}

impl Importer<'_> {
    fn take(&mut self, piece: Piece) -> Result<()> {
        let (mut event, dated) = match piece {
            Piece::Event(event) => (event, true),
            Piece::Undated(event) => (event, false),
            Piece::Bad(line, message) => {
                self.done.bad += 1;
                if self.done.errors.len() < ERRORS {
                    self.done.errors.push(format!("{}:{line}: {message}", self.path.display()));
                }
                return Ok(());
            }
        };
        if event.command.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        if event.key.is_empty() {
            event.key = self.repeated.key(self.source, &event, dated);
        }
        event.shell = format!("import:{}", self.source.name());
        let context = Context {
            dialect: self.source.dialect(),
            user: (!event.user.is_empty()).then_some(&event.user),
            root: event.uid.map(|uid| uid == 0),
            ..Context::default()
        };
        let verdict = self.classifier.classify_with(&event.command, &context, &mut self.scratch);
        self.group.push(Entry::Command(Box::new(Record::new(*event, verdict)), Vec::new()));
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        while !self.group.is_empty() {
            let stored = self.store.commit(&self.group)?;
            let mut again = Vec::new();
            for (mut entry, stored) in self.group.drain(..).zip(stored) {
                if !stored.duplicate {
                    self.done.added += 1;
                } else if stored.id > self.before && repeated::count_on(&mut entry) {
                    // This very import has added one like it, longer ago than is remembered.
                    again.push(entry);
                } else {
                    self.done.known += 1;
                }
            }
            self.group = again;
        }
        Ok(())
    }
}

/// Reads entries out of lines.
trait Parser {
    /// Takes a line without its end; `number` counts from 1.
    fn line(&mut self, number: u64, line: &[u8], file: &Origin<'_>, out: &mut Vec<Piece>);

    /// The file ends.
    fn end(&mut self, file: &Origin<'_>, out: &mut Vec<Piece>);
}

/// The file and whose it is.
struct Origin<'a> {
    owner: &'a Owner,
    /// When the file was written last.
    time: UnixNanos,
}

impl Origin<'_> {
    /// A command of the file's owner; `time` where the entry has one.
    fn piece(
        &self,
        source: Source,
        command: Vec<u8>,
        time: Option<UnixNanos>,
        duration: Option<i64>,
    ) -> Piece {
        let event = Box::new(Event {
            session_id: format!("import-{}-{}", source.name(), self.owner.user),
            command,
            started_at: time.unwrap_or(self.time),
            duration,
            user: self.owner.user.clone(),
            uid: self.owner.uid,
            host: self.owner.host.clone(),
            ..Event::default()
        });
        if time.is_some() { Piece::Event(event) } else { Piece::Undated(event) }
    }
}

fn lines(path: &Path, parser: &mut dyn Parser, owner: &Owner, sink: Sink<'_>) -> Result<()> {
    let failed = |e| Error::io("read the history", path, e);
    let file = File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() && !meta.file_type().is_fifo() {
        return Err(Error::new(ErrorKind::Invalid, "this is no file").at(path));
    }
    let written = meta.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    let time = written.and_then(|t| UnixNanos::try_from(t.as_nanos()).ok()).unwrap_or_else(crate::time::now);
    let origin = Origin { owner, time };
    let mut reader = BufReader::with_capacity(1 << 16, file);
    if reader.fill_buf().map_err(failed)?.contains(&0) {
        return Err(Error::new(ErrorKind::Invalid, "this is no history: it holds zero bytes").at(path));
    }
    let (mut line, mut number, mut read, mut pieces) = (Vec::new(), 0, 0, Vec::new());
    loop {
        line.clear();
        let length = (&mut reader).take(LONGEST as u64 + 1).read_until(b'\n', &mut line).map_err(failed)?;
        if length == 0 {
            break;
        }
        number += 1;
        read += length as u64;
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        if line.len() > LONGEST {
            return Err(
                Error::new(ErrorKind::Invalid, format!("line {number} is too long for a history")).at(path)
            );
        }
        if line.contains(&0) {
            pieces.push(Piece::Bad(number, "a zero byte in the entry".into()));
        } else {
            parser.line(number, &line, &origin, &mut pieces);
        }
        for piece in pieces.drain(..) {
            sink(piece, (read, meta.len()))?;
        }
    }
    parser.end(&origin, &mut pieces);
    pieces.into_iter().try_for_each(|piece| sink(piece, (meta.len(), meta.len())))
}

/// Records of the kernel's audit system.
#[derive(Default)]
struct Audit {
    parser: audit::Parser,
    users: HashMap<u32, String>,
}

impl Audit {
    fn put(&mut self, done: Vec<audit::Execution>, file: &Origin<'_>, out: &mut Vec<Piece>) {
        for execution in done {
            for uid in [execution.login_uid, execution.uid].into_iter().flatten() {
                self.users.entry(uid).or_insert_with(|| identity::user_name(uid));
            }
            let name = |uid| self.users.get(&uid).cloned().unwrap_or_default();
            out.push(Piece::Event(Box::new(execution.event(&file.owner.host, name))));
        }
    }
}

impl Parser for Audit {
    fn line(&mut self, number: u64, line: &[u8], file: &Origin<'_>, out: &mut Vec<Piece>) {
        let text = line.trim_ascii();
        // `ausearch` separates events so.
        if text.is_empty() || text == b"----" || text.starts_with(b"time->") {
            return;
        }
        if !line.windows(10).any(|w| w == b"msg=audit(") {
            out.push(Piece::Bad(number, "no record of the audit system".into()));
            return;
        }
        let done = self.parser.line(line);
        self.put(done, file, out);
    }

    fn end(&mut self, file: &Origin<'_>, out: &mut Vec<Piece>) {
        let done = self.parser.finish();
        self.put(done, file, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Query, StoreOptions};
    use std::fmt::Write as _;

    #[test]
    fn equal_entries_that_are_far_apart_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let mut store = Store::open(folder.path().join("monitor.db"), StoreOptions::default()).unwrap();
        let classifier = Classifier::builtin();
        // Several shells wrote the same command of the same second; thousands of others lie between.
        let mut history = String::new();
        for n in 0..6000 {
            let _ = writeln!(
                history,
                "#{}\n{}",
                if n % 1500 == 0 { 7 } else { n + 9 },
                if n % 1500 == 0 { "make" } else { "ls" }
            );
        }
        std::fs::write(&path, &history).unwrap();
        let import = |store: &mut Store| {
            import(Source::Bash, &path, &Owner::default(), &classifier, store, &mut |_, _| {}).unwrap()
        };
        let first = import(&mut store);
        assert_eq!((first.added, first.known), (6000, 0));
        let second = import(&mut store);
        assert_eq!((second.added, second.known), (0, 6000));
        let mut query = Query::new();
        query.text = Some("make".into());
        assert_eq!(store.count(&query).unwrap(), 4);
    }
}

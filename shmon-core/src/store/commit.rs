//! One batch of entries in one transaction: rows, findings, sessions, evidence, outbox.

use super::evidence::canonical::Kind;
use super::evidence::chain::Chain;
use super::outbox::{self, NewNotification};
use super::schema::COVERED_COLUMNS;
use super::session_counts::{self, SessionCounts};
use super::{Entry, Stored, open, text_index};
use crate::Level;
use crate::record::{Ending, Record, UnixNanos};
use crate::time;
use crate::verdict::Finding;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params_from_iter};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// Made once: a shell may wait for each commit.
static INSERT: LazyLock<String> = LazyLock::new(|| {
    let columns = COVERED_COLUMNS.join(", ");
    let marks = vec!["?"; COVERED_COLUMNS.len() + 2].join(", ");
    format!("INSERT INTO command_logs ({columns}, exit_status, duration_ns) VALUES ({marks})")
});

/// What a batch needs to know beside its entries.
pub(super) struct Frame {
    pub(super) now: UnixNanos,
    pub(super) redact: bool,
    /// Somebody waits: what sums rows up follows with the next commit that nobody waits for.
    pub(super) hurry: bool,
}

/// Statements and state of one batch; lives inside the write transaction.
pub(super) struct Batch<'a> {
    db: &'a Connection,
    frame: &'a Frame,
    chain: Chain<'a>,
    find: CachedStatement<'a>,
    insert: CachedStatement<'a>,
    rules: HashMap<String, i64>,
    sessions: SessionCounts,
    /// The first row that the batch stored.
    first: Option<i64>,
    local: LocalTime,
}

/// The local time of the last second that was asked for: commands of a batch come in the same seconds.
#[derive(Default)]
struct LocalTime {
    second: Option<i64>,
    text: String,
}

impl LocalTime {
    fn of(&mut self, nanos: UnixNanos) -> &str {
        let second = nanos.div_euclid(1_000_000_000);
        if self.second != Some(second) {
            self.text = time::local(nanos);
            self.second = Some(second);
        }
        &self.text
    }
}

impl<'a> Batch<'a> {
    pub(super) fn new(db: &'a Connection, frame: &'a Frame) -> rusqlite::Result<Batch<'a>> {
        Ok(Batch {
            db,
            frame,
            chain: Chain::resume(db)?,
            find: db.prepare_cached(
                "SELECT id, exit_status IS NOT NULL OR duration_ns IS NOT NULL FROM command_logs WHERE event_key = ?1",
            )?,
            insert: db.prepare_cached(&INSERT)?,
            rules: HashMap::new(),
            sessions: SessionCounts::default(),
            first: None,
            local: LocalTime::default(),
        })
    }

    pub(super) fn run(mut self, entries: &[Entry]) -> rusqlite::Result<Vec<Stored>> {
        if !self.frame.hurry {
            self.sessions.note_left(self.db)?;
        }
        let mut stored = Vec::with_capacity(entries.len());
        for entry in entries {
            stored.push(match entry {
                Entry::Command(record, notifications) => self.command(record, notifications)?,
                Entry::End(ending) => self.end(ending)?,
            });
        }
        if !self.frame.hurry {
            self.sessions.write(self.db)?;
            text_index::catch_up(self.db)?;
        } else if let Some(first) = self.first {
            session_counts::leave(self.db, first)?;
        }
        Ok(stored)
    }

    /// The row of a key, and whether its end is known.
    fn find(&mut self, key: &str) -> rusqlite::Result<Option<(i64, bool)>> {
        if key.is_empty() {
            return Ok(None);
        }
        self.find.query_row([key], |row| Ok((row.get(0)?, row.get(1)?))).optional()
    }

    fn command(&mut self, record: &Record, notifications: &[NewNotification]) -> rusqlite::Result<Stored> {
        let event = &record.event;
        if let Some((id, _)) = self.find(&event.key)? {
            return Ok(Stored { id, duplicate: true });
        }
        let id = self.insert_row(record)?;
        self.first = self.first.or(Some(id));
        if !self.frame.hurry {
            self.sessions.note(id, event, record.verdict.level);
        }
        for notification in notifications {
            outbox::insert(self.db, id, self.frame, notification)?;
        }
        Ok(Stored { id, duplicate: false })
    }

    fn insert_row(&mut self, record: &Record) -> rusqlite::Result<i64> {
        let (event, verdict) = (&record.event, &record.verdict);
        let kept = Kept::of(record, self.frame.redact);
        let hash = hex(&Sha256::digest(kept.bytes()));
        let at = self.local.of(event.started_at).to_owned();
        let rules = rule_ids(&verdict.findings);
        let values: [ValueRef<'_>; COVERED_COLUMNS.len()] = [
            text(&event.session_id),
            text(&kept.text),
            text(&hash),
            text(&event.working_directory),
            text(&at),
            text(verdict.level.as_str()),
            ValueRef::Integer(i64::from(verdict.sensitive || verdict.level >= Level::High)),
            // The ticket asks for "today's activity" by this column: it is the event's time, also for an event
            // that came late out of the spool or a history. When the row was written stands in recorded_at_ns.
            text(&at),
            ValueRef::Integer(event.started_at),
            ValueRef::Integer(self.frame.now),
            text(&event.user),
            integer(event.uid),
            text(&event.host),
            optional(event.tty.as_deref()),
            integer(event.pid),
            integer(event.ppid),
            text(&event.shell),
            optional(event.ssh_client.as_deref()),
            optional(event.parent_session.as_deref()),
            optional(Some(event.key.as_str()).filter(|key| !key.is_empty())),
            kept.exact.map_or(ValueRef::Null, ValueRef::Blob),
            optional(verdict.redacted.as_deref()),
            ValueRef::Integer(i64::from(verdict.excluded)),
            ValueRef::Integer(i64::from(verdict.partial)),
            optional(rules.as_deref()),
        ];
        // An end that is known already costs no second write of the row.
        let end = [integer(event.exit_status), integer(event.duration)];
        self.insert
            .execute(params_from_iter(values.iter().chain(&end).map(|v| ToSqlOutput::Borrowed(*v))))?;
        let id = self.db.last_insert_rowid();
        let mut findings = Vec::with_capacity(verdict.findings.len() * 4);
        for (position, finding) in verdict.findings.iter().enumerate() {
            self.insert_finding(id, position, finding)?;
            findings.extend([
                text(&finding.rule),
                text(finding.level.as_str()),
                ValueRef::Integer(i64::from(finding.span.start)),
                ValueRef::Integer(i64::from(finding.span.end)),
            ]);
        }
        self.chain.append(Kind::Command, id, values.into_iter().chain(findings))?;
        if end != [ValueRef::Null; 2] {
            self.chain.append(Kind::End, id, end)?;
        }
        Ok(id)
    }

    fn insert_finding(&mut self, id: i64, position: usize, finding: &Finding) -> rusqlite::Result<()> {
        let rule = self.rule(finding)?;
        let sql = "INSERT INTO findings (command_id, position, rule, level, span_start, span_end) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        let row = (id, position, rule, finding.level.as_str(), finding.span.start, finding.span.end);
        self.db.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// The number under which the rule is kept; its words are those of its first finding.
    fn rule(&mut self, finding: &Finding) -> rusqlite::Result<i64> {
        if let Some(number) = self.rules.get(&finding.rule) {
            return Ok(*number);
        }
        let find = "SELECT number FROM rules WHERE rule = ?1";
        let found = self.db.prepare_cached(find)?.query_row([&finding.rule], |row| row.get(0)).optional()?;
        let number = match found {
            Some(number) => number,
            None => {
                let sql = "INSERT INTO rules (rule, category, attack, title_en, title_ja) VALUES (?1, ?2, ?3, ?4, ?5)";
                let (title_en, title_ja) =
                    (finding.title.get(crate::Lang::En), finding.title.get(crate::Lang::Ja));
                let attack = finding.attack.join(" ");
                let row = (&finding.rule, &finding.category, attack, title_en, title_ja);
                self.db.prepare_cached(sql)?.execute(row)?;
                self.db.last_insert_rowid()
            }
        };
        self.rules.insert(finding.rule.clone(), number);
        Ok(number)
    }

    fn end(&mut self, ending: &Ending) -> rusqlite::Result<Stored> {
        let Some((id, ended)) = self.find(&ending.key)? else { return Ok(Stored { id: 0, duplicate: true }) };
        if ended || (ending.exit_status.is_none() && ending.duration.is_none()) {
            return Ok(Stored { id, duplicate: true });
        }
        self.write_end(id, ending.exit_status, ending.duration)?;
        Ok(Stored { id, duplicate: false })
    }

    /// The command's own evidence stays as it is; the end is an entry of its own.
    fn write_end(&mut self, id: i64, status: Option<i32>, duration: Option<i64>) -> rusqlite::Result<()> {
        let sql = "UPDATE command_logs SET exit_status = ?2, duration_ns = ?3 WHERE id = ?1";
        self.db.prepare_cached(sql)?.execute((id, status, duration))?;
        self.chain.append(Kind::End, id, [integer(status), integer(duration)])
    }
}

/// The form in which a command is stored.
pub(super) struct Kept<'a> {
    /// What `command` holds: always UTF-8 without NUL, so that every SQL function works on it.
    pub(super) text: Cow<'a, str>,
    /// The exact bytes, where `text` isn't exactly them.
    pub(super) exact: Option<&'a [u8]>,
}

impl<'a> Kept<'a> {
    fn of(record: &'a Record, redact: bool) -> Kept<'a> {
        match &record.verdict.redacted {
            Some(redacted) if redact => Kept::bytes_of(redacted.as_bytes()),
            _ => Kept::bytes_of(&record.event.command),
        }
    }

    /// Bytes that aren't UTF-8, and NUL (at which SQLite's `LIKE` and `length` stop), become `\xNN`.
    pub(super) fn bytes_of(bytes: &'a [u8]) -> Kept<'a> {
        if let Ok(text) = std::str::from_utf8(bytes)
            && !bytes.contains(&0)
        {
            return Kept { text: Cow::Borrowed(text), exact: None };
        }
        let mut out = String::with_capacity(bytes.len() + 16);
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                if c == '\0' { out.push_str("\\x00") } else { out.push(c) }
            }
            for byte in chunk.invalid() {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
        Kept { text: Cow::Owned(out), exact: Some(bytes) }
    }

    fn bytes(&self) -> &[u8] {
        self.exact.unwrap_or(self.text.as_bytes())
    }
}

fn text(s: &str) -> ValueRef<'_> {
    ValueRef::Text(s.as_bytes())
}

fn optional(s: Option<&str>) -> ValueRef<'_> {
    s.map_or(ValueRef::Null, text)
}

fn integer(n: Option<impl Into<i64>>) -> ValueRef<'static> {
    n.map_or(ValueRef::Null, |n| ValueRef::Integer(n.into()))
}

/// The ids of all rules, leading one first, each once, with a space between.
fn rule_ids(findings: &[Finding]) -> Option<String> {
    let mut ids: Vec<&str> = Vec::with_capacity(findings.len());
    for finding in findings {
        if !ids.contains(&finding.rule.as_str()) {
            ids.push(&finding.rule);
        }
    }
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    out
}

/// The identity of a row beyond this database.
pub(super) fn identity(db: &Connection, id: i64) -> rusqlite::Result<String> {
    Ok(format!("{}-{id}", open::current_epoch(db)?))
}

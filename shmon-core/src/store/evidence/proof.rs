//! One row with all that proves it, as one JSON document: it is checked without the database.

use super::canonical::{Canonical, Hash, Kind};
use super::note::{Note, read_verifier_key, verifier_key};
use super::tree;
use crate::store::prune::Ranges;
use crate::store::schema::COVERED_COLUMNS;
use crate::store::{Store, commit, failed};
use crate::{Error, ErrorKind, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const FORMAT: &str = "shmon proof v1";

/// One row, its place in the evidence, and a checkpoint over it. Holds the command as it was stored, secrets too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    format: String,
    row: i64,
    /// The columns that the evidence covers, by name.
    command: BTreeMap<String, Datum>,
    /// Rule, level, start and end of each finding.
    findings: Vec<[Datum; 4]>,
    evidence: Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<End>,
    /// The signed note.
    checkpoint: String,
    /// The key that signed it, as signed notes write it.
    key: String,
}

/// Exit status and duration came later and have an entry of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    exit_status: Datum,
    duration_ns: Datum,
    evidence: Place,
}

/// Where an entry stands: its number, the hash before it, and the way to the checkpoint's root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    sequence: i64,
    previous: Hex,
    path: Vec<Hex>,
}

/// A hash in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hex(Hash);

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&commit::hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Hex, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut hash = [0; 32];
        let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
        match digits {
            Some(digits) if digits.len() == 64 => {
                for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
                    *byte = u8::try_from(pair[0] * 16 + pair[1]).unwrap_or_default();
                }
                Ok(Hex(hash))
            }
            _ => Err(serde::de::Error::custom(format!("'{text}' is no hash of 64 hexadecimal digits"))),
        }
    }
}

/// One of SQLite's values; text and numbers read as what they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Datum {
    Null(()),
    Integer(i64),
    Text(String),
    Blob {
        blob: String,
    },
    /// The bits of a real number, in hexadecimal: a decimal form might not be exact.
    Real {
        real: String,
    },
}

impl Datum {
    fn of(value: ValueRef<'_>) -> Datum {
        match value {
            ValueRef::Null => Datum::Null(()),
            ValueRef::Integer(n) => Datum::Integer(n),
            ValueRef::Real(n) => Datum::Real { real: format!("{:016x}", n.to_bits()) },
            ValueRef::Blob(bytes) => Datum::Blob { blob: BASE64.encode(bytes) },
            // What we write is UTF-8; other text was put there by somebody, and its row isn't provable.
            ValueRef::Text(bytes) => Datum::Text(String::from_utf8_lossy(bytes).into_owned()),
        }
    }

    fn value(&self) -> Result<Value> {
        Ok(match self {
            Datum::Null(()) => Value::Null,
            Datum::Integer(n) => Value::Integer(*n),
            Datum::Text(text) => Value::Text(text.clone()),
            Datum::Blob { blob } => {
                Value::Blob(BASE64.decode(blob).map_err(|_| bad(format!("'{blob}' is no base64")))?)
            }
            Datum::Real { real } => {
                let bits =
                    u64::from_str_radix(real, 16).map_err(|_| bad(format!("'{real}' is no number")))?;
                Value::Real(f64::from_bits(bits))
            }
        })
    }

    fn text(&self) -> Option<&str> {
        match self {
            Datum::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// What a proof shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Proven {
    /// The row's id.
    pub row: i64,
    /// The command, with invalid UTF-8 replaced.
    pub command: String,
    /// Who ran it.
    pub user: String,
    /// When, local time of the host.
    pub execution_time: String,
    /// The level that was recorded.
    pub level: String,
    /// Exit status, where it is proven too.
    pub exit_status: Option<i64>,
    /// Number, time and origin of the checkpoint.
    pub checkpoint: (i64, String, String),
    /// The key that signed it, as signed notes write it.
    pub key: String,
    /// A checkpoint that the caller brought is the one that the proof leads to.
    pub anchored: bool,
    /// What doesn't fit; empty when the proof holds.
    pub problems: Vec<String>,
    /// Why a checkpoint that the caller brought says nothing about this proof.
    pub warnings: Vec<String>,
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, format!("the proof can't be read: {}", message.into()))
}

impl Proof {
    /// Reads a proof that [`Proof::to_json`] wrote.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with the place in the text that is wrong.
    pub fn parse(text: &str) -> Result<Proof> {
        let proof: Proof = serde_json::from_str(text).map_err(|e| bad(e.to_string()))?;
        if proof.format != FORMAT {
            return Err(bad(format!("its format is '{}', this shmon knows '{FORMAT}'", proof.format)));
        }
        Ok(proof)
    }

    /// The proof as JSON, with a line per value and a newline at the end.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Computes everything again. `anchors` are texts of checkpoints that were kept elsewhere.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the proof or an anchor can't be read; what doesn't fit is no error but stands in
    /// [`Proven::problems`].
    pub fn check(&self, anchors: &[String]) -> Result<Proven> {
        let note = Note::parse(&self.checkpoint).map_err(bad)?;
        let (name, key) = read_verifier_key(&self.key).map_err(bad)?;
        let c = &note.checkpoint;
        let text = |name: &str| self.command.get(name).and_then(Datum::text).unwrap_or_default().to_owned();
        let mut proven = Proven {
            row: self.row,
            command: text("command"),
            user: text("user"),
            execution_time: text("execution_time"),
            level: text("risk_level"),
            checkpoint: (c.number, c.time.clone(), c.origin.clone()),
            key: self.key.clone(),
            ..Proven::default()
        };
        if name != c.origin || !note.signed_by(&key) {
            proven.problems.push("the checkpoint doesn't have the signature of the key in the proof".into());
        }
        let values = self.values()?;
        if self.root(Kind::Command, &self.evidence, &values, c.size) != Some(c.root) {
            proven.problems.push(format!("row {} is not the one that the checkpoint covers", self.row));
        }
        if let Some(end) = &self.end {
            let values = [end.exit_status.value()?, end.duration_ns.value()?];
            if self.root(Kind::End, &end.evidence, &values, c.size) != Some(c.root) {
                let message = "exit status and duration are not those that the checkpoint covers";
                proven.problems.push(message.into());
            } else if let Datum::Integer(status) = end.exit_status {
                proven.exit_status = Some(status);
            }
        }
        for anchor in anchors {
            let kept = Note::parse(anchor).map_err(|e| Error::new(ErrorKind::Invalid, e))?.checkpoint;
            if kept.origin != c.origin {
                proven
                    .warnings
                    .push(format!("the checkpoint of {} is of another database or epoch", kept.time));
            } else if kept.size != c.size {
                proven.warnings.push(format!(
                    "the checkpoint of {} is not the one of this proof: ask for one with `shmon proof {} --checkpoint`",
                    kept.time, self.row
                ));
            } else if kept.root == c.root {
                proven.anchored = true;
            } else {
                let message =
                    format!("the checkpoint of {} says something else: the record was altered", kept.time);
                proven.problems.push(message);
            }
        }
        Ok(proven)
    }

    /// Covered columns in their order, then the findings.
    fn values(&self) -> Result<Vec<Value>> {
        if let Some(name) = self.command.keys().find(|name| !COVERED_COLUMNS.contains(&name.as_str())) {
            return Err(bad(format!("there is no column '{name}'")));
        }
        let mut values = Vec::with_capacity(COVERED_COLUMNS.len() + self.findings.len() * 4);
        for name in COVERED_COLUMNS {
            values.push(self.command.get(name).ok_or_else(|| bad(format!("'{name}' is missing")))?.value()?);
        }
        for datum in self.findings.iter().flatten() {
            values.push(datum.value()?);
        }
        Ok(values)
    }

    fn root(&self, kind: Kind, place: &Place, values: &[Value], size: i64) -> Option<Hash> {
        let mut canonical = Canonical::default();
        canonical.begin(kind, place.sequence, self.row, &place.previous.0);
        for value in values {
            canonical.value(ValueRef::from(value));
        }
        let path: Vec<Hash> = place.path.iter().map(|hex| hex.0).collect();
        tree::root_by_path(&canonical.leaf(), place.sequence.checked_sub(1)?, size, &path)
    }
}

impl Store {
    /// Everything that proves row `id`: its content, its place in the evidence, the way to a checkpoint's root, and the
    /// checkpoint: the newest one, or `anchor` (the text of one that was kept elsewhere).
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when there is no such row, when no checkpoint covers it yet ([`Store::checkpoint`] makes
    /// one) or `anchor` doesn't; [`ErrorKind::Corrupt`] when the row is not as it was recorded;
    /// [`ErrorKind::Store`] when the database can't be read.
    pub fn proof(&self, id: i64, anchor: Option<&str>) -> Result<Proof> {
        let fail = |e| failed("read the evidence", &self.path, e);
        let refused = |message: String| Error::new(ErrorKind::Invalid, message).at(&self.path);
        let anchor = anchor.map(Note::parse).transpose().map_err(|e| Error::new(ErrorKind::Invalid, e))?;
        let tx = self.db.unchecked_transaction().map_err(fail)?;
        let Some((command, findings, end)) = content(&tx, id).map_err(fail)? else {
            return Err(refused(if Ranges::load(&tx).map_err(fail)?.contains(id) {
                format!("row {id} was removed with a tombstone")
            } else {
                format!("there is no row {id}")
            }));
        };
        let altered = || {
            let message = format!("row {id} is not as it was recorded: `shmon verify` says more");
            Error::new(ErrorKind::Corrupt, message).at(&self.path)
        };
        let sequence = entry_of(&tx, id).map_err(fail)?.ok_or_else(altered)?;
        let end_sequence = match end {
            Some(_) => Some(end_of(&tx, id, sequence).map_err(fail)?.ok_or_else(altered)?),
            None => None,
        };
        let covered = end_sequence.unwrap_or(sequence);
        let signed = signed(&tx, anchor.as_ref().map(|note| note.checkpoint.number)).map_err(fail)?;
        let (mut note, key) = signed.ok_or_else(|| refused("there is no such checkpoint".into()))?;
        if let Some(anchor) = anchor {
            note = anchor.text();
        }
        let c = Note::parse(&note).map_err(|_| altered())?.checkpoint;
        if c.size < sequence {
            return Err(refused(format!("the checkpoint of {} doesn't cover row {id} yet", c.time)));
        }
        let place = |sequence: i64| -> rusqlite::Result<Place> {
            let previous = tree::nodes(&tx, 0, sequence - 2, 1)?;
            let previous = Hex(previous.first().copied().filter(|_| sequence > 1).unwrap_or_default());
            let path = tree::path(&tx, sequence - 1, c.size)?.into_iter().map(Hex).collect();
            Ok(Place { sequence, previous, path })
        };
        // The end may have come after the checkpoint: then the proof is of the command alone.
        let end = match (end, end_sequence) {
            (Some([exit_status, duration_ns]), Some(at)) if covered <= c.size => {
                Some(End { exit_status, duration_ns, evidence: place(at).map_err(fail)? })
            }
            _ => None,
        };
        let proof = Proof {
            format: FORMAT.into(),
            row: id,
            command,
            findings,
            evidence: place(sequence).map_err(fail)?,
            end,
            checkpoint: note,
            key: verifier_key(&c.origin, &key),
        };
        match proof.check(&[]) {
            Ok(proven) if proven.problems.is_empty() => Ok(proof),
            _ => Err(altered()),
        }
    }

    /// Whether the newest checkpoint covers row `id` and its end.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be read.
    pub fn is_covered(&self, id: i64) -> Result<bool> {
        let read = || -> rusqlite::Result<bool> {
            let Some(sequence) = entry_of(&self.db, id)? else { return Ok(false) };
            let last = end_of(&self.db, id, sequence)?.unwrap_or(sequence);
            let sql = "SELECT coalesce(max(size), 0) FROM checkpoints";
            Ok(self.db.query_row(sql, [], |row| row.get::<_, i64>(0))? >= last)
        };
        read().map_err(|e| failed("read the evidence", &self.path, e))
    }
}

type Content = (BTreeMap<String, Datum>, Vec<[Datum; 4]>, Option<[Datum; 2]>);

/// What the evidence of a row covers.
fn content(db: &Connection, id: i64) -> rusqlite::Result<Option<Content>> {
    let columns = COVERED_COLUMNS.join(", ");
    let sql = format!("SELECT {columns}, exit_status, duration_ns FROM command_logs WHERE id = ?1");
    let read = |row: &rusqlite::Row<'_>| {
        let mut command = BTreeMap::new();
        for (i, name) in COVERED_COLUMNS.iter().enumerate() {
            command.insert((*name).to_owned(), Datum::of(row.get_ref(i)?));
        }
        let n = COVERED_COLUMNS.len();
        let end = [Datum::of(row.get_ref(n)?), Datum::of(row.get_ref(n + 1)?)];
        Ok((command, end))
    };
    let Some((command, end)) = db.query_row(&sql, [id], read).optional()? else { return Ok(None) };
    let sql = "SELECT r.rule, f.level, f.span_start, f.span_end FROM findings f \
               LEFT JOIN rules r ON r.number = f.rule WHERE f.command_id = ?1 ORDER BY f.position";
    let mut statement = db.prepare(sql)?;
    let findings = statement.query_map([id], |row| {
        let datum = |i| row.get_ref(i).map(Datum::of);
        Ok([datum(0)?, datum(1)?, datum(2)?, datum(3)?])
    })?;
    let findings = findings.collect::<rusqlite::Result<Vec<_>>>()?;
    let ended = end.iter().any(|datum| *datum != Datum::Null(()));
    Ok(Some((command, findings, ended.then_some(end))))
}

/// The number of the entry of a command. Rows get ids and entries in the same order, so it is searched by halves.
fn entry_of(db: &Connection, id: i64) -> rusqlite::Result<Option<i64>> {
    let sql =
        "SELECT sequence, row_id FROM evidence WHERE sequence >= ?1 AND kind = ?2 ORDER BY sequence LIMIT 1";
    let mut probe = db.prepare_cached(sql)?;
    let (mut low, mut high) =
        (1, db.query_row("SELECT coalesce(max(sequence), 0) FROM evidence", [], |r| r.get(0))?);
    while low <= high {
        let middle = low + (high - low) / 2;
        let found: Option<(i64, i64)> =
            probe.query_row((middle, Kind::Command as i64), |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
        match found {
            Some((sequence, row)) if row == id => return Ok(Some(sequence)),
            Some((sequence, row)) if row < id => low = sequence + 1,
            _ => high = middle - 1,
        }
    }
    Ok(None)
}

/// The number of the entry of a command's end, which comes after the command's own.
fn end_of(db: &Connection, id: i64, after: i64) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT sequence FROM evidence WHERE sequence > ?1 AND kind = ?2 AND row_id = ?3 ORDER BY sequence LIMIT 1";
    db.prepare_cached(sql)?.query_row((after, Kind::End as i64, id), |row| row.get(0)).optional()
}

/// Note and key of a checkpoint; of the newest one where no number is given.
fn signed(db: &Connection, number: Option<i64>) -> rusqlite::Result<Option<(String, [u8; 32])>> {
    let sql =
        "SELECT note, key FROM checkpoints WHERE ?1 IS NULL OR number = ?1 ORDER BY number DESC LIMIT 1";
    db.prepare_cached(sql)?.query_row([number], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

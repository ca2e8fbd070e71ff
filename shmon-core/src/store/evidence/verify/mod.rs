//! `shmon verify`: everything is computed again and compared, and the first difference is named.

mod beside;
mod cursor;
mod edge;
mod entry;
mod pieces;
mod vouch;

use super::canonical::{Canonical, Hash, Kind};
use super::note::Note;
use super::tree;
use crate::store::prune::Ranges;
use crate::store::schema::{self, COVERED_COLUMNS};
use crate::store::{Store, failed, lacks};
use crate::{Error, ErrorKind, Result};
use cursor::Cursor;
use edge::Edge;
use pieces::Piece;
use rusqlite::Connection;
use std::collections::{BTreeMap, HashMap, HashSet};

/// One thing that is not as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Problem {
    /// The row's id, where it is about one.
    pub row: Option<i64>,
    /// The entry of the evidence, counted from 1, where it is about one.
    pub entry: Option<i64>,
    /// What was found, in a sentence.
    pub message: String,
}

/// What [`Store::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// Entries of the evidence.
    pub entries: u64,
    /// Rows that were compared with their evidence.
    pub rows: u64,
    /// Rows that were removed with a tombstone.
    pub pruned: u64,
    /// Checkpoints whose signature, root and key are right.
    pub checkpoints: u64,
    /// Number, time and last row of the last of them.
    pub last_checkpoint: Option<(i64, String, i64)>,
    /// Checkpoints that the caller brought and that fit.
    pub anchors: u64,
    /// The last row that such a checkpoint vouches for.
    pub anchored_row: Option<i64>,
    /// Rows after the last checkpoint: nothing vouches for them yet.
    pub unvouched: u64,
    /// What is not as it was recorded; the first alteration comes first.
    pub problems: Vec<Problem>,
    /// What can't be proven, though it may be in order.
    pub warnings: Vec<String>,
}

/// After so many problems the rest is only counted.
const MOST: usize = 100;

impl Store {
    /// Compares every row with its evidence, and the evidence with its checkpoints and with those in `anchors` (texts
    /// of checkpoints that were kept elsewhere). `progress` gets entries done and entries in all.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an anchor that is no checkpoint; [`ErrorKind::Store`] when the database can't be
    /// read.
    pub fn verify(&self, anchors: &[String], progress: &mut dyn FnMut(u64, u64)) -> Result<Report> {
        let mut notes = Vec::new();
        for text in anchors {
            notes.extend(Note::parse_all(text).map_err(|e| Error::new(ErrorKind::Invalid, e))?);
        }
        let fail = |e| failed("verify the database", &self.path, e);
        let mut report = match pieces::verify(self, &notes, progress) {
            Err(error) => match lacks(&error) {
                Some(missing) => return Ok(beside::incomplete(missing)),
                None => return Err(fail(error)),
            },
            Ok(report) => report,
        };
        if let Some(number) = beside::key_moved_on(self).map_err(fail)? {
            let message = format!(
                "the key file has moved on beyond checkpoint {number}: an older copy of the record was put back, its \
                 newest checkpoints were removed, or a loss of power took them"
            );
            report.problems.push(Problem { row: None, entry: None, message });
        }
        for (index, _) in schema::missing(&self.db).map_err(fail)?.indexes {
            report.warnings.push(format!(
                "the index {index} is missing: searches fail or are slow; recording a command makes it again"
            ));
        }
        Ok(report)
    }
}

struct Signed {
    number: i64,
    size: i64,
    key: [u8; 32],
    next_key: [u8; 32],
    note: std::result::Result<Note, String>,
}

struct Verifier<'a> {
    db: &'a Connection,
    anchors: Vec<Note>,
    checkpoints: Vec<Signed>,
    epochs: Vec<String>,
    ranges: Ranges,
    report: Report,
    more: u64,
    /// The last row that an entry told of.
    last_row: i64,
    /// The first missing entry before others that are there.
    gap: Option<i64>,
    canonical: Canonical,
    /// The hash that the entry before has in the database, and the one that it should have where that differs.
    stored: Hash,
    computed: Option<Hash>,
    /// Exit status and duration, encoded, of rows that were passed and whose end wasn't.
    ends: HashMap<i64, Vec<u8>>,
    edge: Edge,
    /// Roots by size, of the sizes that checkpoints and anchors name.
    roots: BTreeMap<i64, Option<Hash>>,
    /// What is checked here.
    piece: Piece,
    /// Ends of rows that belong to a piece before this one.
    late_ends: Vec<LateEnd>,
    /// Tombstones and epochs that entries tell of, by their numbers.
    attested: HashSet<(Kind, i64)>,
    /// The tree at sizes that checkpoints name, where what is left of this piece is not known here.
    parts: Vec<(i64, edge::Part)>,
}

/// An entry about the end of a row that another piece has.
struct LateEnd {
    sequence: i64,
    row: i64,
    previous: Hash,
    leaf: Hash,
}

impl<'a> Verifier<'a> {
    fn new(db: &'a Connection, anchors: Vec<Note>, piece: Piece) -> rusqlite::Result<Verifier<'a>> {
        let mut statement =
            db.prepare("SELECT number, size, key, next_key, note FROM checkpoints ORDER BY number")?;
        let rows = statement.query_map([], |row| {
            // A value of a wrong type is one that somebody put there: it fails as a wrong signature does.
            Ok(Signed {
                number: row.get(0)?,
                size: row.get(1).unwrap_or(-1),
                key: row.get(2).unwrap_or_default(),
                next_key: row.get(3).unwrap_or_default(),
                note: row.get::<_, String>(4).map_err(|e| e.to_string()).and_then(|text| Note::parse(&text)),
            })
        })?;
        let checkpoints = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        let mut roots = BTreeMap::new();
        roots.extend(checkpoints.iter().map(|c| (c.size, None)));
        roots.extend(anchors.iter().map(|note| (note.checkpoint.size, None)));
        let mut statement = db.prepare("SELECT epoch FROM epochs ORDER BY number")?;
        let epochs = statement.query_map([], |row| Ok(row.get(0).unwrap_or_default()))?;
        let epochs = epochs.collect::<rusqlite::Result<_>>()?;
        Ok(Verifier {
            db,
            anchors,
            checkpoints,
            epochs,
            ranges: Ranges::load(db)?,
            report: Report::default(),
            more: 0,
            last_row: piece.row_before(),
            gap: None,
            canonical: Canonical::default(),
            stored: piece.previous,
            computed: None,
            ends: HashMap::new(),
            edge: Edge::from(piece.entries_before()),
            roots,
            piece,
            late_ends: Vec::new(),
            attested: HashSet::new(),
            parts: Vec::new(),
        })
    }

    fn problem(&mut self, row: Option<i64>, entry: Option<i64>, message: impl Into<String>) {
        if self.report.problems.len() < MOST {
            self.report.problems.push(Problem { row, entry, message: message.into() });
        } else {
            self.more += 1;
        }
    }

    /// Checks the entries of the piece against what they are about. `progress` gets how many were done since it was
    /// last called.
    fn walk(&mut self, progress: &mut dyn FnMut(u64)) -> rusqlite::Result<()> {
        let Piece { entries, rows: of_piece, .. } = self.piece;
        let columns = COVERED_COLUMNS.join(", ");
        let mut rows = self.db.prepare(&format!(
            "SELECT {columns}, id, exit_status, duration_ns FROM command_logs WHERE id >= ?1 AND id <= ?2 ORDER BY id"
        ))?;
        let mut findings = self.db.prepare(
            "SELECT f.command_id, r.rule, f.level, f.span_start, f.span_end \
             FROM findings f LEFT JOIN rules r ON r.number = f.rule \
             WHERE f.command_id >= ?1 AND f.command_id <= ?2 ORDER BY f.command_id, f.position",
        )?;
        let mut cursor = Cursor {
            rows: rows.query(of_piece)?,
            findings: findings.query(of_piece)?,
            next: None,
            id: Some(0),
        };
        let mut evidence = self.db.prepare(
            "SELECT sequence, kind, row_id, leaf FROM evidence WHERE sequence >= ?1 AND sequence <= ?2 ORDER BY sequence",
        )?;
        let mut evidence = evidence.query(entries)?;
        cursor.advance()?;
        let (mut expected, mut told) = (self.edge.size() + 1, 0);
        while let Some(entry) = evidence.next()? {
            let sequence: i64 = entry.get(0)?;
            let gap = sequence != expected;
            if gap {
                let what = match sequence - expected {
                    1 => format!("entry {expected} of the evidence is missing"),
                    _ => format!("entries {expected} to {} of the evidence are missing", sequence - 1),
                };
                let row = self.last_row + 1;
                self.gap.get_or_insert(expected);
                self.problem(Some(row), Some(expected), format!("{what}, from row {row} on"));
            }
            let row_id: i64 = entry.get(2).unwrap_or(0);
            let leaf: Hash = entry.get(3).unwrap_or_default();
            let kind = entry.get(1).ok().and_then(Kind::from_number);
            match kind {
                Some(Kind::Command) => self.last_row = row_id,
                Some(kind @ (Kind::Tombstone | Kind::Epoch)) => {
                    self.attested.insert((kind, row_id));
                }
                _ => {}
            }
            self.entry(sequence, kind, row_id, leaf, gap, &mut cursor)?;
            self.edge.push(leaf);
            // After a gap the tree's size is wrong, and so is every root.
            if let Some(root) = self.roots.get_mut(&self.edge.size()) {
                if self.piece.is_first() {
                    *root = Some(self.edge.root());
                } else {
                    self.parts.push((self.edge.size(), self.edge.part()));
                }
            }
            expected = sequence + 1;
            told += 1;
            if told == 8192 {
                progress(told);
                told = 0;
            }
        }
        while let Some(id) = cursor.id {
            self.problem(
                Some(id),
                None,
                format!("row {id} has no evidence: it was inserted, or its evidence was cut"),
            );
            cursor.advance()?;
        }
        progress(told);
        Ok(())
    }

    /// When every entry was looked at: what is left over, and what checkpoints vouch for.
    fn report(mut self) -> rusqlite::Result<Report> {
        let mut ends: Vec<i64> = self.ends.keys().copied().collect();
        ends.sort_unstable();
        for id in ends {
            self.problem(
                Some(id),
                None,
                format!("row {id}: exit status or duration was added without evidence"),
            );
        }
        self.report.entries = self.edge.size().cast_unsigned();
        self.check_inserted()?;
        self.check_schema()?;
        self.check_checkpoints();
        self.check_anchors();
        self.finish()?;
        Ok(self.report)
    }

    fn finish(&mut self) -> rusqlite::Result<()> {
        if self.more > 0 {
            let message = format!("and {} more", self.more);
            self.report.problems.push(Problem { row: None, entry: None, message });
        }
        // The stored tiles are only a shortcut to roots and proofs, but wrong ones would make wrong proofs.
        if self.report.problems.is_empty() && tree::root(self.db, self.edge.size())? != self.edge.root() {
            self.problem(None, None, "the stored hashes of the tree were altered (the rows were not)");
        }
        let last = self.report.last_checkpoint.as_ref().map_or(0, |(_, _, row)| *row);
        let sql = "SELECT count(*) FROM command_logs WHERE id > ?1";
        let unvouched: i64 = self.db.query_row(sql, [last], |row| row.get(0))?;
        self.report.unvouched = unvouched.cast_unsigned();
        let given: i64 = self
            .db
            .query_row(
                "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'command_logs'), 0)",
                [],
                |r| r.get(0),
            )
            .unwrap_or(0);
        let last_row = self.last_row;
        if given > last_row && self.report.problems.is_empty() {
            let message = format!(
                "rows {} to {given} were given ids, but neither they nor their evidence are there: the end was cut off",
                last_row + 1
            );
            self.problem(Some(last_row + 1), Some(self.edge.size() + 1), message);
        } else if given < last_row {
            let message =
                format!("the counter of ids stands at {given}, but row {last_row} was given its id");
            self.problem(None, None, message);
        }
        // Problems with a place come in the order of places, so that the first alteration is the first.
        self.report
            .problems
            .sort_by_key(|p| (p.entry.is_none() && p.row.is_none(), p.row.unwrap_or(i64::MAX)));
        Ok(())
    }
}

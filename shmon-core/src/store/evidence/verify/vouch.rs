//! What checkpoints vouch for: those of the database, and those that were kept elsewhere.

use super::super::checkpoint::origin;
use super::Verifier;

impl Verifier<'_> {
    pub(super) fn check_checkpoints(&mut self) {
        let mut previous: Option<(i64, [u8; 32])> = None;
        let mut vouched = 0;
        for signed in std::mem::take(&mut self.checkpoints) {
            let number = signed.number;
            let after = previous.map_or(0, |(number, _)| number);
            if number != after + 1 {
                let message = format!("checkpoints {} to {} are missing", after + 1, number - 1);
                self.problem(None, None, message);
            }
            let chained = previous.is_none_or(|(_, key)| key == signed.key);
            previous = Some((number, signed.next_key));
            let note = match &signed.note {
                Ok(note) if note.signed_by(&signed.key) => note,
                Ok(_) => {
                    self.problem(
                        None,
                        None,
                        format!("checkpoint {number} doesn't have the signature of its key"),
                    );
                    continue;
                }
                Err(error) => {
                    self.problem(None, None, format!("checkpoint {number} can't be read: {error}"));
                    continue;
                }
            };
            let c = &note.checkpoint;
            let known = self.epochs.iter().any(|epoch| origin(epoch) == c.origin);
            if c.number != number || c.size != signed.size || c.next_key != signed.next_key || !known {
                self.problem(None, None, format!("checkpoint {number} is not what was signed"));
                continue;
            }
            if !chained {
                self.report.warnings.push(format!(
                    "the key of checkpoint {number} was not named by the one before: the key file was lost or the \
                     database was restored; what was before is vouched for only by checkpoints kept elsewhere"
                ));
            }
            let row = c.row;
            match self.roots.get(&c.size).copied().flatten() {
                Some(root) if root == c.root => {
                    self.report.checkpoints += 1;
                    self.report.last_checkpoint = Some((number, c.time.clone(), row));
                    vouched = c.size;
                }
                _ if self.gap.is_some_and(|gap| gap <= c.size) => {
                    let message = format!(
                        "checkpoint {number} (up to row {row}) can't be compared: entries are missing"
                    );
                    self.problem(None, None, message);
                }
                Some(_) => {
                    let message = format!(
                        "checkpoint {number} (up to row {row}) doesn't fit the evidence: something among the entries \
                         {} to {} was altered and its evidence rewritten",
                        vouched + 1,
                        c.size
                    );
                    self.problem(None, Some(vouched + 1), message);
                }
                None => {
                    let message = format!(
                        "checkpoint {number} vouches for {} entries up to row {row}, but there are only {}: the end \
                         was cut off",
                        c.size,
                        self.edge.size()
                    );
                    self.problem(Some(self.last_row + 1), Some(self.edge.size() + 1), message);
                }
            }
        }
    }

    pub(super) fn check_anchors(&mut self) {
        for note in std::mem::take(&mut self.anchors) {
            let c = &note.checkpoint;
            let what = format!("the checkpoint of {} (number {}, up to row {})", c.time, c.number, c.row);
            let key: Option<[u8; 32]> = self
                .db
                .query_row("SELECT key FROM checkpoints WHERE number = ?1", [c.number], |row| row.get(0))
                .ok();
            if !self.epochs.iter().any(|epoch| origin(epoch) == c.origin) {
                self.problem(None, None, format!("{what} is of another database, or its epoch was removed"));
            } else if key.is_none_or(|key| !note.signed_by(&key)) {
                let message = format!("{what} is not signed by the key that the database has for it");
                self.problem(None, None, message);
            } else {
                match self.roots.get(&c.size).copied().flatten() {
                    Some(root) if root == c.root => {
                        self.report.anchors += 1;
                        self.report.anchored_row = self.report.anchored_row.max(Some(c.row));
                        continue;
                    }
                    Some(_) => {
                        let message = format!("{what} doesn't fit: something among its entries was altered");
                        self.problem(None, None, message);
                    }
                    None => {
                        let message =
                            format!("{what} vouches for {} entries, but the end was cut off", c.size);
                        self.problem(Some(self.last_row + 1), Some(self.edge.size() + 1), message);
                    }
                }
            }
        }
    }
}

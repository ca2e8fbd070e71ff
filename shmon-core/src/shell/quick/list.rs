//! Lists and pipelines.

use super::compound::Opens;
use super::{Quick, Status};

impl Quick<'_> {
    pub(super) fn list(&mut self) -> Option<Status> {
        let mut changes = self.changes;
        let mut certain = true;
        loop {
            let mut status = self.pipeline()?;
            if !certain {
                // Whether it ran isn't known.
                status = Status::Unknown;
            }
            certain = true;
            if self.is_over() {
                return Some(status);
            }
            let background = self.peek() == Some(b'&') && self.after() != Some(b'&');
            if background && self.changes != changes {
                // Variables of a job are forgotten.
                return None;
            }
            let sequence = match (self.peek(), self.after()) {
                (Some(b';'), next) if !matches!(next, Some(b';' | b'&' | b'|')) => true,
                (Some(b'&'), Some(b'&')) => {
                    self.at += 1;
                    // Output of one of two may be all that counts.
                    let counts = self.in_stage || self.captured || self.captures.is_some();
                    certain = status == Status::Zero || counts;
                    false
                }
                (Some(b'&'), next) if !matches!(next, Some(b';' | b'|')) => true,
                (Some(b'|'), Some(b'|')) if status == Status::Unknown => {
                    self.at += 1;
                    false
                }
                _ => return None,
            };
            self.at += 1;
            self.blanks();
            if sequence {
                changes = self.changes;
            }
            if sequence && (self.is_over() || self.ends_compound()) {
                return Some(if background { Status::Zero } else { status });
            }
        }
    }

    fn pipeline(&mut self) -> Option<Status> {
        let outer = (self.pipeline, self.stage, self.alone);
        let fed = self.fed;
        let known = self.known;
        let (from, before) = (self.out.invocations.len(), self.pipelines);
        if !self.in_stage {
            self.pipelines += 1;
            self.pipeline = self.pipelines;
            self.stage = 0;
        }
        self.alone = true;
        let mut timed = false;
        if !(self.in_stage || self.captured || self.captures.is_some() || self.files) {
            // Nothing gets what was written so far.
            (self.source, self.partial) = (false, false);
        }
        loop {
            self.blanks();
            let status = match self.opens() {
                None => self.simple()?,
                Some(Opens::Time) if self.alone && !timed => {
                    self.time()?;
                    timed = true;
                    continue;
                }
                Some(Opens::Compound(compound)) if !timed => self.compound(compound)?,
                Some(_) => return None,
            };
            if self.peek() != Some(b'|') || self.after() == Some(b'|') {
                if !self.alone {
                    // Variables of a stage are forgotten.
                    self.known = known;
                    (self.pipeline, self.stage, _) = outer;
                }
                self.alone = outer.2;
                self.fed = fed;
                self.depth -= usize::from(timed);
                return Some(status);
            }
            if self.alone && self.in_stage {
                self.own_pipeline(from, before)?;
            }
            self.alone = false;
            self.fed = self.source || self.partial;
            self.at += if self.after() == Some(b'&') { 2 } else { 1 };
            self.stage += 1;
            self.pipes += 1;
        }
    }

    /// The invocations since `from`, which began as a part of the stage around them, are the first stage of a pipeline.
    fn own_pipeline(&mut self, from: usize, before: u32) -> Option<()> {
        if self.pipelines != before {
            return None;
        }
        self.pipelines += 1;
        (self.pipeline, self.stage) = (self.pipelines, 0);
        for invocation in self.out.invocations.get_mut(from..)? {
            (invocation.pipeline, invocation.stage) = (self.pipeline, 0);
        }
        Some(())
    }
}

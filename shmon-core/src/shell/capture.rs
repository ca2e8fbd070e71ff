//! Standard output: captured where something makes use of it, and whether all of it is known.

use super::analysis::Range32;
use super::machine::Machine;
use super::state::Val;

/// What happens to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    Discard,
    Capture,
    /// The same for a substitution, whose output counts only where all of it is known.
    Value,
}

/// A capture under way: what to restore, and where the captured bytes start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capture {
    pub(super) mark: usize,
    sink: Sink,
    known: bool,
}

impl Machine<'_> {
    /// Starts to capture standard output.
    pub(super) fn begin_capture(&mut self, sink: Sink) -> Capture {
        let capture = Capture { mark: self.s.out.len(), sink: self.sink, known: self.out_known };
        self.sink = sink;
        self.out_known = true;
        capture
    }

    /// Whether output of which all is `known` or not is of any use.
    pub(super) fn output_counts(&self, known: bool) -> bool {
        match self.sink {
            Sink::Discard => false,
            Sink::Capture => true,
            Sink::Value => known && self.out_known,
        }
    }

    /// Ends a capture: whether all output was known. The bytes are those of `State::out` from the mark on, which the
    /// caller cuts back.
    pub(super) fn end_capture(&mut self, capture: Capture) -> bool {
        let known = self.out_known;
        self.sink = capture.sink;
        self.out_known = capture.known;
        known
    }

    /// Ends a capture and moves its bytes into the buffer.
    pub(super) fn take_capture(&mut self, capture: Capture) -> Val {
        let counts = self.sink != Sink::Value || self.out_known;
        let known = self.end_capture(capture);
        let len = if counts { self.s.out.len().saturating_sub(capture.mark) } else { 0 };
        let range = if len > 0 && self.reserve(len) {
            let start = self.a.text.len() as u32;
            self.a.text.extend_from_slice(self.s.out.get(capture.mark..).unwrap_or(&[]));
            Range32 { start, end: start + len as u32 }
        } else {
            let at = self.a.text.len() as u32;
            Range32 { start: at, end: at }
        };
        self.s.out.truncate(capture.mark);
        Val { range, known }
    }

    /// Writes to standard output.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if self.sink != Sink::Discard && self.reserve(bytes.len()) {
            self.s.out.extend_from_slice(bytes);
        }
    }

    pub(super) fn write_range(&mut self, range: Range32) {
        if self.sink != Sink::Discard && self.reserve(range.len()) {
            let bytes = self.a.text.get(range.start as usize..range.end as usize).unwrap_or(&[]);
            self.s.out.extend_from_slice(bytes);
        }
    }

    /// Notes that something unknown was written.
    pub(super) fn write_unknown(&mut self) {
        if self.sink != Sink::Discard {
            self.out_known = false;
        }
    }
}

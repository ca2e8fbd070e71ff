//! Descriptors beyond the first three: what `exec 3< file`, `done 3<<< text` and `exec 4> file` open, and what is read from them and
//! written to them.

use super::analysis::Range32;
use super::machine::Machine;
use super::state::{Input, Val};

/// Descriptors that are remembered.
const MAX_DESCRIPTORS: usize = 64;

/// What a descriptor stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Open {
    Input(Input),
    /// A file that is written.
    Output(Range32),
    /// Something else.
    Unknown,
}

/// A descriptor and what it stands for: the last of its number counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Descriptor {
    pub(super) fd: i32,
    pub(super) open: Open,
}

impl Machine<'_> {
    pub(super) fn open_descriptor(&mut self, fd: i32, open: Open) {
        if self.s.descriptors.len() < MAX_DESCRIPTORS {
            self.s.descriptors.push(Descriptor { fd, open });
            self.changes += 1;
        }
    }

    /// The descriptor that digits name, with `-` behind them where it moves.
    fn descriptor(&self, digits: &[u8]) -> Option<usize> {
        if self.s.descriptors.is_empty() {
            return None;
        }
        let digits = digits.strip_suffix(b"-").unwrap_or(digits);
        let fd: i32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        self.s.descriptors.iter().rposition(|descriptor| descriptor.fd == fd)
    }

    /// The descriptor that digits name, where it is read from, and what is left in it.
    pub(super) fn input_of(&self, digits: &[u8]) -> Option<(usize, Input)> {
        let at = self.descriptor(digits)?;
        match self.s.descriptors.get(at)?.open {
            Open::Input(input) => Some((at, input)),
            _ => None,
        }
    }

    /// The file that the descriptor which digits name is written to.
    pub(super) fn output_of(&self, digits: &[u8]) -> Option<Range32> {
        match self.s.descriptors.get(self.descriptor(digits)?)?.open {
            Open::Output(file) => Some(file),
            _ => None,
        }
    }

    /// Opens a file for writing: it is there from now on.
    pub(super) fn open_output(&mut self, fd: i32, name: Range32, append: bool) {
        let device = self.text(name).starts_with(b"/dev/");
        if device {
            return self.open_descriptor(fd, Open::Unknown);
        }
        if !append {
            let range = Range32 { start: name.end, end: name.end };
            self.write_file(name, Val { range, known: true });
        }
        self.open_descriptor(fd, Open::Output(name));
    }

    /// Notes what is left of what was read from a descriptor.
    pub(super) fn put_back(&mut self, at: usize, rest: Input) {
        if let Some(Descriptor { open: open @ Open::Input(_), .. }) = self.s.descriptors.get_mut(at) {
            *open = Open::Input(rest);
        }
    }

    /// Reads with `read` from the descriptor that digits name.
    pub(super) fn read_descriptor(&mut self, digits: &[u8], read: impl FnOnce(&mut Self)) {
        if matches!(digits, b"" | b"0") {
            return read(self);
        }
        let found = self.input_of(digits);
        let outer = std::mem::replace(&mut self.input, found.map_or(Input::File, |(_, input)| input));
        read(self);
        let rest = std::mem::replace(&mut self.input, outer);
        if let Some((at, _)) = found {
            self.put_back(at, rest);
        }
    }
}

//! Output that the text tells: whether it does, and of single commands what it is.

use super::super::analysis::{Range32, WordFlags};
use super::super::chars::holds;
use super::super::transform::{base_name, folder};
use super::super::wrappers::{Action, Builtin};
use super::Quick;

impl Quick<'_> {
    /// Notes that the text tells what the command at hand writes.
    pub(super) fn tell(&mut self) {
        if self.blurred {
            self.partial = true;
        } else {
            self.source = true;
        }
    }

    /// Whether some word after the program isn't known.
    pub(super) fn is_unresolved(&self, argv: Range32) -> bool {
        let words = Range32 { start: argv.start + 1, end: argv.end };
        words.of(&self.out.words).iter().any(|word| word.flags.contains(WordFlags::UNRESOLVED))
    }

    /// Whether `echo` writes what isn't known.
    pub(super) fn echoes_unknown(&self, argv: Range32) -> bool {
        // `\c` ends the output.
        let ends = |i| holds(self.bytes(i), b"\\c");
        self.is_unresolved(argv) && !(argv.start + 1..argv.end).any(ends)
    }

    /// Whether `printf` writes what isn't known.
    pub(super) fn prints_unknown(&self, argv: Range32) -> bool {
        let escapes = |i| memchr::memchr(b'\\', self.bytes(i)).is_some();
        // What its format escapes is decoded.
        let plain = argv.len() > 2 && !self.bytes(argv.start + 1).starts_with(b"-");
        plain && self.echoes_unknown(argv) && !(argv.start + 2..argv.end).any(escapes)
    }

    /// Notes the output of a program that is all of a substitution, where that is easily told; false where it isn't.
    #[cold]
    pub(super) fn tell_all(&mut self, name: &str, action: &Action, argv: Range32) -> bool {
        let program = self.out.words.get(argv.start as usize).map_or(0, |word| word.span.start as usize);
        let whole =
            self.captures == Some(program) && self.peek() == self.closer && self.redirections.is_empty();
        let reads = self.source || self.partial || self.files || self.holds_process(argv);
        if !whole || reads || self.is_unresolved(argv) || argv.len() < 2 {
            return false;
        }
        let first = argv.start + 1;
        let word = self.bytes(first);
        let start = self.out.text.len();
        match action {
            Action::Builtin(Builtin::Echo) if name == "echo" && !word.starts_with(b"-") => {
                for index in first..argv.end {
                    if index > first {
                        self.out.text.push(b' ');
                    }
                    self.copy(index);
                }
            }
            Action::Which if name == "which" && argv.len() == 2 && !word.starts_with(b"-") => {
                if !word.contains(&b'/') {
                    self.out.text.extend_from_slice(b"/usr/bin/");
                }
                self.copy(first);
            }
            Action::Filter if argv.len() <= 3 && name == "basename" => {
                let ending = (argv.len() == 3).then(|| self.bytes(first + 1));
                let part = base_name(word, ending).to_vec();
                self.out.text.extend_from_slice(&part);
            }
            Action::Filter if argv.len() == 2 && name == "dirname" => {
                let part = folder(word).to_vec();
                self.out.text.extend_from_slice(&part);
            }
            _ => return false,
        }
        let output = self.out.text.get(start..).unwrap_or(&[]);
        let newlines = output.iter().rev().take_while(|&&b| b == b'\n').count();
        let end = self.out.text.len() - newlines;
        self.told = Some(Range32 { start: start as u32, end: end as u32 });
        true
    }

    /// Whether some word is the file of a `<(…)`.
    fn holds_process(&self, argv: Range32) -> bool {
        (argv.start..argv.end).any(|i| self.is_process(i))
    }

    /// Copies a word to the end of the text.
    fn copy(&mut self, word: u32) {
        if let Some(word) = self.word_at(word) {
            let range = word.range();
            self.out.text.extend_from_within(range.start as usize..range.end as usize);
        }
    }
}

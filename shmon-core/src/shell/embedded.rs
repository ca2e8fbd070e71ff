//! Programs that take a command among other options: `tar --to-command`, `git bisect run`, and those that run one after
//! a subcommand: `perf stat`, `docker-compose exec`.

use super::analysis::{Range32, ViaKind};
use super::machine::Machine;
use super::wrappers::Wrapper;

impl Machine<'_> {
    /// Text for a shell in the value of one of the marked options.
    pub(super) fn embedded(&mut self, name: &'static str, marks: &'static [&'static str], argv: Range32) {
        self.write_unknown();
        if name == "git" {
            self.git_settings(argv);
        }
        let via = Machine::via(ViaKind::ShellString, name);
        for index in argv.start + 1..argv.end {
            let word = self.arg_text(index);
            let found = marks.iter().find_map(|mark| Some((*mark, option_value(word, mark)?)));
            let Some((mark, skip)) = found else { continue };
            if name == "git" && matches!(word, b"foreach" | b"run") {
                let wanted: &[u8] = if word == b"run" { b"bisect" } else { b"submodule" };
                let (first, last) = (index + 1, argv.end);
                if (argv.start + 1..index).any(|i| self.arg_text(i) == wanted) && first < last {
                    let first = first + u32::from(self.arg_text(first) == b"--recursive");
                    let words = Range32 { start: first.min(last), end: last };
                    if wanted == b"bisect" {
                        self.run_inner(words, Machine::via(ViaKind::Wrapper, "git bisect"));
                    } else {
                        self.run_joined(words, via);
                    }
                }
                return;
            }
            let (at, skip) = if skip < word.len() { (index, skip) } else { (index + 1, 0) };
            if at >= argv.end {
                return;
            }
            let mut value = self.arg_val(at);
            value.range.start = (value.range.start + skip as u32).min(value.range.end);
            let span = self.arg(at).span;
            if mark == "--checkpoint-action" {
                if !self.text(value.range).starts_with(b"exec=") {
                    continue;
                }
                value.range.start += 5;
            }
            self.run_text(value, span, via);
        }
    }

    /// `git -c alias.x='!command'`, `git -c core.pager=command`
    fn git_settings(&mut self, argv: Range32) {
        let via = Machine::via(ViaKind::ShellString, "git");
        for index in argv.start + 1..argv.end.saturating_sub(1) {
            if self.arg_text(index) != b"-c" {
                continue;
            }
            let setting = self.arg_text(index + 1);
            let Some(equals) = setting.iter().position(|&b| b == b'=') else { continue };
            let (key, value) = (setting[..equals].to_ascii_lowercase(), &setting[equals + 1..]);
            let shell = value.first() == Some(&b'!');
            let runs = matches!(
                key.as_slice(),
                b"core.pager" | b"core.editor" | b"sequence.editor" | b"core.fsmonitor" | b"diff.external"
            );
            // `core.fsmonitor=true` switches git's own on.
            let plain = matches!(value, b"" | b"true" | b"false" | b"cat");
            if (shell && (key.starts_with(b"alias.") || key.starts_with(b"credential."))) || (runs && !plain)
            {
                let mut value = self.arg_val(index + 1);
                value.range.start += equals as u32 + 1 + u32::from(shell);
                let span = self.arg(index + 1).span;
                self.run_text(value, span, via);
            }
        }
    }

    /// A program after a subcommand.
    pub(super) fn after(
        &mut self,
        name: &'static str,
        words: &'static [(&'static str, Wrapper)],
        argv: Range32,
    ) {
        for index in argv.start + 1..argv.end {
            let word = self.arg_text(index);
            if let Some((_, wrapper)) = words.iter().find(|(w, _)| w.as_bytes() == word) {
                return self.wrapper(name, wrapper, Range32 { start: index, end: argv.end });
            }
            // One of the first operands is the subcommand; `-x` before it may have a value: `ctr -n NS tasks exec`.
            if !word.starts_with(b"-") && index > argv.start + 3 {
                break;
            }
        }
        self.write_unknown();
    }
}

/// Where the value of an option starts in its word, or the word's length where it is the next word.
fn option_value(word: &[u8], mark: &str) -> Option<usize> {
    let mark = mark.as_bytes();
    if word == mark {
        return Some(word.len());
    }
    match (mark, word) {
        ([b'-', b'-', ..], _) => {
            (word.starts_with(mark) && word.get(mark.len()) == Some(&b'=')).then_some(mark.len() + 1)
        }
        // The last of several letters.
        ([b'-', letter], [b'-', letters @ .., last]) => {
            (last == letter && !letters.is_empty() && letters.iter().all(u8::is_ascii_alphabetic))
                .then_some(word.len())
        }
        _ => None,
    }
}

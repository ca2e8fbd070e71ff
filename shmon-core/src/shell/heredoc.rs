//! Heredocs: their bodies stand after the line in which they were announced.

use super::analysis::Range32;
use super::ast::PendingHeredoc;
use super::parser::Parser;
use super::work::worked;

impl Parser<'_> {
    /// Reads the bodies of the heredocs whose line has just ended.
    pub(super) fn heredocs(&mut self) {
        let mut at = self.heredoc_base;
        while let Some(heredoc) = self.ast.stacks.pending.get(at).copied() {
            at += 1;
            self.heredoc(heredoc);
        }
        self.ast.stacks.pending.truncate(self.heredoc_base);
    }

    pub(super) fn heredoc(&mut self, pending: PendingHeredoc) {
        let raw = self.slice(pending.delimiter);
        let needs_unquoting = raw.iter().any(|b| matches!(b, b'\'' | b'"' | b'\\'));
        let delimiter: std::borrow::Cow<'_, [u8]> = if needs_unquoting {
            raw.iter().copied().filter(|b| !matches!(b, b'\'' | b'"' | b'\\')).collect::<Vec<u8>>().into()
        } else {
            raw.into()
        };
        let Some(record) = self.ast.heredocs.get(pending.heredoc as usize).copied() else { return };
        let start = self.pos;
        let mut line = self.pos;
        let mut body_end = None;
        while line < self.end {
            let rest = self.text.get(line..self.end).unwrap_or(&[]);
            let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            worked(len + 1);
            let text = &rest[..len];
            let text =
                if record.strip { &text[text.iter().take_while(|&&b| b == b'\t').count()..] } else { text };
            if text == &*delimiter {
                body_end = Some(line);
                line = (line + len + 1).min(self.end);
                break;
            }
            // In a substitution the delimiter may stand on the line of the parenthesis that closes it.
            if self.substitutions > 0
                && text.strip_prefix(&*delimiter).is_some_and(|rest| rest.contains(&b')'))
            {
                body_end = Some(line);
                line += len - text.len() + delimiter.len();
                break;
            }
            line += len + 1;
        }
        // Without a delimiter the body goes to the end, as in bash, which warns.
        let body_end = body_end.unwrap_or(self.end);
        let body = Range32 { start: start as u32, end: body_end.max(start) as u32 };
        let parts = if record.quoted { Range32::default() } else { self.heredoc_parts(body) };
        if let Some(record) = self.ast.heredocs.get_mut(pending.heredoc as usize) {
            record.body = body;
            record.parts = parts;
        }
        self.pos = line.min(self.end).max(start);
    }
}

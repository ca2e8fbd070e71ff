//! Signs that a program's name was written so that a reader, or a filter, doesn't see it.

use super::analysis::WordFlags;
use super::machine::Machine;

impl Machine<'_> {
    /// Looks at how the program's name is written, and reports what only hides it.
    pub(super) fn disguise(&mut self, index: u32) {
        let word = self.arg(index);
        let source = self.a.text.get(word.span.start as usize..word.span.end as usize).unwrap_or(&[]);
        let value = self.text(word.range());
        if source == value || source.is_empty() || word.flags.contains(WordFlags::UNRESOLVED) {
            return;
        }
        if let Some(kind) = hidden(source, value) {
            let span = word.span;
            self.sign(kind, span);
            if let Some(slot) = self.a.words.get_mut(index as usize) {
                slot.flags.insert(WordFlags::DISGUISED);
            }
        }
    }
}

/// How `source` hides `value`, if it does.
fn hidden(source: &[u8], value: &[u8]) -> Option<&'static str> {
    let simple = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/');
    if value.is_empty() || !value.iter().all(simple) {
        return None;
    }
    if source.windows(2).any(|w| w == b"$'") {
        return Some("ansi-c");
    }
    if source.windows(2).any(|w| w == b"$(") || source.contains(&b'`') {
        return Some("substituted-command");
    }
    if source.contains(&b'$') {
        // A variable for the whole name or its folder is ordinary; slices and pieces are not.
        let sliced = source.windows(2).any(|w| w == b"${")
            && source
                .iter()
                .any(|b| matches!(b, b':' | b'^' | b',' | b'~' | b'/' | b'!' | b'%' | b'#' | b'@' | b'*'));
        let pieces = source.iter().filter(|&&b| b == b'$').count();
        let glued = source.first().is_some_and(u8::is_ascii_alphanumeric);
        return (sliced || pieces > 1 || glued).then_some("variable-slices");
    }
    if source.contains(&b'{') {
        return Some("brace-expansion");
    }
    // `\rm` and `"rm"` only keep an alias away.
    let inner = match source {
        [b'\\', rest @ ..] if rest == value => return None,
        [b'"', rest @ .., b'"'] | [b'\'', rest @ .., b'\''] => rest,
        _ => source,
    };
    (inner != value).then_some("split-quotes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hiding_is_reported() {
        assert_eq!(hidden(b"r''m", b"rm"), Some("split-quotes"));
        assert_eq!(hidden(b"r\\m", b"rm"), Some("split-quotes"));
        assert_eq!(hidden(br"$'\x72m'", b"rm"), Some("ansi-c"));
        assert_eq!(hidden(b"\\rm", b"rm"), None);
        assert_eq!(hidden(b"\"rm\"", b"rm"), None);
        assert_eq!(hidden(b"$RM", b"rm"), None);
    }
}

//! Signs that a program's name was written so that a reader, or a filter, doesn't see it.

use super::analysis::WordFlags;
use super::chars::name_len;
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

/// Whether the whole text is made of signs and underscores, with hardly a letter: names of variables that nobody can tell
/// apart and arithmetic for every digit.
pub(super) fn only_symbols(command: &[u8]) -> bool {
    const SHORTEST: usize = 160;
    const LOOKED_AT: usize = 4096;
    let text = &command[..command.len().min(LOOKED_AT)];
    if text.len() < SHORTEST || text.iter().filter(|&&b| b == b'$').count() < 8 {
        return false;
    }
    text.iter().filter(|b| b.is_ascii_alphanumeric() || !b.is_ascii()).count() * 25 < text.len()
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
        // Asking where a program is hides nothing.
        let inner = source.iter().position(u8::is_ascii_alphabetic).map_or(&[][..], |at| &source[at..]);
        let asks = ["which ", "command -v ", "type -p ", "type -P "];
        let asks = asks.iter().any(|words| inner.starts_with(words.as_bytes()));
        return (!asks).then_some("substituted-command");
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

/// Variables that a login gives a value: they are not taken as empty.
const SET: [&[u8]; 16] = [
    b"HOME",
    b"USER",
    b"LOGNAME",
    b"PATH",
    b"PWD",
    b"OLDPWD",
    b"SHELL",
    b"LANG",
    b"TERM",
    b"EDITOR",
    b"PAGER",
    b"HOSTNAME",
    b"UID",
    b"TMPDIR",
    b"SUDO_USER",
    b"VIRTUAL_ENV",
];

/// Whether a login gives this variable a value, so that programs which are started see it.
pub(super) fn is_set(name: &[u8]) -> bool {
    SET.contains(&name)
}

/// A program's name without the variables that the text doesn't set, which bash takes as empty (`w${u}hoami`), and
/// whether they split it; `None` where there are none or nothing else is left.
pub(super) fn without_unset(source: &[u8]) -> Option<(Vec<u8>, bool)> {
    let mut out = Vec::with_capacity(source.len());
    let (mut at, mut inside) = (0, false);
    while at < source.len() {
        let rest = &source[at..];
        let (name, len): (&[u8], usize) = match rest {
            [b'$', b'{', inner @ ..] => {
                let digits = inner.iter().take_while(|b| b.is_ascii_digit()).count();
                let name = name_len(inner).max(if inner.first() == Some(&b'0') { 0 } else { digits });
                let closed = inner.get(name) == Some(&b'}');
                if name == 0 || !closed {
                    return None;
                }
                (&inner[..name], name + 3)
            }
            [b'$', digit @ b'0'..=b'9', ..] if *digit != b'0' => (&rest[1..2], 2),
            [b'$', inner @ ..] if name_len(inner) > 0 => {
                let name = name_len(inner);
                (&inner[..name], name + 1)
            }
            [b'$', b'(' | b'!' | b'$' | b'_', ..] | [b'`', ..] => return None,
            _ => {
                out.push(rest[0]);
                at += 1;
                continue;
            }
        };
        if SET.contains(&name) {
            return None;
        }
        let after = source.get(at + len).is_some_and(u8::is_ascii_alphanumeric);
        inside |= after && out.last().is_some_and(u8::is_ascii_alphanumeric);
        at += len;
    }
    (out.len() < source.len() && out.iter().any(|b| !matches!(b, b'/' | b'-' | b'.')))
        .then_some((out, inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unset_variables_are_taken_as_empty() {
        let name =
            |source: &[u8]| without_unset(source).map(|(n, h)| (String::from_utf8_lossy(&n).into_owned(), h));
        assert_eq!(name(b"w${u}hoami"), Some(("whoami".into(), true)));
        assert_eq!(name(b"w$1hoami"), Some(("whoami".into(), true)));
        assert_eq!(name(b"w${12}hoami"), Some(("whoami".into(), true)));
        assert_eq!(name(b"w${0}hoami"), None);
        assert_eq!(name(b"${prefix}gcc"), Some(("gcc".into(), false)));
        assert_eq!(name(b"$x"), None);
        assert_eq!(name(b"$HOME/bin/x"), None);
        assert_eq!(name(b"a$(b)c"), None);
    }

    #[test]
    fn only_hiding_is_reported() {
        assert_eq!(hidden(b"r''m", b"rm"), Some("split-quotes"));
        assert_eq!(hidden(b"r\\m", b"rm"), Some("split-quotes"));
        assert_eq!(hidden(br"$'\x72m'", b"rm"), Some("ansi-c"));
        assert_eq!(hidden(b"\\rm", b"rm"), None);
        assert_eq!(hidden(b"\"rm\"", b"rm"), None);
        assert_eq!(hidden(b"$RM", b"rm"), None);
        assert_eq!(hidden(b"$(echo rm)", b"rm"), Some("substituted-command"));
        assert_eq!(hidden(b"\"$(which rm)\"", b"/usr/bin/rm"), None);
        assert_eq!(hidden(b"`command -v rm`", b"/usr/bin/rm"), None);
    }
}

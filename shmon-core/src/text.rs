//! Text that came from somebody else, made safe to show: no control sequence, no forged line, no hidden character.

use std::borrow::Cow;

/// Whether a character could steer a terminal, forge a line or hide text: control, bidirectional, zero-width and
/// separator characters (Unicode's `Cc`, `Zl`, `Zp` and the format characters that matter).
pub const fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text on one line, with every deceptive character escaped (`\n`, `\t`, `\u{1b}`).
///
/// # Example
/// ```
/// assert_eq!(shmon_core::text::visible("a\nb\u{202e}c"), "a\\nb\\u{202e}c");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_deceptive) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_deceptive(c) {
            match c {
                '\n' | '\r' | '\t' => out.extend(c.escape_default()),
                _ => out.extend(c.escape_unicode()),
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

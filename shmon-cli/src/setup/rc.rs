//! The marked block in a shell's start-up file: added once, removed to the byte.

use crate::commands::hook::Shell;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

const BEGIN: &str = "# >>> shmon >>>";
const END: &str = "# <<< shmon <<<";
/// Stands in the block's first line where the file did not end with a newline, so that removal takes ours away again.
const ADDED_NEWLINE: &str = " (the newline before this line is ours)";
/// Stands in the block's first line where the file did not exist.
const MADE_FILE: &str = " (this file is ours)";

/// Around the block that stands first, because what follows may return: for shells without a prompt.
const FIRST_BEGIN: &str = "# >>> shmon commands >>>";
const FIRST_END: &str = "# <<< shmon commands <<<";

/// The start-up file of a shell's interactive sessions.
pub(crate) fn rc_file(shell: Shell, user_home: &Path) -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    match shell.name() {
        "zsh" => set("ZDOTDIR").unwrap_or_else(|| user_home.to_path_buf()).join(".zshrc"),
        "fish" => {
            set("XDG_CONFIG_HOME").unwrap_or_else(|| user_home.join(".config")).join("fish/conf.d/shmon.fish")
        }
        _ => user_home.join(".bashrc"),
    }
}

/// The file that the hook is written to, in the home's `scripts`.
pub(crate) fn hook_file(shell: Shell, scripts: &Path) -> PathBuf {
    scripts.join(format!("hook.{}", shell.name()))
}

/// The text with our block at its end, or with the block that it has already brought up to date.
pub(crate) fn with_block(text: Option<&str>, block: &str) -> Result<String> {
    let body = format!("{block}\n{END}\n");
    match text {
        None => Ok(format!("{BEGIN}{MADE_FILE}\n{body}")),
        Some(text) => match find(text, BEGIN, END)? {
            Some((start, end)) => {
                let first = text[start..end].lines().next().unwrap_or(BEGIN);
                Ok(format!("{}{first}\n{body}{}", &text[..start], &text[end..]))
            }
            None if text.is_empty() || text.ends_with('\n') => Ok(format!("{text}{BEGIN}\n{body}")),
            None => Ok(format!("{text}\n{BEGIN}{ADDED_NEWLINE}\n{body}")),
        },
    }
}

/// The text without our block, exactly as it was before; `None` where the file was ours alone.
pub(crate) fn without_block(text: &str) -> Result<Option<String>> {
    let Some((start, end)) = find(text, BEGIN, END)? else { return Ok(Some(text.to_owned())) };
    let first = text[start..end].lines().next().unwrap_or("");
    let (mut before, after) = (&text[..start], &text[end..]);
    if first.ends_with(ADDED_NEWLINE) && after.is_empty() {
        before = before.strip_suffix('\n').unwrap_or(before);
    }
    let rest = format!("{before}{after}");
    Ok((!(rest.is_empty() && first.ends_with(MADE_FILE))).then_some(rest))
}

/// The text with the block that stands first, brought up to date where it is there already.
pub(crate) fn with_first_block(text: &str, block: &str) -> Result<String> {
    let rest = without_first_block(text)?;
    Ok(format!("{FIRST_BEGIN}\n{block}\n{FIRST_END}\n{rest}"))
}

/// The text without the block that stands first.
pub(crate) fn without_first_block(text: &str) -> Result<String> {
    Ok(match find(text, FIRST_BEGIN, FIRST_END)? {
        Some((start, end)) => format!("{}{}", &text[..start], &text[end..]),
        None => text.to_owned(),
    })
}

/// Whether the text holds the block that stands first.
pub(crate) fn has_first_block(text: &str) -> bool {
    matches!(find(text, FIRST_BEGIN, FIRST_END), Ok(Some(_)))
}

/// Whether the text holds our block.
pub(crate) fn has_block(text: &str) -> bool {
    matches!(find(text, BEGIN, END), Ok(Some(_)))
}

/// The block's place: from its first mark to the end of the line of its second.
fn find(text: &str, begin: &str, end: &str) -> Result<Option<(usize, usize)>> {
    let begins = line_starts(text, begin);
    let ends = line_starts(text, end);
    match (begins.as_slice(), ends.as_slice()) {
        ([], []) => Ok(None),
        (&[start], &[last]) if start < last => {
            let end = text[last..].find('\n').map_or(text.len(), |n| last + n + 1);
            Ok(Some((start, end)))
        }
        _ => bail!(
            "the lines `{begin}` and `{end}` don't stand there once each and in this order; \
             remove them and what is between by hand, then run this again"
        ),
    }
}

fn line_starts(text: &str, mark: &str) -> Vec<usize> {
    text.match_indices(mark)
        .map(|(at, _)| at)
        .filter(|&at| at == 0 || text.as_bytes()[at - 1] == b'\n')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_and_removing_gives_back_every_byte() {
        for text in ["", "a\n", "a", "\n", "a\n\n\n", "PS1='# >>> shmon >>> no'\n", "a\r\nb"] {
            let with = with_block(Some(text), "x").unwrap();
            assert!(has_block(&with));
            assert_eq!(with_block(Some(&with), "x").unwrap(), with, "twice changes nothing");
            assert_eq!(without_block(&with).unwrap().as_deref(), Some(text));
            let later = format!("{with}user's own\n");
            let updated = with_block(Some(&later), "y\nz").unwrap();
            let rest = without_block(&updated).unwrap().unwrap();
            let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            assert_eq!(rest, format!("{text}{newline}user's own\n"), "lines stay lines");
        }
    }

    #[test]
    fn a_file_of_ours_goes_away() {
        let made = with_block(None, "x").unwrap();
        assert_eq!(without_block(&made).unwrap(), None);
        let kept = format!("{made}more\n");
        assert_eq!(without_block(&kept).unwrap().as_deref(), Some("more\n"));
    }

    #[test]
    fn the_first_block_comes_and_goes_beside_the_other() {
        let text = "[ -z \"$PS1\" ] && return\nlast line without an end";
        let both = with_first_block(&with_block(Some(text), "hook").unwrap(), "commands").unwrap();
        assert!(both.starts_with(FIRST_BEGIN) && has_block(&both));
        assert_eq!(with_first_block(&both, "commands").unwrap(), both);
        let rest = without_first_block(&both).unwrap();
        assert_eq!(without_block(&rest).unwrap().as_deref(), Some(text));
    }

    #[test]
    fn broken_marks_are_left_alone() {
        for text in
            [format!("{BEGIN}\n"), format!("{END}\n{BEGIN}\n"), format!("{BEGIN}\n{END}\n{BEGIN}\n{END}\n")]
        {
            assert!(with_block(Some(&text), "x").is_err());
            assert!(without_block(&text).is_err());
        }
    }
}

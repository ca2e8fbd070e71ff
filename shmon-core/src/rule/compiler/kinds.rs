//! Names of kinds, as rules write them, to bits.

use super::schema::OneOrMany;

/// Kinds of `via`, by bit.
pub const VIA_KINDS: [&str; 9] = [
    "wrapper",
    "shell-string",
    "shell-input",
    "substitution",
    "decoded",
    "definition",
    "remote",
    "container",
    "scheduled",
];

/// Kinds of `unresolved`, by bit.
pub const ISSUE_KINDS: [&str; 7] =
    ["unset-variable", "command-output", "glob", "depth", "budget", "syntax", "external-script"];

pub(super) fn issue_mask(kinds: &OneOrMany) -> Result<u32, String> {
    let mut mask = 0;
    for kind in &kinds.0 {
        match ISSUE_KINDS.iter().position(|k| k == kind) {
            Some(bit) => mask |= 1 << bit,
            None if kind == "any" => mask = u32::MAX,
            None => return Err(format!("unknown kind '{kind}': use any or {}", ISSUE_KINDS.join(", "))),
        }
    }
    Ok(mask)
}

pub(super) fn redirect_mask(kinds: Option<&OneOrMany>) -> Result<u32, String> {
    let Some(kinds) = kinds else { return Ok(0b1111) };
    let mut mask = 0;
    for kind in &kinds.0 {
        mask |= match kind.as_str() {
            "read" => 1,
            "write" => 2,
            "append" => 4,
            "read-write" => 8,
            "duplicate" => 16,
            "heredoc" => 32,
            "here-string" => 64,
            "output" => 2 | 4 | 8,
            "input" => 1 | 8,
            "any" => 127,
            _ => {
                return Err(format!(
                    "unknown kind '{kind}': use read, write, append, read-write, output, input, duplicate, heredoc, here-string or any"
                ));
            }
        };
    }
    Ok(mask)
}

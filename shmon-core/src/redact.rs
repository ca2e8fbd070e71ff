//! Secrets on a command line: found, and replaced in whatever leaves the database.

use crate::shell::Span;

/// What stands in a secret's place.
pub const MASK: &str = "****";

/// A secret in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Secret {
    /// Where, in bytes of the command.
    pub span: Span,
    /// Whose kind it is.
    pub(crate) layer: u8,
    pub(crate) kind: u32,
}

/// The command with each secret replaced by [`MASK`]; invalid UTF-8 is replaced too.
pub(crate) fn replace(command: &[u8], secrets: &[Secret]) -> String {
    let mut out = Vec::with_capacity(command.len());
    let mut at = 0;
    for secret in secrets {
        let (start, end) = (secret.span.start as usize, secret.span.end as usize);
        if start >= at {
            out.extend_from_slice(command.get(at..start).unwrap_or(&[]));
            out.extend_from_slice(MASK.as_bytes());
            at = end;
        }
    }
    out.extend_from_slice(command.get(at..).unwrap_or(&[]));
    String::from_utf8_lossy(&out).into_owned()
}

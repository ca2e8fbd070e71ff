//! What programs do with a command among their arguments, as data. How options are read is in
//! `wrap`, shells are in `shells`, built-in commands in `builtins`, text filters in `filters`, the
//! programs themselves in `wrapper_table`.

use super::analysis::{ViaKind, base};
use super::interpret::Code;
use super::wrapper_table::{ENTRIES, Entry};
use crate::hash::{has_byte, head, name_hash};

/// How to find the command among a wrapper's arguments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wrapper {
    /// Short options that take an argument.
    pub(super) short: &'static str,
    /// Long options that take an argument (in the next word, unless `=` gives it), separated by spaces.
    pub(super) long: &'static str,
    /// Operands before the command: a duration, a directory, a host.
    pub(super) skip: u8,
    /// Options after which nothing is run: the short ones (`-` for none), then the long ones, separated by blanks.
    pub(super) inert: &'static str,
    /// `NAME=value` may stand before the command.
    pub(super) assignments: bool,
    /// How the rest is run.
    pub(super) rest: Rest,
    /// What kind of step it is.
    pub(super) via: ViaKind,
}

/// What the words after a wrapper's own are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// A program and its arguments.
    Argv,
    /// Words that are joined with blanks and given to a shell.
    Joined,
    /// Each word a command for a shell.
    Each,
}

/// What a program is to the evaluation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    Wrap(Wrapper),
    /// `-c 'text'`, a script, or standard input.
    Shell,
    Find,
    Xargs,
    Parallel,
    Su,
    Ssh,
    /// The text stands after one of these options: `script -c`.
    OptionText(&'static str),
    Ansible,
    /// `docker`, `podman`, `kubectl` and such: subcommands.
    Container,
    Flock,
    Env,
    Busybox,
    /// `at`, `batch`: text on standard input.
    Deferred,
    Crontab,
    StartStopDaemon,
    Terminal,
    Multiplexer,
    Capsh,
    /// Text for a shell in the value of one of these options: `tar --to-command=…`.
    Embedded(&'static [&'static str]),
    /// Code of another language, or commands of its own, among its words.
    Code(Code),
    /// A program after one of these words: `perf stat …`, `docker-compose exec SERVICE …`.
    After(&'static [(&'static str, Wrapper)]),
    Builtin(Builtin),
    /// Transforms text, which may be computed.
    Filter,
    /// Prints values of the environment.
    Printenv,
    /// Prints nothing.
    Silent,
    Mkdir,
    Rm,
    Which,
    Cat,
    Tee,
    Copy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Builtin {
    Eval,
    Source,
    Exec,
    Command,
    /// Runs its arguments: `builtin`, zsh's `noglob`.
    Run,
    Trap,
    Alias,
    Unalias,
    Export,
    Unset,
    Set,
    Shift,
    Read,
    Mapfile,
    Echo,
    Printf,
    True,
    False,
    Exit,
    Return,
    Break,
    Continue,
    Let,
    /// fish's `psub`, `string`, `count` and `math`.
    Psub,
    Strings,
    Count,
    Math,
    /// `jobs -x command`.
    Jobs,
    Test,
    Shopt,
    Other,
}

const SLOTS: usize = 1024;

/// Where the search for a name begins.
#[inline]
const fn place(head: u64, name: &[u8]) -> usize {
    let last = if let Some(last) = name.last() { *last } else { 0 };
    name_hash(head, name.len(), last) as usize & (SLOTS - 1)
}

/// The entries' numbers from 1 on: open addressing, filled when the crate is compiled.
static INDEX: [u16; SLOTS] = {
    let mut table = [0u16; SLOTS];
    let mut i = 0;
    while i < ENTRIES.len() {
        let mut slot = place(ENTRIES[i].head, ENTRIES[i].name.as_bytes());
        while table[slot] != 0 {
            slot = (slot + 1) & (SLOTS - 1);
        }
        table[slot] = i as u16 + 1;
        i += 1;
    }
    table
};

const LONGEST: usize = 20;

/// For each first byte the lengths of names, as bits: few other names have both.
static LENGTHS: [u32; 256] = {
    let mut lengths = [0; 256];
    let mut i = 0;
    while i < ENTRIES.len() {
        let name = ENTRIES[i].name.as_bytes();
        lengths[name[0] as usize] |= 1 << name.len();
        i += 1;
    }
    lengths
};

/// Where the name of a program begins, behind the folder before it, and what the program does; `None` where it just runs.
#[inline]
pub(super) fn program(path: &[u8]) -> (usize, Option<&'static Entry>) {
    let first = head(path);
    // Most names are short and without a slash.
    if path.len() <= 8 && !has_byte(first, b'/') {
        return (0, listed(first, path));
    }
    let base = base(path);
    let (_, name) = path.split_at(base);
    (base, lookup(name))
}

/// What the program of this name does; `None` where it just runs.
#[inline]
pub(super) fn lookup(name: &[u8]) -> Option<&'static Entry> {
    listed(head(name), name)
}

#[inline]
fn listed(first: u64, name: &[u8]) -> Option<&'static Entry> {
    let lengths = LENGTHS[usize::from(first as u8)];
    if name.len() > LONGEST || lengths >> name.len() & 1 == 0 {
        return None;
    }
    find(first, name)
}

#[inline(never)]
fn find(head: u64, name: &[u8]) -> Option<&'static Entry> {
    let mut slot = place(head, name);
    loop {
        let number = INDEX[slot];
        let entry = ENTRIES.get(usize::from(number).wrapping_sub(1))?;
        // Few are longer than their heads.
        if entry.head == head
            && entry.name.len() == name.len()
            && (name.len() <= 8 || entry.name.as_bytes() == name)
        {
            return Some(entry);
        }
        slot = (slot + 1) & (SLOTS - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_once() {
        for (i, entry) in ENTRIES.iter().enumerate() {
            assert!(entry.name.len() <= LONGEST, "{}", entry.name);
            let found = lookup(entry.name.as_bytes()).expect("listed");
            assert!(std::ptr::eq(found, &ENTRIES[i]), "{} twice", entry.name);
        }
        assert!(lookup(b"nosuchprogram").is_none());
    }
}

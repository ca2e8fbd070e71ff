//! What programs do with a command among their arguments, as data. How options are read is in
//! `wrap`, shells are in `shells`, built-in commands in `builtins`, text filters in `filters`, the
//! programs themselves in `wrapper_table`.

use super::analysis::ViaKind;
use super::interpret::Code;
use super::wrapper_table::{ENTRIES, Entry};
use crate::hash::{head, name_hash};

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
/// In a slot, the bits of the entry's index and 1; those above are of its name's hash.
const ENTRY: u16 = 0x1FF;

/// Where the search for a name begins, and what a slot that holds it has above the entry.
#[inline]
const fn place(name: &[u8]) -> (usize, u16) {
    let last = if let Some(last) = name.last() { *last } else { 0 };
    let hash = name_hash(head(name), name.len(), last);
    (hash as usize & (SLOTS - 1), (hash >> 16) as u16 & !ENTRY)
}

/// Open addressing, filled when the crate is compiled.
static INDEX: [u16; SLOTS] = {
    assert!(ENTRIES.len() < ENTRY as usize);
    let mut table = [0u16; SLOTS];
    let mut i = 0;
    while i < ENTRIES.len() {
        let (mut slot, tag) = place(ENTRIES[i].name.as_bytes());
        while table[slot] != 0 {
            slot = (slot + 1) & (SLOTS - 1);
        }
        table[slot] = tag | (i as u16 + 1);
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

/// What the program of this name does; `None` where it just runs.
#[inline]
pub(super) fn lookup(name: &[u8]) -> Option<&'static Entry> {
    let first = *name.first()?;
    if name.len() > LONGEST || LENGTHS[usize::from(first)] >> name.len() & 1 == 0 {
        return None;
    }
    find(name)
}

#[inline(never)]
fn find(name: &[u8]) -> Option<&'static Entry> {
    let (mut slot, tag) = place(name);
    loop {
        let found = INDEX[slot];
        if found == 0 {
            return None;
        }
        if found & !ENTRY == tag {
            let entry = &ENTRIES[usize::from(found & ENTRY) - 1];
            if entry.name.as_bytes() == name {
                return Some(entry);
            }
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

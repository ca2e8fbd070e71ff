//! What an evaluation knows about the shell: variables, functions, aliases and files of the same text. All of it are
//! flat vectors over one buffer of bytes, so that a second analysis reuses the memory of the first.

use super::analysis::Range32;
use super::analysis::{RedirRec, Via, WordRec};
use super::ast::{Ast, NodeId};
use super::descriptors::Descriptor;

/// Bytes of the buffer, and whether they are the whole truth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Val {
    pub(super) range: Range32,
    /// False where a part could not be resolved and stands as its source text.
    pub(super) known: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum VarKind {
    Scalar(Val),
    /// A range of [`State::elements`].
    Array(Range32),
    /// The same with text keys.
    Assoc(Range32),
    /// `unset` on this line: known to be absent.
    Unset,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Var {
    pub(super) name: Range32,
    pub(super) kind: VarKind,
    /// The function call to which it is local; 0 for none.
    pub(super) frame: u32,
    /// `declare -u`, `-l`, `-i`, or 0.
    pub(super) attribute: u8,
    /// `declare -n`.
    pub(super) reference: bool,
    /// Programs that are started get it.
    pub(super) exported: bool,
    /// The value that it has as well as not, where the last one was given in a branch that may not be taken.
    pub(super) other: Option<Val>,
    /// How many such branches had been begun when it was given its value.
    pub(super) since: u32,
}

impl Var {
    /// A variable of no function, without attributes.
    pub(super) fn new(name: Range32, kind: VarKind, exported: bool) -> Var {
        Var { name, kind, frame: 0, attribute: 0, reference: false, exported, other: None, since: 0 }
    }

    /// Whether a program that is started sees it, or its absence.
    pub(super) fn inherited(&self) -> bool {
        match self.kind {
            VarKind::Unset => true,
            // Of lists only those of fish are ever exported.
            _ => self.exported,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    pub(super) index: i64,
    pub(super) key: Range32,
    pub(super) value: Val,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Definition {
    pub(super) name: Range32,
    pub(super) body: NodeId,
    pub(super) params: Range32,
    /// Calls under way.
    pub(super) active: u8,
    /// `export -f`: other shells see it too.
    pub(super) exported: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Alias {
    pub(super) name: Range32,
    pub(super) value: Range32,
    /// Being expanded: an alias isn't expanded inside itself.
    pub(super) active: bool,
}

/// A file that the text itself wrote.
#[derive(Debug, Clone, Copy)]
pub(super) struct File {
    pub(super) name: Range32,
    pub(super) content: Val,
}

/// A stretch of the buffer that was parsed, and where it came from in the command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) origin: Origin,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Origin {
    /// Byte `start` of the region is this byte of the command, and so on.
    Exact(u32),
    /// Everything stems from this part of the command.
    Whole(super::Span),
}

/// What a command reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Input {
    /// The terminal, or whatever the caller has.
    #[default]
    Terminal,
    /// Text, of which the range shrinks as it is read.
    Text(Val, InputFrom),
    /// The output of a program.
    Unknown,
    /// A file of the host.
    File,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputFrom {
    Pipe,
    Heredoc,
    HereString,
    File,
}

impl InputFrom {
    pub(super) const fn name(self) -> &'static str {
        match self {
            InputFrom::Pipe => "pipe",
            InputFrom::Heredoc => "heredoc",
            InputFrom::HereString => "here-string",
            InputFrom::File => "file",
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) ast: Ast,
    /// Fields being built; the innermost is at the end.
    pub(super) build: Vec<u8>,
    /// Complete fields of commands that are being expanded.
    pub(super) fields: Vec<WordRec>,
    /// Captured output; the innermost capture is at the end.
    pub(super) out: Vec<u8>,
    /// Values being worked on.
    pub(super) list: Vec<Val>,
    pub(super) vars: Vec<Var>,
    pub(super) elements: Vec<Element>,
    /// Names that were exported before they had a value.
    pub(super) exports: Vec<Range32>,
    pub(super) functions: Vec<Definition>,
    pub(super) aliases: Vec<Alias>,
    pub(super) files: Vec<File>,
    pub(super) descriptors: Vec<Descriptor>,
    /// Folders that the text made.
    pub(super) folders: Vec<Range32>,
    /// Positional parameters: the current ones are a range of these.
    pub(super) args: Vec<Val>,
    pub(super) regions: Vec<Region>,
    pub(super) via: Vec<Via>,
    /// Redirections and assignments being collected.
    pub(super) redirections: Vec<RedirRec>,
    pub(super) pairs: Vec<(u32, u32)>,
    /// Source ranges of substitutions whose output isn't known: they are not run again where their text recurs.
    pub(super) opaque: Vec<Range32>,
    /// Handlers of `trap`: signals, body, and where it stands.
    pub(super) traps: Vec<(Range32, Range32, super::Span)>,
}

impl State {
    pub(super) fn clear(&mut self) {
        self.ast.clear();
        self.build.clear();
        self.fields.clear();
        self.out.clear();
        self.list.clear();
        self.vars.clear();
        self.elements.clear();
        self.exports.clear();
        self.functions.clear();
        self.aliases.clear();
        self.files.clear();
        self.descriptors.clear();
        self.folders.clear();
        self.args.clear();
        self.regions.clear();
        self.via.clear();
        self.redirections.clear();
        self.pairs.clear();
        self.opaque.clear();
        self.traps.clear();
    }
}

//! The parse tree: flat arenas of small copyable records that refer to each other by index, so that a tree costs no
//! allocation once the arenas have grown.

use super::analysis::Range32;

/// Index of a [`Node`].
pub(super) type NodeId = u32;

/// A node that does nothing; what a parser returns where there is no command.
pub(super) const EMPTY: NodeId = 0;

/// A command of any kind. Ranges of bytes refer to the text, other ranges to the arenas of [`Ast`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Node {
    /// No command at all.
    Empty,
    /// Assignments, words and redirections; `span` covers all of them.
    Simple { assignments: Range32, words: Range32, redirections: Range32, span: Range32 },
    /// `a | b`, `! a`.
    Pipeline { items: Range32, negated: bool },
    /// `a && b || c`: each item but the first with the operator before it.
    AndOr { items: Range32 },
    /// `a; b & c`: each item with the operator after it.
    List { items: Range32 },
    /// `( … )`.
    Subshell { body: NodeId },
    /// `{ …; }`.
    Group { body: NodeId },
    /// A compound command with redirections of its own.
    Redirected { body: NodeId, redirections: Range32 },
    /// Conditions and bodies in turn; an odd last item is the `else`.
    If { items: Range32 },
    /// `while` and `until`.
    While { condition: NodeId, body: NodeId, until: bool },
    /// `for` and `select`; without `in` over the positional parameters.
    For { name: Range32, words: Range32, listed: bool, body: NodeId },
    /// `for ((init; condition; step))`: three entries of [`Ast::exprs`] from `exprs`.
    ForArith { exprs: u32, body: NodeId },
    /// `case`; `arms` is a range of [`Ast::arms`].
    Case { word: u32, arms: Range32 },
    /// A definition; `params` are words that name its parameters (fish).
    Function { name: Range32, body: NodeId, params: Range32 },
    /// `coproc`.
    Coproc { body: NodeId },
    /// `time` as a keyword.
    Timed { body: NodeId },
    /// `[[ … ]]`: operands and operators as words.
    Cond { words: Range32 },
    /// `(( … ))`: parts of the expression.
    Arith { parts: Range32 },
}

/// How an item of a list is joined to its neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    Sequence,
    Background,
    And,
    Or,
    Pipe,
    /// `|&`
    PipeBoth,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) node: NodeId,
    pub(super) join: Join,
}

/// One arm of a `case`: its patterns are words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arm {
    pub(super) patterns: Range32,
    pub(super) body: NodeId,
    /// `;&` or `;;&`: later arms may run too.
    pub(super) falls: bool,
}

/// A word as written. A plain word has no parts and stands for itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WordNode {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) parts: Range32,
    pub(super) flags: u8,
}

/// The word's value is its text.
pub(super) const WORD_PLAIN: u8 = 1;
/// The word may hold a brace expansion.
pub(super) const WORD_BRACE: u8 = 2;
/// An operator of `[[ … ]]`, not an operand.
pub(super) const WORD_OPERATOR: u8 = 4;

/// What a part of a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartKind {
    /// `start..end` verbatim.
    Literal,
    /// The inside of `$'…'`.
    AnsiC,
    /// `$x`, `${…}`: `index` is an entry of [`Ast::params`].
    Param,
    /// `$(…)` and backquotes without escapes: `index` is the body's node.
    Command,
    /// Backquotes with escapes inside: `start + 1..end - 1` is unescaped and parsed when it is evaluated.
    Backquote,
    /// `<(…)`: `index` is the body's node.
    ReadFrom,
    /// `>(…)`.
    WriteTo,
    /// `$((…))` and `$[…]`: `index` is an entry of [`Ast::exprs`].
    Arith,
    /// An unquoted `{` that may open a brace expansion.
    BraceOpen,
    /// An unquoted `,`.
    BraceComma,
    /// An unquoted `}`.
    BraceClose,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) kind: PartKind,
    pub(super) flags: u8,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) index: u32,
}

/// The part stood in quotes, or was escaped.
pub(super) const PART_QUOTED: u8 = 1;
/// The part holds an unquoted glob character.
pub(super) const PART_GLOB: u8 = 2;
/// The part was escaped by a backslash.
pub(super) const PART_ESCAPED: u8 = 4;

/// What a parameter expansion does with the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum ParamOp {
    #[default]
    None,
    /// `-`, `:-` (the flag: also when empty)
    Default(bool),
    /// `=`, `:=`
    Assign(bool),
    /// `?`, `:?`
    Fail(bool),
    /// `+`, `:+`
    Alternative(bool),
    /// `#`, `##` (the flag: longest)
    Prefix(bool),
    /// `%`, `%%`
    Suffix(bool),
    /// `/`, `//`, `/#`, `/%`
    Replace(Anchor),
    /// `^`, `^^`, `,`, `,,`, `~`, `~~`
    Case(u8, bool),
    /// `:offset`, `:offset:length`
    Slice,
    /// `@Q`, `@U` and such
    Transform(u8),
    /// zsh: `:t`, `:h`, `:r`, `:e`
    PathPart(u8),
    /// Not understood: the value is unknown.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    First,
    All,
    Start,
    End,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Param {
    pub(super) name: Range32,
    pub(super) index: Option<Range32>,
    pub(super) op: ParamOp,
    pub(super) arg: Range32,
    pub(super) second: Option<Range32>,
    pub(super) indirect: bool,
    pub(super) length: bool,
    /// fish: all elements, and whether they are joined to one word.
    pub(super) list: bool,
    pub(super) joined: bool,
    /// zsh: the flags of `${(flags)…}`.
    pub(super) flags: Range32,
    /// zsh: `${=x}`.
    pub(super) split: bool,
    /// zsh: parts in the place of the name, as in `${${x}…}`.
    pub(super) inner: Option<Range32>,
}

/// `NAME=value`, `NAME[i]=value`, `NAME=(…)`.
#[derive(Debug, Clone, Copy)]
pub(super) struct AssignNode {
    pub(super) name: Range32,
    pub(super) index: Option<Range32>,
    /// The whole, from the name on.
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) append: bool,
    pub(super) value: AssignValue,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum AssignValue {
    /// A word of [`Ast::words`].
    Word(u32),
    /// Elements, words of [`Ast::words`].
    Array(Range32),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct RedirNode {
    pub(super) kind: super::RedirectionKind,
    pub(super) fd: i32,
    /// Also redirects standard error: `&>`.
    pub(super) both: bool,
    /// A word of [`Ast::words`], or for a heredoc an entry of [`Ast::heredocs`].
    pub(super) target: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Heredoc {
    pub(super) body: Range32,
    /// The delimiter was quoted: the body is literal.
    pub(super) quoted: bool,
    /// `<<-`: leading tabs go.
    pub(super) strip: bool,
    /// The parts of an unquoted body.
    pub(super) parts: Range32,
}

/// The arenas, and the stacks on which the parser builds ranges of them.
#[derive(Debug, Default)]
pub(super) struct Ast {
    pub(super) nodes: Vec<Node>,
    pub(super) items: Vec<Item>,
    pub(super) words: Vec<WordNode>,
    pub(super) parts: Vec<Part>,
    pub(super) params: Vec<Param>,
    pub(super) exprs: Vec<Range32>,
    pub(super) assignments: Vec<AssignNode>,
    pub(super) redirections: Vec<RedirNode>,
    pub(super) heredocs: Vec<Heredoc>,
    pub(super) arms: Vec<Arm>,
    /// Where compound commands stand, from their first word to their last.
    pub(super) places: Vec<(NodeId, Range32)>,
    pub(super) stacks: Stacks,
}

/// What is being built: inner commands interleave, so that ranges are collected here and moved when complete.
#[derive(Debug, Default)]
pub(super) struct Stacks {
    pub(super) items: Vec<Item>,
    pub(super) words: Vec<WordNode>,
    pub(super) parts: Vec<Part>,
    pub(super) assignments: Vec<AssignNode>,
    pub(super) redirections: Vec<RedirNode>,
    pub(super) arms: Vec<Arm>,
    pub(super) pending: Vec<PendingHeredoc>,
}

/// A heredoc whose body comes after the line's end.
#[derive(Debug, Clone, Copy)]
pub(super) struct PendingHeredoc {
    pub(super) heredoc: u32,
    /// The delimiter as written.
    pub(super) delimiter: Range32,
}

impl Ast {
    pub(super) fn clear(&mut self) {
        self.nodes.clear();
        self.nodes.push(Node::Empty);
        self.items.clear();
        self.words.clear();
        self.parts.clear();
        self.params.clear();
        self.exprs.clear();
        self.assignments.clear();
        self.redirections.clear();
        self.heredocs.clear();
        self.arms.clear();
        self.places.clear();
        let s = &mut self.stacks;
        s.items.clear();
        s.words.clear();
        s.parts.clear();
        s.assignments.clear();
        s.redirections.clear();
        s.arms.clear();
        s.pending.clear();
    }

    pub(super) fn node(&self, id: NodeId) -> Node {
        self.nodes.get(id as usize).copied().unwrap_or(Node::Empty)
    }

    pub(super) fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        (self.nodes.len() - 1) as NodeId
    }

    /// Notes that a compound command began at `start` and ended before `end`.
    pub(super) fn place(&mut self, node: NodeId, start: usize, end: usize) {
        self.places.push((node, Range32 { start: start as u32, end: end as u32 }));
    }

    pub(super) fn word(&self, index: u32) -> WordNode {
        self.words.get(index as usize).copied().unwrap_or_default()
    }
}

/// Moves the entries above `mark` from a stack to its arena.
#[inline]
pub(super) fn settle<T: Copy>(stack: &mut Vec<T>, mark: usize, arena: &mut Vec<T>) -> Range32 {
    let start = arena.len() as u32;
    if stack.len() == mark {
        return Range32 { start, end: start };
    }
    arena.extend_from_slice(stack.get(mark..).unwrap_or(&[]));
    stack.truncate(mark);
    Range32 { start, end: arena.len() as u32 }
}

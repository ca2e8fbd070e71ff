//! The compiled form: one array of integers and one of bytes, position-independent, without pointers.
//!
//! The array begins with a header (`H_*`: indices of words that hold offsets and counts); strings are pairs of offset
//! and length in the bytes. A node of bytecode is one word `op | length << 8`, where the length counts all words of the
//! node, and its payload; a node's children follow one another.

/// Changes whenever the meaning of a word changes, so that a cached form of another version is never read.
pub const VERSION: u32 = 8;

/// The compiled form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blob {
    /// Tables and bytecode.
    pub words: Vec<u32>,
    /// Strings.
    pub bytes: Vec<u8>,
}

macro_rules! numbered_ops {
    ($($name:ident)*) => { numbered_ops!(@ 1; $($name)*); };
    (@ $n:expr; $name:ident $($rest:tt)*) => {
        #[allow(missing_docs)]
        pub const $name: u32 = $n;
        numbered_ops!(@ $n + 1; $($rest)*);
    };
    (@ $n:expr;) => {};
}
macro_rules! numbered {
    ($($(#[$doc:meta])* $name:ident)*) => { numbered!(@ 0; $($(#[$doc])* $name)*); };
    (@ $n:expr; $(#[$doc:meta])* $name:ident $($rest:tt)*) => {
        $(#[$doc])* pub const $name: usize = $n;
        numbered!(@ $n + 1; $($rest)*);
    };
    (@ $n:expr;) => {};
}

numbered! {
    /// [`VERSION`].
    H_VERSION
    /// Number of rules.
    H_RULES
    /// Rule records of [`RULE_WORDS`] words.
    H_RULES_AT
    /// Slots of the program table less one (a power of two less one).
    H_PROGRAM_MASK
    /// Program table: slots of [`SLOT_WORDS`] words.
    H_PROGRAM_AT
    /// For the first two bytes of names (see `prefix_slot`), a bit for each length of a program prefix that begins so; 0
    /// for none.
    H_PREFIX_AT
    /// Table of the atoms that wake rules, see `GRAMS_*`, probed at every [`LONG_STRIDE`]th byte; 0 where there
    /// is none.
    H_WAKING_AT
    /// Those of atoms that are too short for that, probed at every byte.
    H_SHORT_AT
    /// Those of all atoms, probed at every byte.
    H_ALL_AT
    /// Atom records of [`ATOM_WORDS`] words.
    H_ATOMS_AT
    /// Rules that are asked for every command: count, then rules.
    H_ALWAYS_AT
    /// Rules that are asked where there are signs of hiding.
    H_HIDING_AT
    /// Rules that are asked where something could not be resolved.
    H_ISSUE_AT
    /// Regular expressions: count, then strings.
    H_REGEX_AT
    /// Allow entries: count, then [`ALLOW_WORDS`] words each.
    H_ALLOW_AT
    /// Secrets: count, then what `secret.rs` reads.
    H_SECRETS_AT
    /// ATT&CK version: a string.
    H_ATTACK
    /// (second word of the string)
    H_ATTACK_LEN
    /// Length of the header.
    HEADER_WORDS
}

/// Words of a rule record.
pub const RULE_WORDS: usize = 25;
numbered! {
    /// Level in the low byte, [`R_EXPERIMENTAL`] and [`R_COMMAND`] above.
    R_LEVEL
    /// Bytecode; 0 where the program alone decides.
    R_COND
    /// String: id.
    R_ID
    /// (length)
    R_ID_LEN
    /// Length of the category, the part of the id before its first dot.
    R_CATEGORY_LEN
    /// String: English title.
    R_TITLE_EN
    /// (length)
    R_TITLE_EN_LEN
    /// String: Japanese title.
    R_TITLE_JA
    /// (length)
    R_TITLE_JA_LEN
    /// String: English reason.
    R_REASON_EN
    /// (length)
    R_REASON_EN_LEN
    /// String: Japanese reason.
    R_REASON_JA
    /// (length)
    R_REASON_JA_LEN
    /// String: English alternative.
    R_ALT_EN
    /// (length)
    R_ALT_EN_LEN
    /// String: Japanese alternative.
    R_ALT_JA
    /// (length)
    R_ALT_JA_LEN
    /// Count, then strings: ATT&CK ids.
    R_ATTACK_AT
    /// Count, then strings: known false positives.
    R_FALSE_POSITIVES_AT
    /// Count, then strings: hits (command only).
    R_HITS_AT
    /// Count, then strings: near misses (command only).
    R_MISSES_AT
    /// String: file.
    R_FILE
    /// (length)
    R_FILE_LEN
    /// Line in the file, from 1.
    R_LINE
    /// What the bytecode needs where something else than a program wakes the rule, see [`D_NEED`].
    R_NEED
}
/// The rule is under observation.
pub const R_EXPERIMENTAL: u32 = 1 << 8;
/// The rule asks about the command as a whole, not about an invocation.
pub const R_COMMAND: u32 = 1 << 9;

/// Words of a slot of the program table.
pub const SLOT_WORDS: usize = 8;
numbered! {
    /// First bytes of the name, little endian.
    S_LOW
    /// Bytes 4 to 8 of the name.
    S_HIGH
    /// Length of the name; 0 for an empty slot. [`S_PREFIX`] is set where every longer name fits too.
    S_LEN
    /// The name in the bytes.
    S_NAME
    /// Number of groups of rules in the low bits; its class from [`S_CLASS`] on, see [`CLASSES`]; [`S_EXCLUDED`] and [`S_ATOMS`].
    S_COUNT
    /// Groups, one after the other: [`G_WORDS`] words, then gates of [`GATE_WORDS`], then rules of [`D_WORDS`].
    S_RULES_AT
    /// Program specification, 0 for none.
    S_SPEC
    /// Secret options: count, then records; 0 for none.
    S_SECRETS_AT
}
/// Rules of one group: they are the bits of a mask.
pub const GROUP: usize = 64;
/// Words before a group's gates.
pub const G_WORDS: usize = 5;
numbered! {
    /// Number of rules.
    G_RULES
    /// Rules that need nothing, as bits.
    G_FREE
    /// (high word)
    G_FREE_HIGH
    /// Number of gates of features.
    G_GATES
    /// The tokens that let rules pass; 0 for none.
    G_TOKENS_AT
}
/// Words before a token table's set of heads, see `head_place`. Its filter and slots follow that.
pub const K_WORDS: usize = 6;
numbered! {
    /// The kinds of tokens that are there, as bits.
    K_KINDS
    /// The filter has 2^this bits; a fourth as many slots of [`TOKEN_SLOT_WORDS`] words follow it: the token (0 for an empty one),
    /// and the rules that it lets pass as two words.
    K_FILTER_BITS
    /// Last bytes of the arguments whose ends are tokens, see `last_bit`.
    K_LASTS
    /// (high word)
    K_LASTS_HIGH
    /// Names of programs that are tokens, see `program_place`.
    K_PROGRAMS
    /// (high word)
    K_PROGRAMS_HIGH
}
/// Words of a slot of a token table.
pub const TOKEN_SLOT_WORDS: usize = 3;
/// Words of a gate: which bits of a feature let which rules pass.
pub const GATE_WORDS: usize = 4;
numbered! {
    /// The feature.
    GATE_FEATURE
    /// Its bits.
    GATE_BITS
    /// (high word)
    GATE_BITS_HIGH
    /// For each of these bits, from the lowest on, the rules that it lets pass: two words.
    GATE_MASKS_AT
}
/// Words of a rule in a group.
pub const D_WORDS: usize = 3;
numbered! {
    /// The rule.
    D_RULE
    /// Its bytecode for this program; 0 where the program alone decides.
    D_COND
    /// What that needs besides, 0 for nothing: number of clauses, then for each the number of features, and of each
    /// feature its number and its bits (see `features.rs`). Every clause must be met by any of its bits.
    D_NEED
}
/// The slot is for names that begin so.
pub const S_PREFIX: u32 = 1 << 31;
/// The program is noise.
pub const S_EXCLUDED: u32 = 1 << 31;
/// Its rules need atoms.
pub const S_ATOMS: u32 = 1 << 30;
/// Where its class begins.
pub const S_CLASS: u32 = 24;

/// Words of an atom record: string, count and place of its rules.
pub const ATOM_WORDS: usize = 4;
numbered! {
    /// String: the atom, letters in lower case where they are ASCII.
    A_TEXT
    /// (length)
    A_LEN
    /// Number of rules.
    A_COUNT
    /// Rules.
    A_RULES_AT
}

numbered! {
    /// Slots: 2^this, from [`GRAMS_LEAST_BITS`] to [`GRAMS_MOST_BITS`].
    GRAMS_BITS
    /// The slots' tags in the bytes.
    GRAMS_TAGS_AT
    /// What grams are multiplied with.
    GRAMS_FACTOR
    /// For each slot the place of its gram's record, or 0: the gram, whom it concerns (see [`CLASSES`]), count, places of
    /// [`PLACE_WORDS`] words.
    GRAMS_RECORDS_AT
    /// The table of the atoms that had no free slot in this one, before it; 0 where all had.
    GRAMS_NEXT
    /// Words of a table.
    GRAMS_WORDS
}
/// Slots of the smallest table of grams, as a power of two.
pub const GRAMS_LEAST_BITS: u32 = 13;
/// Slots of the greatest.
pub const GRAMS_MOST_BITS: u32 = 20;
/// What grams are multiplied with first.
pub const GRAMS_SEED: u32 = 0x9E37_79B1;
/// Words before the places of a gram's record.
pub const GRAM_WORDS: usize = 3;
/// Bytes from one probe for atoms that wake rules to the next: these have at least three bytes more.
pub const LONG_STRIDE: usize = 3;
/// Words of a place of a gram: atom, whom it concerns, the gram's offset in it, another gram's offset from four bytes before this
/// one (at most 8), and that gram.
pub const PLACE_WORDS: usize = 5;
/// Whom an atom concerns, as bits: so many classes of programs, whose rules need it,
pub const CLASSES: u32 = 30;
/// rules that it wakes,
pub const WAKES: u32 = 1 << 31;
/// and rules that need it where something else than a program woke them.
pub const WOKEN: u32 = 1 << 30;

/// Words of an allow entry.
pub const ALLOW_WORDS: usize = 5;
numbered! {
    /// Bytecode; 0 for always.
    W_COND
    /// Count, then strings: rule ids; count 0 means all.
    W_RULES_AT
    /// Last day as `yyyymmdd`; 0 for ever.
    W_EXPIRES
    /// String: reason.
    W_REASON
    /// (length)
    W_REASON_LEN
}

/// Tokens have at least so many bytes: only such runs of word characters are looked at.
pub const LONG_RUN: usize = 16;
/// Words of a key's entry: string, kind, least length, schemes.
pub const KEY_WORDS: usize = 5;
/// Characters between the letters of a key's name that count for nothing.
pub const JOINTS: [u8; 3] = *b"-_.";
/// Words of a token's entry: string, place of its characters, least and greatest number, kind.
pub const TOKEN_WORDS: usize = 6;
/// Words of a kind of secret: id and both titles.
pub const KIND_WORDS: usize = 6;
numbered! {
    /// Number of kinds.
    C_KINDS
    /// Kinds.
    C_KINDS_AT
    /// Slots of the key table less one.
    C_KEY_MASK
    /// Key table: last four characters, count, entries.
    C_KEYS_AT
    /// The pairs of bytes that a name ends with, where it is a key's: bits.
    C_KEY_ENDS_AT
    /// For each first byte the second bytes of tokens that begin with it (their low five bits, as bits), and the place of
    /// these tokens (count, then entries).
    C_TOKENS_AT
    /// Kind of a password in a URL and 1, or 0.
    C_URL
    /// Count, then string and kind: beginnings of text blocks.
    C_BLOCKS_AT
}
numbered! {
    /// Kind.
    O_KIND
    /// How the value stands: [`FORM_ATTACHED`], [`FORM_FLAG`], or 0 for any way.
    O_FORM
    /// Which operand, or 0.
    O_OPERAND
    /// String: what stands before the secret part of the value.
    O_AFTER
    /// (length)
    O_AFTER_LEN
    /// String: what stands after the secret part of the value; of [`FORM_INPUT_IF`] the option's value, or empty.
    O_BEFORE
    /// (length)
    O_BEFORE_LEN
    /// String: the first occurrence of it ends the secret part.
    O_UNTIL
    /// (length)
    O_UNTIL_LEN
    /// Offset in this record of count and strings: operands that stand before the secret one; or 0.
    O_FOLLOWS
    /// Offset of the subcommands' node in this record, or 0.
    O_SUBCOMMAND
    /// Spellings.
    O_NAME
}

/// The value stands in the option's own word only.
pub const FORM_ATTACHED: u32 = 1;
/// There is no value.
pub const FORM_FLAG: u32 = 2;
/// What the program reads is secret.
pub const FORM_INPUT: u32 = 3;
/// The same, where the option is there.
pub const FORM_INPUT_IF: u32 = 4;
/// What follows `O_AFTER` at the beginning of an argument is secret.
pub const FORM_PREFIX: u32 = 5;
/// What follows an operand that is a key is secret.
pub const FORM_NAMES: u32 = 6;
/// The operand is secret where the option is there.
pub const FORM_OPERAND_IF: u32 = 7;

/// In a key's least length of a value: the key is the whole name.
pub const KEY_EXACT: u32 = 1 << 31;

/// Words of a PROGRAM node before the names: its head, and the heads of the names as bits (two words). A name is a string and
/// 1 where every longer name fits too.
pub const PROGRAM_WORDS: usize = 3;

/// Words before the long spellings of an option: the letters of its short ones (two words), the heads of words that may be
/// long ones (two words), and the number of these; each is a string and the least length that is given.
pub const SPELLING_WORDS: usize = 5;

/// What a program specification holds: style, two words of short options with a value, then count and strings.
pub const SPEC_LONGS: usize = 3;

/// How many words a node of bytecode has, from its first; at least that one, whatever stands in it.
#[inline]
pub const fn node_words(head: u32) -> usize {
    let words = (head >> 8) as usize;
    if words == 0 { 1 } else { words }
}

/// Operations of conditions and string tests.
pub mod op {
    numbered_ops! {
        ALL ANY NONE PROGRAM PATH FLAG OPTION SUBCOMMAND OPERAND OPERANDS ARG ARGS REDIRECT BODY ASSIGN
        PIPE ALSO THEN VIA TEXT HIDING ISSUE USER ROOT SSH SHELL
        IS PREFIX SUFFIX CONTAINS WORD GLOB REGEX SET WORD_FLAG LENGTH NEVER LIST
    }
    /// Where the children of a LIST are told, after its mask of two words: the offset in the node of the children of each
    /// bit of the mask, and of the end.
    pub const LIST_OFFSETS: usize = 3;
    /// Set in the op of a string test: letters in any case.
    pub const NOCASE: u32 = 0x80;
}

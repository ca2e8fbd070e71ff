//! The TOML form of rules. `docs/rules-language.md` is the description for authors.

use crate::{Level, Text};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// One rule file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleFile {
    /// Named lists that string tests use as `@name`.
    pub lists: BTreeMap<String, Vec<String>>,
    /// How programs read their options.
    pub program: Vec<Spanned<ProgramSpec>>,
    /// Rules.
    pub rule: Vec<Spanned<RuleSpec>>,
    /// Kinds of secrets.
    pub secret: Vec<Spanned<SecretSpec>>,
    /// Findings that are accepted.
    pub allow: Vec<Spanned<AllowSpec>>,
    /// Rule id = another level.
    pub levels: BTreeMap<String, Level>,
    /// Rule ids that are switched off.
    pub disable: Vec<String>,
    /// Programs that are noise.
    pub exclude: Option<Vec<String>>,
    /// The technique catalogue that `attack` refers to.
    pub attack: Option<AttackSpec>,
}

/// `[attack]`: the version of ATT&CK, and ids that mean the same.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttackSpec {
    /// The version of ATT&CK whose ids rules use.
    pub version: String,
    /// An id of that version = its ids in other versions.
    #[serde(default)]
    pub alias: BTreeMap<String, OneOrMany>,
}

/// `[[program]]`: what an option parser has to know.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramSpec {
    /// The programs' names.
    pub name: OneOrMany,
    /// Options that take a value (`-o`, `--output`), so that the value is no operand.
    #[serde(default)]
    pub values: Vec<String>,
    /// How options are written.
    #[serde(default)]
    pub style: Style,
}

/// How a program reads its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// `-abc` is `-a -b -c`; options may follow operands.
    #[default]
    Gnu,
    /// As `gnu`, but options end at the first operand (`sudo`, `ssh`, `env`).
    Posix,
    /// `-name` is one option (`find`, `openssl`, `java`).
    Long,
    /// As `gnu`, and the first operand's letters are options too (`tar xzf`, `ps aux`).
    Bundled,
}

/// `[[rule]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// `category.name`, stable for ever.
    pub id: String,
    /// How dangerous it is.
    pub level: Level,
    /// What is done, in a few words.
    pub title: TextSpec,
    /// Why it is dangerous, in a sentence.
    #[serde(default)]
    pub reason: Option<TextSpec>,
    /// ATT&CK technique ids.
    #[serde(default)]
    pub attack: Vec<String>,
    /// What has to be true.
    #[serde(rename = "match")]
    pub condition: Cond,
    /// What to do instead.
    #[serde(default)]
    pub alternative: Option<TextSpec>,
    /// When it is harmless.
    #[serde(default)]
    pub false_positives: Vec<TextSpec>,
    /// How settled the rule is.
    #[serde(default)]
    pub status: Status,
    /// Commands that the rule finds.
    #[serde(default)]
    pub hits: Vec<Example>,
    /// Commands that look alike and that the rule doesn't find.
    #[serde(default)]
    pub misses: Vec<Example>,
}

/// How settled a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Part of the default policy.
    #[default]
    Stable,
    /// Under observation: reported, at most at level medium.
    Experimental,
}

/// A hit or near miss: the command, or a table with facts about the caller.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Example {
    /// The command.
    pub command: String,
    /// `root`
    pub root: Option<bool>,
    /// `ssh`
    pub ssh: Option<bool>,
    /// `user`
    pub user: Option<String>,
    /// `shell`
    pub shell: Option<String>,
    /// Of a near miss: the rules that find it for a reason of their own, at level high or above.
    pub found: Vec<String>,
}

/// A condition: every key that is given must hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cond {
    /// The program's name, without folder.
    pub program: Option<OneOrMany>,
    /// The program as it was written, with folder.
    pub path: Option<StrTest>,
    /// Options that must all be there, each in any spelling: `"-r|-R|--recursive"`.
    pub flags: Option<OneOrMany>,
    /// An option with a value.
    pub option: Option<OptionTest>,
    /// The first operands: `"push"`, `"delete ns|namespace"`.
    pub subcommand: Option<OneOrMany>,
    /// Some operand (or the one, or every one, that the table says).
    pub operand: Option<OperandTest>,
    /// How many operands.
    pub operands: Option<Count>,
    /// Some argument, option or not.
    pub arg: Option<StrTest>,
    /// How many arguments.
    pub args: Option<Count>,
    /// A redirection.
    pub redirect: Option<RedirectTest>,
    /// The body of a heredoc or here-string.
    pub body: Option<StrTest>,
    /// `NAME=value` before the program, alone, or as an operand of `export` and its like.
    pub assignment: Option<AssignTest>,
    /// A program before this one in the pipeline.
    pub piped_from: Option<Box<Cond>>,
    /// A program after this one in the pipeline.
    pub piped_into: Option<Box<Cond>>,
    /// The program just before this one in the pipeline.
    pub piped_directly_from: Option<Box<Cond>>,
    /// The program just after this one in the pipeline.
    pub piped_directly_into: Option<Box<Cond>>,
    /// Another program anywhere in the command.
    pub also: Option<Box<Cond>>,
    /// A program that is found later in the command.
    pub then: Option<Box<Cond>>,
    /// How the program was reached: kinds (`remote`, `decoded`) or names (`sudo`, `xargs`).
    pub via: Option<OneOrMany>,
    /// The whole text of the command as typed.
    pub text: Option<StrTest>,
    /// Signs of hiding; `"any"` or kinds.
    pub obfuscation: Option<OneOrMany>,
    /// What could not be resolved; `"any"` or kinds.
    pub unresolved: Option<OneOrMany>,
    /// The user's login name.
    pub user: Option<StrTest>,
    /// Runs as root.
    pub root: Option<bool>,
    /// The session came in over SSH.
    pub ssh: Option<bool>,
    /// The shell: `bash`, `sh`, `zsh`, `fish`.
    pub shell: Option<OneOrMany>,
    /// At least one of these.
    pub any: Option<Vec<Cond>>,
    /// Every one of these.
    pub all: Option<Vec<Cond>>,
    /// None of these.
    pub not: Option<NotTest>,
}

/// `not = { … }` or `not = [{ … }, { … }]`.
#[derive(Debug, Clone)]
pub struct NotTest(pub Vec<Cond>);

/// A test of one string: a pattern, a list of patterns of which one must fit, or a table whose keys must all hold.
#[derive(Debug, Clone, Default)]
pub struct StrTest(pub StrTable);

/// The table form of a string test.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StrTable {
    /// Equal, or a glob where it holds `*`, `?` or `[`: what the short form means.
    pub pattern: Option<OneOrMany>,
    /// Equal, with nothing special.
    pub is: Option<OneOrMany>,
    /// Begins with.
    pub prefix: Option<OneOrMany>,
    /// Ends with.
    pub suffix: Option<OneOrMany>,
    /// Holds.
    pub contains: Option<OneOrMany>,
    /// Holds every one.
    pub contains_all: Option<Vec<String>>,
    /// Holds as a word: no letter, digit or `_` at its sides.
    pub word: Option<OneOrMany>,
    /// A regular expression finds something (ASCII, no look-around).
    pub regex: Option<OneOrMany>,
    /// None of these patterns.
    pub not: Option<Box<StrTest>>,
    /// Letters in any case.
    pub nocase: bool,
    /// The word has (or hasn't) an active glob.
    pub glob: Option<bool>,
    /// The word has (or hasn't) a part that could not be resolved.
    pub unresolved: Option<bool>,
    /// The word is (or isn't) written so that its text is hidden.
    pub disguised: Option<bool>,
    /// Part of the word is (or isn't) quoted.
    pub quoted: Option<bool>,
    /// The least length in bytes.
    pub min_len: Option<u32>,
    /// The greatest length in bytes.
    pub max_len: Option<u32>,
}

/// An operand: a string test, and which operands it asks.
#[derive(Debug, Clone, Default)]
pub struct OperandTest {
    /// The test.
    pub test: StrTest,
    /// Which operand: 1 is the first, -1 the last.
    pub nth: Option<i32>,
    /// Operands from this one on.
    pub from: Option<i32>,
    /// All of them instead of one of them (and there is at least one).
    pub every: bool,
}

/// An option and a test of its value.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionTest {
    /// Its spellings: `"-o|--output"`.
    pub name: OneOrMany,
    /// What the value must be; any value where it's missing.
    #[serde(default)]
    pub value: Option<StrTest>,
}

/// A redirection.
#[derive(Debug, Clone, Default)]
pub struct RedirectTest {
    /// `read`, `write`, `append`, `output` (write or append), `input`, `duplicate`, `heredoc`, `here-string`.
    pub kind: Option<OneOrMany>,
    /// The descriptor.
    pub fd: Option<i32>,
    /// The target.
    pub target: Option<StrTest>,
}

/// An assignment.
#[derive(Debug, Clone, Default)]
pub struct AssignTest {
    /// The variable's name.
    pub name: Option<StrTest>,
    /// Its value.
    pub value: Option<StrTest>,
}

/// How many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// At least.
    pub min: u32,
    /// At most.
    pub max: Option<u32>,
}

/// `[[allow]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowSpec {
    /// Rule ids (`category.*` for all of a category) whose findings are accepted; all where it's missing.
    #[serde(default)]
    pub rule: Option<OneOrMany>,
    /// What the invocation must be.
    #[serde(rename = "match")]
    pub condition: Cond,
    /// Why.
    pub reason: String,
    /// The last day on which it holds.
    #[serde(default)]
    pub expires: Option<toml::value::Datetime>,
}

/// `[[secret]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretSpec {
    /// The kind's id, such as `aws-access-key-id`.
    pub id: String,
    /// What it is.
    pub title: TextSpec,
    /// A token that is known by its form.
    #[serde(default)]
    pub token: Vec<TokenSpec>,
    /// Names whose value is secret: `NAME=value`, `--name value`, `"name": "value"`, `Name: value`.
    #[serde(default)]
    pub key: Vec<String>,
    /// Words that may stand between the key and the value (`Bearer`).
    #[serde(default)]
    pub scheme: Vec<String>,
    /// The least length of a key's value, in bytes.
    #[serde(default)]
    pub min: Option<u32>,
    /// Options whose value is secret.
    #[serde(default)]
    pub option: Vec<SecretOption>,
    /// `scheme://user:secret@host`
    #[serde(default)]
    pub url: bool,
    /// Text blocks that begin with one of these and end with a line that begins with `-----END`.
    #[serde(default)]
    pub block: Vec<String>,
    /// Commands with such a secret; `«…»` marks the part that is replaced.
    #[serde(default)]
    pub hits: Vec<String>,
    /// Commands that look alike and hold no secret.
    #[serde(default)]
    pub misses: Vec<String>,
}

/// A token: one of the prefixes, then characters of a class.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSpec {
    /// Where it begins.
    pub prefix: OneOrMany,
    /// The characters after the prefix, as ranges and single characters: `"A-Za-z0-9_-"`.
    pub chars: String,
    /// The least number of them.
    pub min: u32,
    /// The greatest number of them; no limit where it's missing.
    #[serde(default)]
    pub max: Option<u32>,
}

/// Options of some programs whose value is secret.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretOption {
    /// The programs.
    pub program: OneOrMany,
    /// The subcommand, where only that one has the option.
    #[serde(default)]
    pub subcommand: Option<OneOrMany>,
    /// The option's spellings, or the operand's number.
    #[serde(default)]
    pub name: Option<OneOrMany>,
    /// An operand (1 is the first, -1 the last) instead of an option; with `name`, where that option is there.
    #[serde(default)]
    pub operand: Option<i32>,
    /// The value may only stand in the option's own word (`mysql -pX`).
    #[serde(default)]
    pub attached: bool,
    /// Only the part after the first occurrence of this is secret (`:` in `user:password`).
    #[serde(default)]
    pub after: Option<String>,
    /// Only the part before the last occurrence of this is secret (`@` in `user:password@host`); all where it is missing.
    #[serde(default)]
    pub before: Option<String>,
    /// Instead of an option: the operand that stands after one of these operands (`nmcli … password X`).
    #[serde(default)]
    pub follows: Option<OneOrMany>,
    /// Every part between `after` and the next occurrence of this; nothing where it is missing (`'` in `BY 'X'`).
    #[serde(default)]
    pub until: Option<String>,
    /// Instead of an option: what stands behind this at the beginning of an argument (`/p:X`).
    #[serde(default)]
    pub prefix: Option<String>,
    /// Instead of an option: the operand that stands after one that is a `key` (`setenv DB_PASSWORD X`).
    #[serde(default)]
    pub names: bool,
    /// The program's input is the secret: what `echo` or `printf` pipe into it, a here-string or heredoc. With `name`, where
    /// that option is there.
    #[serde(default)]
    pub stdin: bool,
    /// With `stdin` and `name`: only where the option has this value (`--passphrase-fd 0`).
    #[serde(default)]
    pub value: Option<String>,
    /// The option takes no value here, whatever its name says: what stands after it is no secret.
    #[serde(default)]
    pub flag: bool,
}

/// A string or a list of strings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OneOrMany(pub Vec<String>);

/// A text in English alone, or in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextSpec(pub Text);

//! Text in, verdict out.

use crate::rule::{Cache, Parts, RuleScratch, RuleSet, Source};
use crate::shell::{self, Analysis, Dialect};
use crate::verdict::VerdictRef;
use crate::{Error, ErrorKind, Level, Result, Verdict};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Facts about who runs the command, for rules that ask; all unknown by default.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Context<'a> {
    /// The shell's grammar.
    pub dialect: Dialect,
    /// The user's login name.
    pub user: Option<&'a str>,
    /// Runs as root.
    pub root: Option<bool>,
    /// The session came in over SSH.
    pub ssh: Option<bool>,
    /// The day, for allow entries that expire; where it is unknown, the day given to the builder counts, and without
    /// that such entries don't hold.
    pub today: Option<Day>,
}

/// A calendar day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

impl Day {
    /// The day `year`-`month`-`day`; `None` where there is no such month or day of a month.
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Day> {
        if year > 9999 || month < 1 || month > 12 || day < 1 || day > 31 {
            return None;
        }
        Some(Day(year as u32 * 10_000 + month as u32 * 100 + day as u32))
    }

    /// The day of an instant (in nanoseconds since the Unix epoch) in the system's time zone; `None` beyond the year 9999.
    pub fn of(time: i64) -> Option<Day> {
        let time = jiff::Timestamp::from_nanosecond(i128::from(time)).ok()?;
        let date = time.to_zoned(crate::zone::zone()).date();
        Day::new(date.year().try_into().ok()?, date.month().unsigned_abs(), date.day().unsigned_abs())
    }

    /// As `yyyymmdd`.
    pub(crate) const fn number(self) -> u32 {
        self.0
    }
}

/// Buffers that are reused from command to command.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) analysis: Analysis,
    pub(crate) rules: RuleScratch,
    pub(crate) secrets: Vec<crate::redact::Secret>,
}

/// Classifies commands; cheap to clone, `Send + Sync`, made once and shared.
///
/// # Example
/// ```
/// use shmon_core::{Classifier, Level};
/// let verdict = Classifier::builtin().classify("sudo rm -rf /srv/data");
/// assert_eq!(verdict.level, Level::Critical);
/// ```
#[derive(Debug, Clone)]
pub struct Classifier {
    rules: Arc<RuleSet>,
}

impl Classifier {
    /// The built-in rules and exclusions.
    pub fn builtin() -> Self {
        Classifier { rules: Arc::new(RuleSet::default()) }
    }

    /// A classifier with rules, levels or exclusions of the user's own.
    pub fn builder() -> ClassifierBuilder {
        ClassifierBuilder::default()
    }

    /// Classifies one command, in bash's grammar and with nothing known about the caller.
    ///
    /// Pure and infallible: no input and no I/O makes it fail, panic or wait.
    pub fn classify(&self, command: impl AsRef<[u8]>) -> Verdict {
        self.classify_with(command.as_ref(), &Context::default(), &mut Scratch::default())
    }

    /// Classifies one command with facts about the caller and reused buffers.
    pub fn classify_with(&self, command: &[u8], context: &Context<'_>, scratch: &mut Scratch) -> Verdict {
        self.classify_into(command, context, scratch).to_verdict()
    }

    /// Classifies one command without allocating: the answer borrows from `scratch`, and findings are made when asked
    /// for.
    pub fn classify_into<'a>(
        &'a self,
        command: &'a [u8],
        context: &Context<'_>,
        scratch: &'a mut Scratch,
    ) -> VerdictRef<'a> {
        let Scratch { analysis, rules, secrets } = scratch;
        shell::analyze(command, context.dialect, analysis);
        let excluded = self.rules.evaluate(command, analysis, context, rules);
        self.rules.secrets(command, analysis, rules, secrets);
        VerdictRef { command, rules: &self.rules, analysis, hits: &rules.hits, secrets, excluded }
    }

    /// The level alone, without building a verdict: the fast path for bulk work.
    pub fn level(&self, command: &[u8], context: &Context<'_>, scratch: &mut Scratch) -> Level {
        let Scratch { analysis, rules, .. } = scratch;
        shell::analyze(command, context.dialect, analysis);
        self.rules.evaluate(command, analysis, context, rules);
        rules.hits.first().map_or(Level::Low, |hit| hit.level)
    }

    /// The rules in force.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }
}

/// Builds a [`Classifier`].
///
/// # Example
/// ```
/// use shmon_core::{Classifier, Level};
/// let rules = r#"
///     [[rule]]
///     id = "mine.deploy"
///     level = "high"
///     title = { en = "Deployment", ja = "配備" }
///     match = { program = "deploy" }
/// "#;
/// let classifier = Classifier::builder()
///     .rules_text("mine.toml", rules)
///     .level("transfer.wget", Level::Medium)
///     .disable("discovery.*")
///     .build()?;
/// assert_eq!(classifier.classify("sudo deploy --now").level, Level::High);
///
/// let error = Classifier::builder().disable("no.such").build().unwrap_err();
/// assert_eq!(error.kind(), shmon_core::ErrorKind::Rule);
/// assert!(error.to_string().contains("no.such"));
/// # Ok::<(), shmon_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ClassifierBuilder {
    files: Vec<PathBuf>,
    sources: Vec<(String, String)>,
    disabled: Vec<String>,
    levels: Vec<(String, Level)>,
    exclude: Option<Vec<String>>,
    no_builtin: bool,
    today: Option<Day>,
    plain: bool,
    cache: Option<Cache>,
}

impl ClassifierBuilder {
    /// Leaves the built-in rules out.
    #[must_use]
    pub fn without_builtin(mut self) -> Self {
        self.no_builtin = true;
        self
    }

    /// Adds a rule file, or every `*.toml` of a folder (in order of name).
    #[must_use]
    pub fn rules_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(path.into());
        self
    }

    /// Adds rules from TOML text; `name` stands for the file in messages.
    #[must_use]
    pub fn rules_text(mut self, name: impl Into<String>, toml: impl Into<String>) -> Self {
        self.sources.push((name.into(), toml.into()));
        self
    }

    /// Switches a rule off by its id, or all rules whose ids begin with what stands before `*`.
    #[must_use]
    pub fn disable(mut self, id: impl Into<String>) -> Self {
        self.disabled.push(id.into());
        self
    }

    /// Gives a rule another level.
    #[must_use]
    pub fn level(mut self, id: impl Into<String>, level: Level) -> Self {
        self.levels.push((id.into(), level));
        self
    }

    /// Replaces the list of excluded programs (names, without folder).
    #[must_use]
    pub fn exclude(mut self, programs: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.exclude = Some(programs.into_iter().map(Into::into).collect());
        self
    }

    /// The day on which allow entries are checked for expiry, unless [`Context::today`] says another.
    #[must_use]
    pub fn today(mut self, today: Day) -> Self {
        self.today = Some(today);
        self
    }

    /// Every rule of the files is asked about every program, with the whole of its condition, which has to find the same: for
    /// tests that compare the two.
    #[doc(hidden)]
    #[must_use]
    pub fn without_shortcuts(mut self) -> Self {
        self.plain = true;
        self
    }

    /// Keeps the compiled form of the rules in a file of this folder and reads it back where it was made of the very
    /// same texts by the very same build; the folder is made (0700) where only it is missing. The file counts only where
    /// it belongs to this process's user and nobody else can write it, and rules are compiled where anything about it is wrong.
    ///
    /// Who can write it decides what the rules find, as with the rule files themselves.
    #[must_use]
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Some(Cache::new(folder.into()));
        self
    }

    /// Compiles the rules.
    ///
    /// # Errors
    /// [`ErrorKind::Rule`] when a file can't be read, a rule is wrong, or an id is unknown; the
    /// message names file, line, rule and key.
    pub fn build(self) -> Result<Classifier> {
        let mut sources = Vec::new();
        for path in &self.files {
            read(path, &mut sources)?;
        }
        sources.extend(self.sources.into_iter().map(|(name, text)| Source { name, text }));
        let rules = RuleSet::build(&Parts {
            builtin: !self.no_builtin,
            sources: &sources,
            disabled: &self.disabled,
            levels: &self.levels,
            exclude: self.exclude.as_deref(),
            today: self.today.map_or(0, Day::number),
            plain: self.plain,
            cache: self.cache.as_ref(),
        })?;
        Ok(Classifier { rules: Arc::new(rules) })
    }
}

/// Reads a file, or the `*.toml` of a folder in order of name.
fn read(path: &Path, sources: &mut Vec<Source>) -> Result<()> {
    let fail = |path: &Path, e: std::io::Error| {
        Error::new(ErrorKind::Rule, "cannot read the rules").at(path).caused_by(e)
    };
    if !path.is_dir() {
        let text = std::fs::read_to_string(path).map_err(|e| fail(path, e))?;
        sources.push(Source { name: path.display().to_string(), text });
        return Ok(());
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|e| fail(path, e))? {
        let file = entry.map_err(|e| fail(path, e))?.path();
        if file.extension().is_some_and(|e| e == "toml") {
            files.push(file);
        }
    }
    files.sort();
    files.iter().try_for_each(|file| read(file, sources))
}

//! The user's rule files: how they become a classifier, and what shows that they changed.

use super::{Config, Home};
use crate::classifier::{ClassifierBuilder, Day};
use crate::{Classifier, Error, ErrorKind, Result};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// The rule files of a home as they stood when somebody looked. Two looks are equal where nothing changed between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleFiles(Vec<(PathBuf, [i64; 4])>);

impl RuleFiles {
    /// Looks at the `*.toml` of `rules.d`, in order of name; nothing where the folder can't be read.
    pub fn look(home: &Home) -> RuleFiles {
        RuleFiles::read(home).unwrap_or_default()
    }

    fn read(home: &Home) -> std::io::Result<RuleFiles> {
        let entries = std::fs::read_dir(home.rules_dir())?.flatten();
        let paths =
            entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "toml"));
        let mut files: Vec<_> = paths
            .map(|path| {
                // What can't be looked at is told when it is read.
                let state = std::fs::metadata(&path).map_or([0; 4], |m| {
                    [m.ino().cast_signed(), m.size().cast_signed(), m.mtime(), m.mtime_nsec()]
                });
                (path, state)
            })
            .collect();
        files.sort();
        Ok(RuleFiles(files))
    }

    /// The files, in order of name.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = &PathBuf> {
        self.0.iter().map(|(path, _)| path)
    }

    /// Whether a file was written within the last second: it may be half written, so look again.
    pub fn is_fresh(&self) -> bool {
        let (seconds, nanos) = self.newest();
        let age = crate::time::now() - seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
        (0..1_000_000_000).contains(&age)
    }

    fn newest(&self) -> (i64, i64) {
        self.0.iter().map(|(_, [_, _, seconds, nanos])| (*seconds, *nanos)).max().unwrap_or_default()
    }

    /// A text that is another one after every change: the key of what is said of this state.
    pub fn mark(&self) -> String {
        let (seconds, nanos) = self.newest();
        format!("{}:{seconds}.{nanos}", self.0.len())
    }
}

impl Config {
    /// The classifier with the built-in rules, the files of `rules.d` and the configured changes. Allow entries are
    /// checked against today unless the caller gives a day.
    ///
    /// # Errors
    /// [`ErrorKind::Rule`] when a rule file is wrong or an id is unknown.
    pub fn classifier(&self, home: &Home) -> Result<Classifier> {
        self.build(home, Classifier::builder())
    }

    /// As [`Config::classifier`], for a process that classifies a command or two: the compiled form of the files is kept in
    /// the home, see [`ClassifierBuilder::cache`]. What goes into the record is classified without it.
    ///
    /// # Errors
    /// As [`Config::classifier`].
    pub fn classifier_at_once(&self, home: &Home) -> Result<Classifier> {
        self.build(home, Classifier::builder().cache(home.cache_dir()))
    }

    fn build(&self, home: &Home, builder: ClassifierBuilder) -> Result<Classifier> {
        match RuleFiles::read(home) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::new(ErrorKind::Rule, "cannot read the rules")
                    .at(home.rules_dir())
                    .caused_by(error))
            }
            Err(_) => self.with_files(builder, []),
            Ok(files) => self.with_files(builder, files.paths()),
        }
    }

    /// As [`Config::classifier`], but what is wrong is left out, and said: a typing error in one file must not switch the
    /// others off.
    pub fn classifier_without_faults(&self, home: &Home) -> (Classifier, Option<Error>) {
        let error = match self.classifier(home) {
            Ok(classifier) => return (classifier, None),
            Err(error) => error,
        };
        let mut good: Vec<PathBuf> = Vec::new();
        for path in RuleFiles::look(home).paths() {
            good.push(path.clone());
            if files(Classifier::builder(), &good).build().is_err() {
                good.pop();
            }
        }
        let rules = self
            .with_files(Classifier::builder(), &good)
            .or_else(|_| files(Classifier::builder(), &good).build());
        (rules.unwrap_or_else(|_| Classifier::builtin()), Some(error))
    }

    fn with_files<'p>(
        &self,
        builder: ClassifierBuilder,
        paths: impl IntoIterator<Item = &'p PathBuf>,
    ) -> Result<Classifier> {
        let mut builder = files(builder, paths);
        for id in &self.rules.disable {
            builder = builder.disable(id);
        }
        for (id, level) in &self.rules.levels {
            builder = builder.level(id, *level);
        }
        if let Some(programs) = &self.exclude.commands {
            builder = builder.exclude(programs);
        }
        builder.build()
    }
}

/// Adds the files, and the day on which their allow entries are checked: the built-in rules ask for none.
fn files<'p>(builder: ClassifierBuilder, paths: impl IntoIterator<Item = &'p PathBuf>) -> ClassifierBuilder {
    let mut paths = paths.into_iter().peekable();
    let day = paths.peek().and_then(|_| Day::of(crate::time::now()));
    let builder = paths.fold(builder, ClassifierBuilder::rules_path);
    match day {
        Some(day) => builder.today(day),
        None => builder,
    }
}

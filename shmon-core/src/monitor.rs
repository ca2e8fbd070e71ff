//! Everything tied together: an event comes in, is classified, stored with its notifications, and logged.

use crate::classifier::{Classifier, Scratch};
use crate::config::{Config, ExcludeMode, Home, RuleFiles, private_folder};
use crate::log::{Lines, LogFile};
use crate::record::{Ending, Event, Record};
use crate::store::{Entry, Pace, Place, Store, StoreOptions, outbox::NewNotification};
use crate::{ErrorKind, Level, Result, time};

/// What capture delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "batches live briefly, and events are their bulk")]
pub enum Incoming {
    /// A command was accepted.
    Event(Event),
    /// A command ended.
    End(Ending),
}

/// What became of one [`Incoming`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Recorded {
    /// The row; `None` for an excluded command that the configuration drops, or an ending without its command.
    pub id: Option<i64>,
    /// The command's level; `Low` for an ending.
    pub level: Level,
    /// The command is noise.
    pub excluded: bool,
    /// The same event was recorded before: nothing was changed, logged or sent.
    pub duplicate: bool,
    /// How many notifications went into the outbox with it.
    pub notifications: usize,
}

/// What was committed, before its log is written.
pub(crate) struct Committed {
    /// In the order of the batch.
    pub(crate) recorded: Vec<Recorded>,
    entries: Vec<Entry>,
    /// Of each entry, its place in the batch.
    kept: Vec<usize>,
}

/// Classifies, stores and logs; delivery is the notification worker's.
pub struct Monitor {
    home: Home,
    config: Config,
    classifier: Classifier,
    /// The rule files that the classifier was made of, or that were found wrong.
    rules: RuleFiles,
    /// What is wrong with them.
    rule_fault: Option<String>,
    scratch: Scratch,
    store: Store,
    log: LogFile,
}

impl Monitor {
    /// Opens the home's database with the given configuration; makes what is missing.
    ///
    /// Rule files that are wrong don't stop the record: they are left out, and the log and [`Monitor::rule_fault`] say so.
    ///
    /// # Errors
    /// What [`Store::open`] says, or [`ErrorKind::Io`] when the folder can't be made.
    pub fn open(home: &Home, config: Config) -> Result<Monitor> {
        let log = LogFile::new(home.log(&config), &config.log);
        let rules = RuleFiles::look(home);
        let (classifier, fault) = config.classifier_without_faults(home);
        let rule_fault = fault.map(|error| error.to_string());
        if let Some(fault) = &rule_fault {
            warn(&log, &format!("rules that are wrong are left out: {fault}"));
        }
        let path = home.database(&config);
        if let Some(folder) = path.parent() {
            private_folder(folder)?;
        }
        let options = StoreOptions::of(&config);
        let store = Store::open(&path, options)?;
        let scratch = Scratch::default();
        Ok(Monitor { home: home.clone(), config, classifier, rules, rule_fault, scratch, store, log })
    }

    /// Reads the rule files again where they changed since they were last read; false where they didn't. A file that was
    /// written within the last second waits for the next call.
    ///
    /// # Errors
    /// [`ErrorKind::Rule`] when they are wrong now: then the rules that were in force stay in force, all of them. The log and
    /// [`Monitor::rule_fault`] say so too, until the files are mended.
    pub fn refresh_rules(&mut self) -> Result<bool> {
        let files = RuleFiles::look(&self.home);
        if files == self.rules || files.is_fresh() {
            return Ok(false);
        }
        self.rules = files;
        match self.config.classifier(&self.home) {
            Ok(classifier) => {
                self.classifier = classifier;
                self.rule_fault = None;
                Ok(true)
            }
            Err(error) => {
                warn(&self.log, &format!("wrong rules, those that were in force stay: {error}"));
                self.rule_fault = Some(error.to_string());
                Err(error)
            }
        }
    }

    /// Takes over the rules of a monitor that goes, where this one found its rule files wrong.
    pub fn keep_rules_of(&mut self, before: &Monitor) {
        if self.rule_fault.is_some() {
            self.classifier = before.classifier.clone();
        }
    }

    /// What is wrong with the rule files, and the key of that state of them: told once, however often it is noticed.
    pub fn rule_fault(&self) -> Option<(String, &str)> {
        self.rule_fault.as_deref().map(|fault| (format!("rules-broken:{}", self.rules.mark()), fault))
    }

    /// Records a batch in one transaction, in order; answers in the same order.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be written: then nothing of the batch was recorded, and it may be
    /// tried again.
    pub fn record(&mut self, batch: &[Incoming]) -> Result<Vec<Recorded>> {
        let committed = self.commit_up_to(batch, &[], Pace::Steady)?;
        self.finish(committed)
    }

    /// The first half of [`Monitor::record`]: when it returns, the batch is committed, and so are the places up to which spools
    /// were read. Who waits for that is told before [`Monitor::finish`], which is the caller's next step.
    pub(crate) fn commit_up_to(
        &mut self,
        batch: &[Incoming],
        places: &[Place],
        pace: Pace,
    ) -> Result<Committed> {
        let mut recorded = Vec::with_capacity(batch.len());
        let mut entries = Vec::with_capacity(batch.len());
        let mut kept = Vec::with_capacity(batch.len());
        for (index, incoming) in batch.iter().enumerate() {
            let (answer, entry) = match incoming {
                Incoming::End(ending) => (Recorded::default(), Some(Entry::End(ending.clone()))),
                Incoming::Event(event) => self.classify(event),
            };
            recorded.push(answer);
            if let Some(entry) = entry {
                kept.push(index);
                entries.push(entry);
            }
        }
        let stored = self.store.commit_up_to(&entries, places, pace)?;
        for (index, stored) in kept.iter().zip(stored) {
            let answer = &mut recorded[*index];
            answer.id = (stored.id != 0).then_some(stored.id);
            answer.duplicate = stored.duplicate;
            if stored.duplicate {
                answer.notifications = 0;
            }
        }
        Ok(Committed { recorded, entries, kept })
    }

    /// The second half of [`Monitor::record`]: the checkpoint, where one is due, and the log.
    pub(crate) fn finish(&mut self, committed: Committed) -> Result<Vec<Recorded>> {
        let Committed { recorded, entries, kept } = committed;
        self.store.checkpoint_after(&entries);
        let mut lines = Lines::new();
        for (index, entry) in kept.into_iter().zip(&entries) {
            let answer = &recorded[index];
            if let (Entry::Command(record, _), Some(id), false) =
                (entry, answer.id, answer.duplicate || answer.excluded)
            {
                let at = record.event.started_at;
                lines.saved(at, id);
                let command = record.verdict.redacted.as_deref().map_or_else(
                    || String::from_utf8_lossy(&record.event.command),
                    std::borrow::Cow::Borrowed,
                );
                lines.monitored(at, &command, record.verdict.level, id);
            }
        }
        match self.log.append(&lines) {
            // The rows are committed: an error here would make the caller record them again.
            Err(error) if error.kind() == ErrorKind::Io => Ok(recorded),
            other => other.map(|()| recorded),
        }
    }

    /// Makes up for what hurried commits left.
    pub(crate) fn catch_up(&mut self) -> Result<()> {
        self.store.catch_up()
    }

    fn classify(&mut self, event: &Event) -> (Recorded, Option<Entry>) {
        let verdict = self.classifier.classify_with(&event.command, &event.context(), &mut self.scratch);
        let mut answer = Recorded { level: verdict.level, excluded: verdict.excluded, ..Recorded::default() };
        if verdict.excluded && self.config.exclude.mode == ExcludeMode::Drop {
            return (answer, None);
        }
        let record = Record::new(event.clone(), verdict);
        let notifications = self.plan(&record);
        answer.notifications = notifications.len();
        (answer, Some(Entry::Command(Box::new(record), notifications)))
    }

    #[cfg(feature = "notify")]
    fn plan(&self, record: &Record) -> Vec<NewNotification> {
        crate::notify::plan(&self.config, record)
    }

    #[cfg(not(feature = "notify"))]
    fn plan(&self, _: &Record) -> Vec<NewNotification> {
        Vec::new()
    }

    /// The home it works in.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The classifier in force.
    pub fn classifier(&self) -> &Classifier {
        &self.classifier
    }

    /// The database.
    pub fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// The log file.
    pub fn log(&self) -> &LogFile {
        &self.log
    }
}

/// The record matters more than a log that can't be written; `shmon doctor` names both.
fn warn(log: &LogFile, message: &str) {
    let mut lines = Lines::new();
    lines.warning(time::now(), message);
    let _ = log.append(&lines);
}

impl Default for Recorded {
    fn default() -> Self {
        Recorded { id: None, level: Level::Low, excluded: false, duplicate: false, notifications: 0 }
    }
}

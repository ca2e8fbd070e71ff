//! Everything tied together: an event comes in, is classified, stored with its notifications, and logged.

use crate::classifier::{Classifier, Scratch};
use crate::config::{Config, ExcludeMode, Home, private_folder};
use crate::log::{Lines, LogFile};
use crate::record::{Ending, Event, Record};
use crate::store::{Entry, Place, Store, StoreOptions, outbox::NewNotification};
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// Classifies, stores and logs; delivery is the notification worker's.
pub struct Monitor {
    home: Home,
    config: Config,
    classifier: Classifier,
    scratch: Scratch,
    store: Store,
    log: LogFile,
}

impl Monitor {
    /// Opens the home's database with the given configuration; makes what is missing.
    ///
    /// Rule files that are wrong don't stop the record: the built-in rules are used, and the log says so.
    ///
    /// # Errors
    /// What [`Store::open`] says, or [`ErrorKind::Io`] when the folder can't be made.
    pub fn open(home: &Home, config: Config) -> Result<Monitor> {
        let log = LogFile::new(home.log(&config), &config.log);
        let classifier = match config.classifier(home) {
            Ok(classifier) => classifier,
            Err(error) => {
                let mut lines = Lines::new();
                lines.warning(
                    time::now(),
                    &format!("rules not loaded, the built-in ones are in force: {error}"),
                );
                // The record matters more than a log that can't be written; `shmon doctor` names both.
                let _ = log.append(&lines);
                Classifier::builtin()
            }
        };
        let path = home.database(&config);
        if let Some(folder) = path.parent() {
            private_folder(folder)?;
        }
        let options = StoreOptions {
            durability: config.store.durability,
            redact: config.redact.store,
            ..StoreOptions::default()
        };
        let store = Store::open(&path, options)?;
        Ok(Monitor { home: home.clone(), config, classifier, scratch: Scratch::default(), store, log })
    }

    /// Records a batch in one transaction, in order; answers in the same order.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be written: then nothing of the batch was recorded, and it may be
    /// tried again.
    pub fn record(&mut self, batch: &[Incoming]) -> Result<Vec<Recorded>> {
        self.record_up_to(batch, &[])
    }

    /// As [`Monitor::record`]; the places up to which spools were read are committed in the same transaction.
    pub(crate) fn record_up_to(&mut self, batch: &[Incoming], places: &[Place]) -> Result<Vec<Recorded>> {
        let mut recorded = Vec::with_capacity(batch.len());
        let mut entries = Vec::with_capacity(batch.len());
        for incoming in batch {
            let (answer, entry) = match incoming {
                Incoming::End(ending) => (Recorded::default(), Some(Entry::End(ending.clone()))),
                Incoming::Event(event) => self.classify(event),
            };
            recorded.push(answer);
            entries.push(entry);
        }
        let kept: Vec<usize> = (0..entries.len()).filter(|&i| entries[i].is_some()).collect();
        let entries: Vec<Entry> = entries.into_iter().flatten().collect();
        let stored = self.store.commit_up_to(&entries, places)?;
        let mut lines = Lines::new();
        for ((index, entry), stored) in kept.into_iter().zip(&entries).zip(stored) {
            let answer = &mut recorded[index];
            answer.id = (stored.id != 0).then_some(stored.id);
            answer.duplicate = stored.duplicate;
            if stored.duplicate {
                answer.notifications = 0;
            } else if let (Entry::Command(record, _), false) = (entry, answer.excluded) {
                let at = record.event.started_at;
                lines.saved(at, stored.id);
                let command = record.verdict.redacted.as_deref().map_or_else(
                    || String::from_utf8_lossy(&record.event.command),
                    std::borrow::Cow::Borrowed,
                );
                lines.monitored(at, &command, record.verdict.level, stored.id);
            }
        }
        match self.log.append(&lines) {
            // The rows are committed: an error here would make the caller record them again.
            Err(error) if error.kind() == ErrorKind::Io => Ok(recorded),
            other => other.map(|()| recorded),
        }
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

impl Default for Recorded {
    fn default() -> Self {
        Recorded { id: None, level: Level::Low, excluded: false, duplicate: false, notifications: 0 }
    }
}

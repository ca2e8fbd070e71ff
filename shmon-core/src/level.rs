//! Risk levels.

use crate::{Error, ErrorKind, Lang};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How dangerous a command is; ordered, `Low < Medium < High < Critical`.
///
/// # Example
/// ```
/// use shmon_core::Level;
/// let level: Level = "HIGH".parse()?;
/// assert!(level > Level::Medium && level.as_str() == "high");
/// # Ok::<(), shmon_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Level {
    /// No rule matched, or only one that is worth a note.
    #[default]
    Low = 0,
    /// Worth a look in a review.
    Medium = 1,
    /// Security or network relevant: people are told.
    High = 2,
    /// Destruction or loss of data: people are told at once.
    Critical = 3,
}

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Level; 4] = [Level::Low, Level::Medium, Level::High, Level::Critical];

    /// The level's name in lower case: `low`, `medium`, `high`, `critical`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
            Level::Critical => "critical",
        }
    }

    /// The level as people read it, in `lang`.
    pub const fn label(self, lang: Lang) -> &'static str {
        match (lang, self) {
            (Lang::En, _) => self.as_str(),
            (Lang::Ja, Level::Low) => "低",
            (Lang::Ja, Level::Medium) => "中",
            (Lang::Ja, Level::High) => "高",
            (Lang::Ja, Level::Critical) => "重大",
        }
    }

    /// The level with this number (0 to 3).
    pub const fn from_u8(n: u8) -> Option<Level> {
        match n {
            0 => Some(Level::Low),
            1 => Some(Level::Medium),
            2 => Some(Level::High),
            3 => Some(Level::Critical),
            _ => None,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Level {
    type Err = Error;

    /// Accepts the names in any case, as the ticket's own database holds both.
    fn from_str(s: &str) -> Result<Self, Error> {
        Level::ALL.into_iter().find(|l| l.as_str().eq_ignore_ascii_case(s)).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, format!("unknown level '{s}': use low, medium, high or critical"))
        })
    }
}

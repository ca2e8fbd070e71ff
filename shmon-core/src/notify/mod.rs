//! Notifications: from the outbox to the sinks.

pub mod sink;

use serde::Deserialize;

/// `[notify]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct NotifyConfig {}

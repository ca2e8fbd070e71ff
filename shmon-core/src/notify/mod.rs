//! Notifications: from the outbox to the sinks.

pub mod sink;

use serde::Deserialize;

/// `[notify]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct NotifyConfig {}

/// Which sinks are to be told of a record, and what; nothing for excluded commands.
pub fn plan(
    config: &crate::config::Config,
    record: &crate::record::Record,
) -> Vec<crate::store::outbox::NewNotification> {
    let _ = (config, record);
    Vec::new()
}

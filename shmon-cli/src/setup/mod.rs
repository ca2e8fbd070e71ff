//! What `shmon init` lays down: the home, the configuration, the shells' start-up files.

pub(crate) mod config_file;
pub(crate) mod files;
pub(crate) mod host;
pub(crate) mod rc;
pub(crate) mod steps;

pub(crate) use steps::Steps;

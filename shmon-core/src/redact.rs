//! Secrets on a command line: found, and replaced in whatever leaves the database.

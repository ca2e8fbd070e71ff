//! The log file: the ticket's lines, one event a line, never forged.

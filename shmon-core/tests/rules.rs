//! Every rule finds its hits and leaves its near misses alone; user rules, changes and exclusions work as described.

mod rules {
    mod examples;
    mod language;
    mod policy;
    mod secrets;
    mod shortcuts;
    mod user;
}

//! ns per command of the whole classification.

fn main() {}

//! Shared parts of the benchmarks: the seeded corpus.

#!/usr/bin/env bash
# Passes every check of the project: format, lints, tests of Rust, Python and C, documentation, benchmarks' short run.
# `./test.sh STEP…` runs only the named steps.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TERM_COLOR=never RUST_BACKTRACE=1

setup() { .ci/setup; }
format() { cargo fmt --all --check && echo "format: fine"; }
lint() { cargo clippy --workspace --all-targets -- -D warnings; }
rust() { cargo test --workspace --exclude shmon-py; }
docs() { RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps; }
python() { shmon-py/test.sh; }
c() { shmon-ffi/test.sh; }
# The README's first command, in an empty home.
install() { shmon-cli/tests/install.sh; }
# Builds every benchmark, runs those that need no terminal and no server for a moment, and compares counted instructions with the
# baseline; `cargo bench -p shmon-benches` measures.
bench() {
  cargo bench -p shmon-benches --no-run
  cargo bench -q -p shmon-benches --bench adversarial --bench classify --bench compile --bench store -- --test
  benches/guard.sh
}

steps=("$@")
((${#steps[@]})) || steps=(setup format lint rust docs python c install bench)
for step in "${steps[@]}"; do
  printf '\n=== %s\n' "$step"
  began=$SECONDS
  "$step"
  printf '=== %s passed in %d s\n' "$step" $((SECONDS - began))
done
printf '\nall steps passed: %s\n' "${steps[*]}"

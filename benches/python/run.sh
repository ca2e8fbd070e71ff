#!/bin/bash
# Builds the wheel as it is published, and runs bench.py against it:  benches/python/run.sh [COMMANDS [THREADS]]
set -euo pipefail
cd "$(dirname "$0")/../.."
count=${1:-200000} threads=${2:-2}
target=${CARGO_TARGET_DIR:-$PWD/target}
cargo build --quiet --release -p shmon-benches --bin faces
SHMON_PROFILE=release shmon-py/build.sh target/wheels/bench >&2
venv=target/venv-bench
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install -q --disable-pip-version-check --force-reinstall target/wheels/bench/shmon-*.whl
"$venv/bin/pip" install -q --disable-pip-version-check --only-binary :all: pyarrow 2>/dev/null || true
file=$(mktemp)
trap 'rm -f "$file"' EXIT
"$target/release/faces" commands "$count" >"$file"
"$venv/bin/python" -I benches/python/bench.py "$target/release/faces" "$file" "$threads"

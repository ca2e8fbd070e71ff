#!/bin/bash
# Builds the module as it is published, and runs bench.py with it:  benches/python/run.sh [COMMANDS [THREADS]]
set -euo pipefail
cd "$(dirname "$0")/../.."
count=${1:-200000} threads=${2:-2} python=${PYTHON:-python3}
target=${CARGO_TARGET_DIR:-$PWD/target}
cargo build --quiet --release -p shmon-benches --bin faces
cargo build --quiet --release -p shmon-py
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r shmon-py/python/shmon "$work/shmon"
cp "$target/release/lib_shmon.so" "$work/shmon/_shmon.abi3.so"
strip "$work/shmon/_shmon.abi3.so"
"$target/release/faces" commands "$count" >"$work/commands"
PYTHONPATH=$work "$python" benches/python/bench.py "$target/release/faces" "$work/commands" "$threads"

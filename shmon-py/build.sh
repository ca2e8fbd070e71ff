#!/bin/bash
# Builds the wheel, with the command line's binary in it: installing it puts `shmon` beside Python's other scripts.
#   shmon-py/build.sh [FOLDER]      default: target/wheels
# SHMON_PYTHON builds for another interpreter than python3, as a free-threaded one needs (it can't load abi3 wheels).
# SHMON_PROFILE chooses cargo's profile (default: dist for the binary, dist-lib for the module, which may not abort).
# Needs maturin (`pip install maturin`); without it, it is put into an environment under target/.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-target/wheels}
profile=${SHMON_PROFILE:-dist}
module_profile=$profile
[ "$profile" != dist ] || module_profile=dist-lib

maturin=$(command -v maturin || true)
if [ -z "$maturin" ]; then
    maturin=target/venv-build/bin/maturin
    [ -x "$maturin" ] || {
        python3 -m venv target/venv-build
        target/venv-build/bin/pip install -q --disable-pip-version-check 'maturin>=1.9.4,<2'
    }
fi

folder=$profile
program=(--package shmon-cli)
if [ "$profile" = dev ]; then
    folder=debug
    # With the features of the workspace's tests: it is the one that ./test.sh has built, and isn't built again.
    program=(--workspace --exclude shmon-py --bin shmon --test explain)
fi
cargo build --quiet "${program[@]}" --profile "$profile"
target=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
# maturin packs `shmon.data` into the wheel (PEP 427); it exists only while it does.
data=shmon-py/shmon.data
trap 'rm -rf "$data"' EXIT
rm -rf "$data" "$out"/shmon-*.whl
mkdir -p "$data/scripts"
install -m 755 "$target/$folder/shmon" "$data/scripts/shmon"
[ "$profile" = dist ] || strip --strip-debug "$data/scripts/shmon"
for_python=()
[ -z "${SHMON_PYTHON:-}" ] || for_python=(--interpreter "$SHMON_PYTHON")
"$maturin" build --quiet "${for_python[@]}" --manifest-path shmon-py/Cargo.toml --profile "$module_profile" --out "$out"
ls -l "$out"/shmon-*.whl

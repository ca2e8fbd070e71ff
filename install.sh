#!/usr/bin/env bash
# Builds shmon, installs it for this user, and sets up the watch. Arguments go to `shmon init`.
set -euo pipefail
cd "$(dirname "$0")"
command -v cargo >/dev/null 2>&1 || { echo "install.sh: cargo is missing: install Rust 1.90 or newer, then run this again" >&2; exit 2; }
command -v cc >/dev/null 2>&1 || { echo "install.sh: a C compiler is missing: 'apt-get install gcc', then run this again" >&2; exit 2; }
prefix=${PREFIX:-$HOME/.local}
target=${CARGO_TARGET_DIR:-target}
cargo build --release --locked -p shmon-cli -p shmon-builtin
# Without the debug information, which only measurements use; copied, since a file that strip has just written starts more slowly.
stripped=$(mktemp -d)
trap 'rm -rf "$stripped"' EXIT
put() {
    strip -o "$stripped/file" "$target/release/$1"
    install -D -m 755 "$stripped/file" "$prefix/$2"
}
put shmon bin/shmon
# The hook loads it into bash where it fits, and does without where it doesn't.
put libshmon_bash.so lib/shmon/libshmon_bash.so
echo "installed $prefix/bin/shmon"
"$prefix/bin/shmon" init "$@"
case ":$PATH:" in
*":$prefix/bin:"*) ;;
*) echo "note: $prefix/bin is not in PATH; the hook works all the same" ;;
esac

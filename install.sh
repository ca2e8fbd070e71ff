#!/usr/bin/env bash
# Builds shmon, installs it for this user, and sets up the watch. Arguments go to `shmon init`.
set -euo pipefail
cd "$(dirname "$0")"
command -v cargo >/dev/null 2>&1 || { echo "install.sh: cargo is missing: install Rust 1.90 or newer, then run this again" >&2; exit 2; }
command -v cc >/dev/null 2>&1 || { echo "install.sh: a C compiler is missing: 'apt-get install gcc', then run this again" >&2; exit 2; }
prefix=${PREFIX:-$HOME/.local}
target=${CARGO_TARGET_DIR:-target}
cargo build --release --locked -p shmon-cli -p shmon-builtin
# -s strips the debug information, which only measurements use.
install -D -s -m 755 "$target/release/shmon" "$prefix/bin/shmon"
# The hook loads it into bash where it fits, and does without where it doesn't.
install -D -s -m 755 "$target/release/libshmon_bash.so" "$prefix/lib/shmon/libshmon_bash.so"
echo "installed $prefix/bin/shmon"
"$prefix/bin/shmon" init "$@"
case ":$PATH:" in
*":$prefix/bin:"*) ;;
*) echo "note: $prefix/bin is not in PATH; the hook works all the same" ;;
esac

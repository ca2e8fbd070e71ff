#!/bin/bash
# What a call from C costs over one from Rust, in instructions, which are the same on a busy machine:
#   benches/c/run.sh [COMMANDS]        fails above 5 %
set -euo pipefail
cd "$(dirname "$0")/../.."
count=${1:-2000}
target=${CARGO_TARGET_DIR:-$PWD/target}
command -v valgrind >/dev/null || { echo "benches/c: skipped: valgrind isn't installed"; exit 0; }
cargo build --quiet --release -p shmon-benches --bin faces
# The profile of both sides.
make --no-print-directory -s -C shmon-ffi PROFILE=release CLASSIFY_ONLY=1 OUT="$target/c-bench"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -O2 -DSHMON_CLASSIFY_ONLY -Ishmon-ffi/include -o "$work/static" benches/c/calls.c "$target/c-bench/libshmon.a" -lpthread -ldl -lm
cc -O2 -DSHMON_CLASSIFY_ONLY -Ishmon-ffi/include -o "$work/shared" benches/c/calls.c -L"$target/c-bench" -lshmon -Wl,-rpath,"$target/c-bench"
"$target/release/faces" commands "$count" >"$work/commands"
instructions() {
    valgrind --tool=callgrind --callgrind-out-file="$work/out" "$@" "$work/commands" >"$work/said" 2>"$work/log" || { cat "$work/log"; exit 2; }
    sed -n 's/^\(summary\|totals\): //p' "$work/out" | head -n 1
}
measure() {
    local load all
    load=$(instructions "$1" load)
    all=$(instructions "$1" classify)
    echo $(((all - load) / count)) "$(cat "$work/said")"
}
read -r rust said <<<"$(measure "$target/release/faces")"
echo "rust           $rust instructions a command"
status=0
for kind in static shared; do
    read -r c answer <<<"$(measure "$work/$kind")"
    [ "$answer" = "$said" ] || { echo "C says $answer, Rust $said: not the same work"; exit 2; }
    echo "C, $kind      $c instructions a command, $(awk -v c="$c" -v r="$rust" 'BEGIN { printf "%+.2f %%", (c / r - 1) * 100 }')"
    [ $((c * 100)) -le $((rust * 105)) ] || { echo "more than 5 % over Rust"; status=1; }
done
exit $status

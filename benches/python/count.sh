#!/bin/bash
# The comparison of run.sh in instructions on one thread, which are the same on a busy machine:
#   benches/python/count.sh [COMMANDS]        needs valgrind
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v valgrind >/dev/null || { echo "benches/python: skipped: valgrind isn't installed"; exit 0; }
. benches/python/module.sh
count=${1:-5000} few=200
"$faces" commands "$count" >"$work/commands"
head -n "$few" "$work/commands" >"$work/few"
"$faces" patterns >"$work/patterns"
for place in word command; do
    "$faces" rules "$place" | "$python" -c 'import json, sys
for line in sys.stdin:
    print(json.loads(line)["pattern"] or "(?!)")' >"$work/rules-$place"
done
instructions() {
    valgrind --tool=callgrind --callgrind-out-file="$work/out" "$@" >/dev/null 2>"$work/log" || { cat "$work/log"; exit 2; }
    sed -n 's/^\(summary\|totals\): //p' "$work/out" | head -n 1
}
# per COMMANDS WITHOUT WITH: both are command lines, of which the second does more
per() {
    local n=$1 without with
    # shellcheck disable=SC2086
    without=$(instructions $2) with=$(instructions $3)
    echo $(((with - without) / n))
}
ours="$("$python" -c 'import sys; print(sys.executable)') -S benches/python/count.py"
rust=$(per "$count" "$faces load $work/commands" "$faces classify $work/commands")
many=$(per "$count" "$ours load $work/commands" "$ours many $work/commands")
objects=$(per "$count" "$ours many $work/commands" "$ours objects $work/commands")
one=$(per "$count" "$ours load $work/commands" "$ours one $work/commands")
list() { per "$few" "$ours compiled $work/few $work/$1" "$ours patterns $work/few $work/$1"; }
patterns=$(list patterns) word=$(list rules-word) command=$(list rules-command)
echo "$count commands, one thread, instructions a command, Python $("$python" -c 'import sys; print(sys.version.split()[0])')"
printf '  %-34s %9s\n' 'Rust, classify_into' "$rust" 'classify_many' "$many" 'and a Verdict with its level' "+$objects" \
    'classify, one by one' "$one" "150 patterns ($few commands)" "$patterns" \
    'the rules as patterns, \bNAME\b' "$word" "the same, at a command's place" "$command"
awk -v r="$rust" -v m="$many" -v p="$patterns" -v w="$word" -v c="$command" 'BEGIN {
    printf "  classify_many does %.1f %% of the Rust library'"'"'s rate by this count; it is %.0f times the 150 patterns,", r / m * 100, p / m
    printf " %.0f and %.0f times the rules as patterns\n", w / m, c / m }'

#!/bin/bash
# Counts the instructions of each stage with callgrind and compares them with baseline.json: more than 5 % above fails.
# And how much code a fresh process touches, which shmon-cli/link/start.ld keeps together.
#   benches/guard.sh            compare
#   benches/guard.sh --update   write the baseline
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v valgrind >/dev/null; then
    echo "guard: skipped: valgrind isn't installed"
    exit 0
fi
# With the command line and the builtin, so that what `install.sh` built is taken and not built again with other features.
cargo build --quiet --release -p shmon-cli -p shmon-builtin -p shmon-benches --bin guard --bin shmon
binary=${CARGO_TARGET_DIR:-target}/release/guard
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
count() {
    valgrind --tool=callgrind --callgrind-out-file="$folder/out" "$binary" "$1" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 2; }
    sed -n 's/^\(summary\|totals\): //p' "$folder/out" | head -n 1
}
nothing=$(count nothing)
declare -A now
for stage in cold analyze classify level compile; do
    now[$stage]=$(($(count "$stage") - nothing))
done
if [ "${1:-}" = --update ]; then
    for stage in cold analyze classify level compile; do
        base=$(sed -n "s/.*\"$stage\": \([0-9]*\).*/\1/p" benches/baseline.json)
        printf '%-10s %12d instructions, were %12s\n' "$stage" "${now[$stage]}" "${base:-unknown}"
    done
    {
        echo '{'
        for stage in cold analyze classify level; do echo "  \"$stage\": ${now[$stage]},"; done
        echo "  \"compile\": ${now[compile]}"
        echo '}'
    } >benches/baseline.json
    exit 0
fi
status=0
for stage in cold analyze classify level compile; do
    base=$(sed -n "s/.*\"$stage\": \([0-9]*\).*/\1/p" benches/baseline.json)
    if [ -z "$base" ]; then
        echo "guard: $stage is not in the baseline: run benches/guard.sh --update"
        status=1
        continue
    fi
    change=$(((now[$stage] - base) * 1000 / base))
    sign=$([ "$change" -lt 0 ] && echo - || echo +)
    note=""
    if [ "$change" -gt 50 ]; then
        note="  MORE THAN 5 % ABOVE THE BASELINE"
        status=1
    fi
    printf '%-10s %12d instructions, baseline %12d, %s%d.%d %%%s\n' "$stage" "${now[$stage]}" "$base" "$sign" $((${change#-} / 10)) $((${change#-} % 10)) "$note"
done
# In pieces of 64 KiB: a page fault brings in one. A linker that leaves the functions where they are is nobody's regression.
most=16
if readelf --sections --wide "${binary%guard}shmon" 2>/dev/null | grep ' \.text\.start ' >/dev/null; then
    valgrind --tool=callgrind --dump-instr=yes --compress-pos=no --callgrind-out-file="$folder/code" \
        "${binary%guard}shmon" classify --format level 'ls -la' >"$folder/log" 2>&1 || { cat "$folder/log"; exit 2; }
    pieces=$(sed -n 's/^0x\([0-9a-f]*\)[0-9a-f]\{4\} .*/\1/p' "$folder/code" | sort -u | wc -l)
    note=""
    if [ "$pieces" -gt "$most" ]; then
        note="  TOO MANY: shmon-cli/link/order.py writes the order anew"
        status=1
    fi
    printf '%-10s %12d pieces of 64 KiB of code, at most %d%s\n' start "$pieces" "$most" "$note"
else
    echo "guard: start: skipped: this linker doesn't order functions"
fi
if [ "$status" -ne 0 ]; then
    echo "guard: where more work is meant (new rules, new grammar), write the new figures: benches/guard.sh --update"
fi
exit $status

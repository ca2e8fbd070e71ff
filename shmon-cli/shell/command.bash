# Records what a bash runs without a prompt: `ssh HOST COMMAND` (read by ~/.bashrc, before it returns for lack of PS1), and with
# BASH_ENV naming this file also `bash -c`, scripts and cron's jobs. Written by `shmon init --ssh`; starts no process but the
# recorder where none runs, and says nothing: what it prints would be read by scp, rsync and git.

# An interactive shell has its hook, and a command that `shmon exec` ran is recorded.
if [[ $- != *i* && ${SHMON_EXEC-} != "$$" ]]; then
  {
    _shmon_home=@HOME@
    if [[ -n ${BASH_EXECUTION_STRING-} ]]; then
      _shmon_text=$BASH_EXECUTION_STRING
    else
      builtin printf -v _shmon_text '%q ' "$0" "$@"
      _shmon_text=${_shmon_text% }
    fi
    if ((BASH_VERSINFO[0] >= 5)); then
      _shmon_t=$EPOCHREALTIME
    else
      builtin printf -v _shmon_t '%(%s)T.%06d' -1 "$RANDOM"
    fi
    _shmon_spool=$_shmon_home/spool/$$-${_shmon_t/[.,]/}.spool
    builtin read -r _shmon_boot </proc/sys/kernel/random/boot_id || _shmon_boot=-
    builtin read -r _shmon_stat </proc/self/stat || _shmon_stat=
    if [[ @SYSTEM@ == yes ]]; then (umask 0117; : >>"$_shmon_spool") || :; fi
    builtin printf '\0%s\0%s\0%s\0/0\0\0%s\0%s\0%s\0/1\0' "s1 0 $_shmon_t" "$PWD" "shell=bash-command
pid=$$
ppid=$PPID
boot=$_shmon_boot
stat=${_shmon_stat##*) }
host=${HOSTNAME-}
ssh=${SSH_CLIENT-}
parent=${SHMON_SESSION-}" "b1 1 $_shmon_t command" "$PWD" "$_shmon_text" >>"$_shmon_spool"
    if [[ @SYSTEM@ != yes && ! -e $_shmon_home/run/awake && -x @SHMON@ ]]; then
      (SHMON_HOME=$_shmon_home @SHMON@ daemon --background </dev/null >/dev/null &)
    fi
  } 2>/dev/null || :
  unset _shmon_home _shmon_text _shmon_t _shmon_spool _shmon_boot _shmon_stat
fi
unset SHMON_EXEC

# shmon's hook for zsh 5.1 and later; no process is started at a prompt.
# Written by `shmon hook zsh`; docs/capture.md tells how it works and what it can't see.
#
# `preexec` is given the line as typed before it runs, `precmd` comes after it, `zshexit` at the end. What is set in
# `preexec_functions` and `precmd_functions` stays; where ours is taken out of them, it is put back and that is recorded.

_shmon_last=$_

# Appends records to the spool; one that can't be written waits in memory for the next. Arguments: header, two fields.
_shmon_put() {
  _shmon_queue+=('' "$1" "${2//$'\0'/}" "${3//$'\0'/}" "/$_shmon_seq")
  if { builtin print -rN -- "${_shmon_queue[@]}" >>|"$_shmon_spool" } 2>/dev/null; then
    _shmon_queue=()
    # Power loss is survived at the price of a process.
    if [[ @DURABILITY@ == full ]]; then command sync -d -- "$_shmon_spool" 2>/dev/null; fi
  else
    if (( $#_shmon_queue > 5000 )); then
      _shmon_queue=("${(@)_shmon_queue[-5000,-1]}")
    fi
    _shmon_tell "commands are not being recorded: can't write $_shmon_spool"
  fi
}

# One line, once: whatever is broken, the prompt comes.
_shmon_tell() {
  if [[ $_shmon_told != *"|$1|"* ]]; then
    _shmon_told+="|$1|"
    builtin print -r -- "shmon: $1" >&2
  fi
}

# What was noticed, as an event of its own. Arguments: kind, detail.
_shmon_note() {
  (( ++_shmon_seq ))
  _shmon_put "n1 $_shmon_seq $EPOCHREALTIME" "$1" "$2"
}

# Starts the recorder where none runs. Only then does a prompt start a process.
_shmon_wake() {
  if [[ -e $_shmon_home/run/awake ]]; then
    # In system mode the recorder is the system's to start, and the process may be hidden.
    if [[ @SYSTEM@ == yes ]]; then
      return
    fi
    if [[ -n $_shmon_rec ]] && builtin kill -0 $_shmon_rec 2>/dev/null; then
      return
    fi
    if { builtin read -r _shmon_rec <$_shmon_home/run/awake && builtin kill -0 $_shmon_rec } 2>/dev/null; then
      return
    fi
  fi
  # A recorder that can't record says why.
  local pid= text=
  if [[ -r $_shmon_home/run/trouble ]] && { builtin read -r pid && builtin read -r text } 2>/dev/null <$_shmon_home/run/trouble; then
    _shmon_tell $text
    if [[ -d /proc/${pid:-0} ]]; then return; fi
  elif [[ @SYSTEM@ == yes ]]; then
    _shmon_tell "no recorder runs: commands wait in $_shmon_spool"
  fi
  if [[ @SYSTEM@ == yes ]]; then return; fi
  _shmon_rec=
  # At most one try in five seconds: a recorder that can't start must not cost every prompt a fork.
  if (( EPOCHREALTIME < _shmon_tried + 5 )); then
    return
  fi
  _shmon_tried=$EPOCHREALTIME
  if [[ ! -x $_shmon_bin ]]; then
    _shmon_tell "$_shmon_bin is missing: commands wait in $_shmon_spool"
    return
  fi
  # The descriptors that this shell holds are not the recorder's to keep open.
  (
    local fd
    for fd in /proc/self/fd/<3->(N:t); do
      exec {fd}>&-
    done
    SHMON_HOME=$_shmon_home $_shmon_bin daemon --background &
  ) </dev/null >/dev/null 2>&1
}

# Ends the open command. Arguments: status, and time where it is known.
_shmon_end() {
  if [[ -n $_shmon_open ]]; then
    local next=$_shmon_seq
    _shmon_seq=$_shmon_open _shmon_open=
    _shmon_put "e1 $_shmon_seq ${2:--} $1 $_shmon_began" '' ''
    _shmon_seq=$next
  fi
}

# Our functions where they belong: before those of others, so that what these do neither delays the record nor counts as the command's time.
_shmon_attach() {
  typeset -ga preexec_functions precmd_functions zshexit_functions zshaddhistory_functions
  preexec_functions=(_shmon_preexec ${preexec_functions:#_shmon_*})
  precmd_functions=(_shmon_precmd ${precmd_functions:#_shmon_*})
  zshexit_functions=(_shmon_exit ${zshexit_functions:#_shmon_*})
  zshaddhistory_functions=(_shmon_check ${zshaddhistory_functions:#_shmon_*})
}

# Before a line goes into the history, and after it ran: whether the hook is still whole. Its status leaves the history alone.
_shmon_check() {
  emulate -L zsh -o no_err_exit -o no_err_return -o no_xtrace -o unset
  local gone=
  # The line before setopt hist_reduce_blanks has changed it.
  if (( $# )); then _shmon_line=${1%$'\n'}; fi
  if (( ! preexec_functions[(I)_shmon_preexec] || ! precmd_functions[(I)_shmon_precmd] )); then
    gone='preexec_functions, precmd_functions'
  elif (( ! $+functions[_shmon_preexec] || ! $+functions[_shmon_precmd] || ! $+functions[_shmon_put] )); then
    gone='the functions of the hook'
  fi
  if [[ -n $gone ]]; then
    if (( ! $+functions[_shmon_put] || ! $+functions[_shmon_preexec] || ! $+functions[_shmon_precmd] )); then
      _shmon_functions=again
      builtin source "$_shmon_home/scripts/hook.zsh" 2>/dev/null
      _shmon_functions=
    fi
    _shmon_attach
    _shmon_note hook-removed $gone
  fi
  if [[ $_shmon_histfile == - ]]; then
    # The first prompt: until then, start-up files may set it.
    _shmon_histfile=${HISTFILE-}
  elif [[ ${HISTFILE-} != $_shmon_histfile ]]; then
    _shmon_note history-file "${_shmon_histfile:-none} -> ${HISTFILE:-none}"
    _shmon_histfile=${HISTFILE-}
  fi
  return 0
}

# A line was accepted. Arguments: as typed (empty without a history), shortened, in full with aliases expanded.
_shmon_preexec() {
  local was=$?
  emulate -L zsh -o no_err_exit -o no_err_return -o no_xtrace -o unset
  # Pasted lines run without a prompt between them.
  _shmon_end $was $EPOCHREALTIME
  local text=${1:-$3}
  if [[ $_shmon_line != $text && ${_shmon_line//[[:space:]]/} == ${text//[[:space:]]/} ]]; then
    text=$_shmon_line
  fi
  (( ++_shmon_seq ))
  _shmon_open=$_shmon_seq _shmon_began=$EPOCHREALTIME
  _shmon_put "b1 $_shmon_seq $_shmon_began preexec" "$PWD" "${text%%$'\n'#}"
  _shmon_wake
}

_shmon_precmd() {
  local was=$?
  emulate -L zsh -o no_err_exit -o no_err_return -o no_xtrace -o unset
  _shmon_end $was $EPOCHREALTIME
  _shmon_check
}

_shmon_exit() {
  local was=$?
  emulate -L zsh -o no_err_exit -o no_err_return -o no_xtrace -o unset
  # A subshell that ends is not the shell.
  if [[ $ZSH_SUBSHELL == 0 ]]; then _shmon_end $was $EPOCHREALTIME; fi
}

_shmon_start() {
  emulate -L zsh -o no_err_exit -o no_err_return -o no_xtrace -o unset
  local boot=- stat=
  zmodload -F zsh/datetime p:EPOCHREALTIME 2>/dev/null || return 0
  typeset -g +x _shmon_bin=@SHMON@ _shmon_home=@HOME@ _shmon_pid=$$ _shmon_told= _shmon_rec= _shmon_open= _shmon_began= _shmon_functions= _shmon_line=
  typeset -gF _shmon_tried=0
  typeset -gi _shmon_seq=0
  typeset -ga _shmon_queue
  _shmon_queue=()
  { builtin read -r boot </proc/sys/kernel/random/boot_id } 2>/dev/null
  { builtin read -r stat </proc/self/stat } 2>/dev/null
  typeset -g +x _shmon_session=$$-${${EPOCHREALTIME/[.,]/}[1,16]} _shmon_histfile=-
  typeset -g +x _shmon_spool=$_shmon_home/spool/$_shmon_session.spool
  if [[ ! -d $_shmon_home/spool ]]; then
    (umask 077; command mkdir -p -- "$_shmon_home/spool") 2>/dev/null
  fi
  # The system's recorder reads the file as a member of its group; others don't.
  if [[ @SYSTEM@ == yes ]]; then (umask 0117; : >>$_shmon_spool) 2>/dev/null; fi
  _shmon_put "s1 0 $EPOCHREALTIME" "$PWD" "shell=zsh $ZSH_VERSION
pid=$$
ppid=$PPID
boot=$boot
stat=${stat##*\) }
host=$HOST
ssh=${SSH_CLIENT-}
parent=${SHMON_SESSION-}"
  typeset -gx SHMON_SESSION=$_shmon_session
  _shmon_wake
  _shmon_attach
}

# Not in scripts, and not twice in one shell (`. ~/.zshrc`).
if [[ -o interactive && ${_shmon_functions-} != again && ${_shmon_pid-} != $$ ]]; then
  _shmon_start
fi
builtin : "$_shmon_last"

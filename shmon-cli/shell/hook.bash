# shmon's hook for bash 4.4 and later; no process is started at a prompt.
# Written by `shmon hook bash`; docs/capture.md tells how it works and what it can't see.
#
# Where the loadable builtin loads, it does everything, and what follows goes away again. Otherwise, in pure shell: a line that was accepted shows in two places before it runs: the command number of the prompt (`\#`) has grown, and
# `history 1` holds its text. A DEBUG trap looks at the first, which costs some microseconds, and reads the second only
# when it changed. What no DEBUG trap sees (`( … )`, a function's definition) is taken at the next prompt.

# Not in scripts, not twice in one shell (`. ~/.bashrc`), not in a bash without ${x@P}.
if [[ $- == *i* && ${_shmon_pid-} != "$$" ]] &&
  ((BASH_VERSINFO[0] > 4 || (BASH_VERSINFO[0] == 4 && BASH_VERSINFO[1] >= 4))); then

# Appends a record to the spool; one that can't be written waits in memory for the next. Arguments: sequence number, header, two
# fields.
_shmon_put() {
  _shmon_queue+=("$2" "$3" "$4" "$1")
  if { builtin printf '\0%s\0%s\0%s\0/%s\0' "${_shmon_queue[@]}" >>"$_shmon_spool"; } 2>/dev/null; then
    _shmon_queue=()
    # Power loss is survived at the price of a process; the loadable builtin does it without one.
    if [[ @DURABILITY@ == full ]]; then command sync -d -- "$_shmon_spool" 2>/dev/null || :; fi
  else
    _shmon_usual=$'\2'
    if ((${#_shmon_queue[@]} > 4000)); then
      _shmon_queue=("${_shmon_queue[@]: -4000}")
    fi
    _shmon_tell "commands are not being recorded: can't write $_shmon_spool"
  fi
}

# One line, once: whatever is broken, the prompt comes.
_shmon_tell() {
  if [[ $_shmon_told != *"|$1|"* ]]; then
    _shmon_told+="|$1|"
    builtin printf 'shmon: %s\n' "$1" >&2
  fi
}

# A restricted shell may not write anywhere.
_shmon_restrict() {
  _shmon_tell 'commands are not being recorded: this shell is restricted, and works with the loadable builtin only'
  _shmon_way=: _shmon_prompt=(: :) _shmon_usual=$'\2'
}

# What was noticed, as an event of its own. Arguments: kind, detail.
_shmon_note() {
  _shmon_now
  _shmon_seq=$((_shmon_seq + 1))
  _shmon_put "$_shmon_seq" "n1 $_shmon_seq $_shmon_t" "$1" "$2"
}

if ((BASH_VERSINFO[0] >= 5)); then
  _shmon_now() { _shmon_t=$EPOCHREALTIME; }
else
  _shmon_now() { builtin printf -v _shmon_t '%(%s)T.000000' -1; }
fi

# Starts the recorder where none runs. Only then does a prompt start a process.
_shmon_wake() {
  if [[ -e $_shmon_run/awake ]]; then
    # In system mode the recorder is the system's to start, and its process may be hidden: `self` stands for it.
    if [[ -d /proc/$_shmon_rec ]]; then
      return 0
    fi
    if { builtin read -r _shmon_rec <"$_shmon_run/awake"; } 2>/dev/null && [[ -n $_shmon_rec && -d /proc/$_shmon_rec ]]; then
      return 0
    fi
  fi
  # A recorder that can't record says why.
  if [[ -r $_shmon_run/trouble ]] && { builtin mapfile -t -n 2 _shmon_x <"$_shmon_run/trouble"; } 2>/dev/null; then
    if [[ -n ${_shmon_x[1]-} ]]; then _shmon_tell "${_shmon_x[1]}"; fi
    if [[ -d /proc/${_shmon_x[0]:-0} ]]; then return 0; fi
  elif [[ @SYSTEM@ == yes ]]; then
    _shmon_tell "no recorder runs: commands wait in $_shmon_spool"
  fi
  if [[ @SYSTEM@ == yes ]]; then return 0; fi
  _shmon_rec=-
  _shmon_now
  # At most one try in five seconds: a recorder that can't start must not cost every prompt a fork.
  if ((${_shmon_t%[.,]*} < _shmon_tried + 5)); then
    return 0
  fi
  _shmon_tried=${_shmon_t%[.,]*}
  if [[ ! -x $_shmon_bin ]]; then
    _shmon_tell "$_shmon_bin is missing: commands wait in $_shmon_spool"
    return 0
  fi
  # The descriptors that this shell holds are not the recorder's to keep open.
  (
    set +efu
    for _shmon_fd in /proc/self/fd/*; do
      _shmon_fd=${_shmon_fd##*/}
      if [[ $_shmon_fd == [0-9]* ]] && ((_shmon_fd > 2)); then
        builtin eval "exec $_shmon_fd>&-"
      fi
    done
    SHMON_HOME=$_shmon_home "$_shmon_bin" daemon --background &
  ) </dev/null >/dev/null 2>&1 || :
}

# Ends the open command. Arguments: status, and time where it is known; without a prompt hook it isn't.
_shmon_end() {
  if [[ -n $_shmon_open ]]; then
    local _shmon_when=${2:--}
    if [[ ${_shmon_pc-} == 0 ]]; then _shmon_when=-; fi
    _shmon_put "$_shmon_open" "e1 $_shmon_open $_shmon_when $1 $_shmon_began" '' ''
    _shmon_open=
  fi
}

# While a line is being read, HISTCONTROL and HISTIGNORE may not hide it from us; before it runs they are as the user
# set them, and what they would have hidden is taken out of the history again.
_shmon_borrow() {
  _shmon_hcu=
  if [[ -n ${HISTCONTROL-} && :$HISTCONTROL: == *:ignore@(space|both):* && ${HISTCONTROL@a} != *r* ]]; then
    _shmon_hc=$HISTCONTROL _shmon_hcu=$HISTCONTROL
    _shmon_hcs=:$HISTCONTROL:
    _shmon_hcs=${_shmon_hcs//:ignorespace:/:}
    _shmon_hcs=${_shmon_hcs//:ignoreboth:/:ignoredups:}
    _shmon_hcs=${_shmon_hcs#:} _shmon_hcs=${_shmon_hcs%:}
    HISTCONTROL=$_shmon_hcs
  fi
  if [[ -n ${HISTIGNORE-} && ${HISTIGNORE@a} != *r* ]]; then
    _shmon_hi=$HISTIGNORE
    HISTIGNORE=
    # For the pattern `&`: the line before, which nobody may have read.
    if _shmon_last; then _shmon_kept=$_shmon_text; fi
  fi
}

# Gives them back. Arguments: number and text of the line, where it stands in the history.
_shmon_return() {
  local _shmon_drop= _shmon_pat _shmon_rest
  _shmon_gone=0
  if [[ -n $_shmon_hc ]]; then
    HISTCONTROL=$_shmon_hc _shmon_hc=
    if [[ ${2-} == ' '* ]]; then _shmon_drop=1; fi
  fi
  if [[ -n $_shmon_hi ]]; then
    HISTIGNORE=$_shmon_hi
    _shmon_hi=
    _shmon_rest=$HISTIGNORE:
    while [[ -n $_shmon_rest ]]; do
      _shmon_pat=${_shmon_rest%%:*} _shmon_rest=${_shmon_rest#*:}
      if [[ $_shmon_pat == '&' ]]; then
        if [[ ${2-} == "$_shmon_kept" ]]; then _shmon_drop=1; fi
      elif [[ ${2-} == $_shmon_pat ]]; then
        _shmon_drop=1
      fi
    done
  fi
  if [[ -n $_shmon_drop && -n ${1-} ]]; then
    builtin history -d "$1" 2>/dev/null || :
    _shmon_gone=1
  else
    _shmon_kept=${2-}
  fi
}

# Reads the newest history entry into _shmon_hn and _shmon_text; false where there is none.
_shmon_last() {
  local HISTTIMEFORMAT= _shmon_x
  _shmon_hn= _shmon_text=
  # Written over, not truncated: ext4 flushes a file that was truncated when it is closed, which takes milliseconds.
  if [[ -w $_shmon_tmp ]]; then
    { builtin history 1 && builtin printf '\0'; } 2>&- 1<>"$_shmon_tmp" &&
      builtin mapfile -d '' -n 1 -t _shmon_x <"$_shmon_tmp" || return 1
  else
    # The file can't be made, or not yet: then at the price of a process.
    { { builtin history 1 && builtin printf '\0'; } 1<>"$_shmon_tmp" &&
      builtin mapfile -d '' -n 1 -t _shmon_x <"$_shmon_tmp"; } 2>/dev/null || _shmon_x=$(builtin history 1)
  fi
  # The number takes five columns or more; behind it `*` or a space, and a space.
  _shmon_hn=${_shmon_x:0:5} _shmon_text=${_shmon_x:7}
  if [[ ${_shmon_x:5:1} == [0-9] ]]; then
    _shmon_hn=${_shmon_x%%[!0-9]*}
    _shmon_text=${_shmon_x:${#_shmon_hn}+2}
  fi
  # Its own end, and that of a heredoc.
  while [[ $_shmon_text == *$'\n' ]]; do _shmon_text=${_shmon_text%$'\n'}; done
  [[ -n $_shmon_text ]]
}

# bash copies a function's whole body at each call, and a redirection costs as much as ten tests. So what runs at every prompt holds
# the usual case alone and hands over everything else. Which of three functions takes the next line is settled at the prompt before
# it: _shmon_quick, _shmon_read or _shmon_any. Their argument is $_, which survives because it is the last one. Their status is 0: under
# `extdebug` another one would keep the user's command from running.

# The first DEBUG trap of a usual line: the history writes the text into the spool by itself, and nobody reads it here. What bash has to
# say of a full disk is not heard, because the hook says it once; closing its standard error for that costs less than opening /dev/null.
_shmon_quick() {
  if [[ -z $_shmon_open && $BASH_COMMAND != @(*_shmon_*|fc*) ]] &&
    ((_shmon_before < (_shmon_before = HISTCMD))); then
    _shmon_began=$EPOCHREALTIME _shmon_at=${_shmon_c@P} _shmon_line=$_shmon_at
    ((_shmon_open = _shmon_seq += 1))
    { builtin printf '\0b1 %s %s list\0%s\0' "$_shmon_open" "$_shmon_began" "$PWD" && builtin history 1 &&
      builtin printf '\0/%s\0' "$_shmon_open"; } 2>&- >>"$_shmon_spool" || _shmon_again
    [[ -e $_shmon_run/awake && -d /proc/$_shmon_rec ]] || _shmon_wake
  else
    _shmon_any
  fi
}

# The same where HISTCONTROL is set aside: whether the text begins with a space decides what stays in the history, and bash has no way to
# ask for it but to print it.
_shmon_read() {
  if [[ -z $_shmon_open && $BASH_COMMAND != @(*_shmon_*|fc*) ]] &&
    builtin history 1 2>&- 1<>"$_shmon_tmp" && builtin read -r -N 8 _shmon_x 2>&- <"$_shmon_tmp" &&
    [[ $_shmon_x == ?????[' *']' '[!' '] ]] && { ((_shmon_before < ${_shmon_x:0:5})) ||
      [[ :$HISTCONTROL: == *:ignoredups:* && -o history && ${_shmon_c@P} != "$_shmon_line" && ${_shmon_x:0:5} -eq _shmon_before ]]; }; then
    # A number in five columns, `*` or a space, a space, and the first letter; of the line before, where the same line is run again.
    if [[ -n $_shmon_hc ]]; then HISTCONTROL=$_shmon_hc _shmon_hc=; fi
    _shmon_before=${_shmon_x:0:5} _shmon_began=$EPOCHREALTIME _shmon_at=${_shmon_c@P} _shmon_line=$_shmon_at
    ((_shmon_open = _shmon_seq += 1))
    { builtin printf '\0b1 %s %s list\0%s\0' "$_shmon_open" "$_shmon_began" "$PWD" && builtin history 1 &&
      builtin printf '\0/%s\0' "$_shmon_open"; } 2>&- >>"$_shmon_spool" || _shmon_again
    [[ -e $_shmon_run/awake && -d /proc/$_shmon_rec ]] || _shmon_wake
  else
    _shmon_any
  fi
}

# Either of them where the history shows times.
_shmon_timed() {
  local HISTTIMEFORMAT=
  "$_shmon_next"
}

# What could not be written is written again, or waits.
_shmon_again() {
  _shmon_usual=$'\2'
  if _shmon_last; then :; fi
  _shmon_put "$_shmon_open" "b1 $_shmon_open $_shmon_began history" "$PWD" "$_shmon_text"
}

# First in PROMPT_COMMAND: our DEBUG trap has set _shmon_d to 1 just before; where it is 0, the trap is gone or another's, and
# _shmon_lost comes first. With an argument it hands on the status that it found. Under `set -T` the trap sets _shmon_s within it too.
_shmon_done() {
  _shmon_e=$?
  # Defined behind another command of the line, it would keep everything here from being written.
  unset -f builtin
  if [[ $- == "$_shmon_flags" && -n $_shmon_open && ${_shmon_c@P} == "$_shmon_at" && -w $_shmon_spool &&
    $HISTFILE@$PROMPT_COMMAND@$HISTCONTROL@$HISTIGNORE@$HISTTIMEFORMAT == "$_shmon_usual" ]]; then
    builtin printf "\0e1 $_shmon_open $EPOCHREALTIME $_shmon_e $_shmon_began\0\0\0/$_shmon_open\0" >>"$_shmon_spool" ||
      _shmon_put "$_shmon_open" "e1 $_shmon_open $EPOCHREALTIME $_shmon_e $_shmon_began" '' ''
    _shmon_open= _shmon_d=0 _shmon_before=$((HISTCMD - 1))
    if [[ -n $_shmon_hcu ]]; then HISTCONTROL=$_shmon_hcs _shmon_hc=$_shmon_hcu; fi
  else
    _shmon_after "$_shmon_e"
  fi
  (($# == 0)) || return "$_shmon_e"
}

# Every other case of a line.
_shmon_any() {
  # Called by the prompt and not by a trap, it is a command of ours.
  local _shmon_no=${_shmon_c@P} _shmon_from=history _shmon_what=$BASH_COMMAND _shmon_was=${2-$_shmon_s}
  # Until the next prompt has looked at everything.
  _shmon_usual=$'\2'
  if [[ $_shmon_what == *_shmon_* ]]; then _shmon_d=1; fi
  # A line that defines a function of this name would be seen by nobody: everything here goes through it.
  unset -f builtin
  if [[ -n $_shmon_first ]]; then
    if [[ $_shmon_no == 1 ]] && ! { [[ -n $_shmon_off && -o history ]] && _shmon_last && ((_shmon_hn > _shmon_before)); }; then
      return 0
    fi
    _shmon_first=
  fi
  if [[ $_shmon_what == *_shmon_* && $_shmon_no == "$_shmon_line" ]]; then
    # The line is over: what follows are the commands of the prompt.
    _shmon_at=$_shmon_no _shmon_mode=
    return 0
  fi
  if [[ $_shmon_no == "$_shmon_line" ]]; then
    case $_shmon_mode in
      simple)
        _shmon_begin "$_shmon_what" debug
        ;;
      fc)
        # `fc` runs lines of its own choice, and puts them into the history in its place.
        if _shmon_last && [[ $_shmon_text != "$_shmon_kept" ]]; then
          _shmon_kept=$_shmon_text
          _shmon_begin "$_shmon_text" history
        fi
        ;;
    esac
    return 0
  fi
  _shmon_now
  # Pasted lines run without a prompt between them.
  _shmon_end "$_shmon_was" "$_shmon_t"
  _shmon_line=$_shmon_no _shmon_at=$_shmon_no _shmon_mode=
  if ! [[ -o history ]] || ! _shmon_last; then
    _shmon_from=debug
    _shmon_return
  elif ((_shmon_hn > _shmon_before)) || [[ :${HISTCONTROL-}: == *:ignoredups:* || :${HISTCONTROL-}: == *:erasedups:* ]]; then
    _shmon_return "$_shmon_hn" "$_shmon_text"
  else
    _shmon_from=debug
    _shmon_return
  fi
  # Where the next of several pasted lines would stand.
  if [[ -n $_shmon_hn ]]; then _shmon_before=$((_shmon_hn - _shmon_gone)); fi
  if [[ $_shmon_from == history ]]; then
    _shmon_begin "$_shmon_text" history
    if [[ $_shmon_what == fc || $_shmon_what == fc[[:space:]]* ]]; then _shmon_mode=fc _shmon_at=; fi
  else
    # Neither the history nor anything else has the line's text: each of its simple commands is recorded.
    _shmon_mode=simple _shmon_at=
    if [[ $_shmon_what == *_shmon_* ]]; then
      _shmon_mode= _shmon_at=$_shmon_no
      _shmon_note unseen 'a line ran that is neither in the history nor visible to a DEBUG trap'
    else
      _shmon_begin "$_shmon_what" debug
    fi
  fi
  _shmon_look
  return 0
}

# What is seldom otherwise than it should be.
_shmon_look() {
  if [[ $_shmon_pc == 1 && "${PROMPT_COMMAND[*]-}" != *_shmon_prompt* ]]; then
    _shmon_note prompt-command "${PROMPT_COMMAND[*]-}"
    _shmon_attach
  fi
  _shmon_wake
}

_shmon_begin() {
  _shmon_end "$_shmon_s" "$_shmon_t"
  _shmon_seq=$((_shmon_seq + 1))
  _shmon_open=$_shmon_seq _shmon_began=$_shmon_t
  _shmon_put "$_shmon_seq" "b1 $_shmon_seq $_shmon_t $2" "$PWD" "$1"
}

# Every other case of _shmon_done. Argument: the status.
_shmon_after() {
  local _shmon_st=$1
  if [[ $- == *r* ]]; then
    _shmon_restrict
    return 0
  fi
  if [[ ${_shmon_c@P} != "$_shmon_line" ]]; then
    _shmon_any '' "$_shmon_st"
  fi
  if [[ -n $_shmon_open ]]; then
    _shmon_now
    _shmon_end "$_shmon_st" "$_shmon_t"
  fi
  _shmon_at=${_shmon_c@P} _shmon_mode=
  if [[ -n $_shmon_first ]]; then _shmon_at=0; fi
  _shmon_d=0
  # Until the first prompt, start-up files may set it.
  if [[ -n $_shmon_off && ${HISTFILE-} != "$_shmon_hf" ]]; then
    _shmon_note history-file "${_shmon_hf:-none} -> ${HISTFILE:-none}"
  fi
  _shmon_hf=${HISTFILE-}
  _shmon_settle
  _shmon_borrow
  # What `\!` says outside of a prompt differs by one between versions.
  if [[ -z $_shmon_off ]]; then
    if _shmon_last; then :; fi
    _shmon_off=$((${_shmon_n@P} - ${_shmon_hn:-0}))
  fi
  _shmon_before=$((${_shmon_n@P} - _shmon_off))
  # Whether the next prompts may take the quick way: as long as all this stays as it is. Not under `set -u`: its tests name variables
  # that may be unset. HISTCMD is the number that the next line will have, and while that line runs, its number.
  _shmon_way=_shmon_any _shmon_next=_shmon_quick _shmon_usual=$'\2'
  if [[ -z $_shmon_slow$_shmon_hi$_shmon_first && -o history && $- != *u* ]] &&
    ((${#_shmon_queue[@]} == 0 && HISTCMD == _shmon_before + 1)); then
    _shmon_flags=$-
    if [[ -n $_shmon_hcu ]]; then _shmon_next=_shmon_read; fi
    _shmon_usual="${HISTFILE-}@${PROMPT_COMMAND-}@${_shmon_hcu:-${HISTCONTROL-}}@${HISTIGNORE-}@${HISTTIMEFORMAT-}"
    _shmon_way=$_shmon_next
    if [[ -n ${HISTTIMEFORMAT-} ]]; then _shmon_way=_shmon_timed; fi
  fi
}

# Puts our DEBUG trap before the user's own. Traced, because an untraced function is shown no DEBUG trap.
_shmon_lost() {
  local _shmon_st=$?
  _shmon_adopt
  _shmon_after "$_shmon_st"
  (($# == 0)) || return "$_shmon_st"
}

# What a user's trap has to say of our own commands is not shown.
_shmon_adopt() {
  local _shmon_x _shmon_user= _shmon_trap
  { trap -p DEBUG >|"$_shmon_tmp" && builtin mapfile -d '' -t _shmon_x <"$_shmon_tmp"; } 2>/dev/null || return 0
  _shmon_trap='((_shmon_s=$?,_shmon_d=${_shmon_c@P}==_shmon_at)) || "$_shmon_way" "$_"'
  if [[ ${_shmon_x-} == *_shmon_way* ]]; then
    return 0
  fi
  if [[ ${_shmon_x-} == 'trap -- '* ]]; then
    _shmon_x=${_shmon_x#trap -- }
    builtin eval "_shmon_user=${_shmon_x% DEBUG*}"
  fi
  # In posix mode a trap that isn't set is shown as `-`.
  if [[ -n $_shmon_user && $_shmon_user != - ]]; then
    _shmon_trap+=$'\nif [[ $BASH_COMMAND != *_shmon_* && ${FUNCNAME-} != _shmon_* ]]; then\n_shmon_back "$_shmon_s" "$_"\n'$_shmon_user$'\nfi'
  fi
  # Once each: some set theirs again at every prompt.
  if [[ $_shmon_adopted == 1 && $_shmon_told != *"|trap $_shmon_user|"* ]]; then
    _shmon_told+="|trap $_shmon_user|"
    _shmon_note debug-trap "$_shmon_user"
  fi
  _shmon_adopted=1
  trap -- "$_shmon_trap" DEBUG
  return 0
} >/dev/null 2>&1

# The user's own trap finds $? and $_ as they were. Arguments: the status, and $_.
_shmon_back() {
  if [[ $- == *e* ]]; then return 0; fi
  return "$1"
}

_shmon_attach() {
  if ! [[ -v PROMPT_COMMAND ]]; then PROMPT_COMMAND=; fi
  if [[ ${PROMPT_COMMAND@a} == *r* ]]; then
    # Without a prompt hook: the trap alone, and a command ends when the next begins, at a time nobody knows.
    _shmon_pc=0 _shmon_slow=1
    trap -- '((_shmon_s=$?,_shmon_d=${_shmon_c@P}==_shmon_at)) || "$_shmon_way" "$_"' DEBUG
  elif [[ ${PROMPT_COMMAND@a} == *a* ]]; then
    _shmon_pc=1
    PROMPT_COMMAND=("$_shmon_alone" ${PROMPT_COMMAND[@]+"${PROMPT_COMMAND[@]}"})
  else
    _shmon_pc=1
    PROMPT_COMMAND=$_shmon_alone${PROMPT_COMMAND:+; $PROMPT_COMMAND}
    _shmon_settle
  fi
}

# Where other commands stand beside ours in one string, ours becomes a list: in it a status that isn't 0 sets off neither
# `set -e` nor an ERR trap, and what follows finds $? and $_ as they were. By itself it needs none of that: bash puts both back.
# It goes first, because many of the others (zoxide, say) leave another status behind, and take time that isn't the command's.
_shmon_settle() {
  local _shmon_left _shmon_right _shmon_x
  if [[ $_shmon_pc != 1 ]]; then return 0; fi
  if [[ ${PROMPT_COMMAND@a} == *a* ]]; then
    if [[ ${PROMPT_COMMAND[0]-} != "$_shmon_alone" && " ${PROMPT_COMMAND[*]-} " == *" $_shmon_alone "* ]]; then
      for _shmon_x in "${!PROMPT_COMMAND[@]}"; do
        if [[ ${PROMPT_COMMAND[_shmon_x]} == "$_shmon_alone" ]]; then unset -v "PROMPT_COMMAND[$_shmon_x]"; fi
      done
      PROMPT_COMMAND=("$_shmon_alone" ${PROMPT_COMMAND[@]+"${PROMPT_COMMAND[@]}"})
    fi
    return 0
  fi
  _shmon_set=${PROMPT_COMMAND-}
  for _shmon_x in "$_shmon_alone" "$_shmon_listed"; do
    if [[ $_shmon_set == "$_shmon_alone" || $_shmon_set == "$_shmon_listed"* || $_shmon_set != *"$_shmon_x"* ]]; then continue; fi
    _shmon_left=${_shmon_set%%"$_shmon_x"*} _shmon_right=${_shmon_set#*"$_shmon_x"}
    _shmon_left=${_shmon_left%"${_shmon_left##*[! ]}"} _shmon_right=${_shmon_right#"${_shmon_right%%[! ]*}"}
    if [[ $_shmon_left == ?(*[$';\n']) && $_shmon_right == ?([$';\n']*) ]]; then
      _shmon_right=${_shmon_right#[$';\n']}
      _shmon_set=$_shmon_listed${_shmon_left:+; ${_shmon_left%[$';\n']}}${_shmon_right:+; $_shmon_right}
    else
      # It is part of a command of theirs.
      _shmon_set=${_shmon_set%%"$_shmon_x"*}$_shmon_listed${_shmon_set#*"$_shmon_x"}
    fi
    PROMPT_COMMAND=$_shmon_set
  done
  return 0
}

# Under ble.sh, which takes readline's place and runs lines itself, its own hooks tell what runs.
_shmon_ble_pre() {
  _shmon_now
  _shmon_begin "$1" ble
  _shmon_wake
}

_shmon_ble_post() {
  local _shmon_st=$?
  _shmon_now
  _shmon_end "$_shmon_st" "$_shmon_t"
  return "$_shmon_st"
}

_shmon_start() {
  local _shmon_boot=- _shmon_stat=
  _shmon_bin=@SHMON@
  _shmon_home=@HOME@
  _shmon_run=$_shmon_home/run
  _shmon_c='\#' _shmon_n='\!'
  _shmon_all=(_shmon_put _shmon_tell _shmon_restrict _shmon_note _shmon_now _shmon_wake _shmon_end _shmon_borrow _shmon_return _shmon_last
    _shmon_quick _shmon_read _shmon_timed _shmon_again _shmon_begin _shmon_done _shmon_after _shmon_lost _shmon_adopt _shmon_back
    _shmon_attach _shmon_any _shmon_look _shmon_settle _shmon_ble_pre _shmon_ble_post)
  _shmon_queue=() _shmon_told= _shmon_rec=- _shmon_tried=0 _shmon_t=0 _shmon_s=0 _shmon_e=0 _shmon_d=0
  _shmon_seq=0 _shmon_open= _shmon_line=${_shmon_c@P} _shmon_at=${_shmon_c@P} _shmon_mode= _shmon_before=0 _shmon_off=
  _shmon_prompt=(_shmon_lost _shmon_done)
  _shmon_alone='"${_shmon_prompt[_shmon_d]-:}" || :' _shmon_listed='"${_shmon_prompt[_shmon_d]-:}" "$_" && : "${_shmon_d-}" "$_"'
  _shmon_set= _shmon_hf= _shmon_hcu= _shmon_hcs= _shmon_slow= _shmon_x=()
  _shmon_way=_shmon_any _shmon_next=_shmon_any _shmon_usual=$'\2' _shmon_flags=
  # With PS0, bash 5.3 gives the start-up file and the first line the same number: only the history tells them apart.
  _shmon_first=
  if [[ $_shmon_at == 1 ]]; then _shmon_first=1 _shmon_line=0 _shmon_at=0; fi
  # A process that is always there: in system mode nobody asks whether the recorder is.
  if [[ @SYSTEM@ == yes ]]; then _shmon_rec=self; fi
  if [[ @DURABILITY@ == full ]] || ((BASH_VERSINFO[0] < 5)) || [[ $BASH_VERSION == 5.0* ]]; then _shmon_slow=1; fi
  _shmon_hc= _shmon_hi= _shmon_kept= _shmon_hn= _shmon_text= _shmon_adopted=
  _shmon_now
  { builtin read -r _shmon_boot </proc/sys/kernel/random/boot_id; } 2>/dev/null || :
  { builtin read -r _shmon_stat </proc/self/stat; } 2>/dev/null || :
  _shmon_session=$BASHPID-${_shmon_t/[.,]/}
  # A shell that took this one's place within its clock's step: `exec bash`, in seconds with bash 4.4.
  while [[ -e $_shmon_home/spool/$_shmon_session.spool ]]; do
    _shmon_session=$BASHPID-$((${_shmon_session#*-} + 1))
  done
  _shmon_spool=$_shmon_home/spool/$_shmon_session.spool
  _shmon_tmp=$_shmon_home/spool/$_shmon_session.tmp
  if [[ ! -d $_shmon_home/spool ]]; then
    (umask 077; command mkdir -p -- "$_shmon_home/spool") 2>/dev/null || :
  fi
  # The system's recorder reads the file as a member of its group; others don't.
  if [[ @SYSTEM@ == yes ]]; then (umask 0117; : >>"$_shmon_spool"; umask 0177; : >>"$_shmon_tmp") 2>/dev/null || :; fi
  _shmon_put 0 "s1 0 $_shmon_t" "$PWD" "shell=bash $BASH_VERSION
pid=$BASHPID
ppid=$PPID
boot=$_shmon_boot
stat=${_shmon_stat##*) }
host=${HOSTNAME-}
ssh=${SSH_CLIENT-}
parent=${SHMON_SESSION-}"
  builtin export SHMON_SESSION=$_shmon_session
  _shmon_pid=$$
  if [[ -n ${BLE_VERSION-} ]] && builtin declare -F blehook >/dev/null; then
    _shmon_wake
    blehook PREEXEC!=_shmon_ble_pre PRECMD!=_shmon_ble_post
    return 0
  fi
  if [[ ${SHMON_TIER-} != shell ]]; then
    for _shmon_x in "${_shmon_bin%/*}/libshmon_bash.so" "${_shmon_bin%/*}/../lib/shmon/libshmon_bash.so"; do
      if [[ -f $_shmon_x ]] && { builtin enable -f "$_shmon_x" shmon_hook &&
        shmon_hook "$_shmon_spool" "$_shmon_home" @PROGRAM@ @DURABILITY@ @ACK@; } 2>/dev/null; then
        # What keeps a recorder from running is told by the builtin, at the first command and once.
        [[ @SYSTEM@ == yes || ! -x $_shmon_bin ]] || _shmon_wake
        unset -f "${_shmon_all[@]}"
        unset _shmon_queue _shmon_told _shmon_rec _shmon_tried _shmon_t _shmon_s _shmon_e _shmon_d _shmon_c _shmon_n _shmon_seq \
          _shmon_open _shmon_line _shmon_at _shmon_mode _shmon_before _shmon_off _shmon_hc _shmon_hi _shmon_kept _shmon_hn \
          _shmon_text _shmon_adopted _shmon_prompt _shmon_run _shmon_tmp _shmon_x \
          _shmon_alone _shmon_listed _shmon_set _shmon_hf _shmon_hcu _shmon_hcs _shmon_slow _shmon_first _shmon_way _shmon_next _shmon_usual _shmon_flags _shmon_all
        return 0
      fi
    done
  fi
  _shmon_wake
  if shopt -q restricted_shell; then
    _shmon_restrict
    return 0
  fi
  _shmon_attach
  # Who takes them away or puts others in their place is told so.
  readonly -f "${_shmon_all[@]}" _shmon_start
}

declare -ft _shmon_lost _shmon_adopt
_shmon_start
fi

# shmon's hook for fish 3.1 and later; no process is started at a prompt.
# Written by `shmon hook fish`; docs/capture.md tells how it works and what it can't see.
#
# The events fish_preexec and fish_postexec carry the line as typed, in private mode too. fish has no clock that costs no process: the
# time of the start comes from `date`, and what has passed since from /proc/uptime (10 ms).

# Appends records to the spool; one that can't be written waits in memory for the next. Arguments: sequence number, header, two fields.
function _shmon_put
    set -a _shmon_queue $argv[2..4] /$argv[1]
    # fish itself tells a redirection or a write that fails, whatever is done with standard error: so what can be asked before is asked,
    # and after a failure another process tries.
    set -l written 1
    if test (count $_shmon_queue) -eq 4
        if test -w $_shmon_spool -o ! -e $_shmon_spool -a -d $_shmon_home/spool -a -w $_shmon_home/spool
            builtin printf '\0%s\0%s\0%s\0%s\0' $_shmon_queue >>$_shmon_spool
            set written $status
        end
    else
        builtin printf '\0%s\0%s\0%s\0%s\0' $_shmon_queue | command sh -c 'exec cat >>"$0"' $_shmon_spool 2>/dev/null
        set written $status
    end
    if test $written -eq 0
        set _shmon_queue
        # Power loss is survived at the price of a process.
        if test @DURABILITY@ = full
            command sync -d -- $_shmon_spool 2>/dev/null
        end
    else
        if test (count $_shmon_queue) -gt 4000
            set _shmon_queue $_shmon_queue[-4000..-1]
        end
        _shmon_tell "commands are not being recorded: can't write $_shmon_spool"
    end
end

# One line, once: whatever is broken, the prompt comes.
function _shmon_tell
    if not contains -- $argv[1] $_shmon_told
        set -a _shmon_told $argv[1]
        builtin echo "shmon: $argv[1]" >&2
    end
end

# The time now, into _shmon_t.
function _shmon_now
    set -l up 0
    builtin read up </proc/uptime 2>/dev/null
    set up (builtin string split ' ' -- $up)
    set _shmon_t (builtin math -s 6 -- $_shmon_zero + $up[1])
end

# What was noticed, as an event of its own. Arguments: kind, detail.
function _shmon_note
    _shmon_now
    set _shmon_seq (builtin math $_shmon_seq + 1)
    _shmon_put $_shmon_seq "n1 $_shmon_seq $_shmon_t" "$argv[1]" "$argv[2]"
end

# Starts the recorder where none runs. Only then does a prompt start a process.
function _shmon_wake
    if test -e $_shmon_home/run/awake
        # In system mode the recorder is the system's to start, and the process may be hidden.
        if test @SYSTEM@ = yes
            return 0
        end
        if test -n "$_shmon_rec" -a -d "/proc/$_shmon_rec"
            return 0
        end
        builtin read _shmon_rec <$_shmon_home/run/awake 2>/dev/null
        if test -n "$_shmon_rec" -a -d "/proc/$_shmon_rec"
            return 0
        end
    end
    # A recorder that can't record says why.
    if test -r $_shmon_home/run/trouble
        set -l lines
        while builtin read -l line
            set -a lines $line
        end <$_shmon_home/run/trouble
        if test -n "$lines[2]"
            _shmon_tell $lines[2]
            if test -d "/proc/$lines[1]"
                return 0
            end
        end
    else if test @SYSTEM@ = yes
        _shmon_tell "no recorder runs: commands wait in $_shmon_spool"
    end
    if test @SYSTEM@ = yes
        return 0
    end
    set _shmon_rec
    # At most one try in five seconds: a recorder that can't start must not cost every prompt a process.
    if test (builtin math -s 0 -- $_shmon_t - $_shmon_tried) -lt 5
        return 0
    end
    set _shmon_tried $_shmon_t
    if not test -x $_shmon_bin
        _shmon_tell "$_shmon_bin is missing: commands wait in $_shmon_spool"
        return 0
    end
    # By way of sh, so that no job and no $last_pid of it is left here.
    SHMON_HOME=$_shmon_home command sh -c '"$0" daemon --background &' $_shmon_bin </dev/null >/dev/null 2>&1
    return 0
end

# Ends the open command. Arguments: status, and time.
function _shmon_end
    if test -n "$_shmon_open"
        _shmon_put $_shmon_open "e1 $_shmon_open $argv[2] $argv[1] $_shmon_began" '' ''
        set _shmon_open
    end
end

function _shmon_preexec --on-event fish_preexec
    set -l was $status
    if not builtin string match -qr '\S' -- "$argv[1]"
        return
    end
    _shmon_now
    _shmon_end $was $_shmon_t
    set _shmon_seq (builtin math $_shmon_seq + 1)
    set _shmon_open $_shmon_seq
    set _shmon_began $_shmon_t
    _shmon_put $_shmon_seq "b1 $_shmon_seq $_shmon_t preexec" "$PWD" "$argv[1]"
    if not functions -q _shmon_postexec
        _shmon_again
    end
    _shmon_wake
end

function _shmon_postexec --on-event fish_postexec
    set -l was $status
    _shmon_end $was (builtin math -s 6 -- $_shmon_began + $CMD_DURATION / 1000)
    if not functions -q _shmon_preexec
        _shmon_again
    end
end

function _shmon_exit --on-event fish_exit
    set -l was $status
    if test -n "$_shmon_open"
        _shmon_now
        _shmon_end $was $_shmon_t
    end
end

# The functions as they were.
function _shmon_again
    if test -r $_shmon_home/scripts/hook.fish
        builtin source $_shmon_home/scripts/hook.fish 2>/dev/null
    end
    _shmon_note hook-removed 'the functions of the hook'
end

function _shmon_start
    set -l boot -
    set -l stat
    set -l clock
    set -l best
    # Both clocks at one moment: where the machine was busy with others in between, they are asked again.
    for try in 1 2 3 4 5
        set -l before 0
        set -l after 0
        builtin read before </proc/uptime 2>/dev/null
        set -l day (command date +%s.%N)
        builtin read after </proc/uptime 2>/dev/null
        set before (builtin string split ' ' -- $before)
        set after (builtin string split ' ' -- $after)
        set -l gap (builtin math -s 0 -- "($after[1] - $before[1]) * 100")
        if test -z "$best" -o "$gap" -lt "$best"
            set best $gap
            set clock $day
            set -g _shmon_zero (builtin math -s 6 -- $day - $after[1])
        end
        if test $best -le 1
            break
        end
    end
    set -g _shmon_bin @SHMON@
    set -g _shmon_home @HOME@
    set -g _shmon_t $clock
    set -g _shmon_pid $fish_pid
    set -g _shmon_queue
    set -g _shmon_told
    set -g _shmon_rec
    set -g _shmon_open
    set -g _shmon_began 0
    set -g _shmon_tried 0
    set -g _shmon_seq 0
    builtin read boot </proc/sys/kernel/random/boot_id 2>/dev/null
    builtin read stat </proc/self/stat 2>/dev/null
    set -l session $fish_pid-(builtin string sub -l 16 -- (builtin string replace . '' -- $clock))
    set -g _shmon_spool $_shmon_home/spool/$session.spool
    if not test -d $_shmon_home/spool
        command sh -c 'umask 077; exec mkdir -p -- "$0"' $_shmon_home/spool 2>/dev/null
    end
    # The system's recorder reads the file as a member of its group; others don't.
    if test @SYSTEM@ = yes
        command sh -c 'umask 0117; : >>"$0"' $_shmon_spool 2>/dev/null
    end
    _shmon_put 0 "s1 0 $clock" "$PWD" "shell=fish $version
pid=$fish_pid
boot=$boot
stat="(builtin string replace -r '^.*\) ' '' -- $stat)"
host=$hostname
ssh=$SSH_CLIENT
parent=$SHMON_SESSION"
    set -gx SHMON_SESSION $session
    _shmon_wake
end

# Not in scripts, and not twice in one shell.
if status is-interactive; and test "$_shmon_pid" != $fish_pid
    _shmon_start
end

#!/usr/bin/env python3
"""Records the command that was just run: for PROMPT_COMMAND, or for scripts that call it.

In ~/.bashrc:

    _monitor_hook_function() {
        local status=$?
        ~/monitor/scripts/bash_hook.py --status "$status" -- "$(HISTTIMEFORMAT= history 1)"
        return "$status"
    }
    PROMPT_COMMAND=_monitor_hook_function

The command comes from the arguments (as typed, or the line that `history 1` prints), from the environment variable
SHMON_COMMAND, or from standard input. It is classified, stored in ~/monitor/db/monitor.db, logged, and people are told.

The prompt is sacred: whatever goes wrong is one line on standard error, once per shell, and the exit status is 0.
`shmon hook bash` does the same without Python, a thousand times faster, and sees what `history` doesn't.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from typing import Optional

# `history 1` prints the number, a `*` if the line was changed, and a space: `   18  nmap -sV target.example.com`.
HISTORY_LINE = re.compile(r"\A *(\d+)[ *] (.*)\Z", re.DOTALL)


def shell_key(shell: int, number: str) -> str:
    """The identity of line `number` in the history of process `shell`: Enter alone repeats the last line."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
        with open(f"/proc/{shell}/stat", encoding="utf-8", errors="replace") as file:
            # The start is the 22nd field; the second, the name in parentheses, may hold spaces.
            start = file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
    return f"{boot}:{shell}:{start}:history-{number}"


def read_command(words: list[str]) -> tuple[str, Optional[str]]:
    """The command, and its number where it is a line of `history`."""
    text = " ".join(words) if words else os.environ.get("SHMON_COMMAND", "")
    if not words and not text and not sys.stdin.isatty():
        text = sys.stdin.buffer.read().decode(errors="surrogateescape").rstrip("\n")
    line = HISTORY_LINE.match(text)
    if line:
        return line.group(2), line.group(1)
    return text, None


def start_delivery(home: os.PathLike[str]) -> None:
    """Lets the command line deliver what is in the outbox, without waiting for it."""
    import subprocess

    subprocess.Popen(
        [sys.executable, "-m", "shmon", "notify", "flush", "--quiet"],
        env={**os.environ, "SHMON_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def record(arguments: argparse.Namespace) -> None:
    command, number = read_command(arguments.command)
    if not command.strip():
        return
    import shmon

    client = os.environ.get("SSH_CLIENT", "").split()
    with shmon.Monitor(deliver=False) as monitor:
        recorded = monitor.record(
            command,
            session=arguments.session or os.environ.get("SHMON_SESSION") or str(arguments.shell),
            cwd=arguments.cwd or os.getcwd(),
            exit_status=arguments.status,
            pid=arguments.shell,
            tty=os.ttyname(0) if os.isatty(0) else None,
            ssh_client=" ".join(client[:2]) or None,
            key=shell_key(arguments.shell, number) if number else None,
        )
        if recorded.notifications:
            start_delivery(monitor.home)


def tell_once(shell: int, message: str) -> None:
    """One line on standard error, unless this shell was told already."""
    import tempfile

    marker = os.path.join(tempfile.gettempdir(), f"shmon-hook-{os.getuid()}-{shell}")
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
    except OSError:
        pass
    if sys.stderr is None:  # closed by the caller
        return
    try:
        # A message of several lines is still one line.
        print("shmon: not recorded:", " ".join(message.split()), file=sys.stderr, flush=True)
    except OSError:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description="Record one command: classify, store, log, notify.")
    parser.add_argument("command", nargs="*", help="as typed, or the line that `history 1` prints")
    parser.add_argument("--status", type=int, metavar="N", help="its exit status")
    parser.add_argument("--session", metavar="ID", help="session [default: the shell's process id]")
    parser.add_argument("--cwd", metavar="DIR", help="folder in which it was typed [default: this one]")
    parser.add_argument("--shell", type=int, default=os.getppid(), metavar="PID", help="the shell [default: parent]")
    shell = os.getppid()
    try:
        arguments = parser.parse_args()
        shell = arguments.shell
        record(arguments)
    except ImportError as error:
        tell_once(shell, f"{error} (install it: pip install shmon)")
    except SystemExit as stop:
        # A wrong option or --help; argparse has said it.
        if stop.code:
            tell_once(shell, "wrong arguments")
    except KeyboardInterrupt:
        pass
    except BaseException as error:
        tell_once(shell, f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
    # Not `sys.exit`: at exit Python would complain about a standard error that can't be flushed.
    os._exit(0)

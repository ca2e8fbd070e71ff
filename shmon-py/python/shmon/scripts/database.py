#!/usr/bin/env python3
"""The record of commands, for scripts: saving, reading, statistics, searching.

    import database

    database.save_command("nmap -sV target.example.com", session_id="s1", working_directory="/home/u")
    for row in database.get_recent_commands(10):
        print(row["id"], row["risk_level"], row["command"], row["created_at"])

The database is ~/monitor/db/monitor.db (SHMON_HOME names another folder than ~/monitor). One that the old system made,
with its nine columns, is brought up to date at the first use; ids and rows stay.

Rows are dictionaries with the columns of `command_logs`. From a shell: `database.py recent|stats|risk|session|search`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Optional, Union

try:
    import shmon
except ImportError as missing:
    if __name__ != "__main__":
        raise
    print(f"database.py: {missing} (install it: pip install shmon)", file=sys.stderr)
    raise SystemExit(2) from None

Row = dict[str, Any]


def _row(row: shmon.Row) -> Row:
    """The ticket's nine columns in their order, then what else is known."""
    return {
        "id": row.id,
        "session_id": row.session_id,
        "command": row.command,
        "command_hash": row.command_hash,
        "working_directory": row.working_directory,
        "execution_time": row.execution_time,
        "risk_level": str(row.level),
        "is_sensitive": int(row.sensitive),
        "created_at": row.created_at,
        "exit_status": row.exit_status,
        "duration": row.duration,
        "user": row.user,
        "host": row.host,
        "rules": row.rules,
    }


def _rows(rows: Iterable[shmon.Row]) -> list[Row]:
    return [_row(row) for row in rows]


def save_command(
    command: Union[str, bytes],
    session_id: Optional[str] = None,
    working_directory: Optional[str] = None,
    risk_level: Optional[str] = None,
    is_sensitive: Optional[int] = None,
    execution_time: Optional[str] = None,
    exit_status: Optional[int] = None,
) -> Optional[int]:
    """Classifies and stores one command, logs it and tells people; answers its id.

    `risk_level` and `is_sensitive` are accepted from callers of the old system, which rated commands themselves; the
    rules decide now. `execution_time` is local, `YYYY-MM-DD HH:MM:SS`; without it, now.
    """
    del risk_level, is_sensitive
    with shmon.Monitor() as monitor:
        recorded = monitor.record(
            command, session=session_id, cwd=working_directory, time=execution_time, exit_status=exit_status
        )
    return recorded.id


def get_recent_commands(limit: int = 10) -> list[Row]:
    """The last rows, newest first."""
    return _rows(shmon.Store().query(limit=limit))


def get_commands_by_risk(risk_level: Union[str, shmon.Level], limit: int = 100) -> list[Row]:
    """The last rows of this level, newest first; the level's name may be in any case."""
    return _rows(shmon.Store().query(level=risk_level, limit=limit))


def get_session_history(session_id: str, limit: Optional[int] = None) -> list[Row]:
    """The rows of one session, oldest first."""
    return _rows(shmon.Store().query(session=session_id, order="oldest", limit=limit))


def search_commands(text: str, limit: int = 100) -> list[Row]:
    """The last rows whose command contains `text`, in any case, newest first."""
    return _rows(shmon.Store().search(text, limit=limit))


def get_statistics() -> dict[str, Any]:
    """Numbers over all rows: `total_commands`, `risk_levels`, `sensitive`, `by_day`, `by_hour`, `sessions`, `first`, `last`."""
    stats = shmon.Store().stats()
    return {
        "total_commands": stats.total,
        "risk_levels": {count.name: count.count for count in stats.levels},
        "sensitive": sum(count.high for count in stats.levels),
        "by_day": {count.name: count.count for count in stats.days},
        "by_hour": {count.name: count.count for count in stats.hours},
        "sessions": {count.name: count.count for count in stats.sessions},
        "first": stats.first,
        "last": stats.last,
    }


def main() -> None:
    import argparse
    import json

    parser = argparse.ArgumentParser(description="Read the record of commands; prints JSON.")
    commands = parser.add_subparsers(dest="what", required=True)
    recent = commands.add_parser("recent", help="the last commands")
    recent.add_argument("limit", nargs="?", type=int, default=10)
    commands.add_parser("stats", help="numbers over all commands")
    risk = commands.add_parser("risk", help="commands of one level")
    risk.add_argument("level")
    session = commands.add_parser("session", help="commands of one session")
    session.add_argument("id")
    search = commands.add_parser("search", help="commands that contain a text")
    search.add_argument("text")
    arguments = parser.parse_args()
    try:
        if arguments.what == "stats":
            print(json.dumps(get_statistics(), ensure_ascii=False))
            return
        rows = {
            "recent": lambda: get_recent_commands(arguments.limit),
            "risk": lambda: get_commands_by_risk(arguments.level),
            "session": lambda: get_session_history(arguments.id),
            "search": lambda: search_commands(arguments.text),
        }[arguments.what]()
        for row in rows:
            # Escaped: a command's control characters and surrogates reach no terminal.
            print(json.dumps(row))
    except shmon.ShmonError as error:
        print(f"database.py: {error}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()

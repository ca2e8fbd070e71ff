"""``python -m shmon.scripts install [--home DIR]``"""

from __future__ import annotations

import argparse
import sys

from . import install


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m shmon.scripts", description="The drop-in scripts.")
    what = parser.add_subparsers(dest="what", required=True)
    command = what.add_parser("install", help="copy bash_hook.py and database.py into the home's scripts")
    command.add_argument("--home", metavar="DIR", help="home folder [default: $SHMON_HOME or ~/monitor]")
    arguments = parser.parse_args()
    try:
        for path in install(arguments.home):
            print(path)
    except OSError as error:
        print(f"shmon.scripts: {error}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()

"""``python -m shmon``: the command line, whose binary the wheel installs."""

from __future__ import annotations

import os
import sys


def find_shmon() -> str:
    """The path of the ``shmon`` binary: this installation's own, otherwise the one on ``PATH``.

    :raises FileNotFoundError: when there is none.
    """
    import shutil
    import sysconfig

    name = "shmon" + (sysconfig.get_config_var("EXE") or "")
    folders = [sysconfig.get_path("scripts")]
    if sys.version_info >= (3, 10):
        folders.append(sysconfig.get_path("scripts", scheme=sysconfig.get_preferred_scheme("user")))
    else:
        folders.append(sysconfig.get_path("scripts", scheme="posix_user"))
    # `pip install --target DIR` puts scripts into DIR/bin, beside the package's folder.
    folders.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bin"))
    for folder in folders:
        path = os.path.join(folder, name) if folder else ""
        if path and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    path = shutil.which("shmon") or ""
    if path:
        return path
    raise FileNotFoundError(f"shmon: the command line isn't installed (looked in {', '.join(filter(None, folders))} and PATH)")


def main() -> None:
    """Replaces this process with the command line."""
    try:
        binary = find_shmon()
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    sys.stdout.flush()
    os.execv(binary, [binary, *sys.argv[1:]])


if __name__ == "__main__":
    main()

"""Scripts that are ready to run: `bash_hook.py` for PROMPT_COMMAND, `database.py` to read the record.

``python -m shmon.scripts install`` copies them into ``~/monitor/scripts``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Optional, Union

NAMES = ("bash_hook.py", "database.py")


def install(home: Optional[Union[str, os.PathLike[str]]] = None) -> list[Path]:
    """Copies the scripts into the ``scripts`` folder of ``home``, over older copies, and answers where they are.

    ``home`` is ``$SHMON_HOME`` or ``~/monitor`` where it isn't given. The copies run under this Python, which has the
    module, and keep doing so after ``python3`` became another one.

    :raises OSError: when they can't be written.
    """
    root = Path(home or os.environ.get("SHMON_HOME") or Path.home() / "monitor")
    folder = root / "scripts"
    for made in (root, folder):
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = []
    for name in NAMES:
        text = Path(__file__).with_name(name).read_text(encoding="utf-8")
        first, rest = text.split("\n", 1)
        # A path with a space can't stand in the first line of a script.
        if first.startswith("#!") and sys.executable and " " not in sys.executable:
            first = f"#!{sys.executable}"
        path = folder / name
        fresh = folder / f".{name}.{os.getpid()}"
        # Written beside and renamed: a prompt may be running the old one.
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "w", encoding="utf-8") as file:
            file.write(f"{first}\n{rest}")
        os.replace(fresh, path)
        written.append(path)
    return written

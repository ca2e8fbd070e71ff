"""Classify shell commands by risk, keep a record of them, and tell people at once.

>>> import shmon
>>> verdict = shmon.classify("rm -rf /srv/data")
>>> verdict.level
<Level.CRITICAL: 3>
>>> verdict.level >= shmon.Level.HIGH
True
"""

from ._shmon import (
    Classifier,
    Count,
    Finding,
    Invocation,
    Monitor,
    Recorded,
    Row,
    Rows,
    Stats,
    Store,
    Unresolved,
    Verdict,
    Verdicts,
    __version__,
    classify,
    classify_many,
)
from ._types import (
    ConfigError,
    CorruptError,
    FileError,
    FullError,
    InvalidError,
    Level,
    LockedError,
    NewerVersionError,
    NotifyError,
    OldVersionError,
    ReadOnlyError,
    RuleError,
    ShmonError,
    StoreError,
)

__all__ = [
    "Classifier",
    "ConfigError",
    "CorruptError",
    "Count",
    "FileError",
    "Finding",
    "InvalidError",
    "FullError",
    "Invocation",
    "Level",
    "LockedError",
    "Monitor",
    "NewerVersionError",
    "NotifyError",
    "OldVersionError",
    "ReadOnlyError",
    "Recorded",
    "Row",
    "Rows",
    "RuleError",
    "ShmonError",
    "Stats",
    "Store",
    "StoreError",
    "Unresolved",
    "Verdict",
    "Verdicts",
    "__version__",
    "classify",
    "classify_many",
]

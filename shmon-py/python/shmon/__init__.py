"""Classify shell commands by risk, keep a record of them, and tell people at once.

>>> import shmon
>>> verdict = shmon.classify("rm -rf /srv/data")
>>> verdict.level
<Level.CRITICAL: 3>
>>> verdict.level >= shmon.Level.HIGH
True
"""

from collections.abc import Sequence as _Sequence

from ._shmon import (
    ArrowBatch,
    ArrowTable,
    Classifier,
    Count,
    Finding,
    Invocation,
    Lines,
    Monitor,
    Problem,
    Recorded,
    Report,
    Row,
    Rows,
    Session,
    Sessions,
    Stats,
    Store,
    Unresolved,
    Verdict,
    Verdicts,
    __version__,
    classify,
    classify_arrow,
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

# Sequences of one's own are known to `isinstance` and to `match`.
_Sequence.register(Verdicts)

__all__ = [
    "ArrowBatch",
    "ArrowTable",
    "Classifier",
    "ConfigError",
    "CorruptError",
    "Count",
    "FileError",
    "Finding",
    "FullError",
    "InvalidError",
    "Invocation",
    "Level",
    "Lines",
    "LockedError",
    "Monitor",
    "NewerVersionError",
    "NotifyError",
    "OldVersionError",
    "Problem",
    "ReadOnlyError",
    "Recorded",
    "Report",
    "Row",
    "Rows",
    "RuleError",
    "Session",
    "Sessions",
    "ShmonError",
    "Stats",
    "Store",
    "StoreError",
    "Unresolved",
    "Verdict",
    "Verdicts",
    "__version__",
    "classify",
    "classify_arrow",
    "classify_many",
]

"""Classify shell commands by risk, keep a record of them, and tell people at once.

>>> import shmon
>>> verdict = shmon.classify("sudo rm -rf /srv/data")
>>> verdict.level
<Level.CRITICAL: 3>
>>> verdict.level >= shmon.Level.HIGH
True
"""

from ._shmon import (
    Classifier,
    Finding,
    Invocation,
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
    InvalidError,
    Level,
    NewerVersionError,
    NotifyError,
    RuleError,
    ShmonError,
    StoreError,
)

__all__ = [
    "Classifier",
    "ConfigError",
    "CorruptError",
    "FileError",
    "Finding",
    "InvalidError",
    "Invocation",
    "Level",
    "NewerVersionError",
    "NotifyError",
    "RuleError",
    "ShmonError",
    "StoreError",
    "Unresolved",
    "Verdict",
    "Verdicts",
    "__version__",
    "classify",
    "classify_many",
]

"""Types of the native part; `shmon` re-exports what is public."""

from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from typing import Any, Literal, Optional, Union, final, overload

from ._types import Level

__all__ = [
    "Classifier",
    "Finding",
    "Invocation",
    "Unresolved",
    "Verdict",
    "Verdicts",
    "VerdictsIter",
    "__version__",
    "classify",
    "classify_many",
]

__version__: str

_Command = Union[str, bytes, bytearray, memoryview]
_Dialect = Literal["bash", "sh", "zsh", "fish"]
_Path = Union[str, PathLike[str]]
_Level = Union[Level, int, str]

def classify(
    command: _Command,
    *,
    dialect: _Dialect = "bash",
    user: Optional[str] = None,
    root: Optional[bool] = None,
    ssh: Optional[bool] = None,
) -> Verdict: ...
def classify_many(
    commands: Iterable[_Command],
    *,
    threads: Optional[int] = None,
    dialect: _Dialect = "bash",
    user: Optional[str] = None,
    root: Optional[bool] = None,
    ssh: Optional[bool] = None,
) -> Verdicts: ...
@final
class Classifier:
    def __new__(
        cls,
        rules: Optional[Union[_Path, Iterable[_Path]]] = None,
        *,
        rules_text: Optional[str] = None,
        disable: Optional[Iterable[str]] = None,
        levels: Optional[dict[str, _Level]] = None,
        exclude: Optional[Iterable[str]] = None,
        builtin: bool = True,
    ) -> Classifier: ...
    def classify(
        self,
        command: _Command,
        *,
        dialect: _Dialect = "bash",
        user: Optional[str] = None,
        root: Optional[bool] = None,
        ssh: Optional[bool] = None,
    ) -> Verdict: ...
    def classify_many(
        self,
        commands: Iterable[_Command],
        *,
        threads: Optional[int] = None,
        dialect: _Dialect = "bash",
        user: Optional[str] = None,
        root: Optional[bool] = None,
        ssh: Optional[bool] = None,
    ) -> Verdicts: ...

@final
class Verdict:
    @property
    def command(self) -> str: ...
    @property
    def level(self) -> Level: ...
    @property
    def excluded(self) -> bool: ...
    @property
    def sensitive(self) -> bool: ...
    @property
    def partial(self) -> bool: ...
    @property
    def redacted(self) -> str: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...
    @property
    def invocations(self) -> tuple[Invocation, ...]: ...
    @property
    def unresolved(self) -> tuple[Unresolved, ...]: ...
    def to_dict(self) -> dict[str, Any]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Verdicts(Sequence[Verdict]):
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> Verdict: ...
    @overload
    def __getitem__(self, index: slice, /) -> list[Verdict]: ...
    def __iter__(self) -> Iterator[Verdict]: ...
    def levels(self) -> bytes: ...
    def counts(self) -> dict[Level, int]: ...

@final
class VerdictsIter:
    def __iter__(self) -> VerdictsIter: ...
    def __next__(self) -> Verdict: ...

@final
class Finding:
    __match_args__ = ("rule", "level")
    @property
    def rule(self) -> str: ...
    @property
    def level(self) -> Level: ...
    @property
    def category(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def title_ja(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def reason_ja(self) -> str: ...
    @property
    def attack(self) -> tuple[str, ...]: ...
    @property
    def argv(self) -> tuple[str, ...]: ...
    @property
    def via(self) -> tuple[str, ...]: ...
    @property
    def span(self) -> tuple[int, int]: ...
    def to_dict(self) -> dict[str, Any]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Invocation:
    __match_args__ = ("argv", "via")
    @property
    def argv(self) -> tuple[str, ...]: ...
    @property
    def via(self) -> tuple[str, ...]: ...
    @property
    def span(self) -> tuple[int, int]: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class Unresolved:
    __match_args__ = ("reason", "span")
    @property
    def reason(self) -> str: ...
    @property
    def span(self) -> tuple[int, int]: ...
    def __eq__(self, other: object, /) -> bool: ...

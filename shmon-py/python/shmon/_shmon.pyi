"""Types of the native part; `shmon` re-exports what is public."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Optional, Protocol, Union, final, overload

from typing_extensions import disjoint_base

from ._types import Level

__all__ = [
    "ArrowBatch",
    "ArrowTable",
    "Classifier",
    "Count",
    "Finding",
    "Invocation",
    "Lines",
    "Monitor",
    "Problem",
    "Recorded",
    "Report",
    "Row",
    "Rows",
    "Session",
    "Sessions",
    "Stats",
    "Store",
    "Unresolved",
    "Verdict",
    "Verdicts",
    "VerdictsIter",
    "__version__",
    "_restore",
    "classify",
    "classify_arrow",
    "classify_many",
]

__version__: str

_Command = Union[str, bytes, bytearray, memoryview]
_Dialect = Literal["bash", "sh", "zsh", "fish"]
_Path = Union[str, bytes, PathLike[str], PathLike[bytes]]
_Level = Union[Level, int, str]
_Time = Union[datetime, date, float, str]
_Allow = Union[str, Mapping[str, Any]]

class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]: ...

class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...


def _restore(kind: str, command: bytes, json: bytes) -> Any: ...
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
@overload
def classify_arrow(
    data: _ArrowArray,
    column: str = "command",
    *,
    threads: Optional[int] = None,
    dialect: _Dialect = "bash",
    user: Optional[str] = None,
    root: Optional[bool] = None,
    ssh: Optional[bool] = None,
) -> ArrowBatch: ...
@overload
def classify_arrow(
    data: _ArrowStream,
    column: str = "command",
    *,
    threads: Optional[int] = None,
    dialect: _Dialect = "bash",
    user: Optional[str] = None,
    root: Optional[bool] = None,
    ssh: Optional[bool] = None,
) -> ArrowTable: ...
@final
class Classifier:
    def __new__(
        cls,
        rules: Optional[Union[_Path, Iterable[_Path]]] = None,
        *,
        rules_text: Optional[str] = None,
        disable: Optional[Union[str, Iterable[str]]] = None,
        allow: Optional[Union[_Allow, Iterable[_Allow]]] = None,
        levels: Optional[dict[str, _Level]] = None,
        exclude: Optional[Union[str, Iterable[str]]] = None,
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
    @overload
    def classify_arrow(
        self,
        data: _ArrowArray,
        column: str = "command",
        *,
        threads: Optional[int] = None,
        dialect: _Dialect = "bash",
        user: Optional[str] = None,
        root: Optional[bool] = None,
        ssh: Optional[bool] = None,
    ) -> ArrowBatch: ...
    @overload
    def classify_arrow(
        self,
        data: _ArrowStream,
        column: str = "command",
        *,
        threads: Optional[int] = None,
        dialect: _Dialect = "bash",
        user: Optional[str] = None,
        root: Optional[bool] = None,
        ssh: Optional[bool] = None,
    ) -> ArrowTable: ...

@disjoint_base
class ArrowTable:
    def __arrow_c_schema__(self) -> Any: ...
    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...
    def __len__(self) -> int: ...

@final
class ArrowBatch(ArrowTable):
    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]: ...

@final
class Verdict:
    __match_args__ = ("level", "command")
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
    def __copy__(self) -> Verdict: ...
    def __deepcopy__(self, _memo: Any, /) -> Verdict: ...
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
    def index(self, value: Any, start: int = 0, stop: int = ..., /) -> int: ...
    def count(self, value: Any) -> int: ...
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
    @property
    def count(self) -> int: ...
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
    def __hash__(self) -> int: ...

@final
class Unresolved:
    __match_args__ = ("reason", "span")
    @property
    def reason(self) -> str: ...
    @property
    def span(self) -> tuple[int, int]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Store:
    def __new__(
        cls, path: Optional[_Path] = None, *, home: Optional[_Path] = None, migrate: bool = True
    ) -> Store: ...
    @property
    def path(self) -> Path: ...
    def query(
        self,
        *,
        level: Optional[_Level] = None,
        min_level: Optional[_Level] = None,
        user: Optional[str] = None,
        session: Optional[str] = None,
        host: Optional[str] = None,
        directory: Optional[_Path] = None,
        since: Optional[_Time] = None,
        until: Optional[_Time] = None,
        text: Optional[Union[str, bytes]] = None,
        rule: Optional[str] = None,
        exit_status: Optional[int] = None,
        failed: bool = False,
        hide_excluded: bool = False,
        after_id: Optional[int] = None,
        before_id: Optional[int] = None,
        limit: Optional[int] = None,
        order: Literal["newest", "oldest"] = "newest",
    ) -> Rows: ...
    def search(
        self,
        text: Union[str, bytes],
        *,
        level: Optional[_Level] = None,
        min_level: Optional[_Level] = None,
        user: Optional[str] = None,
        session: Optional[str] = None,
        host: Optional[str] = None,
        directory: Optional[_Path] = None,
        since: Optional[_Time] = None,
        until: Optional[_Time] = None,
        rule: Optional[str] = None,
        exit_status: Optional[int] = None,
        failed: bool = False,
        hide_excluded: bool = False,
        after_id: Optional[int] = None,
        before_id: Optional[int] = None,
        limit: Optional[int] = None,
        order: Literal["newest", "oldest"] = "newest",
    ) -> Rows: ...
    def get(self, id: int) -> Optional[Row]: ...
    def count(
        self,
        *,
        level: Optional[_Level] = None,
        min_level: Optional[_Level] = None,
        user: Optional[str] = None,
        session: Optional[str] = None,
        host: Optional[str] = None,
        directory: Optional[_Path] = None,
        since: Optional[_Time] = None,
        until: Optional[_Time] = None,
        text: Optional[Union[str, bytes]] = None,
        rule: Optional[str] = None,
        exit_status: Optional[int] = None,
        failed: bool = False,
        hide_excluded: bool = False,
        after_id: Optional[int] = None,
        before_id: Optional[int] = None,
        limit: Optional[int] = None,
        order: Literal["newest", "oldest"] = "newest",
    ) -> int: ...
    def stats(
        self,
        *,
        top: int = 10,
        level: Optional[_Level] = None,
        min_level: Optional[_Level] = None,
        user: Optional[str] = None,
        session: Optional[str] = None,
        host: Optional[str] = None,
        directory: Optional[_Path] = None,
        since: Optional[_Time] = None,
        until: Optional[_Time] = None,
        text: Optional[Union[str, bytes]] = None,
        rule: Optional[str] = None,
        exit_status: Optional[int] = None,
        failed: bool = False,
        hide_excluded: bool = False,
        after_id: Optional[int] = None,
        before_id: Optional[int] = None,
        limit: Optional[int] = None,
        order: Literal["newest", "oldest"] = "newest",
    ) -> Stats: ...
    def sessions(
        self,
        *,
        user: Optional[str] = None,
        host: Optional[str] = None,
        tty: Optional[str] = None,
        since: Optional[_Time] = None,
        until: Optional[_Time] = None,
        min_level: Optional[_Level] = None,
        limit: Optional[int] = None,
    ) -> Sessions: ...
    def session(self, id: str) -> Optional[Session]: ...
    def verify(self, anchors: Sequence[str] = ...) -> Report: ...
    def export(
        self,
        *,
        reveal: bool = False,
        level: Optional[_Level] = None,
        min_level: Optional[_Level] = None,
        user: Optional[str] = None,
        session: Optional[str] = None,
        host: Optional[str] = None,
        directory: Optional[_Path] = None,
        since: Optional[_Time] = None,
        until: Optional[_Time] = None,
        text: Optional[Union[str, bytes]] = None,
        rule: Optional[str] = None,
        exit_status: Optional[int] = None,
        failed: bool = False,
        hide_excluded: bool = False,
        after_id: Optional[int] = None,
        before_id: Optional[int] = None,
        limit: Optional[int] = None,
        order: Literal["newest", "oldest"] = "oldest",
    ) -> Lines: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Rows: ...

@final
class Rows:
    def __iter__(self) -> Rows: ...
    def __next__(self) -> Row: ...

@final
class Row:
    @property
    def id(self) -> int: ...
    @property
    def session_id(self) -> str: ...
    @property
    def command(self) -> str: ...
    @property
    def redacted(self) -> str: ...
    @property
    def command_hash(self) -> str: ...
    @property
    def working_directory(self) -> str: ...
    @property
    def execution_time(self) -> str: ...
    @property
    def level(self) -> Level: ...
    @property
    def sensitive(self) -> bool: ...
    @property
    def created_at(self) -> str: ...
    @property
    def time(self) -> datetime: ...
    @property
    def started_at_ns(self) -> int: ...
    @property
    def duration(self) -> Optional[float]: ...
    @property
    def exit_status(self) -> Optional[int]: ...
    @property
    def user(self) -> str: ...
    @property
    def uid(self) -> Optional[int]: ...
    @property
    def host(self) -> str: ...
    @property
    def tty(self) -> Optional[str]: ...
    @property
    def pid(self) -> Optional[int]: ...
    @property
    def ppid(self) -> Optional[int]: ...
    @property
    def shell(self) -> str: ...
    @property
    def ssh_client(self) -> Optional[str]: ...
    @property
    def parent_session(self) -> Optional[str]: ...
    @property
    def excluded(self) -> bool: ...
    @property
    def partial(self) -> bool: ...
    @property
    def rules(self) -> list[str]: ...
    @property
    def identity(self) -> str: ...
    def keys(self) -> list[str]: ...
    def __getitem__(self, key: str, /) -> Any: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Count:
    __match_args__ = ("name", "count", "high")
    @property
    def name(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def high(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Stats:
    @property
    def total(self) -> int: ...
    @property
    def first(self) -> Optional[str]: ...
    @property
    def last(self) -> Optional[str]: ...
    @property
    def levels(self) -> list[Count]: ...
    @property
    def days(self) -> list[Count]: ...
    @property
    def hours(self) -> list[Count]: ...
    @property
    def rules(self) -> list[Count]: ...
    @property
    def sessions(self) -> list[Count]: ...
    @property
    def users(self) -> list[Count]: ...
    @property
    def commands(self) -> list[Count]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Monitor:
    def __new__(cls, home: Optional[_Path] = None, *, deliver: bool = True) -> Monitor: ...
    @property
    def home(self) -> Path: ...
    def record(
        self,
        command: _Command,
        *,
        session: Optional[str] = None,
        cwd: Optional[_Path] = None,
        exit_status: Optional[int] = None,
        time: Optional[_Time] = None,
        duration: Optional[Union[float, timedelta]] = None,
        user: Optional[str] = None,
        uid: Optional[int] = None,
        host: Optional[str] = None,
        tty: Optional[str] = None,
        pid: Optional[int] = None,
        ppid: Optional[int] = None,
        shell: Optional[str] = None,
        ssh_client: Optional[str] = None,
        parent_session: Optional[str] = None,
        key: Optional[str] = None,
    ) -> Recorded: ...
    def record_many(self, commands: Iterable[Union[_Command, Mapping[str, Any]]]) -> list[Recorded]: ...
    def end(
        self,
        key: str,
        *,
        exit_status: Optional[int] = None,
        duration: Optional[Union[float, timedelta]] = None,
    ) -> None: ...
    def deliver(self) -> int: ...
    def close(self) -> None: ...
    def __enter__(self) -> Monitor: ...
    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
        /,
    ) -> None: ...

@final
class Recorded:
    @property
    def id(self) -> Optional[int]: ...
    @property
    def level(self) -> Level: ...
    @property
    def excluded(self) -> bool: ...
    @property
    def duplicate(self) -> bool: ...
    @property
    def notifications(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Lines:
    def __iter__(self) -> Lines: ...
    def __next__(self) -> str: ...

@final
class Sessions:
    def __iter__(self) -> Sessions: ...
    def __next__(self) -> Session: ...

@final
class Session:
    __match_args__ = ("session_id", "user")
    @property
    def session_id(self) -> str: ...
    @property
    def parent_session(self) -> Optional[str]: ...
    @property
    def user(self) -> str: ...
    @property
    def uid(self) -> Optional[int]: ...
    @property
    def host(self) -> str: ...
    @property
    def tty(self) -> Optional[str]: ...
    @property
    def pid(self) -> Optional[int]: ...
    @property
    def shell(self) -> str: ...
    @property
    def ssh_client(self) -> Optional[str]: ...
    @property
    def first_id(self) -> int: ...
    @property
    def last_id(self) -> int: ...
    @property
    def started(self) -> datetime: ...
    @property
    def last(self) -> datetime: ...
    @property
    def commands(self) -> int: ...
    @property
    def counts(self) -> dict[Level, int]: ...
    @property
    def worst(self) -> Level: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Report:
    @property
    def ok(self) -> bool: ...
    @property
    def rows(self) -> int: ...
    @property
    def entries(self) -> int: ...
    @property
    def pruned(self) -> int: ...
    @property
    def checkpoints(self) -> int: ...
    @property
    def anchors(self) -> int: ...
    @property
    def anchored_row(self) -> Optional[int]: ...
    @property
    def unvouched(self) -> int: ...
    @property
    def problems(self) -> list[Problem]: ...
    @property
    def warnings(self) -> list[str]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __bool__(self) -> bool: ...

@final
class Problem:
    __match_args__ = ("row", "message")
    @property
    def row(self) -> Optional[int]: ...
    @property
    def entry(self) -> Optional[int]: ...
    @property
    def message(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

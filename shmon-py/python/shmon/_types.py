"""Levels and errors: the types that Python code compares with and catches."""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    """How dangerous a command is; ordered.

    >>> from shmon import Level
    >>> Level.HIGH < Level.CRITICAL
    True
    >>> str(Level.HIGH)
    'high'
    >>> Level.parse("Critical")
    <Level.CRITICAL: 3>
    """

    LOW = 0
    MEDIUM = 1
    HIGH = 2
    CRITICAL = 3

    def __str__(self) -> str:
        return self.name.lower()

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    @classmethod
    def parse(cls, name: str) -> Level:
        """The level with this name, in any case.

        :raises InvalidError: when there is no such level.
        """
        try:
            return cls[name.upper()]
        except KeyError:
            raise InvalidError(f"unknown level '{name}': use low, medium, high or critical") from None


class ShmonError(Exception):
    """Base of all errors of shmon; ``kind`` names what went wrong, ``path`` the file at fault.

    >>> import shmon
    >>> try:
    ...     shmon.Level.parse("urgent")
    ... except shmon.ShmonError as error:
    ...     print(f"{error.kind}: {error}")
    invalid: unknown level 'urgent': use low, medium, high or critical
    """

    kind: str = "other"
    path: str | None = None


class ConfigError(ShmonError):
    """The configuration can't be read, or a key or value in it isn't allowed."""

    kind = "config"


class RuleError(ShmonError):
    """A rule file can't be read, or a rule in it is wrong."""

    kind = "rule"


class StoreError(ShmonError):
    """The database can't be opened, read or written."""

    kind = "store"


class NewerVersionError(StoreError):
    """The database was made by a newer version of shmon."""

    kind = "newer-version"


class OldVersionError(StoreError):
    """The database was made by an older version of shmon: recording a command brings it up to date."""

    kind = "old-version"


class FullError(StoreError):
    """There is no room left on the device."""

    kind = "full"


class ReadOnlyError(StoreError):
    """The database's file or file system can't be written."""

    kind = "read-only"


class LockedError(StoreError):
    """Another process kept the database for longer than a write waits."""

    kind = "locked"


class CorruptError(StoreError):
    """The file is not a database, or its content is damaged."""

    kind = "corrupt"


class FileError(ShmonError, OSError):
    """A file or folder can't be read or written."""

    kind = "io"


class NotifyError(ShmonError):
    """A notification can't be prepared or delivered."""

    kind = "notify"


class InvalidError(ShmonError, ValueError):
    """An argument is wrong."""

    kind = "invalid"

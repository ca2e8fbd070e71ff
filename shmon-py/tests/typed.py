"""Never run: `mypy --strict` reads it, so that the stubs say what users rely on."""

import copy
from collections.abc import Sequence
from typing import Optional

import shmon


def levels(commands: list[str]) -> list[shmon.Level]:
    verdicts = shmon.classify_many(commands)
    return [verdict.level for verdict in verdicts if verdict.level >= shmon.Level.HIGH]


def first_rule(command: bytes) -> Optional[str]:
    verdict: shmon.Verdict = shmon.classify(command, root=True)
    findings: tuple[shmon.Finding, ...] = verdict.findings
    return findings[0].rule if findings else None


def failing() -> str:
    try:
        shmon.Classifier(rules="x.toml", disable=["a.b"], levels={"a.c": shmon.Level.LOW})
    except shmon.RuleError as error:
        return f"{error.kind} {error.path}"
    return ""


def a_sequence(commands: list[str]) -> Sequence[shmon.Verdict]:
    verdicts = shmon.classify_many(iter(commands), threads=2)
    first: shmon.Verdict = copy.copy(verdicts[0])
    some: list[shmon.Verdict] = verdicts[1:3]
    assert verdicts.index(first) == 0 and verdicts.count(first) > len(some)
    return verdicts


def recorded(command: str) -> list[tuple[int, str]]:
    with shmon.Monitor(deliver=False) as monitor:
        monitor.record(command, session="s1", exit_status=0, duration=1.5)
    store = shmon.Store()
    return [(row.id, row.redacted) for row in store.query(min_level="high", since=0, limit=10)]

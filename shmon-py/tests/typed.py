"""Never run: `mypy --strict` reads it, so that the stubs say what users rely on."""

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

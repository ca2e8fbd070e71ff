#!/usr/bin/env python3
"""How much of labelled attacks `shmon classify` finds, how gravely, and under the right technique.

  attack.py SHMON ROWS.jsonl...                what is found, by source and level
  attack.py --missed LEVEL SHMON ROWS.jsonl... the attacks that stay below a level
  attack.py --redacted SHMON ROWS.jsonl...     every redaction, to be read: on harmless rows each one is a false alarm

A row is a JSON object with `cmd`, `source`, `label` (malicious or other), `attack` (ids of ATT&CK) and perhaps `unit` (only
whole units and sessions count, not the single lines of one). Macro figures are the mean over techniques, so that a technique
with many rows counts no more than one with few. A hit is attributed right where one of its findings names the row's technique,
or a sub-technique or the parent of it.
"""
import argparse
import collections
import json
import subprocess
import sys

LEVELS = ["low", "medium", "high", "critical"]


def rows_of(paths):
    by_source = collections.OrderedDict()
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if row.get("unit", "whole") in ("whole", "session"):
                    by_source.setdefault(row["source"], {}).setdefault(row["cmd"], row)
    return {source: list(rows.values()) for source, rows in by_source.items()}


def classify(shmon, rows):
    data = b"".join(row["cmd"].encode("utf-8", "surrogateescape") + b"\0" for row in rows)
    run = subprocess.run([shmon, "classify", "--format", "jsonl", "--null"], input=data, stdout=subprocess.PIPE, check=True)
    verdicts = [json.loads(line) for line in run.stdout.decode("utf-8", "replace").splitlines()]
    if len(verdicts) != len(rows):
        sys.exit(f"{len(rows)} commands in, {len(verdicts)} verdicts out")
    return verdicts


def technique(name):
    return name.split(".")[0]


def share(hits):
    return 100 * sum(hits) / len(hits) if hits else float("nan")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--missed", choices=LEVELS[1:], metavar="LEVEL")
    parser.add_argument("--redacted", action="store_true")
    parser.add_argument("shmon")
    parser.add_argument("rows", nargs="+")
    args = parser.parse_args()
    header = ("source", "rows", "techn", "high", "macro", "medium", "macro", "right")
    if not args.missed and not args.redacted:
        print("%-12s %6s %5s | %6s %6s | %6s %6s | %6s" % header)
    for source, rows in rows_of(args.rows).items():
        verdicts = classify(args.shmon, rows)
        if args.redacted:
            for row, verdict in zip(rows, verdicts):
                redacted = verdict.get("redacted")
                if redacted is not None and redacted != row["cmd"]:
                    print("%s\t%s\n\t%s" % (source, json.dumps(row["cmd"]), json.dumps(redacted)))
            continue
        attacks = [(r, v) for r, v in zip(rows, verdicts) if r.get("label") == "malicious"]
        if args.missed:
            for row, verdict in attacks:
                if LEVELS.index(verdict["level"]) < LEVELS.index(args.missed):
                    print("%s\t%s\t%s\t%s" % (source, verdict["level"], ",".join(row.get("attack") or []), json.dumps(row["cmd"])))
            continue
        if not attacks:
            alerts = [LEVELS.index(v["level"]) >= 2 for v in verdicts]
            print("%-12s %6d   -   | %5.2f%% of the rows alert" % (source, len(rows), share(alerts)))
            continue
        hit = {"high": [], "medium": []}
        by_technique = {"high": collections.defaultdict(list), "medium": collections.defaultdict(list)}
        right = []
        for row, verdict in attacks:
            rank = LEVELS.index(verdict["level"])
            wanted = {technique(t) for t in row.get("attack") or []}
            for level in hit:
                found = rank >= LEVELS.index(level)
                hit[level].append(found)
                for t in wanted or {"-"}:
                    by_technique[level][t].append(found)
            if rank >= 1 and wanted:
                right.append(any(technique(t) in wanted for f in verdict["findings"] for t in f["attack"]))
        macro = {level: share([sum(v) / len(v) for v in by.values()]) for level, by in by_technique.items()}
        print(
            "%-12s %6d %5d | %6.2f %6.2f | %6.2f %6.2f | %6.2f"
            % (source, len(attacks), len(by_technique["high"]), share(hit["high"]), macro["high"], share(hit["medium"]), macro["medium"], share(right))
        )


main()

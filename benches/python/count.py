"""What count.sh counts: the same commands by each way, on one thread.  count.py WAY FILE [PATTERNS]"""

import re
import sys

import shmon


def main(way, file, patterns):
    with open(file, encoding="utf-8") as lines:
        commands = lines.read().splitlines()
    shmon.classify("ls")
    if way == "many":
        shmon.classify_many(commands, threads=1)
    elif way == "objects":
        for verdict in shmon.classify_many(commands, threads=1):
            verdict.level
    elif way == "one":
        for command in commands:
            shmon.classify(command).level
    elif way in ("compiled", "patterns"):
        with open(patterns, encoding="utf-8") as lines:
            compiled = [re.compile(line) for line in lines.read().splitlines()]
        if way == "patterns":
            for command in commands:
                [pattern for pattern in compiled if pattern.search(command)]


main(*sys.argv[1:], *[None] * (4 - len(sys.argv)))

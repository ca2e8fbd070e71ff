"""What a list of compiled expressions costs per command, as scripts do it: re_list.py PATTERNS COMMANDS, a line each.

Prints nanoseconds per command, best of three rounds.
"""

import re
import sys
import time

with open(sys.argv[1], encoding="utf-8") as file:
    patterns = [re.compile(line.rstrip("\n"), re.ASCII) for line in file]
with open(sys.argv[2], encoding="utf-8") as file:
    commands = [line.rstrip("\n") for line in file]


def one_round() -> float:
    begun = time.perf_counter_ns()
    for command in commands:
        for pattern in patterns:
            pattern.search(command)
    return (time.perf_counter_ns() - begun) / len(commands)


print(min(one_round() for _ in range(3)))

"""The Python module beside the Rust library and beside a list of compiled patterns, all over the same commands.

    benches/python/run.sh        count.sh does the same in instructions

Each round measures every side once, so that all see the same noise; the best round of each counts.
"""

import os
import re
import statistics
import subprocess
import sys
import time

import shmon

FACES, FILE, THREADS, ROUNDS = sys.argv[1], sys.argv[2], int(sys.argv[3]), 7


def once(work, count):
    begun = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - begun) / count


def nanoseconds(work, count):
    # The best of five, as the Rust side takes it.
    return min(once(work, count) for _ in range(5))


def start(code):
    """Milliseconds by the clock and of a processor that an interpreter takes from its start to its end."""
    begun = time.perf_counter_ns()
    # -S: without what others put into site-packages.
    child = os.posix_spawn(sys.executable, [sys.executable, "-S", "-c", code], os.environ)
    _, status, usage = os.wait4(child, 0)
    assert status == 0, f"{code}: status {status}"
    return (time.perf_counter_ns() - begun) / 1e6, (usage.ru_utime + usage.ru_stime) * 1e3


with open(FILE, encoding="utf-8") as file:
    commands = file.read().splitlines()
patterns = [re.compile(line) for line in subprocess.check_output([FACES, "patterns"], text=True).splitlines()]
few = commands[:2000]
sides = {
    "rust": lambda: float(subprocess.check_output([FACES, "rate", FILE, str(THREADS)])),
    "classify_many": lambda: nanoseconds(lambda: shmon.classify_many(commands, threads=THREADS), len(commands)),
    "classify_many, levels()": lambda: nanoseconds(
        lambda: shmon.classify_many(commands, threads=THREADS).levels(), len(commands)
    ),
    "classify, one by one": lambda: nanoseconds(lambda: [shmon.classify(c).level for c in few], len(few)),
    "150 patterns": lambda: nanoseconds(lambda: [[p for p in patterns if p.search(c)] for c in few], len(few)),
}
try:
    import pyarrow

    column = pyarrow.array(commands)
    sides["classify_arrow"] = lambda: nanoseconds(
        lambda: shmon.classify_arrow(column, threads=THREADS), len(commands)
    )
except ImportError:
    pass
best = dict.fromkeys(sides, float("inf"))
for _ in range(ROUNDS):
    for name, measure in sides.items():
        best[name] = min(best[name], measure())
# One after the other, so that a load on the machine is on both.
PAIRS = 60
pairs = [(start("pass"), start("import shmon")) for _ in range(PAIRS)]

print(f"{len(commands)} commands, {THREADS} threads, Python {sys.version.split()[0]}")
for name, ns in best.items():
    print(f"  {name:<24} {ns:10.0f} ns a command  {best['rust'] / ns * 100:7.1f} % of Rust's rate")
print(f"  classify_many is {best['150 patterns'] / best['classify_many']:.0f} times the list of patterns")
for measure, what in enumerate(("by the clock", "of a processor")):
    plain = statistics.median(pair[0][measure] for pair in pairs)
    ours = statistics.median(pair[1][measure] for pair in pairs)
    more = statistics.median(pair[1][measure] - pair[0][measure] for pair in pairs)
    print(
        f"  import, {what}: {more:.1f} ms over `python -c pass` ({plain:.1f} ms), ratio {ours / plain:.2f}, median of {PAIRS} pairs"
    )

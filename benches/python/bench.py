"""The Python module beside the Rust library and beside lists of compiled patterns, all over the same commands.

The lists: 150 patterns of the kind that a script holds; and every built-in rule as one raw expression, made by
`benches/src/raw`, with a program's name found anywhere (`\\brm\\b`) or only where a command may stand.

    benches/python/run.sh        count.sh does the same in instructions

Each round measures every side once, so that all see the same noise; the best round of each counts.
"""

import json
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

def read(*arguments):
    # A control character of a corpus ends no line.
    return subprocess.check_output([FACES, *arguments], text=True).rstrip("\n").split("\n")


def compiled(rules):
    return [re.compile(rule["pattern"]) for rule in rules if rule["pattern"]]


def search(patterns, commands):
    return [[p for p in patterns if p.search(c)] for c in commands]


def percent(part, whole):
    return f"{part} of {whole} ({part / whole * 100:.1f} %)"


def accuracy(rules):
    """What the list finds of the rules' own examples, and what it makes of ordinary commands."""
    levels = {"low": 0, "medium": 1, "high": 2, "critical": 3}
    made = [(re.compile(rule["pattern"]), rule) for rule in rules if rule["pattern"]]
    hits = [(pattern, hit) for pattern, rule in made for hit in rule["hits"]]
    misses = [(pattern, miss) for pattern, rule in made for miss in rule["misses"]]
    examples = sum(len(rule["hits"]) for rule in rules)
    yield f"{len(rules)} rules, {len(made)} patterns of {sum(len(p.pattern) for p, _ in made) // len(made)} characters"
    found = sum(bool(pattern.search(hit)) for pattern, hit in hits)
    yield f"examples that their rule's pattern finds: {percent(found, examples)}"
    found = sum(bool(pattern.search(miss)) for pattern, miss in misses)
    yield f"near misses that it finds too (false alarms): {percent(found, len(misses))}"
    for name in ("tldr", "nl2bash"):
        corpus = read("corpus", name)
        if corpus == [""]:
            continue
        theirs = [max((levels[rule["level"]] for p, rule in made if p.search(c)), default=0) for c in corpus]
        both = list(zip(theirs, shmon.classify_many(corpus).levels()))
        calm, told = [t for t, ours in both if ours < 2], [t for t, ours in both if ours >= 2]
        yield (
            f"{name}: high or critical for {percent(sum(t >= 2 for t in calm), len(calm))} commands that shmon rates"
            f" lower, lower for {percent(sum(t < 2 for t in told), len(told))} that shmon rates so"
        )


patterns = [re.compile(line) for line in read("patterns")]
words, places = ([json.loads(line) for line in read("rules", place)] for place in ("word", "command"))
few, fewer = commands[:2000], commands[:500]
sides = {
    "rust": lambda: float(subprocess.check_output([FACES, "rate", FILE, str(THREADS)])),
    "classify_many": lambda: nanoseconds(lambda: shmon.classify_many(commands, threads=THREADS), len(commands)),
    "classify_many, levels()": lambda: nanoseconds(
        lambda: shmon.classify_many(commands, threads=THREADS).levels(), len(commands)
    ),
    "classify, one by one": lambda: nanoseconds(lambda: [shmon.classify(c).level for c in few], len(few)),
    "150 patterns": lambda: nanoseconds(lambda: search(patterns, few), len(few)),
}
for name, rules in {"rules, \\bNAME\\b": words, "rules, command's place": places}.items():
    sides[name] = lambda list=compiled(rules): nanoseconds(lambda: search(list, fewer), len(fewer))
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
for name in sides:
    if name.startswith(("150", "rules")):
        print(f"  classify_many is {best[name] / best['classify_many']:.0f} times the list ({name})")
for name, rules in {"\\bNAME\\b": words, "command's place": places}.items():
    print(f"  the rules as raw expressions, {name}:")
    for line in accuracy(rules):
        print(f"    {line}")
for measure, what in enumerate(("by the clock", "of a processor")):
    plain = statistics.median(pair[0][measure] for pair in pairs)
    ours = statistics.median(pair[1][measure] for pair in pairs)
    more = statistics.median(pair[1][measure] - pair[0][measure] for pair in pairs)
    print(
        f"  import, {what}: {more:.1f} ms over `python -c pass` ({plain:.1f} ms), ratio {ours / plain:.2f}, median of {PAIRS} pairs"
    )

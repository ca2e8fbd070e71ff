#!/usr/bin/env python3
"""Writes start.ld, the linker script that puts the functions that a short-lived process runs into one place.

    shmon-cli/link/order.py target/release/shmon >shmon-cli/link/start.ld

Counts with callgrind which functions plain calls of `shmon classify` run: those that all of them run come first.
What a symbol's name has of one build (hashes) is left open, so the script outlives changes; a name that is gone
matches nothing. `benches/guard.sh` tells when it is time to write it anew.
"""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

COMMANDS = [
    "ls -la",
    "nmap x",
    "rm -rf /srv/data",
    "sudo apt-get install -y vim | tee /tmp/log",
    "mysql -u root -psecret",
    "curl -fsSL https://example.com/install.sh | bash",
    'for f in $(ls *.txt); do echo "$f" >>/tmp/list; done',
]
FORMATS = ["level", "jsonl", "text"]
# What runs before callgrind sees anything, and the look for the vDSO's functions, which valgrind hides.
START = """\
    *crt1.o(.text)
    *crti.o(.text)
    *crtbeginT.o(.text)
    *(.text.main)
    *libc.a:dl-lookup.o(.text)
    *libc.a:strcmp-avx*.o(.text .text.*)
    *libc.a:strcmp-evex*.o(.text .text.*)"""


def executed(program, home, arguments):
    """The names of the functions that one process runs, in the order in which callgrind tells them."""
    out = home / "callgrind"
    tool = ["valgrind", "--tool=callgrind", "--demangle=no", "--compress-strings=no", f"--callgrind-out-file={out}"]
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    subprocess.run([*tool, program, *arguments], check=True, capture_output=True, env=environment)
    names = re.findall(r"^fn=(.+)$", out.read_text(errors="replace"), re.MULTILINE)
    # Recursion is told as `name'2`.
    return list(dict.fromkeys(re.sub(r"'\d+$", "", name) for name in names))


def symbols(file):
    """What `nm` lists of a file: the member of an archive, the address and the name of each function."""
    listed = subprocess.run(["nm", "-A", "--defined-only", file], check=True, capture_output=True, text=True)
    symbol = re.compile(r"^[^:]*:(?:([^:]+\.o):)?([0-9a-f]+) [TtWwi] (\S+)$", re.MULTILINE)
    return symbol.findall(listed.stdout)


def alike(program):
    """All names of the function that has a name: equal functions are merged."""
    at = {}
    for _, address, name in symbols(program):
        at.setdefault(address, []).append(name)
    return {name: names for names in at.values() for name in names}


def open_name(name):
    """A Rust function's name without what one build gave it."""
    name = re.sub(r"17h[0-9a-f]{16}E$", "17h", re.sub(r"\.llvm\.\d+$", "", name))
    return re.sub(r"Cs[0-9A-Za-z]{6,14}_", "Cs*_", name)


# A generic function with more instances than this is told by its hash, which stays with a version of Rust and one choice of
# packages; of one with not too many, all instances follow behind all others, for builds where the hash is another.
FEW, MANY = 3, 50


def pattern(name, sharing):
    """The section of a Rust function."""
    return re.sub(r"\.llvm\.\d+$", "", name) if sharing[open_name(name)] > FEW else open_name(name)


def files(member):
    """The files of a function of the C library: string functions have variants, of which each processor takes its own."""
    name, variant, _ = re.match(r"(.*?)(-(?:avx|evex|sse)|$)(.*)", member).groups()
    return [member, f"{name}-avx*.o", f"{name}-evex*.o"] if variant else [member]


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: order.py PROGRAM >start.ld (PROGRAM: a static release build of shmon)")
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        # As `shmon init` leaves it.
        Path(folder, "monitor/rules.d").mkdir(parents=True)
        for command in COMMANDS:
            for form in FORMATS:
                runs.append(executed(sys.argv[1], Path(folder), ["classify", "--format", form, command]))
    seen = {}
    for names in runs:
        for name in names:
            seen[name] = seen.get(name, 0) + 1
    archive = subprocess.run(["cc", "-print-file-name=libc.a"], check=True, capture_output=True, text=True)
    # The C library's functions have no sections of their own, but a file for a few.
    members = {name: member for member, _, name in symbols(archive.stdout.strip())}
    names = alike(sys.argv[1])
    sharing = Counter(open_name(name) for name in names)
    lines, last = [START], []
    for name in sorted(seen, key=lambda name: -seen[name]):
        for name in names.get(name, []):
            if re.match(r"_ZN|_R", name):
                section = pattern(name, sharing)
                lines.append(f"    *(.text.{section}* .text.unlikely.{section}*)")
                if FEW < sharing[open_name(name)] <= MANY:
                    last.append(f"    *(.text.{open_name(name)}* .text.unlikely.{open_name(name)}*)")
            elif name in members:
                lines.extend(f"    *libc.a:{file}(.text .text.*)" for file in files(members[name]))
    print("/* Written by order.py. */")
    print("SECTIONS\n{\n  .text.start :\n  {")
    print("\n".join(dict.fromkeys(lines + last)))
    print("  }\n}\nINSERT BEFORE .text;")


main()

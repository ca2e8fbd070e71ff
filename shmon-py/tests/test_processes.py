"""The module among threads, signals, interpreters and processes."""

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

import shmon


def python(code, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, **options
    )


INTERRUPTED = """
import os, signal, sys, threading, time
import shmon

commands = ["for i in 1 2 3; do echo $i; done; " * 40] * 20_000
kind = sys.argv[1]

def endless():
    while True:
        yield commands[0]

stop = lambda: os.kill(os.getpid(), signal.SIGINT)
threading.Timer(0.5, stop).start()
try:
    if kind == "generator":
        shmon.classify_many(endless())
    else:
        while True:
            shmon.classify_many(commands * 50 if kind == "list" else commands, threads=int(kind == "single"))
except KeyboardInterrupt:
    # All threads of the call end: only ours is left.
    until = time.monotonic() + 60
    while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < until:
        time.sleep(0.01)
    print("interrupted", len(os.listdir("/proc/self/task")))
"""


@pytest.mark.parametrize("kind", ["generator", "list", "single"])
def test_ctrl_c_ends_a_long_call(kind):
    ran = python(INTERRUPTED, kind)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "interrupted 1\n", "")


def test_an_error_in_the_iterable_leaves_no_thread():
    def broken():
        yield from ["make"] * 10_000
        raise LookupError("the source broke")

    before = len(os.listdir("/proc/self/task"))
    for _ in range(20):
        with pytest.raises(LookupError, match="the source broke"):
            shmon.classify_many(broken(), threads=4)
    # The kernel lists a thread for a moment after it was joined.
    until = time.monotonic() + 60
    while len(os.listdir("/proc/self/task")) > before and time.monotonic() < until:
        time.sleep(0.01)
    assert len(os.listdir("/proc/self/task")) == before


def test_an_iterable_that_classifies():
    """The module is entered again from its own iteration."""

    def nested():
        for command in ["make", "rm -rf /srv"] * 1500:
            yield shmon.classify(command).redacted
        yield shmon.classify_many(["make"] * 3000)[2999].command

    assert shmon.classify_many(nested()).levels() == b"\x00\x03" * 1500 + b"\x00"


def test_many_threads_share_everything():
    """One classifier, one batch and one verdict whose details nobody has asked for yet, from all sides at once."""
    texts = [f"sudo rm -rf /srv/{i}" if i % 3 == 0 else f"make {i}" for i in range(3000)]
    expected = shmon.classify_many(texts, threads=1)
    answers, errors = [], []
    begin = threading.Barrier(8)

    def work(batch, verdict, iterator):
        try:
            begin.wait()
            mine = [v.level for v in iterator]
            answers.append((verdict.findings, verdict.invocations, len(mine), batch[17] == expected[17]))
            assert shmon.classify_many(texts, threads=2).levels() == expected.levels()
        except BaseException as error:
            errors.append(error)

    for _ in range(3):
        batch = shmon.classify_many(texts)
        verdict, iterator = batch[0], iter(batch)
        threads = [threading.Thread(target=work, args=(batch, verdict, iterator)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert sum(count for _, _, count, _ in answers) == len(texts), "each verdict went to one thread"
        assert len({id(findings) for findings, _, _, _ in answers}) == 1, "made once"
        assert all(right for _, _, _, right in answers)
        answers.clear()


def test_a_thread_that_outlives_the_interpreter():
    """A daemon thread in the middle of a call when the process ends."""
    code = (
        "import threading, time, shmon\n"
        "work = lambda: [shmon.classify_many(['ls; ' * 500] * 3000) for _ in range(1000)]\n"
        "threading.Thread(target=work, daemon=True).start()\n"
        "time.sleep(0.3)\n"
    )
    ran = python(code)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_subinterpreter_refuses_cleanly():
    code = """
import sys
import shmon
try:
    import _interpreters as interpreters  # Python 3.13
except ImportError:
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        sys.exit("skip")
child = interpreters.create()
inner = '''
try:
    import shmon
except ImportError as error:
    print("refused:", error, flush=True)
else:
    print(shmon.classify("rm -rf /srv").level, flush=True)
'''
if sys.version_info >= (3, 13):
    interpreters.exec(child, inner)
else:
    interpreters.run_string(child, inner)
print(shmon.classify("rm -rf /srv").level)
"""
    ran = python(code)
    if ran.stderr.strip() == "skip":
        pytest.skip("this Python has no subinterpreters")
    assert ran.returncode == 0, ran.stderr
    first, last = ran.stdout.splitlines()
    assert last == "critical", "the first interpreter goes on"
    assert first == "critical" or (first.startswith("refused:") and "subinterpreter" in first)


class TestCommandLine:
    """`python -m shmon` becomes the binary, so statuses and signals are the binary's own."""

    def run(self, *arguments, **options):
        command = [sys.executable, "-I", "-m", "shmon", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)

    @pytest.mark.parametrize(
        ("arguments", "status"),
        [(["check", "rm -rf /srv"], 1), (["check", "make"], 0), (["no-such-command"], 2), (["classify", "--format", "x"], 2)],
    )
    def test_statuses(self, home, arguments, status):
        binary = pathlib.Path(sys.executable).parent / "shmon"
        ran = self.run(*arguments)
        assert ran.returncode == subprocess.run([binary, *arguments], capture_output=True).returncode == status

    def test_arguments_and_input_as_they_are(self, home):
        ran = self.run("classify", "--format", "level", "--null", input="rm -rf /\nsrv\0make\0")
        assert ran.stdout.split() == ["critical", "low"]
        odd = ["classify", "--format", "jsonl", "--", "echo 'a  b' \udcff *"]
        assert r"\udcff" in self.run(*odd).stdout or "\ufffd" in self.run(*odd).stdout

    def test_a_signal_ends_it(self, home):
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "shmon", "classify"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        # It has become the binary once it answers.
        process.stdin.write(b"make\n" * 100_000)
        process.stdin.flush()
        assert process.stdout.read(1)
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            process.stdout.read(4096)
        assert process.returncode == -signal.SIGTERM
        process.stdin.close()
        process.stdout.close()

    def test_a_reader_that_leaves(self, home):
        """`python -m shmon … | head -n 1` is no error."""
        command = f"'{sys.executable}' -I -m shmon classify --format level 'make' 'ls' | true; echo ${{PIPESTATUS[0]}}"
        ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
        assert ran.stdout.strip() in ("0", str(128 + signal.SIGPIPE)) and ran.stderr == ""

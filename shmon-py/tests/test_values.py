"""Verdicts and their parts as values: pickled, copied, matched, hashed, ordered, in sequences."""

import collections.abc
import copy
import multiprocessing
import pathlib
import pickle
import sqlite3
import sys
import textwrap

import pytest

import shmon
from shmon import Level

COMMANDS = ["make", "rm -rf /srv/data", "sudo sh -c 'nmap -sV x | tee out'", "$tool --all", b"ls \xff", "mysql -u root -psecret db"]


def every_value():
    for command in COMMANDS:
        verdict = shmon.classify(command)
        yield verdict
        yield from verdict.findings
        yield from verdict.invocations
        yield from verdict.unresolved


def recorded_values(home):
    """One of each kind, among them a row with every column set and one with hardly any."""
    with shmon.Monitor() as monitor:
        yield monitor.record(
            b"mysql -u root -pSecret1; $tool \xff", session="s1", cwd="/srv", exit_status=3, time=1_750_000_000.5, duration=1.5,
            user="alice", uid=4242, host="web1", tty="/dev/pts/3", pid=71, ppid=70, shell="zsh", ssh_client="192.0.2.1 50000",
            parent_session="s0", key="k",
        )  # fmt: skip
        yield monitor.record("ls", session="s2")
    # An evidence that doesn't fit, and a row whose user isn't known.
    with sqlite3.connect(home / "db" / "monitor.db") as database:
        database.execute("UPDATE command_logs SET user = '', uid = NULL WHERE id = 2")
        database.execute("UPDATE command_logs SET created_at = '2025-06-28 08:50:30' WHERE id = 1")
    store = shmon.Store()
    yield from store.query(order="oldest")
    yield from store.sessions()
    stats = store.stats()
    yield stats
    yield from stats.levels
    report = store.verify()
    assert not report
    yield report
    yield from report.problems


class TestPickle:
    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_every_value_comes_back(self, protocol):
        kinds = set()
        for value in every_value():
            again = pickle.loads(pickle.dumps(value, protocol))
            assert again == value and hash(again) == hash(value) and repr(again) == repr(value)
            assert type(again) is type(value) and again is not value
            kinds.add(type(value))
        assert kinds == {shmon.Verdict, shmon.Finding, shmon.Invocation, shmon.Unresolved}

    def test_the_details_come_along_not_the_classifier(self):
        classifier = shmon.Classifier(
            rules_text="[[rule]]\nid = 'mine.deploy'\nlevel = 'high'\ntitle = { en = 'Deployment', ja = '配備' }\n"
            "match = { program = 'deploy' }\n"
        )
        verdict = pickle.loads(pickle.dumps(classifier.classify("deploy now")))
        assert verdict.level is Level.HIGH and verdict.command == "deploy now"
        (finding,) = verdict.findings
        assert (finding.rule, finding.title_ja, finding.argv) == ("mine.deploy", "配備", ("deploy", "now"))
        assert verdict.to_dict() == classifier.classify("deploy now").to_dict()

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_what_the_record_says_comes_back(self, home, protocol):
        kinds = set()
        for value in recorded_values(home):
            again = pickle.loads(pickle.dumps(value, protocol))
            assert again == value and hash(again) == hash(value) and repr(again) == repr(value)
            assert copy.copy(value) == copy.deepcopy(value) == value != None  # noqa: E711
            if isinstance(value, shmon.Row):
                assert dict(again) == dict(value)
            kinds.add(type(value))
        assert kinds == {
            shmon.Count, shmon.Problem, shmon.Recorded, shmon.Report, shmon.Row, shmon.Session, shmon.Stats,
        }  # fmt: skip

    def test_every_column_of_a_row_is_in_its_pickle(self, home):
        """Two rows that differ in anything are no longer equal after the way through a pickle either."""
        rows = [value for value in recorded_values(home) if isinstance(value, shmon.Row)]
        full, bare = (pickle.loads(pickle.dumps(row)) for row in rows)
        for name in full.keys():
            assert full[name] != bare[name], name

    def test_verdicts_of_a_batch(self):
        verdicts = shmon.classify_many(COMMANDS)
        again = pickle.loads(pickle.dumps(list(verdicts)))
        assert again == list(verdicts)
        assert again[5].redacted == verdicts[5].redacted != COMMANDS[5]

    def test_levels_and_errors(self):
        assert pickle.loads(pickle.dumps(Level.HIGH)) is Level.HIGH
        for error in [shmon.CorruptError("damaged"), shmon.InvalidError("wrong")]:
            again = pickle.loads(pickle.dumps(error))
            assert type(again) is type(error) and str(again) == str(error) and again.kind == error.kind

    def test_what_was_raised_keeps_its_path(self, tmp_path):
        with pytest.raises(shmon.RuleError) as caught:
            shmon.Classifier(rules=tmp_path / "none.toml")
        again = pickle.loads(pickle.dumps(caught.value))
        assert again.path == caught.value.path and str(again) == str(caught.value)

    @pytest.mark.parametrize("json", [b"", b"{", b"[]", b"\xff", b'{"level": 7}'])
    def test_a_damaged_pickle_is_refused(self, json):
        for kind in ("Verdict", "Finding", "Invocation", "Unresolved", "Row", "Session", "Stats", "Count", "Classifier"):
            with pytest.raises(shmon.InvalidError, match=kind):
                shmon._shmon._restore(kind, b"", json)

    def test_what_is_no_value_is_not_pickled(self, home):
        with shmon.Monitor() as monitor:
            monitor.record("make")
            for handle in (monitor, shmon.Store(), shmon.Classifier()):
                with pytest.raises(TypeError, match="pickle"):
                    pickle.dumps(handle)

    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_worker_processes_hand_values_over(self, home, method):
        # Also after this process has classified on threads of its own.
        expected = list(shmon.classify_many(COMMANDS * 600))[: len(COMMANDS)]
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(shmon.classify, COMMANDS, chunksize=2) == expected
            rows = [value for value in recorded_values(home) if isinstance(value, shmon.Row)]
            assert pool.map(same, rows) == rows
            assert pool.map(levels_of, [COMMANDS * 600] * 2) == [shmon.classify_many(COMMANDS * 600).levels()] * 2


def same(value):
    return value


def levels_of(commands):
    return shmon.classify_many(commands, threads=2).levels()


def test_copies_are_the_value_itself():
    for value in every_value():
        assert copy.copy(value) == value and copy.deepcopy(value) == value
    verdict = shmon.classify(COMMANDS[1])
    assert copy.copy(verdict) is verdict and copy.deepcopy([verdict])[0] is verdict


def test_values_are_hashable_and_never_equal_to_others():
    values = list(every_value())
    assert len({*values, *every_value()}) == len(set(values))
    for value in values:
        assert value != "make" and value != None and not value == 3  # noqa: E711
        assert repr(value).startswith("<shmon.")
        with pytest.raises(AttributeError):
            value.level = Level.LOW


@pytest.mark.skipif(sys.version_info < (3, 10), reason="match came with Python 3.10")
def test_matching():
    names = {"shmon": shmon, "Level": Level}
    exec(
        textwrap.dedent(
            """
            def kind(value):
                match value:
                    case [first, *_, last]:
                        return kind(first), kind(last)
                    case shmon.Verdict(Level.CRITICAL, findings=[shmon.Finding(rule), *_]):
                        return rule
                    case shmon.Verdict(level) if level >= Level.HIGH:
                        return "told"
                    case shmon.Verdict(command=text):
                        return text
            """
        ),
        names,
    )
    kind = names["kind"]
    assert kind(shmon.classify("rm -rf /srv/data")) == "destruction.rm-recursive-force"
    assert kind(shmon.classify("nmap -sV x")) == "told"
    assert kind(shmon.classify_many(["make", "ls", "nmap x"])) == ("make", "told")


def test_many_verdicts_are_a_sequence():
    verdicts = shmon.classify_many(["make", "ls", "make", "rm -rf /srv"])
    assert isinstance(verdicts, collections.abc.Sequence)
    assert verdicts.count(shmon.classify("make")) == 2 and verdicts.count("make") == 0
    assert verdicts.index(shmon.classify("make")) == 0
    assert verdicts.index(shmon.classify("make"), 1) == 2 == verdicts.index(shmon.classify("make"), -3, -1)
    for missing, *bounds in [(shmon.classify("true"),), ("make",), (shmon.classify("make"), 1, 2), (shmon.classify("ls"), 3, -9)]:
        with pytest.raises(ValueError):
            verdicts.index(missing, *bounds)
    assert [v.command for v in reversed(verdicts)] == ["rm -rf /srv", "make", "ls", "make"]
    assert shmon.classify("ls") in verdicts and "ls" not in verdicts
    assert list(zip(verdicts, range(2)))[1][0].command == "ls"


def test_iteration_is_lazy():
    """Findings are looked for again when they are asked for, so a verdict keeps its batch, and nothing else does."""
    verdicts = shmon.classify_many(["rm -rf /srv/data"] * 5000)
    iterator = iter(verdicts)
    verdict = next(iterator)
    del verdicts, iterator
    assert verdict.findings[0].argv == ("rm", "-rf", "/srv/data")
    exhausted = iter(shmon.classify_many(["make"]))
    assert len(list(exhausted)) == 1 and list(exhausted) == []


class TestCommands:
    @pytest.mark.parametrize("one", ["rm -rf /", b"rm -rf /", bytearray(b"ls"), memoryview(b"ls")])
    def test_one_command_is_not_many(self, one):
        """A `str` is an iterable of characters: nobody means those."""
        with pytest.raises(TypeError, match="use classify"):
            shmon.classify_many(one)

    @pytest.mark.parametrize("wrong", [None, 3, object()])
    def test_what_is_not_iterable(self, wrong):
        with pytest.raises(TypeError, match="iterable"):
            shmon.classify_many(wrong)

    @pytest.mark.parametrize("wrong", [None, 1.5, pathlib.Path("/bin/ls"), {"command": "ls"}])
    def test_the_wrong_one_is_named(self, wrong):
        with pytest.raises(TypeError, match=rf"commands\[3000\].*{type(wrong).__name__}"):
            shmon.classify_many(["make"] * 3000 + [wrong])

    def test_an_array_of_numbers_is_no_text(self):
        import array

        with pytest.raises(TypeError):
            shmon.classify(array.array("i", [1]))
        with pytest.raises(TypeError):
            shmon.classify()

    def test_facts_of_the_wrong_kind(self):
        with pytest.raises(TypeError, match="bool"):
            shmon.classify("ls", root="yes")
        with pytest.raises(TypeError, match="positional"):
            shmon.classify("ls", "bash")


def test_levels_compare_with_numbers_and_nothing_else():
    assert Level.HIGH == 2 and Level(2) is Level.HIGH and Level["HIGH"] is Level.HIGH
    assert max(Level.LOW, Level.CRITICAL) is Level.CRITICAL
    assert sorted([Level.HIGH, Level.LOW]) == [Level.LOW, Level.HIGH]
    assert {Level.HIGH: 1}[shmon.classify("nmap -sV x").level] == 1
    with pytest.raises(TypeError):
        Level.HIGH < "critical"
    with pytest.raises(ValueError):
        Level(4)

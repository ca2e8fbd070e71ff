"""Classification: input of every kind, lazily made details, many at once."""

import sys
import threading
import time

import pytest

import shmon
from shmon import Level

DELETION = "rm -rf /srv/data"


def test_levels_are_ordered_and_named():
    assert Level.LOW < Level.MEDIUM < Level.HIGH < Level.CRITICAL
    assert [str(level) for level in Level] == ["low", "medium", "high", "critical"]
    assert f"{Level.HIGH:>6}" == "  high"
    assert Level.parse("HIGH") is Level.HIGH
    with pytest.raises(shmon.InvalidError, match="urgent"):
        Level.parse("urgent")


def test_a_verdict_says_what_and_why():
    verdict = shmon.classify(DELETION)
    assert verdict.level is Level.CRITICAL
    assert verdict.command == DELETION
    assert verdict.redacted == DELETION
    assert not verdict.excluded
    finding = verdict.findings[0]
    assert finding.rule == "destruction.rm-recursive-force"
    assert finding.level is Level.CRITICAL
    assert finding.argv == ("rm", "-rf", "/srv/data")
    assert finding.title and finding.title_ja
    start, end = finding.span
    assert DELETION.encode()[start:end].startswith(b"rm")
    assert verdict.invocations[0].argv == ("rm", "-rf", "/srv/data")
    assert verdict.findings is verdict.findings, "made once"


def test_dictionaries_have_the_keys_of_the_command_line():
    dictionary = shmon.classify(DELETION).to_dict()
    assert list(dictionary) == ["command", "level", "excluded", "sensitive", "partial", "redacted", "findings"]
    assert dictionary["level"] == "critical"
    assert list(dictionary["findings"][0]) == [
        "rule", "level", "category", "title", "attack", "argv", "via", "span",
    ]  # fmt: skip
    assert dictionary["findings"][0] == shmon.classify(DELETION).findings[0].to_dict()


@pytest.mark.parametrize(
    "command",
    [
        "",
        "\0",
        "echo 日本語",
        "echo \udcff\udcfe",  # bytes that weren't UTF-8, as os.fsdecode gives them
        "echo \ud800",  # a lone surrogate that stands for no byte
        "(" * 10_000,
        b"",
        b"\xff\xfe\x00rm",
        bytearray(b"ls"),
        memoryview(b"ls"),
        memoryview(b"lsx")[::2],
    ],
)
def test_every_text_has_a_verdict(command):
    verdict = shmon.classify(command)
    assert verdict.level in Level
    assert isinstance(verdict.command, str)
    assert shmon.classify_many([command])[0] == verdict


def test_text_comes_back_as_it_went_in():
    for text in ["echo 日本語", "echo \udcff", "ls"]:
        assert shmon.classify(text).command == text
    assert shmon.classify(b"ls \xff").command == "ls \udcff"
    assert shmon.classify(b"ls \xff") == shmon.classify("ls \udcff")


@pytest.mark.parametrize("wrong", [None, 1, ["ls"], object()])
def test_what_is_no_text_is_refused(wrong):
    with pytest.raises(TypeError, match="a command is str or bytes"):
        shmon.classify(wrong)
    with pytest.raises(TypeError, match="a command is str or bytes"):
        shmon.classify_many(["ls", wrong])


def test_facts_about_the_caller():
    assert shmon.classify(DELETION, dialect="zsh", user="alice", root=True, ssh=True).level is Level.CRITICAL
    with pytest.raises(shmon.InvalidError, match="tcsh"):
        shmon.classify("ls", dialect="tcsh")
    with pytest.raises(ValueError, match="tcsh"):
        shmon.classify("ls", dialect="tcsh")


def test_verdicts_compare_by_what_they_say():
    assert shmon.classify(DELETION) == shmon.classify(DELETION.encode())
    assert shmon.classify(DELETION) != shmon.classify("ls")
    assert hash(shmon.classify(DELETION)) == hash(shmon.classify(DELETION))
    assert "critical" in repr(shmon.classify(DELETION))
    finding = shmon.classify(DELETION).findings[0]
    assert finding == shmon.classify(DELETION).findings[0]
    assert len({finding, shmon.classify(DELETION).findings[0]}) == 1


def commands(count):
    """Deterministic, with a deletion at every seventh place."""
    return [f"rm -rf /srv/{i}" if i % 7 == 0 else f"echo {i} 語" for i in range(count)]


@pytest.mark.parametrize("count", [0, 1, 1023, 1024, 1025, 20_000])
@pytest.mark.parametrize("threads", [None, 1, 2, 5])
def test_many_in_order(count, threads):
    texts = commands(count)
    verdicts = shmon.classify_many(iter(texts), threads=threads)
    assert len(verdicts) == count
    assert [v.command for v in verdicts] == texts
    expected = [Level.CRITICAL if i % 7 == 0 else Level.LOW for i in range(count)]
    assert [v.level for v in verdicts] == expected
    assert verdicts.levels() == bytes(int(level) for level in expected)
    assert verdicts.counts() == {level: expected.count(level) for level in Level}


@pytest.mark.parametrize("make", [list, tuple, iter, lambda c: (x for x in c), lambda c: dict.fromkeys(c)])
def test_many_takes_any_iterable(make):
    assert [v.command for v in shmon.classify_many(make(["a", "b"]))] == ["a", "b"]


def test_many_is_a_sequence():
    verdicts = shmon.classify_many(commands(3000))
    assert verdicts[0] == verdicts[-3000] == shmon.classify("rm -rf /srv/0")
    assert verdicts[2999].findings == shmon.classify(commands(3000)[2999]).findings
    assert [v.command for v in verdicts[1::1000]] == commands(3000)[1::1000]
    assert [v.command for v in verdicts[::-1]] == commands(3000)[::-1]
    assert verdicts[5:1] == []
    for outside in (3000, -3001):
        with pytest.raises(IndexError):
            verdicts[outside]
    assert verdicts[1500] in verdicts


def test_huge_commands_are_spread_over_chunks():
    texts = ["echo " + "x" * 200_000 + str(i) for i in range(8)]
    verdicts = shmon.classify_many(texts)
    assert [v.command for v in verdicts] == texts
    assert verdicts[7].level is Level.LOW


def test_an_error_of_the_iterable_comes_out():
    def broken():
        yield from commands(5000)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        shmon.classify_many(broken())


@pytest.fixture
def patient():
    """The interpreter changes threads only where one lets go of it, so what another thread does shows that."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize(
    "work",
    [
        lambda: shmon.classify_many(commands(100_000)),
        # Less than a chunk: only the last step works.
        lambda: shmon.classify_many(["ls; " * 2000] * 5, threads=1),
        lambda: shmon.classify_many(["ls; " * 2000] * 100, threads=2),
    ],
)
def test_other_threads_run_meanwhile(patient, work):
    progress = [0]
    stop = threading.Event()
    started = threading.Event()

    def count():
        while not stop.is_set():
            progress[0] += 1
            started.set()
            time.sleep(0)  # lets go of the interpreter

    thread = threading.Thread(target=count)
    thread.start()
    started.wait()
    try:
        before = progress[0]
        work()
        after = progress[0]
    finally:
        stop.set()
        thread.join()
    assert after > before


def test_one_classifier_serves_many_threads():
    classifier = shmon.Classifier()
    texts = commands(2000)
    expected = classifier.classify_many(texts).levels()
    answers = []

    def work():
        answers.append(classifier.classify_many(texts).levels())
        answers.append(bytes(int(classifier.classify(t).level) for t in texts))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [expected] * 16


RULES = """
[[rule]]
id = "mine.deploy"
level = "high"
title = { en = "Deployment", ja = "配備" }
match = { program = "deploy" }
"""


class TestOwnRules:
    def test_rules_from_text_file_and_folder(self, tmp_path):
        (tmp_path / "mine.toml").write_text(RULES)
        for classifier in [
            shmon.Classifier(rules_text=RULES),
            shmon.Classifier(rules=str(tmp_path / "mine.toml")),
            shmon.Classifier(rules=tmp_path),
            shmon.Classifier([tmp_path / "mine.toml"]),
        ]:
            verdict = classifier.classify("deploy now")
            assert verdict.level is Level.HIGH
            assert verdict.findings[0].rule == "mine.deploy"
            assert (verdict.findings[0].title, verdict.findings[0].title_ja) == ("Deployment", "配備")
            assert classifier.classify(DELETION).level is Level.CRITICAL
        alone = shmon.Classifier(rules_text=RULES, builtin=False)
        assert alone.classify(DELETION).level is Level.LOW
        assert [v.level for v in alone.classify_many(["deploy", DELETION])] == [Level.HIGH, Level.LOW]

    def test_levels_and_switches(self):
        classifier = shmon.Classifier(disable="transfer.wget", levels={"transfer.curl": "medium"}, exclude=["make"])
        assert classifier.classify("wget x").level is Level.LOW
        assert classifier.classify("curl x").level is Level.MEDIUM
        assert classifier.classify("make all").excluded
        assert not classifier.classify("ls").excluded

    def test_allowed_findings(self):
        mirror = "curl https://mirror.example/a"
        assert shmon.classify(mirror).level is Level.HIGH
        glob = shmon.Classifier(allow="curl https://mirror.example/*")
        assert glob.classify(mirror).level is Level.LOW
        assert glob.classify("curl https://other.example/").level is Level.HIGH
        import datetime

        today = datetime.date.today()
        for expires, level in [(today, Level.LOW), (today - datetime.timedelta(days=2), Level.HIGH)]:
            entry = {
                "rule": ["transfer.curl"],
                "match": {"operand": "https://mirror.example/*"},
                "reason": 'our "mirror"\n\\',
                "expires": expires,
            }
            assert shmon.Classifier(allow=[entry]).classify(mirror).level is level, expires

    def test_wrong_rules_are_named(self, tmp_path):
        file = tmp_path / "bad.toml"
        file.write_text("[[rule]]\nid = 'a.b'\nlevel = 'hgih'\n")
        with pytest.raises(shmon.RuleError, match=r"bad\.toml:3.*hgih"):
            shmon.Classifier(rules=file)
        with pytest.raises(shmon.RuleError, match="cannot read") as caught:
            shmon.Classifier(rules=tmp_path / "none.toml")
        assert caught.value.kind == "rule"
        assert caught.value.path == str(tmp_path / "none.toml")
        with pytest.raises(shmon.RuleError, match=r"no\.such"):
            shmon.Classifier(disable=["no.such"])
        with pytest.raises(TypeError):
            shmon.Classifier(disable=17)
        with pytest.raises(shmon.RuleError, match="reason"):
            shmon.Classifier(allow={"match": {"program": "x"}})

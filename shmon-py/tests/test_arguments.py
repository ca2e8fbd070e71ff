"""Arguments of every kind that can't be: each is refused by name, as a `TypeError` or an `InvalidError`."""

import datetime
import os
import pathlib
import sqlite3

import pytest

import shmon

HUGE = 10**40


@pytest.fixture
def store(home):
    with shmon.Monitor() as monitor:
        monitor.record_many({"command": f"nmap host{i}", "session": "s", "time": 1_750_000_000 + i} for i in range(5))
    return shmon.Store()


class Whole:
    """Like an integer of numpy."""

    def __index__(self):
        return 2


class TestNumbers:
    @pytest.mark.parametrize("wrong", [-1, -(2**63), 2**63, HUGE, -HUGE])
    @pytest.mark.parametrize("method", ["query", "search", "count", "stats", "sessions", "export"])
    def test_a_limit_that_can_not_be(self, store, method, wrong):
        arguments = ["nmap"] if method == "search" else []
        with pytest.raises(shmon.InvalidError, match="limit is .*use a whole number from 0 to"):
            getattr(store, method)(*arguments, limit=wrong)

    @pytest.mark.parametrize("wrong", ["3", 1.5, b"3", [], object()])
    def test_a_limit_that_is_no_number(self, store, wrong):
        for ask in (store.query, store.sessions):
            with pytest.raises(TypeError, match=f"limit is a whole number, not {type(wrong).__name__}"):
                ask(limit=wrong)

    def test_limits_that_can_be(self, store):
        for limit, rows in [(0, 0), (1, 1), (Whole(), 2), (True, 1), (None, 5), (2**63 - 1, 5)]:
            assert len(list(store.query(limit=limit))) == rows
        assert len(list(store.sessions(limit=0))) == 0 and len(list(store.sessions(limit=2**63 - 1))) == 1

    def test_other_numbers_of_the_store(self, store):
        for ask in (
            lambda wrong: store.query(exit_status=wrong),
            lambda wrong: store.query(after_id=wrong),
            lambda wrong: store.query(before_id=wrong),
            lambda wrong: store.get(wrong),
            lambda wrong: store.stats(top=wrong),
        ):
            with pytest.raises(shmon.InvalidError, match=r"(exit_status|after_id|before_id|id|top) is too large"):
                ask(HUGE)
            with pytest.raises(TypeError, match=r"(exit_status|after_id|before_id|id|top) is a whole number, not str"):
                ask("1")
        with pytest.raises(shmon.InvalidError, match="top is -1"):
            store.stats(top=-1)
        assert store.get(-1) is None and store.stats(top=2**63 - 1).total == 5
        assert [row.id for row in store.query(after_id=-5, before_id=2)] == [1]

    @pytest.mark.parametrize("name, wrong", [("exit_status", 2**31), ("uid", -1), ("pid", 2**32), ("ppid", HUGE)])
    def test_facts_of_a_command(self, home, name, wrong):
        with shmon.Monitor() as monitor:
            with pytest.raises(shmon.InvalidError, match=f"{name} is "):
                monitor.record("make", **{name: wrong})
            with pytest.raises(TypeError, match=f"{name} is a whole number"):
                monitor.record("make", **{name: "1"})
            with pytest.raises(shmon.InvalidError, match="exit_status is 4294967296"):
                monitor.end("key", exit_status=2**32)
        assert len(shmon.Store()) == 0

    def test_threads(self):
        for classify in (shmon.classify_many, shmon.Classifier().classify_many):
            for wrong in (-1, HUGE):
                with pytest.raises(shmon.InvalidError, match="threads is "):
                    classify(["ls"], threads=wrong)
            with pytest.raises(TypeError, match="threads is a whole number, not float"):
                classify(["ls"], threads=2.0)
            # As many as there are cores; as many as are of use.
            assert len(classify(["ls"] * 5000, threads=0)) == 5000 == len(classify(["ls"] * 5000, threads=2**62))

    @pytest.mark.parametrize("wrong", [-1, 4, HUGE, -HUGE])
    def test_levels(self, store, wrong):
        with pytest.raises(shmon.InvalidError, match="level"):
            store.query(min_level=wrong)
        with pytest.raises(shmon.InvalidError, match="level"):
            shmon.Classifier(levels={"transfer.wget": wrong})
        with pytest.raises(TypeError, match="min_level is .*not float"):
            store.query(min_level=1.0)
        with pytest.raises(shmon.InvalidError, match="urgent"):
            store.sessions(min_level="urgent")


class TestTimes:
    @pytest.mark.parametrize(
        "wrong",
        [HUGE, -HUGE, 1e300, float("nan"), float("inf"), 2**62, datetime.datetime.min, datetime.datetime.max,
         datetime.datetime(9999, 1, 1, tzinfo=datetime.timezone.utc)],
    )  # fmt: skip
    def test_beyond_the_years(self, store, wrong):
        with shmon.Monitor() as monitor:
            with pytest.raises(shmon.InvalidError, match="time is out of range"):
                monitor.record("make", time=wrong)
        for ask in (store.query, store.sessions):
            with pytest.raises(shmon.InvalidError, match="since is out of range"):
                ask(since=wrong)

    @pytest.mark.parametrize("wrong", [True, [], b"2025-06-28", {}])
    def test_of_another_kind(self, store, wrong):
        with pytest.raises(TypeError, match="until is a datetime, a date"):
            store.query(until=wrong)

    @pytest.mark.parametrize("wrong", ["", "yesterday", "2025-13-01", "2025-06-28 25:00:00", datetime.time(8, 50)])
    def test_no_time_at_all(self, store, wrong):
        with pytest.raises(shmon.InvalidError, match="since: '.*' is no time"):
            store.query(since=wrong)

    def test_naive_ones_are_local_and_days_begin_at_midnight(self, store):
        naive = datetime.datetime(2025, 6, 28, 8, 50, 30)
        with shmon.Monitor() as monitor:
            recorded = monitor.record("make", time=naive)
        row = store.get(recorded.id)
        assert row.execution_time == "2025-06-28 08:50:30" and row.time == naive.astimezone(datetime.timezone.utc)
        day = naive.date()
        assert [row.id for row in store.query(since=day, until=day + datetime.timedelta(days=1))] == [recorded.id]
        assert store.count(since=naive.astimezone(), until=naive + datetime.timedelta(seconds=1)) == 1

    def test_the_epoch_is_not_now(self, home):
        with shmon.Monitor() as monitor:
            recorded = monitor.record("make", time=0)
        assert shmon.Store().get(recorded.id).time.timestamp() == 0

    def test_durations(self, home):
        with shmon.Monitor() as monitor:
            for wrong in (-1, -0.5, datetime.timedelta(seconds=-1)):
                with pytest.raises(shmon.InvalidError, match="duration is negative"):
                    monitor.record("make", duration=wrong)
            for wrong in (1e300, HUGE**10, datetime.timedelta.max, float("nan")):
                with pytest.raises(shmon.InvalidError, match="duration is out of range"):
                    monitor.record("make", duration=wrong)
            with pytest.raises(TypeError, match="duration is a number of seconds or a timedelta, not str"):
                monitor.end("key", duration="1")
        assert len(shmon.Store()) == 0


class TestPaths:
    def test_every_kind_of_path(self, tmp_path):
        for kind in (str, os.fsencode, pathlib.Path):
            home = tmp_path / kind.__name__
            with shmon.Monitor(kind(home)) as monitor:
                monitor.record("make", cwd=kind(tmp_path / "a b"))
            (row,) = shmon.Store(home=kind(home)).query(directory=kind(tmp_path))
            assert row.working_directory == str(tmp_path / "a b")
            assert len(shmon.Store(kind(home / "db" / "monitor.db"))) == 1

    def test_a_folder_whose_name_is_no_text(self, home, tmp_path):
        folder = os.fsencode(tmp_path) + b"/\xff"
        os.mkdir(folder)
        with shmon.Monitor(folder) as monitor:
            monitor.record("make", cwd=folder)
            assert os.fsencode(monitor.home) == folder
        (row,) = shmon.Store(home=os.fsdecode(folder)).query()
        assert row.working_directory == str(tmp_path) + "/\ufffd"

    @pytest.mark.parametrize("wrong", ["a\0b", b"\0", pathlib.Path("a\0b")])
    def test_a_nul(self, home, wrong):
        for make in (shmon.Monitor, shmon.Store, shmon.Classifier, lambda path: shmon.Classifier(rules=[path])):
            with pytest.raises(shmon.InvalidError, match="(home|path|rules) holds a NUL"):
                make(wrong)
        with shmon.Monitor() as monitor:
            with pytest.raises(shmon.InvalidError, match="cwd holds a NUL"):
                monitor.record("make", cwd=wrong)
        with pytest.raises(shmon.InvalidError, match="directory holds a NUL"):
            shmon.Store().query(directory=wrong)

    def test_nothing(self, home):
        for make in (shmon.Monitor, shmon.Store, shmon.Classifier):
            with pytest.raises(shmon.InvalidError, match="(home|path|rules) is empty"):
                make("")
        with shmon.Monitor() as monitor:
            recorded = monitor.record("make", cwd="")
        assert shmon.Store().get(recorded.id).working_directory == os.getcwd()

    @pytest.mark.parametrize("wrong", [3, 1.5, ["/"]])
    def test_what_is_no_path(self, home, wrong):
        for make in (shmon.Monitor, shmon.Store, lambda path: shmon.Monitor().record("make", cwd=path)):
            with pytest.raises(TypeError, match="(home|path|cwd) is a path .*not"):
                make(wrong)
        with pytest.raises(TypeError, match="rules is a path"):
            shmon.Classifier(rules=3 if isinstance(wrong, list) else [wrong])

    def test_the_environment(self, monkeypatch, tmp_path):
        monkeypatch.setenv("SHMON_HOME", "")
        monkeypatch.setenv("HOME", str(tmp_path))
        with shmon.Monitor() as monitor:
            assert monitor.home == tmp_path / "monitor"

    def test_what_is_not_there(self, tmp_path):
        for path in (tmp_path / "none.db", tmp_path, tmp_path / "none" / "monitor.db"):
            with pytest.raises(shmon.ShmonError) as caught:
                shmon.Store(path)
            assert str(path) in str(caught.value)
        assert list(tmp_path.iterdir()) == []


class TestTexts:
    def test_names_of_another_kind(self, store):
        for name in ("user", "session", "host", "rule", "order"):
            with pytest.raises(TypeError, match=f"{name} is a str, not int"):
                store.query(**{name: 1})
        with pytest.raises(TypeError, match="text is str or bytes, not int"):
            store.search(1)
        with pytest.raises(shmon.InvalidError, match="use 'newest' or 'oldest'"):
            store.query(order="random")
        with shmon.Monitor() as monitor:
            for name in ("session", "user", "host", "tty", "shell", "ssh_client", "parent_session", "key"):
                with pytest.raises(TypeError, match=f"{name} is a str, not bytes"):
                    monitor.record("make", **{name: b"x"})
        for wrong in ({"disable": 1}, {"exclude": [1]}, {"levels": {1: "low"}}):
            with pytest.raises(TypeError, match=next(iter(wrong))):
                shmon.Classifier(**wrong)

    def test_surrogates_are_no_reason_to_fail(self, store):
        assert store.count(user="\udcff") == 0 and list(store.sessions(user="\udcff")) == [] and store.session("\udcff") is None
        assert shmon.classify("ls", user="\udcff").command == "ls"

    def test_empty_ones(self, store):
        assert len(list(store.search(""))) == 5 == store.count(text=b"")
        assert store.count(user="") == 0 and store.session("") is None

    def test_commands_are_searched_as_they_were_typed(self, home):
        with shmon.Monitor() as monitor:
            monitor.record(b"echo caf\xc3\xa9")
        store = shmon.Store()
        assert store.count(text="café") == 1 == store.count(text="café".encode()) == len(list(store.search(b"echo")))

    def test_many_are_not_one(self, home):
        with shmon.Monitor() as monitor:
            for one in ("make", b"make", {"command": "make"}):
                with pytest.raises(TypeError, match="use record"):
                    monitor.record_many(one)
            with pytest.raises(TypeError, match="iterable"):
                monitor.record_many(3)
            with pytest.raises(TypeError, match=r"commands\[1\].*workdir"):
                monitor.record_many(["make", {"command": "make", "workdir": "/"}])
            with pytest.raises(shmon.InvalidError, match=r"commands\[2\].*empty"):
                monitor.record_many(["make", "make", " "])
            with pytest.raises(shmon.InvalidError, match=r"commands\[0\].*uid is -1"):
                monitor.record_many([{"command": "make", "uid": -1}])
        assert len(shmon.Store()) == 0

    def test_a_database_that_is_a_link_to_nothing(self, tmp_path):
        (tmp_path / "link.db").symlink_to(tmp_path / "gone.db")
        with pytest.raises(shmon.ShmonError):
            shmon.Store(tmp_path / "link.db")
        sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (x)").connection.close()
        with pytest.raises(shmon.InvalidError, match="other.db: this is another program's database"):
            shmon.Store(tmp_path / "other.db")

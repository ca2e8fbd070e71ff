"""Recording and reading: the monitor and the store."""

import datetime
import json
import multiprocessing
import os
import sqlite3
import threading

import pytest

import shmon
from shmon import Level
from support import old_database


def fill(home, count=5):
    commands = ["ls", "nmap -sV target.example.com", "rm -rf /tmp/dangerous", "make", "ssh user@host"]
    with shmon.Monitor(home) as monitor:
        return monitor.record_many(
            {"command": commands[i % 5], "session": f"s{i % 2}", "cwd": f"/srv/{i % 3}",
             "exit_status": i % 2, "time": 1_750_000_000 + i, "duration": 0.5}
            for i in range(count)
        )  # fmt: skip


class TestMonitor:
    def test_one_call_classifies_stores_and_logs(self, home):
        with shmon.Monitor() as monitor:
            assert monitor.home == home
            recorded = monitor.record("nmap -sV target.example.com", session="s1", cwd="/home/u", exit_status=0)
        assert recorded.level is Level.HIGH
        assert recorded.id == 1
        assert not recorded.duplicate and not recorded.excluded
        row = sqlite3.connect(home / "db" / "monitor.db").execute(
            "SELECT session_id, command, working_directory, risk_level, is_sensitive FROM command_logs"
        ).fetchone()  # fmt: skip
        assert row == ("s1", "nmap -sV target.example.com", "/home/u", "high", 1)
        log = (home / "logs" / "command_monitor.log").read_text()
        assert "Command monitored: nmap -sV target.example.com (Risk: high, DB ID: 1)" in log

    def test_what_is_not_given_is_this_process(self, home, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        before = datetime.datetime.now(datetime.timezone.utc)
        with shmon.Monitor() as monitor:
            monitor.record("make")
        row = next(shmon.Store().query())
        assert row.session_id == str(os.getpid())
        assert row.working_directory == str(tmp_path)
        assert row.uid == os.getuid()
        assert row.host == os.uname().nodename
        assert row.shell == "bash"
        assert abs(row.time - before) < datetime.timedelta(minutes=5)

    def test_the_same_key_changes_nothing(self, home):
        with shmon.Monitor() as monitor:
            first = monitor.record("make", key="boot:1:2:3")
            again = monitor.record("make", key="boot:1:2:3")
            monitor.end("boot:1:2:3", exit_status=2, duration=datetime.timedelta(seconds=1.5))
        assert not first.duplicate and again.duplicate
        row = shmon.Store().get(first.id)
        assert (row.exit_status, row.duration) == (2, 1.5)
        assert len(shmon.Store()) == 1

    def test_bytes_that_are_no_text(self, home):
        with shmon.Monitor() as monitor:
            monitor.record(b"echo \xff", session="s")
            monitor.record("echo 日本語 \udcfe", session="s")
        assert [row.command for row in shmon.Store().query(order="oldest")] == ["echo \udcff", "echo 日本語 \udcfe"]

    def test_wrong_facts_are_refused(self, home):
        with shmon.Monitor() as monitor:
            with pytest.raises(TypeError, match="workdir"):
                monitor.record("ls", workdir="/")
            with pytest.raises(shmon.InvalidError, match="empty"):
                monitor.record("  ")
            with pytest.raises(shmon.InvalidError, match="yesterday"):
                monitor.record("ls", time="yesterday")
            with pytest.raises(TypeError):
                monitor.record(17)
        assert len(shmon.Store()) == 0

    def test_after_close_nothing_is_recorded(self, home):
        monitor = shmon.Monitor()
        monitor.close()
        monitor.close()
        with pytest.raises(shmon.InvalidError, match="closed"):
            monitor.record("ls")

    def test_a_wrong_configuration_is_named(self, home):
        home.mkdir()
        (home / "config.toml").write_text("nmae = 'x'\n")
        with pytest.raises(shmon.ConfigError, match="nmae") as caught:
            shmon.Monitor()
        assert caught.value.path == str(home / "config.toml")

    def test_many_threads(self, home):
        monitor = shmon.Monitor()

        def work(number):
            for i in range(20):
                monitor.record(f"make {number}-{i}", session=str(number))

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        monitor.close()
        assert len(shmon.Store()) == 160

    def test_a_forked_child_is_refused(self, home):
        monitor = shmon.Monitor()
        monitor.record("make")
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()

        def child():
            try:
                monitor.record("make in the child")
            except shmon.InvalidError as error:
                queue.put(str(error))
            else:
                queue.put("recorded")

        process = context.Process(target=child)
        process.start()
        process.join(30)
        assert "fork" in queue.get()
        assert process.exitcode == 0
        monitor.record("make again")
        monitor.close()
        assert len(shmon.Store()) == 2


class TestNotification:
    def test_people_are_told_before_close_returns(self, home, chatwork):
        with shmon.Monitor() as monitor:
            assert monitor.record("make").notifications == 0
            assert monitor.record("rm -rf /tmp/dangerous").notifications == 1
        assert len(chatwork.seen) == 1
        assert b"CRITICAL" in chatwork.seen[0]

    def test_without_delivery_it_waits_in_the_outbox(self, home, chatwork):
        with shmon.Monitor(deliver=False) as monitor:
            monitor.record("rm -rf /tmp/dangerous")
        assert chatwork.seen == []
        with shmon.Monitor(deliver=False) as monitor:
            assert monitor.deliver() == 1
            assert monitor.deliver() == 0
        assert len(chatwork.seen) == 1


class TestStore:
    def test_no_database_yet(self, home):
        with pytest.raises(shmon.StoreError, match="no database"):
            shmon.Store()

    def test_rows_have_attributes_and_items(self, home):
        fill(home)
        row = shmon.Store().get(2)
        assert row.command == row["command"] == dict(row)["command"] == "nmap -sV target.example.com"
        assert row.level is Level.HIGH
        assert row.sensitive and not row.excluded
        assert row.time == datetime.datetime.fromtimestamp(1_750_000_001, datetime.timezone.utc)
        assert row.started_at_ns == 1_750_000_001 * 10**9
        assert row.duration == 0.5
        assert row.rules and row.identity.endswith("-2")
        assert set(row.keys()) == set(dict(row)) == {n for n in dir(row) if not n.startswith("_")} - {"keys"}
        with pytest.raises(KeyError):
            row["password"]
        assert shmon.Store().get(99) is None
        assert row == shmon.Store().get(2) and row != shmon.Store().get(1)

    @pytest.mark.parametrize(
        ("filters", "ids"),
        [
            ({}, [5, 4, 3, 2, 1]),
            ({"order": "oldest"}, [1, 2, 3, 4, 5]),
            ({"limit": 2}, [5, 4]),
            ({"level": "critical"}, [3]),
            ({"level": Level.HIGH}, [5, 2]),
            ({"min_level": 2}, [5, 3, 2]),
            ({"session": "s1"}, [4, 2]),
            ({"directory": "/srv/0"}, [4, 1]),
            ({"directory": "/srv"}, [5, 4, 3, 2, 1]),
            ({"text": "NMAP"}, [2]),
            ({"rule": "destruction"}, [3]),
            ({"exit_status": 1}, [4, 2]),
            ({"failed": True}, [4, 2]),
            ({"hide_excluded": True}, [5, 4, 3, 2]),
            ({"after_id": 3}, [5, 4]),
            ({"before_id": 3, "order": "oldest"}, [1, 2]),
            ({"since": 1_750_000_003}, [5, 4]),
            ({"until": datetime.datetime.fromtimestamp(1_750_000_001)}, [1]),
            ({"user": "nobody-like-that"}, []),
            ({"limit": 0}, []),
            ({"user": None}, [5, 4, 3, 2, 1]),
        ],
    )
    def test_filters(self, home, filters, ids):
        fill(home)
        store = shmon.Store()
        assert [row.id for row in store.query(**filters)] == ids
        if "limit" not in filters:
            assert store.count(**filters) == len(ids)
            assert store.stats(**filters).total == len(ids)

    def test_wrong_filters_are_refused(self, home):
        fill(home)
        store = shmon.Store()
        with pytest.raises(TypeError, match="colour"):
            store.query(colour="red")
        with pytest.raises(shmon.InvalidError, match="order"):
            store.query(order="random")
        with pytest.raises(shmon.InvalidError, match="urgent"):
            store.query(level="urgent")

    def test_searching(self, home):
        fill(home)
        assert [row.id for row in shmon.Store().search("NMAP")] == [2]
        assert [row.id for row in shmon.Store().search("nmap", session="s0")] == []

    def test_rows_are_read_as_they_are_asked_for(self, home):
        fill(home, 3000)
        store = shmon.Store()
        rows = store.query(order="oldest")
        assert iter(rows) is rows
        assert [next(rows).id for _ in range(3)] == [1, 2, 3]
        assert sum(1 for _ in rows) == 2997
        assert next(rows, None) is None
        assert len(store) == 3000 and sum(1 for _ in store) == 3000

    def test_statistics(self, home):
        fill(home, 10)
        stats = shmon.Store().stats(top=1)
        assert stats.total == 10
        assert [(c.name, c.count, c.high) for c in stats.levels] == [
            ("critical", 2, 2), ("high", 4, 4), ("low", 4, 0),
        ]  # fmt: skip
        assert len(stats.sessions) == len(stats.commands) == len(stats.rules) == 1
        assert stats.days and stats.hours and stats.users

    def test_a_database_of_another_program_is_refused(self, home, tmp_path):
        other = tmp_path / "other.db"
        connection = sqlite3.connect(other)
        connection.execute("CREATE TABLE songs (title)")
        connection.commit()
        with pytest.raises(shmon.ShmonError):
            shmon.Store(other)
        assert connection.execute("SELECT count(*) FROM songs").fetchone() == (0,)

    def test_the_tickets_own_database(self, tmp_path):
        path = old_database(tmp_path)
        with pytest.raises(shmon.OldVersionError):
            shmon.Store(path, migrate=False)
        store = shmon.Store(path)
        assert [(r.id, r.level, r.command) for r in store.query(order="oldest")] == [
            (17, Level.LOW, "sqlite3 test command"),
            (18, Level.HIGH, "nmap -sV target.example.com"),
            (19, Level.CRITICAL, "rm -rf /tmp/dangerous"),
        ]

    def test_sessions(self, home):
        fill(home, 10)
        store = shmon.Store()
        sessions = store.sessions()
        assert iter(sessions) is sessions
        assert [s.session_id for s in sessions] == ["s1", "s0"]
        assert [s.session_id for s in store.sessions(limit=1)] == ["s1"]
        assert [s.session_id for s in store.sessions(user="nobody-like-that")] == []
        one = store.session("s0")
        assert (one.first_id, one.last_id, one.commands, one.worst) == (1, 9, 5, Level.CRITICAL)
        assert sum(one.counts.values()) == 5 and one.counts[Level.CRITICAL] == 1
        assert one.started == datetime.datetime.fromtimestamp(1_750_000_000, datetime.timezone.utc)
        assert one == store.session("s0") and one != store.session("s1")
        assert store.session("none") is None

    def test_sessions_come_page_by_page(self, home):
        with shmon.Monitor(home) as monitor:
            monitor.record_many({"command": "make", "session": f"n{i:04}", "time": 1_750_000_000 + i} for i in range(600))
        assert [s.session_id for s in shmon.Store().sessions()] == [f"n{i:04}" for i in reversed(range(600))]
        assert len(list(shmon.Store().sessions(limit=300))) == 300

    def test_verification(self, home):
        fill(home, 4)
        report = shmon.Store().verify()
        assert report and report.ok and report.rows == 4 and report.problems == []
        database = sqlite3.connect(home / "db" / "monitor.db")
        database.execute("UPDATE command_logs SET command = 'ls -l' WHERE id = 3")
        database.commit()
        database.close()
        report = shmon.Store().verify()
        assert not report and not report.ok
        assert report.problems[0].row == 3 and str(report.problems[0])
        with pytest.raises(shmon.InvalidError):
            shmon.Store().verify(["no checkpoint"])

    def test_export(self, home):
        with shmon.Monitor(home) as monitor:
            monitor.record("mysql -u root -psecret-word db", session="s1")
            monitor.record("make", session="s2")
        store = shmon.Store()
        lines = list(store.export())
        assert [json.loads(line)["id"] for line in lines] == [1, 2]
        assert "secret-word" not in lines[0] and json.loads(lines[0])["redacted"] is True
        assert "secret-word" in next(store.export(reveal=True))
        assert [json.loads(line)["id"] for line in store.export(session="s2")] == [2]
        assert [json.loads(line)["id"] for line in store.export(order="newest")] == [2, 1]

"""The drop-in scripts, run as the ticket's own are: from a prompt and from other scripts."""

import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import shmon
from support import old_database

# Those of the installed wheel, not of the sources.
SCRIPTS = pathlib.Path(shmon.__file__).parent / "scripts"


@pytest.fixture(autouse=True)
def markers(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def hook(*arguments, python=sys.executable, **options):
    # Standard input is closed to it, as nothing is there to be read at a prompt.
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(
        [python, SCRIPTS / "bash_hook.py", *arguments], capture_output=True, text=True, timeout=60, **options
    )


def rows():
    return list(shmon.Store().query(order="oldest"))


class TestHook:
    def test_command_from_arguments(self, home, tmp_path):
        ran = hook("--status", "3", "--session", "s1", "--", "nmap -sV target.example.com", cwd=tmp_path)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
        (row,) = rows()
        assert row.command == "nmap -sV target.example.com"
        assert (row.session_id, row.exit_status, row.working_directory) == ("s1", 3, str(tmp_path))
        assert row.pid == os.getpid()

    def test_command_from_the_environment(self, home):
        hook(env={**os.environ, "SHMON_COMMAND": "make all"})
        assert [row.command for row in rows()] == ["make all"]

    def test_command_from_standard_input(self, home):
        hook(input="make\nall\n", stdin=None)
        assert [row.command for row in rows()] == ["make\nall"]

    @pytest.mark.parametrize("line", ["   18  rm -rf /tmp/x", "10018  rm -rf /tmp/x", "   18* rm -rf /tmp/x"])
    def test_a_line_of_history(self, home, line):
        hook("--", line)
        hook("--", line)  # Enter alone: the same line again
        assert [row.command for row in rows()] == ["rm -rf /tmp/x"]

    def test_nothing_was_typed(self, home):
        assert hook().returncode == 0
        assert hook("--", "   18  ").returncode == 0
        assert not (home / "db").exists()

    def test_notifications_are_sent_by_another_process(self, home, chatwork):
        ran = hook("--", "rm -rf /tmp/x")
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
        assert chatwork.arrived.wait(60), "nobody was told"
        assert b"rm+-rf+%2Ftmp%2Fx" in chatwork.seen[0] or b"rm%20-rf%20%2Ftmp%2Fx" in chatwork.seen[0]
        hook("--", "make")
        with shmon.Monitor(deliver=False) as monitor:
            # Waits while the other process still holds the outbox; nothing is left for us.
            assert monitor.deliver() == 0
        assert len(chatwork.seen) == 1

    @pytest.mark.parametrize("broken", ["configuration", "folder", "options"])
    def test_the_prompt_is_sacred(self, home, broken):
        arguments = ["--", "make"]
        if broken == "configuration":
            home.mkdir()
            (home / "config.toml").write_text("nmae = 'x'\n")
        elif broken == "folder":
            home.write_text("a file in its place")
        else:
            arguments = ["--no-such-option"]
        ran = hook(*arguments)
        assert ran.returncode == 0
        assert [line for line in ran.stderr.splitlines() if line.startswith("shmon: not recorded:")] != []
        if broken != "options":
            assert len(ran.stderr.splitlines()) == 1
        assert "not recorded" not in hook(*arguments).stderr, "told once"

    def test_without_the_module(self, home):
        # -S: no site-packages, so nothing that was installed is found.
        ran = subprocess.run(
            [sys.executable, "-I", "-S", SCRIPTS / "bash_hook.py", "--", "make"],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert ran.returncode == 0
        (line,) = ran.stderr.splitlines()
        assert "No module named 'shmon'" in line and "pip install shmon" in line

    def test_standard_error_that_is_closed(self, home):
        home.write_text("a file in its place")
        ran = subprocess.run(
            ["sh", "-c", '"$0" "$1" -- make 2>&-', sys.executable, SCRIPTS / "bash_hook.py"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert (ran.returncode, ran.stdout) == (0, b"")

    @pytest.mark.skipif(shutil.which("bash") is None, reason="bash isn't installed")
    @pytest.mark.parametrize("options", ["", "-I -S"], ids=["with the module", "without the module"])
    def test_in_a_real_bash(self, home, tmp_path, options):
        """An interactive bash with the lines of the documentation in its startup file."""
        (tmp_path / "rc").write_text(
            "PS1='$ '\n"
            "_monitor_hook_function() {\n"
            "    local status=$?\n"
            f'    {sys.executable} {options} {SCRIPTS}/bash_hook.py --status "$status" -- "$(HISTTIMEFORMAT= history 1)"\n'
            '    return "$status"\n'
            "}\n"
            "PROMPT_COMMAND=_monitor_hook_function\n"
        )
        typed = "true one\n\n(exit 7)\necho status $?\nexit\n"
        environment = {**os.environ, "HISTFILE": str(tmp_path / "history")}
        ran = subprocess.run(
            ["bash", "--rcfile", tmp_path / "rc", "-i"],
            input=typed,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=120,
            start_new_session=True,
        )
        assert "status 7" in ran.stdout, "the hook keeps $? as it was"
        told = [line for line in ran.stderr.splitlines() if "shmon" in line and "bash_hook" not in line]
        if options:
            assert len(told) == 1 and "No module named 'shmon'" in told[0], "one line for the whole shell"
            assert not (home / "db").exists()
            return
        assert told == []
        recorded = [(row.command, row.exit_status) for row in rows()]
        assert recorded == [("true one", 0), ("(exit 7)", 7), ("echo status $?", 0)]


@pytest.fixture
def database(home):
    spec = importlib.util.spec_from_file_location("database", SCRIPTS / "database.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestDatabase:
    def test_saving_and_reading(self, database):
        assert database.save_command("nmap -sV x", "s1", "/home/u", "low", 0, "2025-06-28 08:50:30") == 1
        assert database.save_command("rm -rf /tmp/x", session_id="s2") == 2
        assert database.save_command("make", session_id="s1") == 3
        assert [row["id"] for row in database.get_recent_commands(2)] == [3, 2]
        first = database.get_session_history("s1")[0]
        assert list(first)[:9] == [
            "id", "session_id", "command", "command_hash", "working_directory",
            "execution_time", "risk_level", "is_sensitive", "created_at",
        ]  # fmt: skip
        assert (first["command"], first["risk_level"], first["is_sensitive"]) == ("nmap -sV x", "high", 1)
        assert first["execution_time"] == "2025-06-28 08:50:30"
        assert [row["id"] for row in database.get_session_history("s1")] == [1, 3]
        assert [row["id"] for row in database.get_commands_by_risk("CRITICAL")] == [2]
        assert [row["id"] for row in database.search_commands("NMAP")] == [1]
        statistics = database.get_statistics()
        assert statistics["total_commands"] == 3
        assert statistics["risk_levels"] == {"critical": 1, "high": 1, "low": 1}
        assert statistics["sessions"] == {"s1": 2, "s2": 1}
        assert statistics["sensitive"] == 2

    def test_a_database_that_the_old_system_made(self, database, home):
        (home / "db").mkdir(parents=True, mode=0o700)
        old_database(home / "db")
        assert [row["id"] for row in database.get_recent_commands()] == [19, 18, 17]
        assert database.get_statistics()["risk_levels"] == {"critical": 1, "high": 1, "low": 1}
        assert database.save_command("make", session_id="new") == 20
        assert [row["id"] for row in database.get_session_history("old-session")] == [17, 18, 19]

    def test_from_a_shell(self, database):
        database.save_command("echo \x1b[31m\udcff", session_id="s1")

        def run(*arguments):
            return subprocess.run(
                [sys.executable, SCRIPTS / "database.py", *arguments], capture_output=True, text=True
            )

        for arguments in (["recent"], ["recent", "1"], ["session", "s1"], ["search", "echo"], ["risk", "low"]):
            ran = run(*arguments)
            assert ran.returncode == 0, ran.stderr
            assert json.loads(ran.stdout)["command"] == "echo \x1b[31m\udcff"
            assert "\x1b" not in ran.stdout
        assert json.loads(run("stats").stdout)["total_commands"] == 1
        wrong = run("risk", "urgent")
        assert wrong.returncode == 2 and len(wrong.stderr.splitlines()) == 1

    def test_without_the_module(self):
        ran = subprocess.run(
            [sys.executable, "-I", "-S", SCRIPTS / "database.py", "recent"], capture_output=True, text=True
        )
        assert ran.returncode == 2 and len(ran.stderr.splitlines()) == 1


class TestInstallation:
    """Into `~/monitor/scripts/`, where the old system has its own."""

    def check(self, home):
        scripts = home / "scripts"
        for name in ("bash_hook.py", "database.py"):
            assert (scripts / name).stat().st_mode & 0o777 == 0o700
        environment = {**os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
        ran = subprocess.run(
            [scripts / "bash_hook.py", "--", "nmap -sV x"], stdin=subprocess.DEVNULL, capture_output=True, env=environment
        )
        assert (ran.returncode, ran.stderr) == (0, b"")
        ran = subprocess.run([scripts / "database.py", "recent"], capture_output=True, text=True, env=environment)
        assert json.loads(ran.stdout)["command"] == "nmap -sV x"

    def test_by_the_module(self, home):
        install = [sys.executable, "-m", "shmon.scripts", "install"]
        for _ in range(2):
            ran = subprocess.run(install, capture_output=True, text=True)
            assert ran.returncode == 0, ran.stderr
            assert ran.stdout.splitlines() == [str(home / "scripts" / n) for n in ("bash_hook.py", "database.py")]
        first = (home / "scripts" / "bash_hook.py").read_text().splitlines()[0]
        assert first[:2] == "#!" and os.path.samefile(first[2:], sys.executable)
        assert sorted(p.name for p in (home / "scripts").iterdir()) == ["bash_hook.py", "database.py"]
        assert home.stat().st_mode & 0o777 == 0o700
        self.check(home)

    def test_into_another_home(self, tmp_path):
        from shmon.scripts import install

        assert [path.parent for path in install(tmp_path / "other")] == [tmp_path / "other" / "scripts"] * 2

    def test_where_nothing_can_be_written(self, home):
        home.write_text("a file in its place")
        ran = subprocess.run([sys.executable, "-m", "shmon.scripts", "install"], capture_output=True, text=True)
        assert ran.returncode == 2 and len(ran.stderr.splitlines()) == 1

    def test_by_the_command_line(self, home, tmp_path):
        ran = subprocess.run(
            [sys.executable, "-m", "shmon", "init", "--yes", "--no-rc", "--scripts"],
            capture_output=True,
            text=True,
            env={**os.environ, "HOME": str(tmp_path)},
        )
        assert ran.returncode == 0, ran.stderr
        self.check(home)

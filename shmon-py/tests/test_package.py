"""The installed package: documentation that runs, types, the command line beside it."""

import ast
import doctest
import inspect
import os
import pathlib
import subprocess
import sys

import pytest

import shmon
from shmon import _shmon, _types

PACKAGE = pathlib.Path(shmon.__file__).parent
SOURCES = pathlib.Path(__file__).resolve().parents[1] / "python"


def test_the_wheel_is_tested_not_the_sources():
    assert SOURCES not in PACKAGE.parents
    assert "site-packages" in PACKAGE.parts
    assert (PACKAGE / "py.typed").exists()
    assert (PACKAGE / "_shmon.pyi").exists()
    assert pathlib.Path(_shmon.__file__).suffixes[0] == ".abi3"


def documented():
    """Every public object with its documentation, also the natively made ones that doctest overlooks."""
    yield "shmon", shmon
    for module in (_shmon, _types):
        for name, value in vars(module).items():
            if name.startswith("_") or inspect.ismodule(value):
                continue
            if not (inspect.isclass(value) or inspect.isroutine(value)):
                continue
            if getattr(value, "__module__", "").split(".")[0] != "shmon":
                continue
            yield name, value
            if inspect.isclass(value):
                for attribute, member in vars(value).items():
                    if not attribute.startswith("_") and not isinstance(member, shmon.Level):
                        yield f"{name}.{attribute}", member


def test_examples_in_the_documentation_run(tmp_path, monkeypatch):
    parser = doctest.DocTestParser()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for number, (name, value) in enumerate(documented()):
        # Each example has a home of its own.
        monkeypatch.setenv("SHMON_HOME", str(tmp_path / str(number)))
        test = parser.get_doctest(getattr(value, "__doc__", None) or "", {"__name__": "example"}, name, None, 0)
        runner.run(test)
    assert runner.failures == 0
    assert runner.tries > 20, "the examples are found at all"


def test_everything_public_is_documented():
    missing = []
    for name in shmon.__all__:
        value = getattr(shmon, name)
        if name.startswith("__") or getattr(value, "__doc__", None):
            continue
        missing.append(name)
    for name, value in vars(_shmon).items():
        if inspect.isclass(value):
            missing += [
                f"{name}.{attribute}"
                for attribute, member in vars(value).items()
                if not attribute.startswith("_") and not getattr(member, "__doc__", None)
            ]
    assert missing == []


def test_the_stubs_name_the_same_attributes():
    """A cheap form of stubtest, for the Pythons on which that doesn't run."""
    tree = ast.parse((PACKAGE / "_shmon.pyi").read_text())
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            stub = {f.name for f in node.body if isinstance(f, ast.FunctionDef) and not f.name.startswith("_")}
            real = {n for n in vars(getattr(_shmon, node.name)) if not n.startswith("_")}
            assert stub == real, node.name


def test_import_loads_little():
    """The costly parts of the standard library stay out; the time itself is measured in benches/python."""
    code = "import sys; before = set(sys.modules); import shmon; print(*sorted(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    costly = {"dataclasses", "inspect", "asyncio", "json", "subprocess", "sqlite3", "logging", "pyarrow", "numpy"}
    assert costly.isdisjoint(loaded.stdout.split())


def test_errors_form_a_family():
    assert issubclass(shmon.CorruptError, shmon.StoreError)
    assert issubclass(shmon.NewerVersionError, shmon.StoreError)
    assert issubclass(shmon.InvalidError, ValueError)
    assert issubclass(shmon.FileError, OSError)
    errors = [getattr(shmon, name) for name in shmon.__all__ if name.endswith("Error")]
    assert all(issubclass(error, shmon.ShmonError) for error in errors)
    assert len({error.kind for error in errors}) == len(errors) == 13


class TestCommandLine:
    def run(self, *arguments, **options):
        return subprocess.run(
            [sys.executable, "-I", "-m", "shmon", *arguments], capture_output=True, text=True, **options
        )

    def test_the_module_runs_the_installed_binary(self):
        ran = self.run("--version")
        assert ran.returncode == 0
        assert shmon.__version__ in ran.stdout
        binary = pathlib.Path(sys.executable).parent / "shmon"
        assert binary.read_bytes()[:4] == b"\x7fELF"

    def test_it_says_the_same_as_the_module(self, tmp_path):
        environment = {**os.environ, "SHMON_HOME": str(tmp_path)}
        ran = self.run("classify", "--format", "jsonl", "rm -rf /srv/data", env=environment)
        import json

        assert json.loads(ran.stdout) == shmon.classify("rm -rf /srv/data").to_dict()

    def test_without_a_binary_it_says_so(self, monkeypatch, capsys):
        from shmon import __main__

        monkeypatch.setattr(__main__.os, "access", lambda *_: False)
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(SystemExit) as stop:
            __main__.main()
        assert stop.value.code == 2
        assert len(capsys.readouterr().err.splitlines()) == 1

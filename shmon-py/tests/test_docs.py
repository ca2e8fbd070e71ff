"""Every block of Python in docs/python.md runs."""

import io
import pathlib
import re

import pytest

import shmon

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "python.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


class History:
    """Stands for a frame of Spark's, whose own test is in test_arrow.py."""

    def __init__(self, batches):
        self.batches = batches

    def mapInArrow(self, rate, schema):
        assert [batch.num_columns for batch in rate(self.batches)] == [len(schema.split(","))]


def test_the_blocks_are_found():
    assert len(BLOCKS) >= 5


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0][:40])
def test_a_block_of_the_page(block, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.d").mkdir()
    with shmon.Monitor() as monitor:
        monitor.record("nmap -sV target.example.com", session="s1")
    names = {
        "shmon": shmon,
        "command": "make all",
        "commands": ["make all", "rm -rf /srv"],
        "sid": "s1",
        "session_id": "s1",
        "folder": "/srv",
        "directory": "/srv",
        "file": io.StringIO(),
    }
    if "pyarrow" in block:
        pyarrow = pytest.importorskip("pyarrow")
        names["pyarrow"] = pyarrow
        names["polars"] = pytest.importorskip("polars")
        names["pandas"] = pytest.importorskip("pandas", minversion="3")
        names["table"] = pyarrow.table({"command": ["make all", "rm -rf /srv"]})
        names["history"] = History(names["table"].to_batches())
    exec(compile(block, str(PAGE), "exec"), names)

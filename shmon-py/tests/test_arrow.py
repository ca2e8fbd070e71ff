"""Columns of other libraries: each is tested where it is installed."""

import gc
import subprocess
import sys

import pytest

import shmon

COMMANDS = ["ls", None, "rm -rf /srv/data", "", "nmap -sV x | tee out; rm -rf /srv/data; rm -rf /srv/more", "echo 日本語"]
NAMES = ["level", "severity", "excluded", "sensitive", "partial", "rules"]


def expected(commands):
    rows = []
    for command in commands:
        if command is None:
            rows.append(dict.fromkeys(NAMES))
            continue
        verdict = shmon.classify(command)
        rows.append(
            {
                "level": str(verdict.level),
                "severity": int(verdict.level),
                "excluded": verdict.excluded,
                "sensitive": verdict.sensitive,
                "partial": verdict.partial,
                "rules": list(dict.fromkeys(f.rule for f in verdict.findings)),
            }
        )
    return rows


def test_what_has_no_arrow_is_refused():
    with pytest.raises(TypeError, match="list has neither __arrow_c_array__"):
        shmon.classify_arrow(["ls"])


class TestPyarrow:
    @pytest.fixture(autouse=True)
    def pa(self):
        self.pa = pytest.importorskip("pyarrow")

    def columns(self):
        pa = self.pa
        strings = pa.array(COMMANDS)
        yield strings
        for kind in (pa.large_string(), pa.binary(), pa.large_binary(), pa.string_view(), pa.binary_view()):
            yield strings.cast(kind)
        yield strings.dictionary_encode()

    def test_every_kind_of_strings(self):
        for column in self.columns():
            batch = self.pa.record_batch(shmon.classify_arrow(column))
            assert batch.schema.names == NAMES
            assert batch.to_pylist() == expected(COMMANDS), column.type
            batch.validate(full=True)

    def test_slices(self):
        for column in self.columns():
            answer = shmon.classify_arrow(column.slice(1, 3))
            assert len(answer) == 3
            assert self.pa.record_batch(answer).to_pylist() == expected(COMMANDS[1:4])

    def test_record_batches_tables_and_readers(self):
        pa = self.pa
        batch = pa.record_batch({"n": range(len(COMMANDS)), "command": COMMANDS, "typed": ["ls"] * len(COMMANDS)})
        assert pa.record_batch(shmon.classify_arrow(batch)).to_pylist() == expected(COMMANDS)
        assert pa.record_batch(shmon.classify_arrow(batch, "typed"))["level"].to_pylist() == ["low"] * len(COMMANDS)
        table = pa.Table.from_batches([batch, batch, batch.slice(2)])
        answer = shmon.classify_arrow(table)
        assert isinstance(answer, shmon.ArrowTable) and len(answer) == len(table)
        assert pa.table(answer).to_pylist() == expected(COMMANDS + COMMANDS + COMMANDS[2:])
        assert pa.table(answer).num_rows == len(table), "it can be read again"
        reader = pa.RecordBatchReader.from_batches(batch.schema, iter([batch]))
        assert pa.table(shmon.classify_arrow(reader)).to_pylist() == expected(COMMANDS)
        chunked = pa.chunked_array([COMMANDS, [], ["ls"]])
        assert pa.table(shmon.classify_arrow(chunked)).to_pylist() == expected([*COMMANDS, "ls"])
        joined = pa.Table.from_batches([batch]).append_column("level", pa.table(shmon.classify_arrow(batch))["level"])
        assert joined.column_names[-1] == "level"

    def test_nothing(self):
        pa = self.pa
        assert pa.record_batch(shmon.classify_arrow(pa.array([], pa.string()))).to_pylist() == []
        assert pa.table(shmon.classify_arrow(pa.schema([("command", pa.string())]).empty_table())).num_rows == 0

    def test_many_on_all_threads(self):
        commands = [f"rm -rf /srv/{i}" if i % 7 == 0 else None if i % 5 == 0 else f"make {i}" for i in range(20_000)]
        for threads in (None, 1, 2, 5):
            batch = self.pa.record_batch(shmon.classify_arrow(self.pa.array(commands), threads=threads))
            assert batch["severity"].to_pylist() == [3 if i % 7 == 0 else None if i % 5 == 0 else 0 for i in range(20_000)]

    def test_strings_are_not_copied(self):
        column = self.pa.array(["make " + "x" * 1000] * 10_000)
        before = self.pa.total_allocated_bytes()
        answer = shmon.classify_arrow(column)
        assert self.pa.total_allocated_bytes() == before
        del column
        gc.collect()
        assert self.pa.total_allocated_bytes() < before, "the answer doesn't keep the commands"
        assert len(answer) == 10_000

    def test_a_classifier_of_ones_own(self):
        classifier = shmon.Classifier(disable="destruction.*")
        batch = self.pa.record_batch(classifier.classify_arrow(self.pa.array(COMMANDS), dialect="sh"))
        assert batch["level"][2].as_py() != "critical"
        assert batch["rules"][4].as_py() == list(
            dict.fromkeys(f.rule for f in classifier.classify(COMMANDS[4], dialect="sh").findings)
        )

    def test_wrong_columns_are_named(self):
        pa = self.pa
        with pytest.raises(TypeError, match="not Int64"):
            shmon.classify_arrow(pa.array([1, 2]))
        with pytest.raises(shmon.InvalidError, match="'cmd'.*n, command"):
            shmon.classify_arrow(pa.record_batch({"n": [1], "command": ["ls"]}), "cmd")
        with pytest.raises(shmon.InvalidError, match="tcsh"):
            shmon.classify_arrow(pa.array(["ls"]), dialect="tcsh")

    @pytest.mark.parametrize("threads", ["1", "3"])
    def test_ctrl_c_ends_a_long_column(self, threads):
        code = (
            "import os, signal, sys, threading\n"
            "import pyarrow, shmon\n"
            # What a shell starts in the background ignores it.
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "column = pyarrow.array(['for i in 1 2 3; do echo $i; done; ' * 40]).take([0] * 1_000_000)\n"
            "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
            "try:\n"
            "    while True:\n"
            "        shmon.classify_arrow(column, threads=int(sys.argv[1]))\n"
            "except KeyboardInterrupt:\n"
            "    print('interrupted')\n"
        )
        ran = subprocess.run([sys.executable, "-c", code, threads], capture_output=True, text=True, timeout=120)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "interrupted\n", "")

    def test_a_stream_that_fails(self):
        pa = self.pa
        schema = pa.schema([("command", pa.string())])

        def broken():
            yield pa.record_batch({"command": ["ls"]})
            raise RuntimeError("the source broke")

        reader = pa.RecordBatchReader.from_batches(schema, broken())
        with pytest.raises(ValueError, match="the source broke"):
            shmon.classify_arrow(reader)


def test_polars():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"command": COMMANDS, "n": range(len(COMMANDS))})
    assert pl.DataFrame(shmon.classify_arrow(frame)).to_dicts() == expected(COMMANDS)
    assert pl.DataFrame(shmon.classify_arrow(frame["command"])).to_dicts() == expected(COMMANDS)
    both = frame.hstack(pl.DataFrame(shmon.classify_arrow(frame)))
    assert both.filter(pl.col("level") == "critical").height == 2
    categories = pl.Series(COMMANDS, dtype=pl.Categorical)
    assert pl.DataFrame(shmon.classify_arrow(categories)).to_dicts() == expected(COMMANDS)


def test_pandas():
    pd = pytest.importorskip("pandas", minversion="3")
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"command": COMMANDS, "n": range(len(COMMANDS))})
    answer = pd.DataFrame.from_arrow(shmon.classify_arrow(frame))
    assert answer["level"].fillna("").tolist() == [row["level"] or "" for row in expected(COMMANDS)]
    series = pd.DataFrame.from_arrow(shmon.classify_arrow(frame["command"]))
    assert series["level"].fillna("").tolist() == answer["level"].fillna("").tolist()


def test_duckdb():
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    connection = duckdb.connect()
    connection.execute("CREATE TABLE commands (id INTEGER, command TEXT)")
    connection.executemany("INSERT INTO commands VALUES (?, ?)", list(enumerate(COMMANDS)))
    relation = connection.sql("SELECT command FROM commands ORDER BY id")
    import pyarrow

    rated = pyarrow.table(shmon.classify_arrow(relation))
    assert rated.to_pylist() == expected(COMMANDS)
    deletions = "SELECT count(*) FROM rated WHERE list_contains(rules, 'destruction.rm-recursive-force')"
    assert connection.sql(deletions).fetchall() == [(2,)]


def test_spark(monkeypatch):
    """`mapInArrow`: each worker gives record batches of pyarrow's, and takes such."""
    sql = pytest.importorskip("pyspark.sql", reason="Spark isn't installed (SHMON_SPARK=1 shmon-py/test.sh)")
    pytest.importorskip("pyarrow")
    # The workers are this Python, which has the module, and all that listens does so on the loopback.
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", "1000").getOrCreate()
    try:
        rows = [(i, COMMANDS[i % len(COMMANDS)]) for i in range(12_000)]
        frame = spark.createDataFrame(rows, "id long, command string").repartition(3)

        def rate(batches):
            import pyarrow

            for batch in batches:
                rated = pyarrow.record_batch(shmon.classify_arrow(batch)).select(["level", "severity", "rules"])
                yield pyarrow.record_batch([batch["id"], *rated.columns], names=["id", *rated.schema.names])

        schema = "id long, level string, severity tinyint, rules array<string>"
        rated = frame.mapInArrow(rate, schema)
        assert rated.where("level = 'critical'").count() == 4000
        answer = rated.orderBy("id").collect()
    finally:
        spark.stop()
    wanted = [(row["level"], row["severity"], row["rules"]) for row in expected(COMMANDS)]
    assert [(row.level, row.severity, row.rules) for row in answer] == wanted * 2000

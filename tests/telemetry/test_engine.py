"""The engine's lock, its limits, and its parameters."""

import _thread
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.telemetry.sources import tables
from tests.tools.made import END, START, requests, written
from tsg_agent.errors import QueryError, QueryTimeout, TelemetryError
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.fetching import fetched

SLOW = "SELECT count(*) FROM range(200000) a, range(200000) b WHERE a.range * b.range % 7 = 1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = written(tmp_path_factory.mktemp("telemetry"), tables())
    (folder.parent / "secret.txt").write_text("secret")
    return folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> Any:
    with DuckDB(folder) as engine:
        yield engine


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{out}'",
        "COPY api_gateway_logs TO '{file}' (USE_TMP_FILE false)",
        "ATTACH '{out}' AS other",
        "ATTACH '{file}' AS other",
        "SET memory_limit = '9GB'",
        "RESET memory_limit",
        "PRAGMA memory_limit = '9GB'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "DROP VIEW api_gateway_logs",
        "INSERT INTO api_gateway_logs SELECT * FROM api_gateway_logs",
        "EXPORT DATABASE '{out}'",
        "CALL pragma_version()",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP VIEW api_gateway_logs",
        "",
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM read_blob('{secret}')",
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('/etc/passwd')",
        "SELECT * FROM query('COPY (SELECT 1) TO ''{out}''')",
        "SELECT * FROM no_such_table",
        "SELECT broken FROM",
    ],
)
def test_refused(sql: str, engine: DuckDB, folder: Path, tmp_path: Path) -> None:
    logs = folder / "api_gateway_logs.parquet"
    before = logs.read_bytes()
    text = sql.format(out=tmp_path / "out", file=logs, secret=folder.parent / "secret.txt")
    with pytest.raises(QueryError):
        engine.run(text, {}, timeout=10)
    assert not (tmp_path / "out").exists()
    assert logs.read_bytes() == before
    assert engine.run("SELECT count(*) AS n FROM api_gateway_logs", {}, timeout=10)["n"][0].as_py() == 3000


def test_python_objects_are_not_tables(engine: DuckDB) -> None:
    local = tables()  # a name that a replacement scan would find
    assert local
    with pytest.raises(QueryError):
        engine.run("SELECT * FROM local", {}, timeout=10)


def test_a_timeout_cancels_the_work(engine: DuckDB) -> None:
    began = time.monotonic()
    with pytest.raises(QueryTimeout) as caught:
        engine.run(SLOW, {}, timeout=0.3)
    assert time.monotonic() - began < 30
    assert "TSG_QUERY_TIMEOUT" in caught.value.fix
    time.sleep(0.1)
    used = sum(os.times()[:2])
    time.sleep(0.4)
    assert sum(os.times()[:2]) - used < 0.2


def test_a_deadline_that_has_passed_still_cancels(engine: DuckDB) -> None:
    with pytest.raises(QueryTimeout):
        engine.run(SLOW, {}, timeout=0)


def test_a_timeout_leaves_the_others_alone(engine: DuckDB) -> None:
    with pytest.raises(QueryTimeout):
        engine.run(SLOW, {}, timeout=0.05)
    assert engine.run("SELECT 1 AS one", {}, timeout=10)["one"][0].as_py() == 1


def test_statements_share_a_few_threads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = set()

    def noted(*given: Any, small: bool) -> Any:
        used.add(threading.get_ident())
        return fetched(*given, small=small)

    monkeypatch.setattr("tsg_agent.telemetry.duckdb.fetched", noted)
    with DuckDB(folder, threads=2) as engine, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: engine.run(f"SELECT {n} FROM range(1000000)", {}, timeout=60), range(16)))
    assert len(used) == 2


@pytest.mark.parametrize(("small", "threads"), [(10_000_000, 1), (1000, 2)])
def test_one_thread_runs_a_statement_over_few_rows(
    small: int, threads: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsg_agent.telemetry.duckdb.SMALL", small)
    with DuckDB(folder, threads=2) as engine:
        assert engine.run("SELECT current_setting('threads') AS held", {}, timeout=10)["held"][0].as_py() == threads


def test_ctrl_c_ends_the_statement(engine: DuckDB) -> None:
    threading.Timer(0.3, _thread.interrupt_main).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        engine.run(SLOW, {}, timeout=60)
    assert not engine._at_work
    assert time.monotonic() - began < 20


def test_the_memory_limit_is_an_error_that_says_what_to_do(folder: Path) -> None:
    with DuckDB(folder, memory_limit="40MB") as small, pytest.raises(QueryError) as caught:
        small.run("SELECT list(range) FROM range(50000000)", {}, timeout=60)
    assert "TSG_MEMORY_LIMIT" in caught.value.fix


def test_a_memory_limit_that_is_none(folder: Path) -> None:
    with pytest.raises(TelemetryError, match="does not start"):
        DuckDB(folder, memory_limit="much")


def test_parameters_are_bound(engine: DuckDB) -> None:
    value = "us-east'; DROP VIEW api_gateway_logs; --"
    found = engine.run("SELECT $region AS region, $n AS n", {"region": value, "n": 3, "unused": 1}, timeout=10)
    assert found.to_pylist() == [{"region": value, "n": 3}]


@pytest.mark.parametrize(
    "text",
    ["'$x'", "'it''s $x'", '"$x"', "1 -- $x\n", "1 /* it's\n$x */"],
    ids=["text", "quote", "name", "comment", "block"],
)
def test_a_dollar_in_a_text_a_name_or_a_comment_is_no_parameter(text: str, engine: DuckDB) -> None:
    sql = f'SELECT {text}, $y AS given FROM (SELECT 1 AS "$x")'
    assert engine.run(sql, {"y": "$z"}, timeout=10).to_pylist()[0]["given"] == "$z"
    with pytest.raises(QueryError, match="not given: y"):
        engine.run(sql, {"x": 1}, timeout=10)


@pytest.mark.parametrize(
    ("sql", "value"), [("SELECT '\ud800'", "x"), ("SELECT $v", "\ud800"), ("SELECT $v", ["\udfff"])]
)
def test_what_is_no_text_is_refused(sql: str, value: Any, engine: DuckDB) -> None:
    with pytest.raises(QueryError, match="no text"):
        engine.run(sql, {"v": value}, timeout=10)


def test_a_result_that_came_too_late_is_none(engine: DuckDB) -> None:
    for _ in range(20):
        with pytest.raises(QueryTimeout):
            engine.run("SELECT 1", {}, timeout=0)


def test_a_parameter_that_is_not_given_is_named(engine: DuckDB) -> None:
    with pytest.raises(QueryError, match="region"):
        engine.run("SELECT $region", {}, timeout=10)


def scope(**changes: Any) -> dict[str, Any]:
    return {
        "start_time": START, "end_time": END, "environment": "prod", "service_name": "shop", "region": "us-east",
    } | changes  # fmt: skip


class Spied(DuckDB):
    """Remembers the queries that reach DuckDB."""

    def __init__(self, folder: Path) -> None:
        self.ran: list[str] = []
        super().__init__(folder)

    def _execute(self, sql: str, *others: Any) -> Any:
        self.ran.append(sql)
        return super()._execute(sql, *others)


COUNT = (
    "SELECT count(DISTINCT request_id) AS n FROM api_gateway_logs WHERE timestamp BETWEEN $start_time AND $end_time "
    "AND environment = $environment AND service_name = $service_name"
)


def test_a_needless_distinct_is_left_out_once_it_is_proven(folder: Path) -> None:
    with Spied(folder) as engine:
        for _ in range(2):
            assert engine.run(COUNT, scope(), timeout=10)["n"][0].as_py() == 3000
        assert len(engine.ran) == 3  # one proof for both
        assert "count(*) AS n" in engine.ran[-1]


@pytest.mark.parametrize("changed", ["twice", "null"])
def test_a_needed_distinct_stays(changed: str, tmp_path: Path) -> None:
    rows = requests(10)
    rows[4] = {**rows[4], "request_id": rows[3]["request_id"] if changed == "twice" else None}
    with Spied(written(tmp_path, {"api_gateway_logs": rows})) as engine:
        assert engine.run(COUNT, scope(), timeout=10)["n"][0].as_py() == (9 if changed == "twice" else 10)
        assert ("DISTINCT" in engine.ran[-1]) is (changed == "twice")  # a row that names no request is one


def test_a_proof_holds_for_its_own_window(tmp_path: Path) -> None:
    rows = requests(10)
    rows[9] = {**rows[9], "request_id": rows[0]["request_id"]}
    early = scope(end_time=datetime(2026, 3, 10, 13))
    with DuckDB(written(tmp_path, {"api_gateway_logs": rows})) as engine:
        assert engine.run(COUNT, early, timeout=10)["n"][0].as_py() == 6
        assert engine.run(COUNT, scope(), timeout=10)["n"][0].as_py() == 9


JOIN = """
WITH requests AS (
    SELECT request_id FROM api_gateway_logs WHERE timestamp BETWEEN $start_time AND $end_time
        AND environment = $environment AND service_name = $service_name AND region = $region
),
flagged AS (
    SELECT DISTINCT request_id, flag_name, flag_value
    FROM feature_flags
    WHERE request_id IN (SELECT request_id FROM requests)
)
SELECT count(*) AS n FROM requests JOIN flagged ON requests.request_id = flagged.request_id
"""


def test_two_values_of_one_flag_are_no_repetition_that_is_lost(tmp_path: Path) -> None:
    rows = requests(100)
    flags = [{"request_id": row["request_id"], "flag_name": "a", "flag_value": value} for row in rows for value in "xy"]
    with DuckDB(written(tmp_path, {"api_gateway_logs": rows, "feature_flags": flags})) as engine:
        assert engine.run(JOIN, scope(), timeout=10)["n"][0].as_py() == 200


def damaged(file: Path, column: str, *, from_page: int) -> None:
    """Make the data of a column unreadable: its pages' headers, or what follows them. The footer stays intact."""
    chunks = pq.ParquetFile(file).metadata.row_group(0)
    chunk = next(chunk for chunk in map(chunks.column, range(chunks.num_columns)) if chunk.path_in_schema == column)
    first = chunk.dictionary_page_offset or chunk.data_page_offset
    content = bytearray(file.read_bytes())
    for place in range(first + from_page, first + chunk.total_compressed_size):
        content[place] = 0xFF
    file.write_bytes(content)


@pytest.mark.parametrize("from_page", [0, 30], ids=["page headers", "pages"])
def test_a_damaged_file_is_said_to_be_damaged(tmp_path: Path, from_page: int) -> None:
    file = written(tmp_path, {"api_gateway_logs": requests(2_000, latency_ms=[float(n) for n in range(2_000)])})
    damaged(file / "api_gateway_logs.parquet", "latency_ms", from_page=from_page)
    with DuckDB(file) as engine:
        assert engine.run("SELECT count(region) AS n FROM api_gateway_logs", {}, timeout=60)["n"].to_pylist() == [2_000]
        with pytest.raises(QueryError, match="cannot be read to its end") as raised:
            engine.run("SELECT sum(latency_ms) FROM api_gateway_logs", {}, timeout=60)
    assert "copy or make it anew" in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


def test_what_is_closed_ends_its_statements_first(folder: Path) -> None:
    engine, ended = DuckDB(folder), []

    def work() -> None:
        with pytest.raises(QueryTimeout) as error:  # as what is cancelled ends
            engine.run(SLOW, {}, timeout=60)
        ended.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    before = time.monotonic()
    engine.close()
    for thread in threads:
        thread.join(10)
    assert len(ended) == 2
    assert time.monotonic() - before < 10
    with pytest.raises(QueryError, match="closed"):
        engine.run("SELECT 1", {}, timeout=1)


def test_who_cancels_as_a_query_ends_finds_no_closed_cursor(folder: Path) -> None:
    """The cursor takes long to close: a cancel comes meanwhile."""
    closing = threading.Event()

    class Cursor:
        def __init__(self, held: Any) -> None:
            self.held = held

        def __getattr__(self, name: str) -> Any:
            return getattr(self.held, name)

        def close(self) -> None:
            self.held.close()
            closing.set()
            time.sleep(0.3)

    class Connection(Cursor):
        def cursor(self) -> Any:
            return Cursor(self.held.cursor())

    with DuckDB(folder) as engine:
        whole, engine._connection = engine._connection, Connection(engine._connection)
        asking = threading.Thread(target=engine.run, args=("SELECT 1", {}), kwargs={"timeout": 60})
        asking.start()
        assert closing.wait(60)
        engine.cancel([asking.ident or 0])
        asking.join()
        engine._connection = whole


def test_opening_prints_no_progress_where_python_runs_no_file(folder: Path) -> None:
    program = "import sys; from tsg_agent.telemetry.duckdb import DuckDB; engine = DuckDB(sys.argv[1]); "
    program += "print(engine._connection.execute(\"SELECT current_setting('enable_progress_bar')\").fetchone()[0])"
    told = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"

"""A query that a model wrote runs in a process of its own, which ends when it takes too much."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.telemetry.sources import parquet
from tsg_agent.errors import QueryError, QueryTimeout
from tsg_agent.telemetry import apart, memory
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.engine import Distrusting

LOGS = "api_gateway_logs"
MOST = 1_000_000
MANY = f"(SELECT a.request_id AS v FROM {LOGS} AS a, {LOGS})"
ONE = f"(SELECT left(request_id, 1) AS v FROM {LOGS} LIMIT 1)"
DEAF = f"SELECT damerau_levenshtein(repeat(v, 4500), repeat(v || 'b', 4500)) AS n FROM {ONE}"
"""One value that takes a while, in which the engine does not look for an interrupt."""
SLOW = f"SELECT count(*) AS n FROM {LOGS}, {LOGS} AS b, {LOGS} AS c, {LOGS} AS d WHERE b.latency_ms + c.latency_ms < 0"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDB]:
    with DuckDB(parquet(tmp_path_factory.mktemp("apart")), memory_limit="300MB", threads=1) as engine:
        yield engine


def works(engine: DuckDB) -> bool:
    return engine.run_apart(f"SELECT count(*) AS n FROM {LOGS}", timeout=20, most=MOST)["n"][0].as_py() > 0


def test_it_gives_the_same_rows(engine: DuckDB) -> None:
    assert isinstance(engine, Distrusting)
    sql = f"SELECT region, count(*) AS n, min(timestamp) AS t FROM {LOGS} GROUP BY region ORDER BY region"
    assert engine.run_apart(sql, timeout=20, most=MOST).equals(engine.run(sql, {}, timeout=20))


def test_one_that_no_interrupt_reaches_is_ended_with_its_process(
    engine: DuckDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "GRACE", 0.05)
    assert works(engine)
    with pytest.raises(QueryTimeout, match="was ended"):
        engine.run_apart(DEAF, timeout=0.05, most=MOST)
    assert works(engine)


def test_one_whose_rows_in_hand_take_all_the_memory_is_ended(engine: DuckDB) -> None:
    before = memory.held()
    grows = f"SELECT count(*) FROM (SELECT repeat('x', 9000000) || request_id AS v FROM {LOGS} LIMIT 100) WHERE v <> ''"
    with pytest.raises(QueryError, match="more memory"):
        engine.run_apart(grows, timeout=20, most=MOST)
    assert memory.held() - before < 50_000_000
    assert works(engine)


def test_one_whose_single_value_takes_all_the_memory_is_ended_with_its_process(engine: DuckDB) -> None:
    """Made in one step: between its batches the engine has nothing to look at."""
    with pytest.raises(QueryError, match="more memory than it may use, and was ended"):
        engine.run_apart("SELECT strlen(repeat(repeat('x', 1000), 3000000)) AS n", timeout=60, most=MOST)
    assert works(engine)


def test_a_result_is_bounded_where_it_is_made(engine: DuckDB) -> None:
    with pytest.raises(QueryError, match="larger than 1 MB"):
        engine.run_apart("SELECT repeat('x', 3000000) AS v", timeout=20, most=MOST)
    assert works(engine)


def test_it_reads_no_file_and_gets_no_secret(engine: DuckDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.csv").write_text("a\n1")
    monkeypatch.setenv("OPENAI_API_KEY", "tsg-secret")
    engine.apart.close()
    with pytest.raises(QueryError, match="refused"):
        engine.run_apart(f"FROM read_csv('{tmp_path / 'secret.csv'}')", timeout=20, most=MOST)
    assert engine.apart.pid is not None
    environment = Path(f"/proc/{engine.apart.pid}/environ")
    if environment.exists():
        assert b"tsg-secret" not in environment.read_bytes()


def test_it_can_be_cancelled_from_outside(engine: DuckDB) -> None:
    assert works(engine)
    me = threading.get_ident()
    done = threading.Event()

    def cancel() -> None:
        while not done.wait(0.05):
            engine.cancel({me})

    canceller = threading.Thread(target=cancel)
    canceller.start()
    try:
        with pytest.raises(QueryTimeout, match="was cancelled"):
            engine.run_apart(SLOW, timeout=60, most=MOST)
    finally:
        done.set()
        canceller.join()
    assert works(engine)


def test_its_process_ends_with_the_engine(tmp_path: Path) -> None:
    with DuckDB(parquet(tmp_path)) as opened:
        assert works(opened)
        pid = opened.apart.pid
    assert pid is not None
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.05)
    raise AssertionError("it still runs")


def test_the_engines_own_queries_are_stopped_when_they_hold_too_much(tmp_path: Path) -> None:
    """What a mapping or a view makes of a text runs in this process, where only an interrupt can end it."""
    with DuckDB(parquet(tmp_path), memory_limit="50MB", threads=1) as opened:
        grows = f"SELECT max(length(v)) FROM (SELECT repeat(v, 10000) AS v FROM {MANY}) WHERE v <> 'x'"
        with pytest.raises(QueryError, match="more memory than it may use, and was cancelled"):
            opened.run(grows, {}, timeout=60)


def test_no_error_of_a_query_tells_where_files_lie(tmp_path: Path) -> None:
    with DuckDB(parquet(tmp_path), memory_limit="50MB", threads=1) as opened:
        (tmp_path / f"{LOGS}.parquet").unlink()
        with pytest.raises(QueryError) as caught:
            opened.run(f"SELECT max(latency_ms) FROM {LOGS}", {}, timeout=20)
        assert f"{LOGS}.parquet" in str(caught.value)
        assert str(tmp_path) not in str(caught.value)

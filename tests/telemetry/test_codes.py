"""Large results: texts that repeat are codes, each batch is let go of, and what goes wrong on the way is told."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tests.tools.made import SCOPE, requests, workflow, written
from tsg_agent.errors import QueryError, QueryTimeout
from tsg_agent.settings import Settings
from tsg_agent.telemetry.codes import MANY_ROWS, coded, spelled_out
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.memory import WORKED_OUT, held
from tsg_agent.tools.plugin_8_workflows import Workflows, frame_of
from tsg_agent.tools.rows import WindowArgs

ROWS = 20_000
WINDOW = {name: value for name, value in SCOPE.items() if name != "service_name"}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDB]:
    tables = {"api_gateway_logs": requests(10)}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tsg_agent.telemetry.duckdb.SMALL", 0)  # the queries make rows of their own
        engine = DuckDB(written(tmp_path_factory.mktemp("telemetry"), tables), memory_limit="200MB")
    with engine:
        yield engine


def test_texts_that_repeat_are_codes_and_others_are_not(engine: DuckDB) -> None:
    columns = "'workflow ' || range % 300 AS often, 'run ' || range AS once, range AS number, NULL::VARCHAR AS none"
    found = engine.run(f"SELECT {columns} FROM range({ROWS}) ORDER BY range DESC", {}, timeout=60)
    assert [str(kind) for kind in found.schema.types] == [
        "dictionary<values=string, indices=int16, ordered=0>",
        "string",
        "int64",
        "dictionary<values=string, indices=int8, ordered=0>",
    ]
    assert found["often"].to_pylist() == [f"workflow {n % 300}" for n in reversed(range(ROWS))]
    assert found["once"].to_pylist()[:2] == [f"run {ROWS - 1}", f"run {ROWS - 2}"]


def test_whether_texts_repeat_is_told_from_the_first_rows() -> None:
    """Telling a million different ids apart takes longer than bringing them."""
    text = pa.array([str(n % 10 if n < MANY_ROWS else n) for n in range(4 * MANY_ROWS)])
    found = coded(pa.table({"a": text, "b": pa.array(map(str, range(len(text))))}).to_reader())
    assert [pa.types.is_dictionary(kind) for kind in found.schema.types] == [True, False]
    assert spelled_out(found)["a"].combine_chunks() == text


def test_a_small_result_has_texts(engine: DuckDB) -> None:
    found = engine.run(f"SELECT 'a' AS a FROM range({MANY_ROWS})", {}, timeout=20)
    assert found.schema.types == [pa.string()]
    assert engine.run("SELECT 'a' AS a WHERE false", {}, timeout=20).num_rows == 0


def test_each_batch_is_let_go_of_before_the_next_is_read(engine: DuckDB) -> None:
    before = held()
    found = engine.run("SELECT repeat('x', 300) || range % 10 AS a, range AS b FROM range(600_000)", {}, timeout=60)
    assert held() - before < 90_000_000  # 180 MB of texts came by
    assert found.num_rows == 600_000


@pytest.mark.parametrize("rows", [100, 4_000_000])
def test_what_goes_wrong_among_the_rows_is_the_engines_error(rows: int, engine: DuckDB) -> None:
    late = f"SELECT CASE WHEN range = {rows - 1} THEN CAST('x' || range AS INTEGER) ELSE 1 END || '' AS a"
    with pytest.raises(QueryError, match="Could not convert string"):
        engine.run(f"{late} FROM range({rows})", {}, timeout=60)


def test_a_text_that_never_ends_is_late(engine: DuckDB) -> None:
    with pytest.raises(QueryTimeout, match=r"longer than 0\.5 s"):
        engine.run("SELECT 'a' || range AS a FROM range(100000000000) WHERE range % 100000 = 0", {}, timeout=0.5)


def test_rows_that_leave_no_room_to_work_on_them_are_refused(engine: DuckDB) -> None:
    fits = engine.memory.limit // WORKED_OUT // 9
    assert engine.run(f"SELECT range AS a FROM range({fits})", {}, timeout=60).num_rows == fits
    with pytest.raises(QueryError, match=r"rows take 40 MB.*TSG_MEMORY_LIMIT"):
        engine.run(f"SELECT range AS a FROM range({fits * 9 // 8})", {}, timeout=60)


def test_workflow_rows_are_as_codes_what_they_are_as_texts(tmp_path: Path) -> None:
    rows = workflow(4 * MANY_ROWS, {"FAILED": 300}, workflow_step="pay")
    with DuckDB(written(tmp_path, {"api_gateway_logs": requests(10), "workflow_tracking": rows})) as engine:
        found, table, kept = Workflows().run_with_table(engine, WindowArgs(**WINDOW), Settings())
    assert table is not None and kept is not None
    assert table.nbytes < 80 * table.num_rows  # 150 as texts
    plain = frame_of(spelled_out(table))
    assert Workflows().assess([{"rows": plain}], Settings().thresholds, WindowArgs(**WINDOW)).rows[0].failed_runs == 300
    assert found.rows[0]["failed_runs"] == 300
    looked_at = Workflows().frame(table, looked_at=True)
    assert {str(kind) for kind in looked_at[["correlation_id", "user_id"]].dtypes} == {"str"}
    assert looked_at["timestamp"].is_monotonic_increasing

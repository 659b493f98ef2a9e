"""A query that outgrows its memory goes on, on disk, and leaves nothing behind."""

from pathlib import Path

import duckdb
import pytest

from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.lock import lock, started
from tsg_agent.telemetry.memory import SHARE, size_of


def test_what_was_loaded_spills_above_the_share_of_the_engine(tmp_path: Path) -> None:
    """Results, and what is worked out of them, need the rest of the memory."""
    connection, memory, _ = started("120MB", 1, str(tmp_path))
    with connection:
        connection.execute("CREATE TABLE loaded AS SELECT md5(i::VARCHAR) AS word FROM range(4_000_000) AS t(i)")
        lock(connection, [], memory)
        (said,) = connection.execute("SELECT current_setting('memory_limit')").fetchall()[0]
        assert size_of(said) == pytest.approx(SHARE * 120e6, rel=0.01)
        assert connection.execute("SELECT count(*), min(word) FROM loaded").fetchall()[0][0] == 4_000_000
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) > 60e6


def test_a_query_larger_than_its_memory_ends_and_leaves_nothing(tmp_path: Path) -> None:
    with duckdb.connect() as making:
        making.execute(
            "COPY (SELECT 'request-' || i AS request_id, md5(i::VARCHAR) AS user_id, "
            "TIMESTAMP '2026-03-10' + i * INTERVAL 1 MILLISECOND AS timestamp, 200 AS status_code "
            f"FROM range(1500000) t(i)) TO '{tmp_path}/api_gateway_logs.parquet'"
        )
    with DuckDB(tmp_path, memory_limit="120MB", threads=1) as engine:
        spill = Path(engine._spill)
        assert spill.is_dir()
        found = engine.run(
            "SELECT count(*) AS n FROM (SELECT DISTINCT request_id, user_id FROM api_gateway_logs)", {}, timeout=60
        )
        assert found["n"][0].as_py() == 1_500_000
    assert not spill.exists()

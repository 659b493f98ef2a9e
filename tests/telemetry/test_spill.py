"""A query that outgrows its memory goes on, on disk, and leaves nothing behind."""

from pathlib import Path

import duckdb

from tsg_agent.telemetry.duckdb import DuckDB


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

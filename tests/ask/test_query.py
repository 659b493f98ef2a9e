"""query_telemetry: what may run, what may not, and what comes back."""

import pytest

from tsg_agent.ask.query import ROWS, checked, run_checked
from tsg_agent.errors import QueryError
from tsg_agent.telemetry.engine import Engine

GOOD = [
    "SELECT count(*) FROM api_gateway_logs",
    "SELECT region, count(*) FILTER (status_code >= 500) AS failed FROM api_gateway_logs GROUP BY 1 ORDER BY 2 DESC",
    "WITH f AS (SELECT * FROM feature_flags) SELECT flag_name, count(*) FROM f GROUP BY flag_name",
    "SELECT time_bucket(INTERVAL '5 minutes', timestamp) AS t, avg(latency_ms) FROM api_gateway_logs GROUP BY t",
    "SELECT p.product_id FROM product_metadata p JOIN api_gateway_logs l USING (request_id) LIMIT 3",
    "SELECT quantile_cont(latency_ms, 0.95), date_trunc('hour', timestamp) FROM api_gateway_logs GROUP BY 2",
    "SELECT status_code FROM api_gateway_logs UNION ALL SELECT 1",
    "SELECT CASE WHEN status_code BETWEEN 500 AND 599 THEN 'x' ELSE lower(region) END FROM api_gateway_logs",
    "SELECT row_number() OVER (PARTITION BY region ORDER BY timestamp) FROM api_gateway_logs",
]
BAD = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM source.main.secrets",
    "SELECT getenv('HOME')",
    "SELECT current_setting('memory_limit')",
    "COPY api_gateway_logs TO 'elsewhere'",
    "ATTACH 'elsewhere' AS y",
    "DROP TABLE api_gateway_logs",
    "INSERT INTO api_gateway_logs VALUES (1)",
    "SET memory_limit = '1GB'",
    "INSTALL httpfs",
    "PRAGMA database_list",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE api_gateway_logs",
    "SELECT * FROM range(1000000000)",
    "SELECT unnest(range(1000000000))",
    "SELECT (SELECT content FROM read_text('/etc/passwd')) FROM api_gateway_logs",
    "WITH api_gateway_logs AS (SELECT 1) SELECT * FROM api_gateway_logs",
    "SELECT * FROM api_gateway_logs WHERE request_id = $x",
    "SELECT nextval('s')",
    "SELECT query('DROP TABLE x')",
    "",
    "not sql at all (",
    "SELECT " + "(" * 500 + "1" + ")" * 500,
    "SELECT 1 -- " + "x" * 5000,
]


@pytest.mark.parametrize("sql", GOOD)
def test_a_select_over_the_guides_tables_runs(sql: str, engine: Engine) -> None:
    rows, _ = run_checked(engine, sql, 20)
    assert rows


@pytest.mark.parametrize("sql", BAD)
def test_anything_else_is_refused_before_it_runs(sql: str) -> None:
    with pytest.raises(QueryError):
        checked(sql)


def test_rows_are_limited(engine: Engine) -> None:
    rows, more = run_checked(engine, "SELECT request_id FROM api_gateway_logs LIMIT 100000", 20)
    assert (len(rows), more) == (ROWS, True)


def test_time_is_limited(engine: Engine) -> None:
    endless = "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"
    with pytest.raises(Exception, match=r"longer than|recurs|memory|cancelled|refused"):
        run_checked(engine, endless, 0.5)

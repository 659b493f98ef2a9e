"""query_telemetry: what may run, what may not, and what comes back."""

import duckdb
import pytest

from tsg_agent.ask.query import _FUNCTIONS, CHARACTERS, ROWS, checked, run_checked
from tsg_agent.ask.tools import ToolBench, agent_tools
from tsg_agent.errors import QueryError, QueryTimeout
from tsg_agent.extract import Given
from tsg_agent.models import Report
from tsg_agent.settings import Settings
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
    "WITH a AS (SELECT region FROM api_gateway_logs), b AS (SELECT * FROM a) SELECT * FROM A UNION ALL FROM b",
    "WITH a AS (SELECT 1 AS n) SELECT * FROM (SELECT * FROM a), (WITH a AS (SELECT n + 1 AS m FROM a) SELECT * FROM a)",
    "SELECT (WITH a AS (SELECT 1 AS n) SELECT max(n) FROM a WHERE 1 IN (SELECT n FROM a)) FROM api_gateway_logs",
    "SELECT epoch(timestamp), epoch_ms(timestamp) FROM api_gateway_logs",
    "SELECT count(*) FROM api_gateway_logs WHERE endpoint_path NOT LIKE '%$region%' AND 'it''s $x' <> \"region\"",
    "SELECT region || '/' || service_name || ' ' || CAST(status_code AS VARCHAR) FROM api_gateway_logs",
    "SELECT strftime(timestamp, '%Y-%m-%d %H:%M'), replace(region, 'us-', 'america-') FROM api_gateway_logs",
    "SELECT count(*), count(*) FILTER (is_retry), count(DISTINCT (region, status_code)) FROM api_gateway_logs",
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
    "SELECT * FROM api_gateway_logs USING SAMPLE 10 PERCENT",
    "SELECT * FROM api_gateway_logs TABLESAMPLE 5 ROWS",
    "SELECT query('DROP TABLE x')",
    "",
    "not sql at all (",
    "SELECT " + "(" * 500 + "1" + ")" * 500,
    "SELECT 1 -- " + "x" * 5000,
    "SELECT * FROM (SUMMARIZE api_gateway_logs)",
    "SELECT * FROM (DESCRIBE api_gateway_logs)",
    "SELECT * FROM api_gateway_logs PIVOT (count(*) FOR region IN ('us-east'))",
    "SELECT '\ud800' FROM api_gateway_logs",
]
HIDDEN = ["duckdb_views", "sqlite_master", "pg_class", "elsewhere", '"/etc/passwd.csv"', "scope_1_api_gateway_logs"]
SCOPES = {
    "a sub-query's": "SELECT (WITH {0} AS (SELECT 1 AS x) SELECT max(x) FROM {0}) AS a, v.* FROM {0} AS v",
    "a condition's": "SELECT * FROM {0} WHERE 1 IN (WITH {0} AS (SELECT 1 AS x) SELECT x FROM {0})",
    "a join's": "SELECT * FROM (WITH {0} AS (SELECT 1 AS x) FROM {0}) AS a, {0}",
    "a union's": "(WITH {0} AS (SELECT 1 AS x) FROM {0}) UNION ALL FROM {0}",
    "its own": "WITH {0} AS (SELECT * FROM {0}) SELECT * FROM {0}",
    "a later one's": "WITH a AS (SELECT * FROM {0}), {0} AS (SELECT 1 AS x) SELECT * FROM a",
    "an inner one's": "WITH a AS (WITH {0} AS (SELECT 1 AS x) FROM {0}) SELECT * FROM a, {0}",
    "none": "SELECT * FROM {0}",
    "another's": "WITH a AS (SELECT 1 AS x) SELECT * FROM {0}",
    "an alias": "SELECT * FROM api_gateway_logs AS {0}, {0}",
}
LOGS = "api_gateway_logs"


def doubled(text: str, times: int) -> str:
    """A query whose texts are doubled in each of its sub-queries."""
    sql = f"SELECT request_id AS v FROM {LOGS}"
    for _ in range(times):
        sql = f"SELECT {text} AS v FROM ({sql}) AS t"
    return sql


GROWING = {
    "concat": doubled("concat(v, v)", 20),
    "concat_ws": doubled("concat_ws(v, v, 'x')", 10),
    "pipes": doubled("v || v", 20),
    "one row in the other": doubled("(v, v)", 20),
    "a table as a value": doubled("t, t", 20).replace("t, t AS v", "t AS a, t AS v"),
    "stars": doubled("*, *", 20).replace("*, * AS v", "*, *"),
    "a chain": f"WITH {', '.join(f'a{n + 1} AS (SELECT v || v AS v FROM a{n})' for n in range(20))} FROM a20".replace(
        "WITH ", f"WITH a0 AS (SELECT region AS v FROM {LOGS}), "
    ),
    "many at once": f"SELECT {' || '.join(['request_id'] * 100)} FROM {LOGS}",
    "where": f"SELECT 1 FROM ({doubled('v || v', 20)}) WHERE v <> ''",
    "a sub-query": f"SELECT (SELECT max(v) FROM ({doubled('v || v', 20)})) FROM {LOGS}",
    "replace by itself": doubled("replace(v, 'a', v)", 5),
    "replace by much": doubled(f"replace(v, 'e', '{'e' * 100}')", 5),
    "a format": f"SELECT strftime(timestamp, '{'%c' * 1500}') FROM {LOGS}",
    "a format of data": doubled("strftime(now, v)", 1).replace("now", "DATE '2026-01-01'"),
    "bits": doubled("CAST(CAST(CAST(v AS BLOB) AS BIT) AS VARCHAR)", 5),
    "recursion": "WITH RECURSIVE r AS (SELECT 'a' AS x UNION ALL SELECT concat(x, x) FROM r) SELECT count(*) FROM r",
}
BACK = chr(92)
LISTS = {
    "arg_max of many": f"SELECT CAST(arg_max(request_id, latency_ms, 90000) AS VARCHAR) FROM {LOGS}",
    "arg_min of many": f"SELECT arg_min(request_id, latency_ms, 90000) FROM {LOGS}",
    "by another name": f"SELECT max_by(request_id, latency_ms, 90000) FROM {LOGS}",
    "max of many": f"SELECT max(request_id, 90000) FROM {LOGS}",
    "min of many": f"SELECT min(request_id, 90000) FROM {LOGS}",
    "of different ones": f"SELECT max(DISTINCT request_id, 90000) FROM {LOGS}",
    "ordered": f"SELECT max(request_id, 90000 ORDER BY region) FROM {LOGS}",
    "behind a dot": f"SELECT region.max(90000) FROM {LOGS}",
    "in quotes": f'SELECT "max"(request_id, 90000) FROM {LOGS}',
    "over a window": f"SELECT max(request_id, 90000) OVER () FROM {LOGS}",
    "several quantiles": f"SELECT quantile_disc(latency_ms, [0.1, 0.2]) FROM {LOGS}",
    "a schema's function": f"SELECT main.lower(region) FROM {LOGS}",
    "a list": f"SELECT [request_id, region] FROM {LOGS}",
    "a list of each": f"SELECT [x FOR x IN region] FROM {LOGS}",
    "a cast to a list": f"SELECT CAST(region AS VARCHAR[]) FROM {LOGS}",
    "a struct": f"SELECT {{'a': region, 'b': region}} FROM {LOGS}",
    "filled up": f"SELECT lpad(region, 2000000000, 'x') FROM {LOGS}",
    "filled up by data": f"SELECT rpad(region, status_code, 'x') FROM {LOGS}",
    "filled up again and again": f"SELECT rpad(rpad(rpad(region, 900), 900), 900) || rpad(region, 900) FROM {LOGS}",
    "put in everywhere": f"SELECT regexp_replace(region, '', '{'x' * 100}', 'g') FROM {LOGS}",
    "all of it again": f"SELECT regexp_replace(region, '.*', '{BACK}0' || region) FROM {LOGS}",
    "a bar": f"SELECT bar(latency_ms, 0, 1, 2000000000) FROM {LOGS}",
}
"""What gives a list or a text of any length, by names that are allowed, or nearly."""
ODD = {
    "TIMESTAMP 'infinity'": "infinity",
    "TIMESTAMP '-infinity'": "-infinity",
    "DATE 'infinity'": "infinity",
    "DATE '290000-01-01'": "290000-01-01",
    "TIMESTAMP '12000-01-01 10:00:00'": "12000-01-01 10:00:00.000000",
    "CAST('infinity' AS TIMESTAMPTZ)": "infinity",
    "DATE '0044-03-15 (BC)'": "-043-03-15",
    "(1, TIMESTAMP 'infinity')": {"element1": 1, "element2": "infinity"},
}


@pytest.mark.parametrize("sql", GOOD)
def test_a_select_over_the_guides_tables_runs(sql: str, engine: Engine) -> None:
    rows, _ = run_checked(engine, sql, 20)
    assert rows


@pytest.mark.parametrize("sql", BAD)
def test_anything_else_is_refused_before_it_runs(sql: str) -> None:
    with pytest.raises(QueryError):
        checked(sql)


def test_what_is_read_and_cannot_be_written_again_is_refused() -> None:
    with pytest.raises(QueryError, match="cannot be parsed"):
        checked("SELECT json_extract_string(endpoint_path, '$..*') FROM api_gateway_logs")


def test_rows_are_limited(engine: Engine) -> None:
    rows, more = run_checked(engine, "SELECT request_id FROM api_gateway_logs LIMIT 100000", 20)
    assert (len(rows), more) == (ROWS, True)


def test_time_is_limited(engine: Engine) -> None:
    endless = f"SELECT count(*) FROM {LOGS} a, {LOGS} b, {LOGS} c WHERE a.latency_ms + b.latency_ms + c.latency_ms < 0"
    with pytest.raises(QueryTimeout):
        run_checked(engine, endless, 0.5)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("name", HIDDEN)
def test_a_name_counts_only_where_it_was_given(scope: str, name: str) -> None:
    with pytest.raises(QueryError, match=r"There is no table|is no name for a common|WITH RECURSIVE"):
        checked(SCOPES[scope].format(name))


@pytest.mark.parametrize(
    "scope", [scope for scope in SCOPES if "WITH {0}" in SCOPES[scope] or "{0} AS (" in SCOPES[scope]]
)
def test_no_name_of_the_guides_is_given_again(scope: str) -> None:
    with pytest.raises(QueryError, match="name the common table expression otherwise"):
        checked(SCOPES[scope].format("API_Gateway_Logs"))


@pytest.mark.parametrize("growing", GROWING)
def test_no_text_grows_beyond_bounds(growing: str) -> None:
    assert len(GROWING[growing]) < CHARACTERS
    with pytest.raises(QueryError, match=r"too many texts|may not be cast|WITH RECURSIVE"):
        checked(GROWING[growing])


@pytest.mark.parametrize("sql", LISTS.values(), ids=LISTS)
def test_nothing_makes_a_list_or_a_text_of_any_length(sql: str) -> None:
    with pytest.raises(QueryError, match=r"may not (be|stand)|too many texts"):
        checked(sql)


def test_a_result_is_bounded_in_bytes(engine: Engine) -> None:
    sql = f"SELECT t.t{' || t.t' * 15} AS v FROM (SELECT '{'x' * 3_000}' AS t FROM {LOGS}) AS t"
    with pytest.raises(QueryError, match="larger than") as caught:
        run_checked(engine, sql, 20)
    assert "left(" in caught.value.fix


def nobody(_given: Given) -> Report:
    raise AssertionError("no investigation is asked for")


@pytest.mark.parametrize("value", ODD)
def test_a_time_that_python_has_not_is_a_text(value: str, engine: Engine) -> None:
    rows, _ = run_checked(engine, f"SELECT {value} AS v, region FROM {LOGS} LIMIT 2", 20)
    assert [row["v"] for row in rows] == [ODD[value]] * 2
    tools = agent_tools(ToolBench(engine, Settings(), nobody))
    (tool,) = [one for one in tools if one.name == "query_telemetry"]
    assert str(ODD[value]) in tool.invoke({"sql": f"SELECT {value} AS v FROM {LOGS} LIMIT 2"})


def test_every_function_on_the_list_may_be_used_by_the_engines_name_for_it() -> None:
    known = {str(row[0]) for row in duckdb.sql("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()}
    named = sorted(_FUNCTIONS.keys() & known)
    assert len(named) > 80
    assert [name for name in named if not any(_accepted(name, given) for given in ARGUMENTS)] == []


ARGUMENTS = (
    "", "latency_ms", "latency_ms, 1", "region, 'x'", "'hour', timestamp", "'hour', timestamp, timestamp",
    "region, '-', 1", "region, '-', 'x'",
)  # fmt: skip


def _accepted(name: str, given: str) -> bool:
    over = " OVER ()" if name in {"row_number", "rank", "dense_rank", "lag", "lead", "ntile"} else ""
    try:
        return bool(checked(f"SELECT {name}({given}){over} FROM {LOGS}"))
    except QueryError:
        return False

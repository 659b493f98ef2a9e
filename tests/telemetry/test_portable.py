"""Queries over a server's tables: what of them is asked for."""

import pytest
from sqlglot import exp

from tsg_agent.telemetry.portable import CANONICAL, Translated, Translator

TABLE = exp.select("request_id AS request_id", "latency_ms * 2 AS latency_ms", "region AS region").from_("theirs")
NARROW = "SELECT latency_ms * 2 AS latency_ms FROM theirs"


def asked(sql: str) -> str:
    translator = Translator({"logs": TABLE}, lambda tree: Translated(tree.sql(dialect=CANONICAL), ()))
    return translator.translated(sql).sql


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sum(latency_ms) FROM logs",
        "WITH some AS (SELECT * FROM logs) SELECT max(some.latency_ms) FROM some",
        "SELECT n FROM (SELECT *, latency_ms AS n FROM logs)",
        "SELECT count(*) FROM logs WHERE latency_ms > 1",
    ],
)
def test_only_what_a_query_names_is_worked_out(sql: str) -> None:
    assert f"({NARROW})" in asked(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM logs WHERE latency_ms > 1",
        "SELECT logs.* FROM logs WHERE latency_ms > 1",
        "SELECT count(*) FROM (SELECT DISTINCT * FROM logs WHERE latency_ms > 1)",
        "SELECT count(*) FROM (SELECT *, count(*) AS n FROM logs WHERE latency_ms > 1 GROUP BY ALL)",
        "SELECT latency_ms FROM (SELECT * FROM logs UNION (SELECT * FROM logs))",
        "SELECT latency_ms FROM (SELECT latency_ms FROM logs NATURAL JOIN (SELECT 1 AS region))",
        "SELECT count(DISTINCT logs) FROM logs WHERE latency_ms > 1",
    ],
)
def test_what_may_depend_on_other_columns_reads_all(sql: str) -> None:
    assert f"({TABLE.sql(dialect=CANONICAL)})" in asked(sql)


def test_a_query_that_names_no_column_counts_rows() -> None:
    assert "(SELECT request_id AS request_id FROM theirs)" in asked("SELECT count(*) FROM logs")

"""Certain repairs, on a real engine: what did not run runs, and gives what was meant."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import duckdb
import pytest

from tests.guides.small import WINDOW, guide_of
from tsg_agent.errors import GuideError
from tsg_agent.guides.guide import Query
from tsg_agent.guides.lint.inspection import Inspection
from tsg_agent.guides.parsed import parameters_of, parse

OF_PAYMENTS = WINDOW.replace("paid_at", "p.paid_at").replace("site =", "p.site =")
START, END = datetime(2026, 5, 4, 10), datetime(2026, 5, 4, 11)
VALUES = {"start_time": START, "end_time": END, "site": "north"}


@pytest.fixture
def payments() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            """CREATE TABLE payments AS
            SELECT 'p' || i AS payment_id, TIMESTAMP '2026-05-04 10:00:00' + INTERVAL 1 MINUTE * i AS paid_at,
                'north' AS site, CASE i % 3 WHEN 0 THEN 'visa' ELSE 'amex' END AS card, i % 5 = 0 AS declined,
                200 AS code, 100.0 * i AS took_ms, CASE WHEN i % 4 = 0 THEN NULL ELSE 'b' || i % 4 END AS buyer,
                ['3.9.1', '3.10.0', 'v3.140.2', '4.0.0', 'main', '20241015.1.2', '4.0'][1 + i % 7] AS release
            FROM range(60) AS r(i)"""
        )
        connection.execute(
            """CREATE TABLE terminals AS
            SELECT 't1' AS terminal_id, 'p0' AS payment_id, TIMESTAMP '2026-05-04 09:00:00' AS seen_at, 'north' AS site,
                1.0 * i AS temperature, TIMESTAMP '2026-05-04 10:00:30' + INTERVAL 10 MINUTE * i AS paid_at
            FROM range(6) AS r(i)"""
        )
        yield connection


def run(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows of a guide's repaired query, and the rules of what was repaired."""
    (repaired,) = Inspection(guide_of(sql)).repaired.values()
    names = parameters_of(repaired.parsed.tree)
    cursor = connection.execute(repaired.sql, {name: VALUES[name] for name in names})
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()], [one.rule for one in repaired.changes]


def test_a_width_of_time_becomes_buckets_of_that_width(payments: duckdb.DuckDBPyConnection) -> None:
    sql = f"SELECT DATE_TRUNC('15 minutes', paid_at) AS b, COUNT(*) AS n FROM payments {WINDOW} GROUP BY 1 ORDER BY 1"
    rows, changed = run(payments, sql)
    assert changed == ["interval-unit"]
    assert [(row["b"].minute, row["n"]) for row in rows] == [(0, 15), (15, 15), (30, 15), (45, 15)]


def test_equal_instants_become_the_newest_row_before_and_no_row_is_lost(payments: duckdb.DuckDBPyConnection) -> None:
    sql = f"""SELECT p.payment_id, MAX(t.temperature) AS hot FROM payments p
        JOIN terminals t ON t.site = p.site AND t.paid_at = p.paid_at {OF_PAYMENTS}
        GROUP BY p.payment_id ORDER BY p.payment_id"""
    rows, changed = run(payments, sql)
    assert changed == ["exact-time-join"]
    hot = {row["payment_id"]: row["hot"] for row in rows}
    assert len(hot) == 60
    assert hot["p0"] is None  # before the first sample
    assert hot["p5"] == 0.0
    assert hot["p6"] is None  # the sample is older than five minutes
    assert hot["p11"] == 1.0


def test_instants_shared_by_using_are_repaired_alike(payments: duckdb.DuckDBPyConnection) -> None:
    sql = """SELECT p.payment_id, MAX(temperature) AS hot FROM payments p JOIN terminals t USING (site, paid_at)
        WHERE paid_at BETWEEN {start_time} AND {end_time} AND site = {site} GROUP BY p.payment_id ORDER BY 1"""
    rows, changed = run(payments, sql)
    assert set(changed) == {"exact-time-join", "ambiguous-column"}
    assert [row["hot"] for row in rows if row["payment_id"] in {"p0", "p5"}] == [None, 0.0]


def test_an_ambiguous_column_that_the_join_compares_is_either_s(payments: duckdb.DuckDBPyConnection) -> None:
    sql = """SELECT card, MAX(payment_id) AS last, MAX(temperature) AS hot FROM payments p
        LEFT JOIN terminals t ON t.payment_id = p.payment_id WHERE p.paid_at BETWEEN {start_time} AND {end_time}
        AND p.site = {site} GROUP BY card ORDER BY card"""
    rows, changed = run(payments, sql)
    assert changed == ["ambiguous-column"]
    assert {row["card"]: row["last"] for row in rows} == {"amex": "p8", "visa": "p9"}


def test_an_ambiguous_column_of_a_table_that_gives_others_too_is_left_alone() -> None:
    sql = """SELECT card, MAX(site) AS s, MAX(temperature) AS hot FROM payments p
        LEFT JOIN terminals t ON t.payment_id = p.payment_id GROUP BY card"""
    (repaired,) = Inspection(guide_of(sql)).repaired.values()
    assert repaired.changes == ()


def test_a_first_value_is_looked_up_before_the_rows_are_grouped(payments: duckdb.DuckDBPyConnection) -> None:
    sql = f"""WITH buyers AS (SELECT card, buyer, COUNT(*) AS n FROM payments {WINDOW} GROUP BY card, buyer)
        SELECT card, SUM(n) AS n, FIRST_VALUE(buyer) OVER (PARTITION BY card ORDER BY n DESC, buyer) AS most
        FROM buyers GROUP BY card ORDER BY card"""
    rows, changed = run(payments, sql)
    assert changed == ["ungrouped-column"]
    assert rows == [{"card": "amex", "n": 40, "most": "b1"}, {"card": "visa", "n": 20, "most": "b1"}]


def test_a_window_over_the_groups_sums_is_left_alone(payments: duckdb.DuckDBPyConnection) -> None:
    sql = f"SELECT card, SUM(COUNT(*)) OVER () AS n FROM payments {WINDOW} GROUP BY card ORDER BY card"
    rows, changed = run(payments, sql)
    assert (rows, changed) == ([{"card": "amex", "n": 60}, {"card": "visa", "n": 60}], [])


def test_a_boolean_is_no_number_and_unknown_counts_as_the_guide_says(payments: duckdb.DuckDBPyConnection) -> None:
    payments.execute("UPDATE payments SET declined = NULL WHERE payment_id = 'p1'")
    sql = f"SELECT COUNT(*) AS n FROM payments {WINDOW} AND declined = 0"
    rows, changed = run(payments, sql)
    assert (rows[0]["n"], changed) == (47, ["boolean-number"])
    wide = f"SELECT COUNT(*) AS n FROM payments {WINDOW} AND (declined = 0 OR declined IS NULL)"
    rows, changed = run(payments, wide)
    assert (rows[0]["n"], changed) == (48, ["boolean-number"])


@pytest.mark.parametrize("clock", ["NOW()", "CURRENT_TIMESTAMP", "getdate()"])
def test_the_clock_becomes_the_window_s_end(payments: duckdb.DuckDBPyConnection, clock: str) -> None:
    sql = f"SELECT MAX(EXTRACT(EPOCH FROM ({clock} - paid_at)) / 60) AS age FROM payments {WINDOW}"
    rows, changed = run(payments, sql)
    assert (rows[0]["age"], changed) == (60.0, ["clock-time"])


def test_versions_are_compared_part_by_part_and_what_cannot_be_read_sorts_last(
    payments: duckdb.DuckDBPyConnection,
) -> None:
    number = " + ".join(
        f"CAST(SPLIT_PART(release, '.', {part}) AS INT) * {weight}" for part, weight in ((1, 10000), (2, 100))
    )
    number += " + CAST(SPLIT_PART(release, '.', 3) AS INT)"
    sql = f"""SELECT release, ROW_NUMBER() OVER (ORDER BY {number} DESC, release) AS r
        FROM payments {WINDOW} GROUP BY release ORDER BY r"""
    rows, changed = run(payments, sql)
    assert changed == ["version-cast"] * 3
    assert [row["release"] for row in rows] == ["20241015.1.2", "4.0", "4.0.0", "v3.140.2", "3.10.0", "3.9.1", "main"]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM payments", "SELECT 1; SELECT 2", "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT getenv('HOME')", "SELECT * INTO x FROM payments",
        "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
        "SELECT pg_sleep(10)", "SELECT * FROM {table}", "SELECT * FROM information_schema.tables", "ATTACH 'x'",
        "SELECT set_config('a', 'b', false)", "SELECT nextval('s')", "COPY payments TO 'x'", "PRAGMA version", "",
        "SELECT * FROM glob('*')", "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    ],
)  # fmt: skip
def test_what_is_more_than_one_select_over_tables_is_refused(sql: str) -> None:
    with pytest.raises(GuideError):
        parse(Query(number=1, step=1, sql=sql, line=1))

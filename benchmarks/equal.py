"""The nine checks as an investigation runs them, and whether their rows are the guide's."""

import functools
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb

from tests.tools.oracle import KEYS, differences, opened, specified_query
from tsg_agent import open_telemetry
from tsg_agent.settings import Settings
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools import PLUGINS
from tsg_agent.tools.plugin import CheckRun
from tsg_agent.tools.rows import ScopeArgs

WORKFLOWS = 8
OF_USERS = {
    4: ("affected_users",),
    7: ("affected_users", "business_impact_score", "priority"),
    9: ("total_affected_users", "impact_score", "rank"),
}
"""Columns in which we deviate on purpose: a user of several half hours counts once (docs/guide-deviations.md)."""
FIRST = re.compile(r"\b(?:LIMIT|WHERE rank <=) (\d+)(?=(?:\s+ORDER BY rank)?\s*$)")
"""What leaves only the first rows of a query of the guide."""


def checks(engine: Engine, scope: Mapping[str, Any]) -> list[CheckRun]:
    """All nine, side by side. `scope`: a window's bounds, region, environment and service."""
    settings = Settings()
    with ThreadPoolExecutor(len(PLUGINS)) as branches:
        return list(branches.map(lambda one: one.run_with_table(engine, _args(one, scope), settings), PLUGINS))


def _args(check: Any, scope: Mapping[str, Any]) -> Any:
    values = scope if check.args is ScopeArgs else {k: v for k, v in scope.items() if k != "service_name"}
    return check.args(**values)


def unequal(folder: Path, scope: Mapping[str, Any]) -> list[str]:
    """Where the checks' rows are not those of the specification's text, over a folder of Parquet files.

    All of the guide's rows are looked at: which are its first may be settled by users, who are counted otherwise.
    """
    found: list[str] = []
    with open_telemetry(str(folder)) as engine, opened(folder) as connection:
        for number, ran in enumerate(checks(engine, scope), 1):
            sql = specified_query(number, scope).rstrip()
            different = _steps if number == WORKFLOWS else functools.partial(_rows, number)
            found += [f"{number}: {one}" for one in different(connection, sql, ran)]
    return found


def _rows(number: int, connection: duckdb.DuckDBPyConnection, sql: str, ran: CheckRun) -> list[str]:
    """Rows of a check that are not the guide's, and how many of its first ones are missing."""
    first = FIRST.search(sql)
    cursor = connection.execute(FIRST.sub("", sql))
    names, ours = [column[0] for column in cursor.description], ran.finding.rows
    theirs = {tuple(row[names.index(key)] for key in KEYS[number]): row for row in cursor.fetchall()}
    shown = min(len(theirs), int(first[1]) if first else len(theirs))
    if len(ours) != shown:
        return [f"{len(ours)} rows of ours, where the guide shows {shown}"]
    mine = (theirs.get(tuple(row[key] for key in KEYS[number])) for row in ours)
    guide = [dict(zip(names, row, strict=True)) for row in mine if row is not None]
    return differences(number, guide, ours, OF_USERS.get(number, ()))


def _steps(connection: duckdb.DuckDBPyConnection, sql: str, ran: CheckRun) -> list[str]:
    """Rows of workflows that only one side has."""
    connection.register("ours", ran.table)
    names = ", ".join(ran.table.column_names)
    guides = f"SELECT {names} FROM ({sql.rstrip(';')})"
    pairs = {"the guide": (guides, f"SELECT {names} FROM ours"), "us": (f"SELECT {names} FROM ours", guides)}
    counted = {
        who: connection.execute(f"SELECT count(*) FROM ({one} EXCEPT ALL {other})").fetchall()[0][0]
        for who, (one, other) in pairs.items()
    }
    return [f"{count} steps that only {who} has" for who, count in counted.items() if count]

"""Any text in a parameter stays a value: it never changes a query's shape, never raises, and matches nothing."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.telemetry.sources import tables
from tests.tools.made import args_for, written
from tsg_agent.models import Status
from tsg_agent.settings import Settings
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.tools import PLUGINS, Plugin
from tsg_agent.tools.plugin import load_sql
from tsg_agent.tools.rows import ScopeArgs

HOSTILE = (
    "' OR 1=1 --",
    "us-east' OR 'a'='a",
    "'; DROP VIEW api_gateway_logs; --",
    '" OR "" = "',
    "$region",
    "{start_time}",
    "%s %(x)s ?",
    "us-east\x00",
    "../../etc/passwd",
    "\\'",
    "",
)


class Watched:
    """The engine, with the queries that were asked of it."""

    def __init__(self, engine: DuckDB) -> None:
        self.engine = engine
        self.asked: list[str] = []

    @property
    def tables(self) -> Any:
        return self.engine.tables

    def run(self, sql: str, parameters: Any, *, timeout: float) -> pa.Table:
        self.asked.append(sql)
        return self.engine.run(sql, parameters, timeout=timeout)

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with DuckDB(written(tmp_path_factory.mktemp("telemetry"), tables())) as engine:
        yield engine


def changed(check: Plugin[Any]) -> list[str]:
    """The parameters that select rows; Step 4's region only marks them."""
    names = ["environment"] if check.number == 3 else ["region", "environment"]
    return [*names, "service_name"] if check.args is ScopeArgs else names


@pytest.mark.parametrize("check", [pytest.param(check, id=check.name) for check in PLUGINS])
def test_quotes_and_sql_in_every_parameter(check: Plugin[Any], engine: DuckDB) -> None:
    for parameter in changed(check):
        for text in HOSTILE:
            watched = Watched(engine)
            finding = check.run(watched, args_for(check, **{parameter: text}), Settings())
            assert (finding.status, finding.rows) == (Status.NO_DATA, [])
            assert watched.asked == [load_sql(check.key)]
            assert finding.sql_parameters[parameter] == text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(max_size=60), min_size=3, max_size=3), number=st.integers(1, 9))
def test_any_text(texts: list[str], number: int, engine: DuckDB) -> None:
    check = PLUGINS[number - 1]
    watched = Watched(engine)
    given_scope = dict(zip(("region", "environment", "service_name"), texts, strict=True))
    finding = check.run(watched, args_for(check, **given_scope), Settings())
    assert finding.status is Status.NO_DATA
    assert watched.asked == [load_sql(check.key)]


def test_no_query_has_a_place_for_text() -> None:
    for check in PLUGINS:
        sql = load_sql(check.key)
        assert "{" not in sql
        assert "us-east" not in sql


def test_a_folder_with_a_quote_in_its_name(tmp_path: Path) -> None:
    folder = written(tmp_path / "it's; DROP", tables())
    with DuckDB(folder) as engine:
        check = PLUGINS[2]
        assert check.run(engine, args_for(check), Settings()).status is Status.OK

"""Joins by number give what joins by text give."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.tools.made import written
from tsg_agent.errors import QueryError
from tsg_agent.evidence import Measurer
from tsg_agent.models import Parameters
from tsg_agent.settings import Settings
from tsg_agent.telemetry import copies as making
from tsg_agent.telemetry.compact import Compact, Over
from tsg_agent.telemetry.copies import Create
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.memory import Allowance
from tsg_agent.tools import GUIDE, PLUGINS
from tsg_agent.tools.plugin import load_sql
from tsg_agent.tools.service_requests import with_service_requests

START = datetime(2026, 3, 10, 12)
SCOPE: dict[str, Any] = {
    "start_time": START, "end_time": START + timedelta(hours=1), "environment": "prod", "service_name": "shop",
    "region": "us-east", "maximum_groups": 1000, "origin": START,
    "zone_sample_age_minutes": 5,
    "verdict_bucket_minutes": 5, "version_slow_ms": 900.0,
}  # fmt: skip

WINDOW = ("start_time", "end_time", "environment", "service_name")


def telemetry(folder: Path, *, repeated_request: bool = False) -> Path:
    """Three regions, NULLs, repeated flags and products, two values of one flag, test traffic, rows of no request."""
    random_ = np.random.default_rng(7)

    def pick(values: list[Any]) -> Any:
        return values[int(random_.integers(len(values)))]

    logs: list[dict[str, Any]] = [
        {
            "request_id": f"request-with-a-long-name-{i}",
            "timestamp": START + timedelta(seconds=random_.uniform(-300, 3900)),
            "region": pick(["us-east", "us-west", "eu-central", None]),
            "environment": pick(["prod", "prod", "test"]),
            "service_name": pick(["shop", "shop", "bank"]),
            "status_code": pick([200, 200, 204, 302, 404, 429, 500, 503, 100, None]),
            "latency_ms": pick([random_.uniform(1, 2000), None]),
            "is_retry": pick([True, False, None]),
            "user_id": pick([f"user-{i % 50}", None]),
            "has_dependency_failure": pick([True, False, None]),
            "is_test_traffic": pick([True, False, False, None]),
            "shard_id": pick(["shard-1", "sh'ard); --\0", "", None]),
            "service_component": pick(["cart", "card", None]),
            "correlation_id": pick([f"correlation-{i % 300}", None]),
        }
        for i in range(4000)
    ]
    ids = [*(row["request_id"] for row in logs), None, "of no request"]
    if repeated_request:
        inside: dict[str, Any] = {
            "timestamp": START,
            "region": "us-east",
            "environment": "prod",
            "service_name": "shop",
        }
        logs += [{**logs[0], **inside}, {**logs[0], **inside, "status_code": 500}]
    flags = [
        {"request_id": pick(ids), "flag_name": pick(["a", "b", None]), "flag_value": pick(["on", "off", None])}
        for _ in range(9000)
    ]
    products = [
        {
            "request_id": pick(ids), "product_id": pick(["p1", "p2", None]), "product_category": pick(["c", None]),
            "customer_tier": pick(["PREMIUM", "FREE"]), "subscription_type": pick(["month", "year", None]),
        }
        for _ in range(4000)
    ]  # fmt: skip
    steps = [{"correlation_id": f"correlation-{i}", "scenario_name": pick(["pay", "look"])} for i in range(200)]
    return written(
        folder,
        {
            "api_gateway_logs": logs,
            "feature_flags": flags,
            "product_metadata": products,
            "workflow_tracking": steps,
        },
    )


QUERIES = {plugin.key: (load_sql(plugin.key), SCOPE) for plugin in PLUGINS if plugin.number not in (3, 8)}


@pytest.fixture(autouse=True)
def _coded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a large source."""
    monkeypatch.setattr(making, "FEWEST_CODED", 0)


class Plain(Compact):
    """Makes no copies."""

    @contextmanager
    def reading(self, sql: str, bound: Mapping[str, object], create: Create) -> Iterator[Over]:
        yield lambda text: text


def plain(folder: Path) -> DuckDB:
    engine = DuckDB(folder)
    engine._compact = Plain(frozenset(), 0)
    return engine


def rows(engine: DuckDB, sql: str, bound: Mapping[str, object]) -> list[tuple[Any, ...]]:
    """Sorted, with sums rounded: the order of addition differs."""
    found = engine.run(sql, bound, timeout=60)
    return sorted(
        (tuple(round(v, 6) if isinstance(v, float) else v for v in row.values()) for row in found.to_pylist()), key=repr
    )


def copies(engine: DuckDB) -> list[str]:
    found = engine.run("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'scope%'", {}, timeout=60)
    return sorted(found["table_name"].to_pylist())


def codes(engine: DuckDB) -> bool:
    kinds = engine.run("SELECT count(*) AS n FROM duckdb_types() WHERE type_name LIKE 'scope%'", {}, timeout=60)
    return bool(kinds["n"][0].as_py())


@pytest.mark.parametrize(("repeated_request", "coded"), [(False, True), (True, True), (False, False)])
def test_the_copies_change_no_result(
    repeated_request: bool, coded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not coded:
        monkeypatch.undo()
    folder = telemetry(tmp_path, repeated_request=repeated_request)
    with DuckDB(folder) as engine, plain(folder) as other:
        for region in ("us-east", "eu-central", "nowhere"):
            for name, (sql, bound) in QUERIES.items():
                given = {**bound, "region": region}
                found = rows(engine, sql, given)
                assert found == rows(other, sql, given), (name, region)
                assert bool(found) is (region != "nowhere" or name == "plugin_9_errors"), (name, region)
        assert bool(copies(engine)) is not repeated_request
        assert codes(engine) is (coded and not repeated_request)
        assert not copies(other)


def measurer(engine: DuckDB, region: str, pool: ThreadPoolExecutor) -> Measurer:
    scope = {name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for name, value in SCOPE.items()}
    parameters = Parameters(**{name: scope[name] for name in WINDOW}, region=region)
    return Measurer(engine, parameters, Settings(), pool, GUIDE.dimensions)


def evidence(engine: DuckDB, region: str, pool: ThreadPoolExecutor) -> dict[str, list[tuple[Any, ...]]]:
    """What verdicts are made from, row by row: a request is told by all that is known of it, not by its id."""
    tables = measurer(engine, region, pool).fetch()
    own = tables.pop("rows").to_pylist()
    users = [row.pop("user_id") for row in own]
    known: dict[Any, list[str]] = {}
    for row in own:
        known.setdefault(row.pop("request_id", None), []).append(repr(row))
    found = {"rows": sorted((repr(row),) for row in own), "users": [(len(set(users)), users.count(None))]}
    for name, table in tables.items():
        rows_ = table.to_pylist()
        told = [sorted(known[row.pop("request_id")]) if "request_id" in row else None for row in rows_]
        found[name] = sorted(((one, *row.values()) for one, row in zip(told, rows_, strict=True)), key=repr)
    return found


@pytest.mark.parametrize(("repeated_request", "coded"), [(False, True), (True, True), (False, False)])
def test_the_copies_change_no_evidence(
    repeated_request: bool, coded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not coded:
        monkeypatch.undo()
    folder = telemetry(tmp_path, repeated_request=repeated_request)
    with DuckDB(folder) as engine, plain(folder) as other, ThreadPoolExecutor(4) as pool:
        for region in ("us-east", "eu-central", "nowhere"):
            found = evidence(engine, region, pool)
            assert found == evidence(other, region, pool), region
            held = {name for name, rows in found.items() if rows} - {"users"}
            assert held == ({"regions"} if region == "nowhere" else {"rows", "flags", "products", "runs", "regions"})
            assert (found["users"] == [(0, 0)]) is (region == "nowhere")
        assert bool(copies(engine)) is not repeated_request


@pytest.mark.parametrize("uncopied", ["feature_flags", "product_metadata"])
def test_a_table_without_memory_for_its_copy_tells_requests_as_the_others_do(
    uncopied: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = making.Copies.copy_joined

    def copy(self: making.Copies, table: str) -> bool:
        if table == uncopied:
            raise QueryError("The query needs more memory than it may use.")
        return copied(self, table)

    monkeypatch.setattr(making.Copies, "copy_joined", copy)
    folder = telemetry(tmp_path)
    with DuckDB(folder) as engine, plain(folder) as other, ThreadPoolExecutor(4) as pool:
        assert evidence(engine, "us-east", pool) == evidence(other, "us-east", pool)
        for name, (sql, bound) in QUERIES.items():
            assert rows(engine, sql, bound) == rows(other, sql, bound) != [], name
        assert len(copies(engine)) == 2


def test_users_come_as_numbers(tmp_path: Path) -> None:
    """Texts, one for each request, would take three times as long to fetch."""
    with DuckDB(telemetry(tmp_path)) as engine, ThreadPoolExecutor(4) as pool:
        assert measurer(engine, "us-east", pool).fetch()["rows"]["user_id"].type == pa.uint64()
        held = "SELECT data_type FROM duckdb_columns() WHERE table_name LIKE 'scope%' AND column_name = 'user_id'"
        assert engine.run(held, {}, timeout=20)["data_type"].to_pylist() == ["UBIGINT"]


@pytest.mark.parametrize(
    "told",
    [
        "SELECT user_id, count(DISTINCT request_id) AS n FROM requests GROUP BY user_id",
        "SELECT * FROM (SELECT user_id, count(DISTINCT request_id) AS n FROM requests GROUP BY user_id) AS u",
        ", u AS (SELECT user_id, count(DISTINCT request_id) AS n FROM requests GROUP BY user_id\n) SELECT * FROM u",
        ", u AS (SELECT user_id, count(DISTINCT request_id) AS n FROM requests GROUP BY user_id\n) SELECT u.* FROM u",
        ", u AS (SELECT lower(user_id) AS w FROM requests) SELECT w, count(DISTINCT request_id) FROM u GROUP BY w",
        "SELECT count(DISTINCT request_id) AS n FROM requests WHERE user_id = 'user-7'",
        "SELECT min(user_id) AS n, count(DISTINCT request_id) AS k, count(DISTINCT user_id) AS m FROM requests",
    ],
)
def test_a_query_that_tells_users_reads_their_names(told: str, tmp_path: Path) -> None:
    folder = telemetry(tmp_path)
    scoped = "WITH requests AS (\nSELECT *, 'one' AS request\nFROM service_requests\nWHERE region = $region\n)\n"
    sql = with_service_requests(scoped + told)
    with DuckDB(folder) as engine, plain(folder) as other:
        for name in ("plugin_2_feature_flags", "plugin_4_partitions"):
            engine.run(*QUERIES[name], timeout=60)
        assert rows(engine, sql, SCOPE) == rows(other, sql, SCOPE) != []
        assert copies(engine)


def test_the_first_query_of_all_tells_requests_as_the_others_do(tmp_path: Path) -> None:
    with DuckDB(telemetry(tmp_path)) as engine, ThreadPoolExecutor(1) as pool:
        one = measurer(engine, "us-east", pool)
        first = one._run("runs", {}).to_pylist()
        known = {row["request_id"] for row in one.fetch()["rows"].to_pylist()}
        assert first
        assert {row["request_id"] for row in first} <= known


def test_queries_at_the_same_time_share_the_copies(tmp_path: Path) -> None:
    folder = telemetry(tmp_path)
    with DuckDB(folder) as engine, plain(folder) as other, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda query: rows(engine, *query), QUERIES.values()))
        assert found == [rows(other, *query) for query in QUERIES.values()]
        assert len(copies(engine)) == 3


def test_copies_that_no_query_may_read_are_dropped(tmp_path: Path) -> None:
    """The second query makes them while the first one's keys are still being proven, and some of these repeat."""
    with DuckDB(telemetry(tmp_path, repeated_request=True)) as engine, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda query: rows(engine, *query), list(QUERIES.values())[:8]))
        assert not copies(engine)


def test_old_copies_are_dropped(tmp_path: Path) -> None:
    sql, bound = QUERIES["plugin_2_feature_flags"]
    with DuckDB(telemetry(tmp_path)) as engine:
        for minutes in range(5):
            engine.run(sql, {**bound, "end_time": START + timedelta(minutes=30 + minutes)}, timeout=60)
        assert {name.partition("_api")[0].partition("_feature")[0] for name in copies(engine)} == {"scope_4", "scope_5"}


@pytest.mark.parametrize("scarce", [True, False])
def test_copies_leave_scarce_memory_and_are_made_anew(
    scarce: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = QUERIES["plugin_2_feature_flags"]
    with DuckDB(telemetry(tmp_path)) as engine:
        found = rows(engine, *query)
        kept = copies(engine)
        if scarce:
            monkeypatch.setattr(Allowance, "is_scarce", lambda _: True)
        engine.release()
        assert copies(engine) == ([] if scarce else kept)
        assert rows(engine, *query) == found
        assert len(copies(engine)) == len(kept) == 2


def test_copies_that_are_being_read_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sql, bound = QUERIES["plugin_2_feature_flags"]
    with DuckDB(telemetry(tmp_path)) as engine:
        engine.run(sql, bound, timeout=60)
        monkeypatch.setattr(Allowance, "is_scarce", lambda _: True)
        with engine._compact.reading(sql, bound, engine._creating(60)):
            engine.release()
            assert len(copies(engine)) == 2
        engine.release()
        assert not copies(engine)


def test_statuses_take_two_bytes(tmp_path: Path) -> None:
    with DuckDB(telemetry(tmp_path)) as engine:
        engine.run(*QUERIES["plugin_2_feature_flags"], timeout=60)
        held = "SELECT data_type FROM duckdb_columns() WHERE table_name LIKE 'scope%' AND column_name = 'status_code'"
        assert engine.run(held, {}, timeout=20)["data_type"].to_pylist() == ["SMALLINT"] * 2


def test_a_scope_that_is_too_large_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "REQUEST_BYTES", 2 * 10**9 // 100)
    folder = telemetry(tmp_path)
    with DuckDB(folder) as engine, plain(folder) as other:
        assert rows(engine, *QUERIES["plugin_2_feature_flags"]) == rows(other, *QUERIES["plugin_2_feature_flags"])
        assert not copies(engine)


HOSTILE = (
    "", "'", "a'b; DROP TABLE x; --", "x" * 3000, "😀", "NULL", " ", "\n", "ab\0cd", "ÿ", None, "\\", '"', "1", "true"
)  # fmt: skip


@pytest.mark.parametrize(("few", "many"), [(64, 10_000), (3, 10_000), (3, 4)], ids=["listed", "cast", "as they are"])
def test_texts_of_any_kind_and_number_are_copied(
    few: int, many: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "FEW", few)
    monkeypatch.setattr(making, "MANY", many)

    def text(number: int) -> str | None:
        return HOSTILE[number % len(HOSTILE)]

    logs = [
        {
            "request_id": f"request-with-a-long-name-{i}", "timestamp": START + timedelta(seconds=i), "latency_ms": 1.0,
            "region": "us-east", "environment": "prod", "service_name": "shop", "status_code": 500 if i % 7 else 200,
            "shard_id": text(i), "endpoint_path": text(i // 3), "service_version": text(i // 5),
        }
        for i in range(2000)
    ]  # fmt: skip
    flags = [
        {"request_id": f"request-with-a-long-name-{i}", "flag_name": text(i), "flag_value": text(i // 2)}
        for i in range(2000)
    ]
    folder = written(tmp_path, {"api_gateway_logs": logs, "feature_flags": flags})
    queries = {name: QUERIES[name] for name in ("plugin_2_feature_flags", "plugin_4_partitions", "plugin_6_endpoints")}
    with DuckDB(folder) as engine, plain(folder) as other:
        for name, query in queries.items():
            assert rows(engine, *query) == rows(other, *query), name
        assert len(copies(engine)) == 2
        assert codes(engine) is (many > len(HOSTILE))

"""Combinations of requests, as a server counts them, say what the requests themselves say."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.at_server import AtServer
from tests.engines.data import MADE
from tests.engines.same import concluded, differences
from tests.tools.made import SCOPE, START, requests, tied, workflow, written
from tests.verdicts.judging import POOL, SETTINGS
from tsg_agent import Request
from tsg_agent.evidence import Grid, Measurer, Requests, combined, read_requests
from tsg_agent.evidence.combined import BoundValues, Coded, Word
from tsg_agent.evidence.seen_users import Users
from tsg_agent.models import Measure, Parameters
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.tools import GUIDE

TEXT = "shop in us-east, prod fails since 2026-03-10 13:00 UTC, SLA 99.9 %"


def both(folder: Path, tables: dict[str, Any], **changes: Any) -> tuple[Requests, Requests]:
    """The requests, and their combinations."""
    with DuckDB(written(folder, tables)) as engine:
        found = []
        for one in (engine, AtServer(engine)):
            measurer = Measurer(one, Parameters(**(SCOPE | changes)), SETTINGS, POOL, GUIDE.dimensions)
            found.append(read_requests(measurer.fetch(), GUIDE.dimensions))
    return found[0], found[1]


def counted(requests: Requests, *names: str) -> dict[tuple[Any, ...], float]:
    """How many requests there are of each minute, kind, status and values."""
    found: dict[tuple[Any, ...], float] = {}
    weight = np.ones(len(requests)) if requests.weight is None else requests.weight
    columns = [one for one in requests.columns if one.dimension.columns[0] in names]
    assert requests.status is not None
    for place in range(len(requests)):
        said = [column.values[code] if (code := column.codes[place]) >= 0 else None for column in columns]
        key = (int(requests.minute[place]), int(requests.kind[place]), int(requests.status[place]), *said)
        found[key] = found.get(key, 0.0) + float(weight[place])
    return found


def test_the_demonstration_incident(incident: Request) -> None:
    with DuckDB(incident.telemetry) as engine:
        other = AtServer(engine)
        first, second = (concluded(incident.text, one, incident.telemetry) for one in (engine, other))
    assert first["causes"]
    assert first["reach"]["users"] > first["reach"]["users_hit"] > 0
    assert differences(first, second) == []
    assert any("GROUP BY moment" in sql for sql in other.asked)


@pytest.mark.parametrize("name", [name for name in MADE if name != "bare"])
def test_generated_data(tmp_path: Path, name: str) -> None:
    location = str(written(tmp_path, MADE[name]()))
    with DuckDB(location) as engine:
        assert differences(*(concluded(TEXT, one, location) for one in (engine, AtServer(engine)))) == []


def test_equal_requests_are_one_combination(tmp_path: Path) -> None:
    rows = requests(2400, {500: 90}, service_version=["1", "2"] * 1200, latency_ms=[1.0, None, 4.0] * 800)
    own, other = both(tmp_path, {"api_gateway_logs": rows})
    assert len(other) < 500 < len(own) == 2400
    assert counted(own, "service_version") == counted(other, "service_version")
    assert other.weight is not None
    spent = np.nansum(own.latency)
    assert np.nansum(other.latency * other.weight) == pytest.approx(spent)


def test_flags_products_and_runs_are_tied_where_the_requests_are(tmp_path: Path) -> None:
    rows = requests(600, {500: 60}, correlation_id=[f"c{n % 50}" if n % 3 else None for n in range(600)])
    tables = {
        "api_gateway_logs": rows,
        "feature_flags": [
            *tied(rows[::2], flag_name="f", flag_value="on"), *tied(rows[::3], flag_name="g", flag_value="'; --"),
            *tied(rows[:9], flag_name="f", flag_value=None),
        ],
        "product_metadata": tied(rows[::5], product_id="p", customer_tier="FREE"),
        "workflow_tracking": [{**row, "correlation_id": f"c{n % 40}"} for n, row in enumerate(workflow(40, {}))],
    }  # fmt: skip
    own, other = both(tmp_path, tables)
    names = ("flag_name", "product_id", "customer_tier")
    assert counted(own, *names) == counted(other, *names)
    assert {value for column in other.columns for value in column.values} >= {("f", "on"), ("g", "'; --"), ("FREE",)}

    def met(requests: Requests) -> list[str]:
        assert requests.run is not None and requests.runs is not None
        failed = requests.run[requests.failed(Measure.SERVER_ERRORS)]
        return sorted({requests.runs[int(run)].as_py() for run in failed if run >= 0})

    assert met(own) == met(other) != []


def test_a_column_of_many_values_comes_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = requests(300, {500: 30}, endpoint_path=[f"/p{n % 20}" for n in range(300)], shard_id=["a", "b", "c"] * 100)
    products = tied(rows, product_id="p") + tied(rows[:100], customer_tier="FREE")
    for row, place in zip(products, range(300), strict=False):
        row["product_id"] = f"p{place % 30}"
    tables = {"api_gateway_logs": rows, "product_metadata": products}
    named = ("endpoint_path", "shard_id")
    own, other = both(tmp_path, tables)
    monkeypatch.setattr("tsg_agent.evidence.combined.CODED", 10)
    monkeypatch.setattr("tsg_agent.evidence.measure.CODED", 10)
    _, texts = both(tmp_path / "x", tables)
    assert counted(own, *named) == counted(other, *named) == counted(texts, *named)
    assert texts.column("product_id") is not None


def test_flags_of_many_values_bring_each_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsg_agent.evidence.combined.CODED", 3)
    monkeypatch.setattr("tsg_agent.evidence.measure.CODED", 3)
    rows = requests(40)
    flags = [row | {"flag_value": f"v{n % 5}"} for n, row in enumerate(tied(rows, flag_name="f", flag_value=""))]
    own, other = both(tmp_path, {"api_gateway_logs": rows, "feature_flags": flags})
    assert other.weight is None
    assert counted(own, "flag_name") == counted(other, "flag_name")


def test_what_took_longer_than_usual_is_measured_where_the_requests_are(tmp_path: Path) -> None:
    took = [10.0 + n % 7 for n in range(1200)] + [10.0 + 9 * (n % 5) for n in range(1200)]
    changes = {"incident_start": SCOPE["start_time"] + timedelta(hours=1)}
    own, other = both(tmp_path, {"api_gateway_logs": requests(2400, latency_ms=took)}, **changes)
    own = own.with_usual(60)
    assert other.with_usual(60) is other
    (slow, _), (told, _) = own.series(Measure.SLOWER), other.series(Measure.SLOWER)
    assert slow.sum() > 0
    assert slow.tolist() == told.tolist()


@pytest.mark.parametrize(("second", "width"), [(0, 60), (30, 30), (25, 5), (7, 1)])
def test_a_bucket_ends_where_verdicts_cut(tmp_path: Path, second: int, width: int) -> None:
    start = SCOPE["start_time"] + timedelta(minutes=61, seconds=second)
    _, other = both(tmp_path, {"api_gateway_logs": requests(2400)}, incident_start=start)
    assert set(np.diff(np.unique(other.second))) <= {width * times for times in range(1, 61)}
    assert np.gcd.reduce(other.second) == max(width, 3), "a request each three seconds"


def test_users_are_counted_in_any_span(tmp_path: Path) -> None:
    users = [f"u{n * n % 37}" if n % 4 else None for n in range(900)]
    rows = requests(900, {500: 100}, user_id=users, service_component=["shop", "db", "cache"] * 300)
    own, other = both(tmp_path, {"api_gateway_logs": rows})
    assert own.user is not None and other.users is not None
    everyone, entry = other.users
    at_entry = own.columns[0].codes == own.columns[0].values.index(("shop",))
    naive = START, START + timedelta(hours=2)
    assert entry is not None
    for first, last in ((10, None), (50, 90), (119, None)):
        grid = Grid.over(naive, START + timedelta(minutes=first), 5,
                         ended=None if last is None else START + timedelta(minutes=last))  # fmt: skip
        bucket = grid.buckets(own.second)
        inside = (bucket >= grid.after.start) & (bucket < grid.after.stop)
        for counts, some in ((everyone, inside), (entry, inside & at_entry)):
            seen = {user for user, kept in zip(own.user.to_pylist(), some, strict=True) if kept and user}
            assert counts.after(grid) == len(seen)


def test_users_of_requests_that_nobody_answered_are_counted(tmp_path: Path) -> None:
    rows = requests(4800, {500: 20}, user_id=[f"u{n % 97}" for n in range(4800)], shard_id=["a", "b", "c"] * 1600)
    for place, row in enumerate(rows):
        if place > 2400 and row["shard_id"] == "b" and place % 2:
            row["status_code"] = None
            row["user_id"] = f"v{place % 60}"  # seen in no other request
    location = str(written(tmp_path, {"api_gateway_logs": rows}))
    with DuckDB(location) as engine:
        first, second = (concluded(TEXT, one, location) for one in (engine, AtServer(engine)))
    assert [one["measure"] for one in first["causes"]] == ["unanswered"]
    assert 0 < first["reach"]["users_hit"] <= 60
    assert first["reach"]["users"] > 97
    assert differences(first, second) == []


def test_users_until_a_second_are_those_before_it() -> None:
    rows = pa.table({"bucket": [0, 60, 60], "following": [60, None, None], "users": [2, 2, 1]})
    grid = Grid.over((START, START + timedelta(minutes=2)), START + timedelta(minutes=1), 1)
    assert Users.of(rows).after(grid) == 3
    late = Grid.over((START, START + timedelta(minutes=1)), None, 1)
    assert Users.of(rows).until(60).after(late) == 2


def test_a_word_holds_the_values_of_its_columns() -> None:
    columns = [Coded("a", ["x", "y"], "a"), Coded("b", ["z"], "b"), Coded("c", [str(n) for n in range(200)], "c")]
    word = Word("log_0", columns)
    assert word.sql == "((CAST(a AS BIGINT)) * 2 + b) * 201 + c"
    numbers = np.array([(2 * 2 + 0) * 201 + 200, (0 * 2 + 1) * 201 + 0])
    assert {name: found.to_pylist() for name, found in word.read(numbers).items()} == {
        "a": ["y", None], "b": [None, "z"], "c": ["199", None],
    }  # fmt: skip


def test_words_are_as_few_as_hold_all_columns() -> None:
    many = [Coded(f"c{n}", [str(v) for v in range(249)], "0") for n in range(16)]
    words = combined._words("log", many)
    assert [len(word.columns) for word in words] == [7, 7, 2]
    assert 250**7 < combined.ROOM < 250**8


def test_values_are_bound() -> None:
    bound = BoundValues()
    assert [bound.mark("'; DROP TABLE x; --"), bound.mark("b")] == ["$value_0", "$value_1"]
    assert bound.values == {"value_0": "'; DROP TABLE x; --", "value_1": "b"}

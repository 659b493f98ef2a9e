"""The matrix of requests: what a description is about, and how the telemetry's rows become it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.made import SCOPE, START, written
from tests.tools.made import requests as rows_of
from tests.verdicts.judging import POOL, SETTINGS
from tests.verdicts.made import Part, made
from tsg_agent.evidence import Measurer, Requests, calls_of, read_requests
from tsg_agent.evidence.requests import (
    CLIENT_ERROR,
    KINDS,
    RATE_LIMITED,
    REDIRECT,
    REQUEST_MEASURES,
    SERVER_ERROR,
    SUCCESS,
    UNKNOWN,
    with_workflows,
)
from tsg_agent.models import Measure, Parameters
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.tools import GUIDE

HOSTILE = ["'; DROP TABLE api_gateway_logs; --", '" OR 1=1 --', "$region", "%_\\", "💥'"]
Rows = list[dict[str, Any]]


def fetched(folder: Path, tables: dict[str, Rows], **changes: Any) -> Requests:
    with DuckDB(written(folder, tables)) as engine:
        measurer = Measurer(engine, Parameters(**(SCOPE | changes)), SETTINGS, POOL, GUIDE.dimensions)
        return read_requests(measurer.fetch(), GUIDE.dimensions)


def values(requests: Requests, name: str) -> list[str | None]:
    """Each request's value of a dimension, in the order of time."""
    column = requests.column(name)
    assert column is not None
    order = np.argsort(requests.second, kind="stable")
    return [None if code < 0 else column.values[code][-1] for code in column.codes[order].tolist()]


def test_each_request_has_its_second_its_answer_and_its_values(tmp_path: Path) -> None:
    rows = rows_of(
        7, latency_ms=[1.0, 9_000.0, None, 5.0, 5.0, 5.0, 5.0], is_retry=[False, True, None, False, False, False, False]
    )
    for row, status in zip(rows, (200, 302, None, 429, 404, 503, 100), strict=True):
        row["status_code"] = status
    made_ = fetched(tmp_path, {"api_gateway_logs": rows})
    order = np.argsort(made_.second)
    expected = [SUCCESS * 4, REDIRECT * 4 + 3, UNKNOWN * 4, RATE_LIMITED * 4, CLIENT_ERROR * 4, SERVER_ERROR * 4, 6 * 4]
    assert made_.kind[order].tolist() == expected
    assert made_.status is not None
    assert made_.status[order].tolist() == [0, 302, 0, 429, 404, 503, 0]
    begins = [int((row["timestamp"] - START).total_seconds()) for row in rows]
    assert made_.second[order].tolist() == begins
    assert np.isnan(made_.latency[order]).tolist() == [False, False, True, False, False, False, False]


def test_a_copy_of_a_row_counts_once_and_test_traffic_never(tmp_path: Path) -> None:
    rows = rows_of(4, {500: 1}, is_test_traffic=[False, False, None, True])
    assert len(fetched(tmp_path, {"api_gateway_logs": [*rows, *rows]})) == 3


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_a_value(tmp_path: Path, value: str) -> None:
    made_ = fetched(tmp_path, {"api_gateway_logs": rows_of(3, shard_id=[value, None, "s"])})
    assert values(made_, "shard_id") == [value, None, "s"]
    assert made_.having({"shard_id": value}).sum() == 1


def test_a_value_that_asks_in_the_scope_is_bound(tmp_path: Path) -> None:
    hostile = "us-east' OR '1'='1"
    assert len(fetched(tmp_path, {"api_gateway_logs": rows_of(5)}, region=hostile)) == 0


def test_a_component_without_a_dependency_and_the_other_way_round(tmp_path: Path) -> None:
    rows = rows_of(3, service_component=["cart", None, "cart"], dependency_name=["db", "bank", None])
    made_ = fetched(tmp_path, {"api_gateway_logs": rows})
    assert values(made_, "service_component") == ["cart", None, "cart"]
    assert values(made_, "dependency_name") == ["db", "bank", None]


def test_flags_products_and_runs_are_tied_to_their_requests(tmp_path: Path) -> None:
    rows = rows_of(4, correlation_id=["c1", "c2", "c1", None])
    ids = [row["request_id"] for row in rows]
    flags = [
        {"request_id": ids[0], "flag_name": "f", "flag_value": "on"},
        {"request_id": ids[0], "flag_name": "f", "flag_value": "on"},
        {"request_id": ids[1], "flag_name": "g", "flag_value": "x"},
        {"request_id": ids[2], "flag_name": "f", "flag_value": None},
        {"request_id": "nobody's", "flag_name": "f", "flag_value": "off"},
    ]
    products = [
        {
            "request_id": ids[3],
            "product_id": "p",
            "product_category": None,
            "customer_tier": "FREE",
            "subscription_type": "year",
        }
    ]
    steps = [{"correlation_id": "c1", "scenario_name": "pay", "timestamp": START + timedelta(minutes=1)}]
    made_ = fetched(
        tmp_path,
        {"api_gateway_logs": rows, "feature_flags": flags, "product_metadata": products, "workflow_tracking": steps},
    )
    order = np.argsort(made_.second)
    assert made_.having({"flag_name": "f", "flag_value": "on"})[order].tolist() == [True, False, False, False]
    assert made_.having({"flag_name": "g", "flag_value": "x"})[order].tolist() == [False, True, False, False]
    assert values(made_, "customer_tier") == [None, None, None, "FREE"]
    assert made_.column("product_category") is None
    assert made_.run is not None and made_.runs is not None
    assert made_.runs.to_pylist() == ["c1"]
    assert made_.run[order].tolist() == [0, -1, 0, -1]
    workflow = GUIDE.leading({"scenario_name": "pay"})
    named = with_workflows(made_, ["look", "pay"], np.array([1, 0, 0]), np.array([0, -1, -1]), workflow)
    assert values(named, "scenario_name") == ["pay", None, "pay", None]
    assert with_workflows(made_, [], np.array([-1]), np.array([0]), workflow) is made_


def test_a_request_of_several_rows_has_its_flag_in_each(tmp_path: Path) -> None:
    """Inner calls of one request repeat its id."""
    rows = rows_of(2, service_component=["shop", "db"])
    rows[1]["request_id"] = rows[0]["request_id"]
    flags = [{"request_id": rows[0]["request_id"], "flag_name": "f", "flag_value": "on"}]
    made_ = fetched(tmp_path, {"api_gateway_logs": rows, "feature_flags": flags})
    assert made_.having({"flag_name": "f", "flag_value": "on"}).tolist() == [True, True]


def test_a_weight_says_how_many_a_row_stands_for(tmp_path: Path) -> None:
    made_ = fetched(tmp_path, {"api_gateway_logs": rows_of(3, weight=[10, 1, 5])})
    assert made_.weight is not None
    assert sorted(made_.weight.tolist()) == [1, 5, 10]
    assert fetched(tmp_path / "x", {"api_gateway_logs": rows_of(3, weight=1)}).weight is None


def test_the_same_rows_in_any_order_are_the_same_values(tmp_path: Path) -> None:
    rows = rows_of(40, shard_id=[f"s{n % 7}" for n in range(40)])
    one = fetched(tmp_path, {"api_gateway_logs": rows})
    other = fetched(tmp_path / "x", {"api_gateway_logs": rows[::-1]})
    assert values(one, "shard_id") == values(other, "shard_id")
    assert [column.values for column in one.columns] == [column.values for column in other.columns]


def test_calls_are_pairs_of_two_names() -> None:
    table = pa.table({"caller": ["a", "a", None, "b"], "callee": ["b", "b", "c", ""]})
    assert calls_of(table) == frozenset({("a", "b")})
    assert calls_of(None) == frozenset()


def parts() -> Requests:
    return made(
        Part({"availability_zone": "a", "shard_id": "1", "flag f": "on"}, 2),
        Part({"availability_zone": "a", "flag f": "off"}, 3),
        Part({"shard_id": "2", "flag g": "on"}, 5),
    )


@pytest.mark.parametrize(
    ("subject", "per_minute"),
    [
        ({}, 10),
        ({"availability_zone": "a"}, 5),
        ({"availability_zone": "a", "shard_id": "1"}, 2),
        ({"availability_zone": "a", "shard_id": "2"}, 0),
        ({"flag_name": "f", "flag_value": "off"}, 3),
        ({"flag_name": "g", "flag_value": "on"}, 5),
        ({"flag_name": "f", "flag_value": "half"}, 0),
        ({"availability_zone": "nowhere"}, 0),
    ],
)
def test_having_is_what_a_description_is_about(subject: dict[str, str], per_minute: int) -> None:
    requests = parts()
    assert requests.having(subject).sum() == per_minute * len(requests) // 10


def test_lacking_is_what_does_not_record_a_dimension() -> None:
    requests = parts()
    share = len(requests) // 10
    assert requests.lacking({"availability_zone": "a"}).sum() == 5 * share
    assert requests.lacking({"availability_zone": "a", "shard_id": "1"}).sum() == 8 * share
    assert requests.lacking({"flag_name": "f", "flag_value": "on"}).sum() == 0, "what asks for no flag has none"


@given(st.integers(1, 30))
def test_a_series_adds_up_to_all_requests(minutes: int) -> None:
    requests = made(Part({"shard_id": "1"}, 3, 0.3, 0.5), minutes=minutes)
    failures, asked = requests.series(Measure.SERVER_ERRORS)
    assert (failures.sum(), asked.sum()) == (requests.failed(Measure.SERVER_ERRORS).sum(), len(requests))
    assert len(asked) == int(requests.second.max()) // 60 + 1
    some = requests.second % 2 == 0
    assert requests.series(Measure.SERVER_ERRORS, some)[1].sum() == some.sum()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.9, 1.0])
def test_a_series_of_some_requests_is_what_their_masks_say(share: float, *, weighted: bool) -> None:
    """Whether few or most of them are asked for: of most, the others are counted and taken away."""
    draw = np.random.default_rng(3)
    kind, second = draw.integers(0, KINDS, 500).astype(np.int8), draw.integers(0, 1_200, 500).astype(np.int32)
    weight = draw.integers(1, 9, 500).astype(float) if weighted else None
    requests = Requests(second, kind, draw.random(500), weight, [], slower_ms=0.5)
    rows = draw.random(500) < share
    for measure in (*REQUEST_MEASURES, Measure.SLOWER, Measure.UNANSWERED):
        asked = rows & requests.asked(measure)
        for kept, counted in ((asked & requests.failed(measure), 0), (asked, 1)):
            expected = np.bincount(second[kept] // 60, None if weight is None else weight[kept], 20).tolist()
            assert requests.series(measure, rows)[counted].tolist() == expected
            assert requests.by_minute(rows).series(measure)[counted].tolist() == expected


def test_what_says_no_answer_is_in_no_series() -> None:
    requests = made(Part({"shard_id": "1"}, 4, 0.25, 0.25, answer=UNKNOWN))
    failures, asked = requests.series(Measure.SERVER_ERRORS)
    assert (failures.sum(), asked.sum()) == (0, 3 * len(requests) // 4)
    heavy = replace(requests, weight=np.full(len(requests), 2.0))
    assert heavy.series(Measure.SERVER_ERRORS)[1].sum() == 2 * asked.sum()


def test_values_are_counted_by_what_each_row_stands_for() -> None:
    requests = made(Part({"shard_id": "1"}, 3), Part({"shard_id": "2"}, 1), Part({}, 2), minutes=10)
    (column,) = requests.columns
    every = np.ones(len(requests), bool)
    assert requests.of_values(column, every).tolist() == [20, 30, 10]
    heavy = replace(requests, weight=np.where(column.codes == 1, 5.0, 1.0))
    assert heavy.of_values(column, every).tolist() == [20, 30, 50]
    assert heavy.of_values(column, heavy.second < 120).tolist() == [4, 6, 10]

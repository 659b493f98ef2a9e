"""A row that stands for several requests counts as so many."""

import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.made import Rows, args_for, requests, tied, written
from tsg_agent.settings import Settings
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.tools import PLUGINS

WEIGHTS = {200: 7, 503: 1, 404: 3}
OWN = {
    "service_version": ["1.0.0", "1.1.0"] * 750, "availability_zone": "z", "partition_id": "p", "shard_id": "s",
    "endpoint_path": "/pay", "http_method": "POST", "exception_type": "E", "datacenter": "d", "instance_type": "m",
    "is_retry": True, "has_dependency_failure": True, "cache_hit": True,
    "latency_ms": [float(index % 40) for index in range(1500)],
}  # fmt: skip
UNWEIGHTED = ("p95", "p99", "stddev", "deviation", "score", "users", "impact")
"""What is not a count or a mean of requests."""


def weighted(seed: int | None = None) -> Rows:
    """Weights by the status, or drawn for each row."""
    rows = requests(1500, {503: 400, 404: 100}, **OWN)
    drawn = random.Random(seed).choices([1, 1, 2, 5], k=len(rows))
    return [
        {**row, "weight": WEIGHTS[row["status_code"]] if seed is None else weight}
        for row, weight in zip(rows, drawn, strict=True)
    ]


def repeated(rows: Rows) -> Rows:
    """Each row so many times, each a request of its own."""
    return [
        {**{name: value for name, value in row.items() if name != "weight"}, "request_id": f"{row['request_id']}-{n}"}
        for row in rows
        for n in range(row["weight"])
    ]


def results(folder: Path, rows: Rows) -> list[list[dict[str, Any]]]:
    tables = {
        "api_gateway_logs": rows,
        "feature_flags": tied(rows, flag_name="f", flag_value="on"),
        "product_metadata": tied(rows, product_id="p", customer_tier="FREE"),
    }
    with DuckDB(written(folder, tables)) as engine:
        findings = [check.run(engine, args_for(check), Settings()) for check in PLUGINS if check.number != 8]
    return [
        [
            {
                k: round(v, 6) if isinstance(v, float) else v
                for k, v in row.items()
                if not any(w in k for w in UNWEIGHTED)
            }
            for row in finding.rows
        ]
        for finding in findings
    ]


def test_a_weight_is_that_many_rows(tmp_path: Path) -> None:
    rows = weighted()
    found, expected = results(tmp_path / "weighted", rows), results(tmp_path / "repeated", repeated(rows))
    assert sum(map(bool, expected)) >= 6
    assert found == expected
    assert found != results(tmp_path / "plain", [{k: v for k, v in row.items() if k != "weight"} for row in rows])


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_whatever_the_weights_each_is_that_many_rows(seed: int) -> None:
    rows = weighted(seed)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        assert results(place / "weighted", rows) == results(place / "repeated", repeated(rows))


def test_copies_of_a_weighted_row_count_once(tmp_path: Path) -> None:
    rows = weighted()
    assert results(tmp_path / "twice", rows + rows[:300]) == results(tmp_path / "once", rows)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), 0.0])
def test_a_weight_that_cannot_be_is_in_no_count_and_none_is_one(weight: float, tmp_path: Path) -> None:
    rows = requests(3000, availability_zone="z", weight=[weight, None, 2.0] * 1000)
    with DuckDB(written(tmp_path, {"api_gateway_logs": rows})) as engine:
        check = PLUGINS[2]
        [row] = check.run(engine, args_for(check), Settings()).rows
    assert row["total_count"] == 3000

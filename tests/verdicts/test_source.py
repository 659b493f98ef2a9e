"""What explaining away asks of the telemetry again."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.verdicts.judging import POOL, SETTINGS, parameters_of
from tsg_agent.evidence import Measurer, measure
from tsg_agent.simulator.scenario import Fault, Kind, Scenario
from tsg_agent.telemetry.duckdb import DuckDB

SCENARIO = Scenario(
    name="source", seed=5, requests_per_minute=100,
    faults=(Fault(kind=Kind.PARTITION, where={"shard_id": "shard-07"}, probability=0.4),),
)  # fmt: skip


@pytest.mark.parametrize(
    "within",
    [{"shard_id": "shard-07"}, {"shard_id": "shard-07", "scenario_name": "payment_processing"}, {"product_id": None}],
    ids=["one", "two tables", "unknown"],
)
def test_a_total_is_that_of_the_whole_measurement(
    telemetry: Callable[[Scenario], Path], within: dict[str, str | None]
) -> None:
    without = [(("endpoint_path", "/payments"),)]
    with DuckDB(telemetry(SCENARIO), threads=2) as engine:
        measurer = Measurer(engine, parameters_of(SCENARIO), SETTINGS, POOL)
        whole, total = measurer.measure(within, without).total, measurer.total(within, without)
    assert total.requests.sum() > 0
    assert np.array_equal(whole.requests, total.requests)
    assert all(np.array_equal(k, total.failures[measure]) for measure, k in whole.failures.items())
    assert np.allclose(whole.latency, total.latency)
    assert np.array_equal(whole.redirects, total.redirects)


class Listening(DuckDB):
    """Remembers what was asked."""

    @cached_property
    def asked(self) -> list[str]:
        return []

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> pa.Table:
        self.asked.append(sql)
        return super().run(sql, parameters, timeout=timeout)


Expect = Callable[[Measurer, dict[str, str]], None]
Seen = tuple[list[list[float]], list[list[tuple[str, ...]]]]


def measured(measurer: Measurer, part: dict[str, str]) -> Seen:
    """The requests, and the values of each dimension."""
    made = measurer.measure(part)
    return made.total.requests.tolist(), [table.values for table in made.tables]


def counted(measurer: Measurer, part: dict[str, str]) -> Seen:
    """The requests; a total tells no dimension."""
    return measurer.total(part).requests.tolist(), []


@pytest.mark.parametrize(
    ("part", "expect", "ask"),
    [
        ({"endpoint_path": "/payments"}, Measurer.expect, measured),
        ({"shard_id": "shard-07", "scenario_name": "payment_processing"}, Measurer.expect_total, counted),
    ],
    ids=["measurement", "total"],
)
def test_what_is_expected_is_measured_once_and_the_same(
    telemetry: Callable[[Scenario], Path],
    part: dict[str, str],
    expect: Expect,
    ask: Callable[[Measurer, dict[str, str]], Seen],
) -> None:
    with Listening(telemetry(SCENARIO), threads=2) as engine:
        usual = ask(Measurer(engine, parameters_of(SCENARIO), SETTINGS, POOL), part)
        once = sorted(engine.asked)
        engine.asked.clear()
        measurer = Measurer(engine, parameters_of(SCENARIO), SETTINGS, POOL)
        expect(measurer, part)
        expect(measurer, part)
        made = ask(measurer, part)
        expect(measurer, part)
        asked = sorted(engine.asked)
    assert asked == once
    assert made == usual
    assert np.sum(made[0]) > 0


@pytest.mark.parametrize("failed_only", [False, True])
def test_of_very_many_ids_only_those_of_workflows_are_fetched(
    telemetry: Callable[[Scenario], Path], monkeypatch: pytest.MonkeyPatch, *, failed_only: bool
) -> None:
    part = {"shard_id": "shard-07"}

    def ids() -> set[str]:
        found = Measurer(engine, parameters_of(SCENARIO), SETTINGS, POOL).runs_of(part, failed_only=failed_only)
        return set(found.to_pylist())

    with Listening(telemetry(SCENARIO), threads=2) as engine:
        tracked = engine.run("SELECT DISTINCT correlation_id FROM workflow_tracking", {}, timeout=60)
        workflows = set(tracked["correlation_id"].to_pylist())
        every = ids()
        monkeypatch.setattr(measure, "MOST_IDS", 3)
        few = ids()
    assert few == every & workflows
    assert len(few) > 3
    assert every - workflows

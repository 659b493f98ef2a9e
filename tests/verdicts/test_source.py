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


def test_what_is_expected_is_measured_once_and_the_same(telemetry: Callable[[Scenario], Path]) -> None:
    part = {"endpoint_path": "/payments"}
    with Listening(telemetry(SCENARIO), threads=2) as engine:
        usual = Measurer(engine, parameters_of(SCENARIO), SETTINGS, POOL).measure(part)
        once = sorted(engine.asked)
        engine.asked.clear()
        measurer = Measurer(engine, parameters_of(SCENARIO), SETTINGS, POOL)
        measurer.expect(part)
        measurer.expect(part)
        made = measurer.measure(part)
        measurer.expect(part)
        asked = sorted(engine.asked)
    assert asked == once
    assert np.array_equal(made.total.requests, usual.total.requests)
    assert [table.values for table in made.tables] == [table.values for table in usual.tables]


def test_an_expected_total_is_measured_once_and_the_same(telemetry: Callable[[Scenario], Path]) -> None:
    part = {"shard_id": "shard-07", "scenario_name": "payment_processing"}
    with Listening(telemetry(SCENARIO), threads=2) as engine:
        usual = Measurer(engine, parameters_of(SCENARIO), SETTINGS, POOL).total(part)
        once = list(engine.asked)
        engine.asked.clear()
        measurer = Measurer(engine, parameters_of(SCENARIO), SETTINGS, POOL)
        measurer.expect_total(part)
        measurer.expect_total(part)
        made = measurer.total(part)
        measurer.expect_total(part)
        asked = list(engine.asked)
    assert asked == once
    assert np.array_equal(made.requests, usual.requests)


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

"""What must not matter does not: the order of rows, their number, test traffic."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.verdicts.judging import judgement_of, parameters_of
from tsg_agent.models import Judgement
from tsg_agent.simulator.scenario import Fault, Kind, Scenario

SCENARIO = Scenario(
    seed=3,
    requests_per_minute=60,
    regions={"us-east": 0.8, "us-west": 0.2},
    faults=(
        Fault(kind=Kind.PARTITION, where={"shard_id": "shard-07"}, probability=0.5),
        Fault(kind=Kind.ERROR, where={"dependency_name": "identity-db"}, probability=0.5),
    ),
)
Tables = dict[str, pa.Table]


@pytest.fixture(scope="module")
def tables(telemetry: Callable[[Scenario], Path]) -> Tables:
    return {path.stem: pq.read_table(path) for path in telemetry(SCENARIO).glob("*.parquet")}


def judged(tables: Tables, folder: Path) -> Judgement:
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    return judgement_of(folder, parameters_of(SCENARIO))


@pytest.fixture(scope="module")
def usual(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    judgement = judged(tables, tmp_path_factory.mktemp("usual"))
    assert len(judgement.causes) >= 2
    return judgement


few = settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@few
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_rows_does_not_matter(
    seed: int, tables: Tables, usual: Judgement, tmp_path_factory: pytest.TempPathFactory
) -> None:
    random = np.random.default_rng(seed)
    shuffled = {name: table.take(random.permutation(table.num_rows)) for name, table in tables.items()}
    assert judged(shuffled, tmp_path_factory.mktemp("shuffled")).model_dump() == usual.model_dump()


def _doubled(table: pa.Table) -> pa.Table:
    again = table
    for name in ("request_id", "correlation_id"):
        if name in table.column_names:
            place = table.column_names.index(name)
            ids = [None if value is None else f"again-{value}" for value in table[name].to_pylist()]
            again = again.set_column(place, name, pa.array(ids, table[name].type))
    return pa.concat_tables([table, again])


def test_doubling_all_rows_with_new_ids_changes_no_rate(
    tables: Tables, usual: Judgement, tmp_path_factory: pytest.TempPathFactory
) -> None:
    twice = judged({name: _doubled(table) for name, table in tables.items()}, tmp_path_factory.mktemp("twice"))
    first, again_first = ({str(one.subject): one for one in made.causes[:2]} for made in (usual, twice))
    assert first.keys() == again_first.keys()
    for gate, again in zip(usual.gates, twice.gates, strict=True):
        assert again.onset.after is not None and gate.onset.after is not None
        assert again.onset.after.requests == 2 * gate.onset.after.requests
        assert again.onset.after.percent == pytest.approx(gate.onset.after.percent)
    for name, cause in first.items():
        after, twice_after = cause.onset.after, again_first[name].onset.after
        assert after is not None and twice_after is not None
        assert twice_after.percent == pytest.approx(after.percent)


def _tested(table: pa.Table, random: np.random.Generator) -> pa.Table:
    """Some rows again, as test traffic that always fails."""
    if "is_test_traffic" not in table.column_names:
        return table
    extra = table.take(random.integers(0, table.num_rows, 500))
    changes: dict[str, Any] = {"is_test_traffic": True, "status_code": 500, "workflow_status": "FAILED"}
    for name, value in changes.items():
        if name in extra.column_names:
            place = extra.column_names.index(name)
            extra = extra.set_column(place, name, pa.array([value] * len(extra), table[name].type))
    if "request_id" in extra.column_names:
        ids = pa.array([f"test-{number}" for number in range(len(extra))], table["request_id"].type)
        extra = extra.set_column(extra.column_names.index("request_id"), "request_id", ids)
    return pa.concat_tables([table, extra])


@few
@given(seed=st.integers(0, 2**32 - 1))
def test_test_traffic_changes_nothing(
    seed: int, tables: Tables, usual: Judgement, tmp_path_factory: pytest.TempPathFactory
) -> None:
    random = np.random.default_rng(seed)
    with_tests = {name: _tested(table, random) for name, table in tables.items()}
    assert judged(with_tests, tmp_path_factory.mktemp("tests")).model_dump() == usual.model_dump()

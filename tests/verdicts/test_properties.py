"""What must not matter does not: the order of rows, their number and shape, test traffic, how times are written."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.verdicts.judging import judgement_of, parameters_of
from tsg_agent.models import Judgement
from tsg_agent.simulator.scenario import Fault, FaultKind, Scenario

SCENARIO = Scenario(
    seed=3,
    requests_per_minute=60,
    regions={"us-east": 0.8, "us-west": 0.2},
    faults=(
        Fault(kind=FaultKind.PARTITION, where={"shard_id": "shard-07"}, probability=0.5),
        Fault(kind=FaultKind.ERROR, where={"dependency_name": "identity-db"}, probability=0.5),
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


few = settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.generate],  # a seed is no simpler for being smaller
)


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


LOGS = "api_gateway_logs"
ABOUT = ("region", "service_name", "environment")
FORMS: dict[str, Callable[[datetime], Any]] = {
    "seconds": lambda time: int(time.timestamp()),
    "milliseconds": lambda time: int(time.timestamp()) * 10**3,
    "microseconds": lambda time: int(time.timestamp()) * 10**6,
    "nanoseconds": lambda time: int(time.timestamp()) * 10**9,
    "seconds as text": lambda time: str(int(time.timestamp())),
    "with a zone": lambda time: time.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat(),
    "a web server's": lambda time: f"{time:%d/%b/%Y:%H:%M:%S} +0000",
    "a program's": lambda time: f"{time:%Y-%m-%d %H:%M:%S},000",
    "a mail's": lambda time: f"{time:%a, %d %b %Y %H:%M:%S} GMT",
}


@pytest.fixture(scope="module")
def seconds(tables: Tables) -> Tables:
    """The same to the second, which all forms have."""
    held = tables[LOGS]
    place = held.column_names.index("timestamp")
    times = held["timestamp"].cast(pa.timestamp("us"))
    cut = pa.array([time.replace(microsecond=0) for time in times.to_pylist()], pa.timestamp("us"))
    return {**tables, LOGS: held.set_column(place, "timestamp", cut)}


@pytest.fixture(scope="module")
def to_the_second(seconds: Tables, tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    judgement = judged(seconds, tmp_path_factory.mktemp("seconds"))
    assert len(judgement.causes) >= 2
    return judgement


@few
@given(form=st.sampled_from(list(FORMS)))
def test_how_times_are_written_does_not_matter(
    form: str, seconds: Tables, to_the_second: Judgement, tmp_path_factory: pytest.TempPathFactory
) -> None:
    held = seconds[LOGS]
    times = [FORMS[form](time.replace(tzinfo=UTC)) for time in held["timestamp"].to_pylist()]
    written = held.set_column(held.column_names.index("timestamp"), "timestamp", pa.array(times))
    assert judged({**seconds, LOGS: written}, tmp_path_factory.mktemp("form")).model_dump() == (
        to_the_second.model_dump()
    )


@settings(few, max_examples=2)
@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.slow
def test_rows_within_arrays_are_those_of_a_flat_table(
    seed: int, seconds: Tables, to_the_second: Judgement, tmp_path_factory: pytest.TempPathFactory
) -> None:
    random, folder = np.random.default_rng(seed), tmp_path_factory.mktemp("nested")
    lines = []
    for whose, group in groupby(seconds[LOGS].to_pylist(), lambda row: {name: row.pop(name) for name in ABOUT}):
        rows = list(group)
        parts = np.split(np.arange(len(rows)), np.sort(random.integers(0, len(rows) + 1, 3)))
        lines.append({"about": whose, "parts": [{"calls": [rows[place] for place in part]} for part in parts]})
    (folder / f"{LOGS}.jsonl").write_text("\n".join(json.dumps(line, default=str) for line in lines))
    mapping = folder / "mapping.toml"
    mapping.write_text(
        "\n".join([f'[{LOGS}]\nunnest = "parts.calls"\n[{LOGS}.columns]', *(f'{one} = "about.{one}"' for one in ABOUT)])
    )
    for name, table in seconds.items():
        if name != LOGS:
            pq.write_table(table, folder / f"{name}.parquet")
    found = judgement_of(folder, parameters_of(SCENARIO), mapping=mapping)
    assert found.model_dump() == to_the_second.model_dump()

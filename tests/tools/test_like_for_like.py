"""What the benchmark compares is alike: the checks' rows are the guide's, and it says so where they are not."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import equal
from tests.tools.oracle import ORACLE
from tsg_agent.simulator.generate import write_in_parts
from tsg_agent.simulator.scenario import Fault, FaultKind, Rollout, Scenario
from tsg_agent.tools.plugin import CheckRun

SCENARIO = Scenario(
    name="alike",
    seed=3,
    requests=20_000,
    rollout=Rollout(version="3.15.0"),
    faults=(Fault(kind=FaultKind.PARTITION, where={"shard_id": "shard-07"}, probability=0.3),),
)
SCOPE = {
    "region": SCENARIO.region,
    "service_name": SCENARIO.service_name,
    "environment": "prod",
    "start_time": SCENARIO.first,
    "end_time": SCENARIO.last,
}

pytestmark = pytest.mark.skipif(not ORACLE.exists(), reason=f"the specification's queries are not there: {ORACLE}")


def test_rows_that_are_not_the_guides_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_in_parts(SCENARIO, tmp_path, 20_000)
    assert equal.unequal(tmp_path, SCOPE) == []

    checks = equal.checks

    def wrong(*given: Any) -> list[CheckRun]:
        """No version, higher rates of partitions, and one step of a workflow less."""
        ran = checks(*given)
        ran[0] = _with(ran[0], [])
        ran[3] = _with(ran[3], [row | {"error_rate": row["error_rate"] + 0.1} for row in ran[3].finding.rows])
        table = ran[7].table
        assert table is not None
        ran[7] = ran[7]._replace(table=table.slice(1))
        return ran

    monkeypatch.setattr(equal, "checks", wrong)
    found = equal.unequal(tmp_path, SCOPE)
    assert any(one.startswith("1: 0 rows of ours") for one in found)
    assert any(one.startswith("4: ") and "error_rate" in one for one in found)
    assert "8: 1 steps that only the guide has" in found


def _with(ran: CheckRun, rows: list[dict[str, Any]]) -> CheckRun:
    return ran._replace(finding=ran.finding.model_copy(update={"rows": rows}))

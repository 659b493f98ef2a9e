"""The specification's guide, run as any other: the rows that it asks for, and findings where a source lacks them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.tools.generated import REGIONS, SCOPE, frames, write
from tests.tools.oracle import GATEWAY, SHARED, differences, guide_rows
from tests.tools.test_oracle import GATEWAY_SCOPE, NUMBERS
from tsg_agent.guides import parse_guide, read_guide
from tsg_agent.guides.investigate import investigate_with_guide
from tsg_agent.guides.lint.inspection import Inspection
from tsg_agent.guides.parsed import parameters_of
from tsg_agent.models import Status
from tsg_agent.simulator.demos import demo_named, write_demo
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.tools.rows import naive_utc

GUIDE = SHARED / "guide" / "guide.md"
PETSHOP = SHARED / "incidents" / "petshop-a4"
pytestmark = pytest.mark.skipif(not GUIDE.exists(), reason=f"the specification is not there: {GUIDE}")


@pytest.fixture(scope="module")
def about() -> Inspection:
    return Inspection(read_guide(GUIDE))


def rows_of(about: Inspection, number: int, folder: Path, scope: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a repaired query."""
    ready = about.repaired[number]
    values = {name: naive_utc(value) if isinstance(value, datetime) else value for name, value in scope.items()}
    with DuckDB(folder) as engine:
        bound = {name: values[name] for name in parameters_of(ready.parsed.tree)}
        rows: list[dict[str, Any]] = engine.run(ready.sql, bound, timeout=60).to_pylist()
        return rows


@pytest.mark.parametrize("number", NUMBERS)
def test_each_query_gives_the_guide_s_rows(about: Inspection, number: int, tmp_path: Path) -> None:
    sources = [(GATEWAY, GATEWAY_SCOPE)] if GATEWAY.exists() else []
    folder = write(frames(number), tmp_path)
    for source, scope in [*sources, *((folder, SCOPE | {"region": region}) for region in REGIONS)]:
        assert differences(number, guide_rows(source, number, scope), rows_of(about, number, source, scope)) == []


@pytest.mark.skipif(not GATEWAY.exists(), reason=f"the recorded incident is not there: {GATEWAY}")
def test_the_recorded_incident_by_the_guide() -> None:
    text = (GATEWAY.parent / "incident.md").read_text("utf-8")
    report = investigate_with_guide(read_guide(GUIDE), text, str(GATEWAY))
    assert {finding.plugin: finding.label for finding in report.findings if finding.status is Status.OK} == {
        1: "NO_REGRESSION", 2: "NORMAL", 3: "CRITICAL", 5: "DEGRADED", 6: "NORMAL", 8: "", 9: "CRITICAL",
    }  # fmt: skip
    small = {finding.plugin for finding in report.findings if finding.status is Status.INSUFFICIENT_DATA}
    assert small == {4, 7}
    assert report.causes == ()
    assert not any(step.judged for step in report.steps)
    assert [edge.source for edge in report.doubts] == [9]


@pytest.mark.skipif(not PETSHOP.exists(), reason=f"the recorded incident is not there: {PETSHOP}")
def test_missing_tables_and_columns_are_findings_that_say_so() -> None:
    text = (PETSHOP / "incident.md").read_text("utf-8")
    now = datetime(2024, 1, 1, tzinfo=UTC)
    report = investigate_with_guide(read_guide(GUIDE), text, str(PETSHOP / "telemetry"), now=now)
    absent = {finding.plugin: finding.reason for finding in report.findings if finding.status is Status.NOT_APPLICABLE}
    assert set(absent) == {1, 2, 4, 5, 6, 7, 8}
    for number, table in (
        (2, "feature_flags"),
        (5, "infrastructure_metrics"),
        (7, "product_metadata"),
        (8, "workflow_tracking"),
    ):
        assert absent[number] == f"The telemetry has no {table}."
    assert absent[1] == "The telemetry has no api_gateway_logs.service_version."
    assert len(report.gaps) == 7


ANNOTATED = """---
steps:
  2: {dimension: service_version, measure: failure_rate, kind: change, remedy: "Roll {service_version} back."}
  3: {dimension: [flag_name, flag_value], measure: error_rate, kind: change}
  4: {dimension: [region, datacenter, availability_zone], measure: availability_pct, kind: symptom, healthy: HEALTHY}
  7: {dimension: [endpoint_path, http_method], measure: success_rate, kind: symptom}
---
"""


@pytest.mark.parametrize(
    ("name", "subjects"),
    [
        ("checkout", [{"service_version": "3.15.0"}]),
        ("flag", [{"flag_name": "one_page_checkout", "flag_value": "on"}]),
        ("outage", []),  # everything fails alike: no flag's value is blamed
        ("quiet", []),
    ],
)
def test_annotated_it_names_what_changed_and_nothing_on_a_quiet_day(
    name: str, subjects: list[dict[str, str]], tmp_path: Path
) -> None:
    path = write_demo(demo_named(name), tmp_path)
    guide = parse_guide(ANNOTATED + GUIDE.read_text("utf-8"))
    report = investigate_with_guide(guide, path.read_text("utf-8"), str(path.parent / "telemetry"))
    assert [one.subject for one in report.causes] == subjects
    assert bool(report.symptoms) == (name != "quiet")

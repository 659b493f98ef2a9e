"""The recorded incidents beside the project, where they are there: extraction equals their labels."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.extract.extracting import run
from tsg_agent.extract import Known
from tsg_agent.models import Parameters

INCIDENTS = Path(__file__).parents[3] / "shared" / "incidents"
LATER = datetime(2026, 1, 1, tzinfo=UTC)

needs_recordings = pytest.mark.skipif(not INCIDENTS.is_dir(), reason=f"no recorded incidents in {INCIDENTS}")


def known_of(folder: Path) -> Known:
    columns = ["timestamp", "region", "service_name", "environment"]
    table = pq.read_table(folder / "telemetry" / "api_gateway_logs.parquet", columns=columns)
    values = {name: tuple(sorted(pc.unique(table[name]).drop_null().to_pylist())) for name in columns[1:]}
    range_ = pc.min_max(table["timestamp"]).as_py()
    return Known(
        regions=values["region"],
        services=values["service_name"],
        environments=values["environment"],
        first=range_["min"].replace(tzinfo=UTC),
        last=range_["max"].replace(tzinfo=UTC),
    )


def found_in(folder: Path) -> tuple[Parameters, dict[str, object]]:
    result = run((folder / "incident.md").read_text(encoding="utf-8"), known_of(folder), LATER)
    assert result.parameters, result.questions
    return result.parameters, json.loads((folder / "label.json").read_text(encoding="utf-8"))


@needs_recordings
def test_the_gateway_incident() -> None:
    found, label = found_in(INCIDENTS / "gateway-700000001")
    expected = Parameters.model_validate(label["parameters"])
    for name in ("region", "service_name", "environment", "start_time", "end_time", "threshold"):
        assert getattr(found, name) == getattr(expected, name)
    assert found.incident_start is None
    assert found.other_regions == ("us-west", "eu-central")


@needs_recordings
def test_the_gateway_incident_without_its_list_of_parameters() -> None:
    folder = INCIDENTS / "gateway-700000001"
    text = (folder / "incident.md").read_text(encoding="utf-8")
    found = run(text.split("## Parameters for Analysis")[0], known_of(folder), LATER).parameters
    assert found and found.region == "us-east" and found.service_name == "api.gateway.main"
    assert found.incident_start is None
    assert found.start_time == datetime(2024, 1, 20, 6, 30, tzinfo=UTC)
    assert found.threshold == 99.9


@needs_recordings
@pytest.mark.parametrize("name", ["a4", "a6", "none", "t10", "t12", "t14", "t16"])
def test_the_shop_incidents(name: str) -> None:
    found, label = found_in(INCIDENTS / f"petshop-{name}")
    assert (found.region, found.service_name, found.environment) == ("us-west-2", "PetSite", "prod")
    assert found.incident_start == datetime.fromisoformat(str(label["incident_start"]))
    assert found.end_time == datetime.fromisoformat(str(label["end_time"]))
    assert (found.incident_start - found.start_time).total_seconds() == 2 * 3600
    assert found.threshold == 99.9

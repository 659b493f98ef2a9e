"""The recorded incidents: the true component is found, quiet hours confirm nothing, whatever things are called."""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import duckdb
import numpy as np
import pytest

from tests.verdicts.judging import confirmed, holds, judgement_of, rejected_as
from tsg_agent.models import Judgement, Parameters, Tier, Verdict

INCIDENTS = Path(__file__).parents[2].parent / "shared" / "incidents"
FAULTS = ("petshop-a4", "petshop-a6", "petshop-t10", "petshop-t12", "petshop-t14", "petshop-t16")
QUIET = (*FAULTS, "petshop-none")
SERVICE = "PetSite"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not INCIDENTS.is_dir(), reason=f"the recorded incidents are not at {INCIDENTS}"),
]


@cache
def label_of(name: str) -> dict[str, str]:
    return dict(json.loads((INCIDENTS / name / "label.json").read_text()))


def petshop(start: datetime, begin: datetime, end: datetime, service: str = SERVICE) -> Parameters:
    return Parameters(
        region="us-west-2", service_name=service, environment="prod",
        start_time=begin, end_time=end, incident_start=start,
    )  # fmt: skip


@cache
def judged(name: str, *, minutes: float = 0, folder: Path | None = None, service: str = SERVICE) -> Judgement:
    label = label_of(name)
    start = datetime.fromisoformat(label["incident_start"]) + timedelta(minutes=minutes)
    end = datetime.fromisoformat(label["end_time"])
    given = petshop(start, start - timedelta(hours=2), end, service)
    return judgement_of(folder or INCIDENTS / name / "telemetry", given)


def ranks(judgements: dict[str, Judgement], names: dict[str, str] | None = None) -> dict[str, int]:
    """Rank of the true component among each fault's causes; 99 if it is none."""
    found = {}
    for name, judgement in judgements.items():
        true = label_of(name)["root_cause"]
        expected = {"service_component": (names or {}).get(true, true)}
        places = [rank for rank, one in enumerate(judgement.causes, 1) if holds(one.subject, expected)]
        found[name] = places[0] if places else 99
    return found


def first_in(found: dict[str, int]) -> int:
    return sum(rank == 1 for rank in found.values())


LATE_OR_EARLY = [0, 15, 30, -30]


@pytest.mark.parametrize("minutes", LATE_OR_EARLY)
def test_the_true_component_is_first_also_with_the_start_given_early_or_late(minutes: int) -> None:
    found = ranks({name: judged(name, minutes=minutes) for name in FAULTS})
    assert first_in(found) >= 5, found
    assert not confirmed(judged("petshop-none", minutes=minutes))


def test_the_true_component_is_among_the_first_three() -> None:
    found = ranks({name: judged(name) for name in FAULTS})
    assert max(found.values()) <= 3, found


def test_with_a_map_of_calls_the_true_component_is_first_in_all(tmp_path: Path) -> None:
    found = {}
    for name in FAULTS:
        (tmp_path / name).mkdir()
        shutil.copy(INCIDENTS / name / "telemetry" / "api_gateway_logs.parquet", tmp_path / name)
        shutil.copy(INCIDENTS / "petshop-calls.csv", tmp_path / name / "calls.csv")
        found |= ranks({name: judged(name, folder=tmp_path / name)})
    assert set(found.values()) == {1}, found


def test_every_fault_has_a_confirmed_cause_and_what_always_failed_is_rejected() -> None:
    for name in FAULTS:
        judgement = judged(name)
        assert confirmed(judgement), name
        always = {"service_component": "AWS::StepFunctions::StateMachine"}
        assert rejected_as(judgement, always) in ("unchanged", "no_onset", "better", "too_few"), name


def quiet_splits(name: str) -> Iterator[tuple[datetime, datetime, datetime]]:
    """(start, begin, end) of windows in the quiet hours before a fault; all of the recording that has none."""
    label = label_of(name)
    incident = datetime.fromisoformat(label["incident_start"])
    begin, end = incident - timedelta(hours=2), incident
    if name == "petshop-none":
        end = datetime.fromisoformat(label["end_time"])
    start = begin + timedelta(minutes=30)
    while start <= end - timedelta(minutes=15):
        yield start, begin, end
        start += timedelta(minutes=10)


@cache
def quiet() -> dict[str, Judgement]:
    """Every window in the quiet hours, named by its recording and start."""
    return {
        f"{name} {start}": judgement_of(INCIDENTS / name / "telemetry", petshop(start, begin, end))
        for name in QUIET
        for start, begin, end in quiet_splits(name)
    }


def test_no_split_of_the_quiet_hours_confirms_a_cause() -> None:
    assert len(quiet()) > 50
    assert {window: one for window, judgement in quiet().items() if (one := confirmed(judgement))} == {}


def test_at_most_one_split_of_the_quiet_hours_has_a_suspect() -> None:
    suspected = [window for window, judgement in quiet().items() if judgement.causes]
    assert len(suspected) <= 1


@pytest.fixture(scope="module", params=[(1, True), (3, False)], ids=["1", "3-entry-unnamed"])
def shuffled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """All component names swapped among each other; `named`: the entry component keeps the service's name."""
    seed, named = request.param
    folder = tmp_path_factory.mktemp("shuffled")
    with duckdb.connect() as connection:
        sources = {name: str(INCIDENTS / name / "telemetry" / "api_gateway_logs.parquet") for name in QUIET}
        found = connection.execute(
            "SELECT DISTINCT service_component FROM read_parquet($1) WHERE service_component IS NOT NULL ORDER BY 1",
            [list(sources.values())],
        ).fetchall()
        old = [name for (name,) in found if not (named and name == SERVICE)]
        new = [f"c{number:03d} ' \" {number}" for number in range(len(old))]
        np.random.default_rng(seed).shuffle(new)
        names = dict(zip(old, new, strict=True))
        connection.execute("CREATE TABLE renamed AS SELECT unnest($1) AS old, unnest($2) AS new", [old, new])
        for name, source in sources.items():
            (folder / name).mkdir()
            target = folder / name / "api_gateway_logs.parquet"
            copy = (
                "COPY (SELECT log.* REPLACE (coalesce(new, service_component) AS service_component) "
                "FROM read_parquet('SOURCE') log LEFT JOIN renamed ON service_component = old) "
                "TO 'TARGET' (FORMAT parquet)"
            )
            connection.execute(copy.replace("SOURCE", source).replace("TARGET", str(target)))
    return {"folder": folder, "names": names, "named": named}


def test_names_mean_nothing(shuffled: dict[str, object]) -> None:
    folder, names = shuffled["folder"], shuffled["names"]
    assert isinstance(folder, Path) and isinstance(names, dict)
    found = ranks({name: judged(name, folder=folder / name) for name in FAULTS}, names)
    assert first_in(found) >= 5, found
    if shuffled["named"]:
        assert found == ranks({name: judged(name) for name in FAULTS})
    assert not confirmed(judged("petshop-none", folder=folder / "petshop-none"))


@pytest.fixture(scope="module")
def gateway() -> Judgement:
    given = Parameters(
        region="us-east", service_name="api.gateway.main", environment="prod",
        start_time="2024-01-20T06:30:00Z", end_time="2024-01-20T08:30:00Z",
    )  # fmt: skip
    return judgement_of(INCIDENTS / "gateway-700000001" / "telemetry", given)


def test_gateway_the_workflow_fails_at_its_step(gateway: Judgement) -> None:
    (first, *others) = gateway.causes
    assert first.subject == {"scenario_name": "payment_processing", "workflow_step": "payment_authorization"}
    assert (first.label, first.tier) == ("CRITICAL_SCENARIO_FAILING", Tier.DEFINITIVE)
    assert not [one for one in others if one.confidence == "confirmed"]


def test_gateway_the_version_and_the_flag_are_dismissed_with_their_figures(gateway: Judgement) -> None:
    by_subject: dict[str, Verdict] = {str(sorted(one.subject.values())): one for one in gateway.rejected}
    version, flag = by_subject["['3.14.2']"], by_subject["['enabled', 'enhanced_routing_v2']"]
    assert (version.dismissal, flag.dismissal) == ("no_start", "no_start")
    assert "3.9 %" in version.reason and "4.1 % of the rest" in version.reason
    assert "5.1 %" in flag.reason and "2.9 % of the rest" in flag.reason

import json

import pytest
from pydantic import ValidationError

from tsg_agent.simulator.scenario import Fault, FaultEffect, FaultKind, Rollout, Scenario


def test_a_scenario_survives_json():
    scenario = Scenario(
        seed=5, rollout=Rollout(version="4.0.0"), faults=(Fault(kind=FaultKind.REGION, where={"region": "us-west"}),)
    )
    assert Scenario.model_validate(json.loads(scenario.model_dump_json())) == scenario


def test_defaults_follow_from_the_incidents_start():
    scenario = Scenario(incident_start="2026-04-01T10:00:00Z")
    assert scenario.first.isoformat() == "2026-04-01T07:50:00+00:00"
    assert scenario.last.isoformat() == "2026-04-01T11:15:00+00:00"
    assert scenario.total == 205 * 400
    existing = Fault(kind=FaultKind.EXISTING, where={"region": "us-west"})
    assert scenario.onset_of(existing) == scenario.first
    assert scenario.onset_of(Fault(kind=FaultKind.OUTAGE)) == scenario.incident_start


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "version"},
        {"kind": "region", "where": {"shard_id": "shard-01"}},
        {"kind": "flag", "where": {"flag_name": "f"}},
        {"kind": "endpoint", "where": {"endpoint": "/cart"}},
        {"kind": "outage", "where": {"shard_id": "shard-01"}},
        {"kind": "zone", "where": {"availability_zone": "z", "shard_id": "s"}, "effect": "resources"},
        {"kind": "nothing"},
        {"kind": "outage", "probability": 1.5},
        {"kind": "outage", "colour": "red"},
    ],
)
def test_faults_that_make_no_sense_are_refused(fault):
    with pytest.raises(ValidationError):
        Fault.model_validate(fault)


@pytest.mark.parametrize(
    "fields",
    [{"region": "mars"}, {"regions": {}}, {"end": "2026-03-10T01:00:00Z"}, {"incident_start": "2026-03-10T14:00:00"}],
)
def test_scenarios_that_make_no_sense_are_refused(fields):
    with pytest.raises(ValidationError):
        Scenario.model_validate(fields)


def test_every_step_has_a_kind():
    steps = {Fault(kind=kind, where=where).step for kind, where in _WHERE.items()}
    assert steps == {2, 3, 4, 5, 6, 7, 8, 9, 10, None}


_WHERE = {
    FaultKind.VERSION: {"service_version": "1"},
    FaultKind.FLAG: {"flag_name": "f", "flag_value": "on"},
    FaultKind.REGION: {"region": "r"},
    FaultKind.PARTITION: {"shard_id": "s"},
    FaultKind.ZONE: {"availability_zone": "z"},
    FaultKind.ENDPOINT: {"endpoint_path": "/"},
    FaultKind.PRODUCT: {"customer_tier": "FREE"},
    FaultKind.WORKFLOW: {"scenario_name": "w"},
    FaultKind.ERROR: {"service_component": "c"},
    FaultKind.OUTAGE: {},
    FaultKind.EXISTING: {},
    FaultKind.OUTSIDE: {},
}


def test_healthy_takes_the_faults_away():
    scenario = Scenario(faults=(Fault(kind=FaultKind.OUTAGE, effect=FaultEffect.LATENCY),))
    assert scenario.healthy() == Scenario()

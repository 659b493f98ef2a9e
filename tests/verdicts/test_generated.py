"""Generated incidents: each of the guide's steps as the cause, and all that looks like one and is not."""

from datetime import timedelta
from typing import Any

import pytest

from tests.verdicts.conftest import Investigate
from tests.verdicts.judging import confirmed, holds, names_of, rejected_as, shadows
from tsg_agent.models import Confidence, Tier
from tsg_agent.simulator.scenario import (
    DEFAULT_FLAGS,
    Fault,
    FaultEffect,
    FaultKind,
    Flag,
    Flaky,
    Quirks,
    Rollout,
    Scenario,
)

pytestmark = pytest.mark.slow

START = Scenario().incident_start
NEW = "3.15.0"
ROLLOUT = Rollout(version=NEW, ramp_minutes=6, share=0.6)
SHARD = {"shard_id": "shard-07"}
PAYMENTS = {"scenario_name": "payment_processing"}
AUTHORIZATION = {**PAYMENTS, "workflow_step": "payment_authorization"}
BROKEN_SHARD = Fault(kind=FaultKind.PARTITION, where=SHARD, probability=0.35)
HARMLESS = Flag(name="gift_cards", values={"on": 0.4, "off": 0.6}, start=START, before="off")


def scenario(*faults: Fault, **changes: Any) -> Scenario:
    return Scenario(**({"requests_per_minute": 240, "seed": 5, "faults": faults} | changes))


def fault(kind: FaultKind, probability: float = 0.3, effect: FaultEffect = FaultEffect.ERRORS, **where: str) -> Fault:
    return Fault(kind=kind, where=where, probability=probability, effect=effect)


def test_no_incident_has_no_cause(investigate: Investigate) -> None:
    for seed in (5, 6, 7):
        assert not confirmed(investigate(scenario(seed=seed)))
    judgement = investigate(scenario(bursts=0, flaky=None))
    assert not judgement.causes
    assert "doubted" in " ".join(judgement.notes)


def test_an_incident_of_one_shard_is_one_cause_and_all_else_is_its_blast_radius(investigate: Investigate) -> None:
    (cause,) = confirmed(investigate(scenario(BROKEN_SHARD)))
    assert holds(cause.subject, SHARD)
    assert (cause.confidence, cause.step, cause.label) == (Confidence.CONFIRMED, 5, "HIGH_ERRORS")
    assert {"partition_id": "partition-2"} in shadows(cause)


def test_a_shard_seen_in_four_dimensions_is_one_cause(investigate: Investigate) -> None:
    loud = Fault(kind=FaultKind.PARTITION, where=SHARD, probability=0.9)
    (cause,) = confirmed(investigate(scenario(loud, requests_per_minute=400)))
    assert holds(cause.subject, SHARD)
    assert len({next(iter(subject)) for subject in shadows(cause)}) >= 3, shadows(cause)


def test_a_harmless_rollout_at_the_incidents_minute_is_not_blamed(investigate: Investigate) -> None:
    judgement = investigate(scenario(BROKEN_SHARD, rollout=ROLLOUT))
    assert [holds(cause.subject, SHARD) for cause in confirmed(judgement)] == [True]
    assert not [cause for cause in judgement.causes if holds(cause.subject, {"service_version": NEW})]


def test_a_rollout_to_all_is_not_blamed_for_a_shard(investigate: Investigate) -> None:
    judgement = investigate(scenario(BROKEN_SHARD, rollout=Rollout(version=NEW, share=1.0)))
    assert [holds(cause.subject, SHARD) for cause in confirmed(judgement)] == [True]


def test_a_harmless_flag_at_the_incidents_minute_is_not_blamed(investigate: Investigate) -> None:
    judgement = investigate(scenario(BROKEN_SHARD, flags=(*DEFAULT_FLAGS, HARMLESS)))
    assert [holds(cause.subject, SHARD) for cause in confirmed(judgement)] == [True]


@pytest.mark.parametrize("changes", [{}, {"rollout": ROLLOUT}], ids=["plain", "with a rollout"])
def test_a_full_outage_blames_nothing(investigate: Investigate, changes: dict[str, Any]) -> None:
    judgement = investigate(scenario(Fault(kind=FaultKind.OUTAGE, probability=0.45), **changes))
    assert not confirmed(judgement)
    assert rejected_as(judgement, {"region": "us-east"}) != "unchanged"


def test_a_bad_version_that_breaks_payments_comes_first_and_the_workflow_is_its_impact(
    investigate: Investigate,
) -> None:
    everywhere = fault(FaultKind.VERSION, 0.14, service_version=NEW)
    worst = fault(FaultKind.VERSION, 0.6, service_version=NEW, service_component="payments")
    (cause,) = confirmed(investigate(scenario(everywhere, worst, rollout=ROLLOUT, requests_per_minute=400)))
    assert cause.subject == {"service_version": NEW}
    assert (cause.tier, cause.label) == (Tier.POTENTIAL, "REGRESSION_DETECTED")
    assert cause.detail["roll_back_to"] == "3.14.2"
    assert PAYMENTS in [item.subject for item in cause.impact]


def test_a_bad_version_of_payments_alone_is_told_for_payments(investigate: Investigate) -> None:
    """The guide's threshold, over all of the version's requests, misses it."""
    broken = fault(FaultKind.VERSION, 0.6, service_version=NEW, service_component="payments")
    (cause,) = confirmed(investigate(scenario(broken, rollout=ROLLOUT, requests_per_minute=400)))
    assert cause.subject == broken.where
    assert (cause.label, cause.tier, cause.detail["roll_back_to"]) == ("NO_REGRESSION", Tier.POTENTIAL, "3.14.2")


def test_two_causes_at_once_are_both_found(investigate: Investigate) -> None:
    flag = {"flag_name": "basket", "flag_value": "variant_b"}
    both = scenario(BROKEN_SHARD, Fault(kind=FaultKind.FLAG, where=flag, probability=0.25))
    first, second = confirmed(investigate(both))[:2]
    assert {holds(first.subject, SHARD), holds(second.subject, SHARD)} == {True, False}
    assert {holds(first.subject, flag), holds(second.subject, flag)} == {True, False}


def test_two_causes_of_which_one_region_holds_both_are_not_blamed_on_the_region(investigate: Investigate) -> None:
    zone, dependency = {"availability_zone": "us-east-1a"}, {"dependency_name": "identity-db"}
    causes = confirmed(
        investigate(scenario(fault(FaultKind.ZONE, 0.25, **zone), fault(FaultKind.ERROR, 0.4, **dependency)))
    )
    assert holds(causes[0].subject, zone) and holds(causes[1].subject, dependency)


@pytest.mark.parametrize("minutes", [-30, 10, 20, 30, 45])
def test_a_start_given_late_or_early_changes_nothing(investigate: Investigate, minutes: int) -> None:
    (cause,) = confirmed(investigate(scenario(BROKEN_SHARD), minutes=minutes))
    assert holds(cause.subject, SHARD)
    silent = Fault(kind=FaultKind.WORKFLOW, where=AUTHORIZATION, effect=FaultEffect.WORKFLOW_FAILURE, probability=0.4)
    (cause,) = confirmed(investigate(scenario(silent), minutes=minutes))
    assert cause.subject == AUTHORIZATION


def test_existing_trouble_is_rejected_as_unchanged(investigate: Investigate) -> None:
    before = Fault(kind=FaultKind.EXISTING, where={"service_component": "media"}, probability=0.3)
    judgement = investigate(scenario(before, BROKEN_SHARD, requests_per_minute=400))
    assert [holds(cause.subject, SHARD) for cause in confirmed(judgement)] == [True]
    assert rejected_as(judgement, {"service_component": "media"}) in ("unchanged", "no_onset")
    first = next(one for one in judgement.rejected if one.step != 2)  # what always fails tops every count of errors
    assert first.onset.after is not None
    assert first.onset.after.percent > 25
    quiet = investigate(scenario(Fault(kind=FaultKind.EXISTING, where={"client_type": "web"}, probability=0.03)))
    assert not quiet.causes


SINGLE = {
    "slow version": (
        fault(FaultKind.VERSION, 0.3, FaultEffect.LATENCY, service_version=NEW),
        "PERFORMANCE_DEGRADATION",
    ),
    "slow zone": (
        fault(FaultKind.ZONE, 0.5, FaultEffect.LATENCY, availability_zone="us-east-1b"),
        "PERFORMANCE_ISSUES",
    ),
    "rate limit": (fault(FaultKind.ENDPOINT, 0.5, FaultEffect.RATE_LIMIT, endpoint_path="/login"), "LOW_SUCCESS_RATE"),
    "refused": (fault(FaultKind.ENDPOINT, 0.5, FaultEffect.CLIENT_ERRORS, client_type="partner"), "LOW_SUCCESS_RATE"),
    "tier": (fault(FaultKind.PRODUCT, 0.2, customer_tier="PREMIUM"), "SLA_BREACH_PREMIUM"),
    "category": (fault(FaultKind.PRODUCT, 0.3, product_category="garden"), "CRITICAL"),
    "region": (fault(FaultKind.REGION, 0.2, region="us-east"), "CRITICAL"),
    "instance type": (fault(FaultKind.ZONE, 0.3, instance_type="m5.xlarge"), "CRITICAL"),
    "tenant": (fault(FaultKind.PARTITION, 0.3, tenant_category="ENTERPRISE"), "HIGH_ERRORS"),
    "dependency": (fault(FaultKind.ERROR, 0.3, dependency_name="orders-db"), ""),
    "flag on off": (fault(FaultKind.FLAG, 0.25, flag_name="new_pricing", flag_value="off"), "HIGH_ERROR_RATE"),
    "flag on control": (fault(FaultKind.FLAG, 0.35, flag_name="basket", flag_value="control"), "HIGH_ERROR_RATE"),
}


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_cause_is_first_and_alone(investigate: Investigate, name: str) -> None:
    broken, label = SINGLE[name]
    judgement = investigate(scenario(broken, rollout=ROLLOUT if broken.kind is FaultKind.VERSION else None))
    (cause,) = confirmed(judgement)
    assert any(holds(name, broken.where) for name in (cause.subject, *cause.detail.get("same_requests", [])))
    if not holds(cause.subject, broken.where):
        return  # the same requests by another name, of another step
    assert cause.step == broken.step
    assert cause.label == label or not label


def test_a_flag_that_was_switched_on_is_compared_with_its_other_value(investigate: Investigate) -> None:
    where = {"flag_name": "gift_cards", "flag_value": "on"}
    broken = scenario(Fault(kind=FaultKind.FLAG, where=where, probability=0.25), flags=(*DEFAULT_FLAGS, HARMLESS))
    (cause,) = confirmed(investigate(broken))
    assert cause.subject == where
    assert (cause.onset.kind, cause.detail["other_values"]) == ("appeared", ["off"])


def test_zone_and_instance_type_together_are_found(investigate: Investigate) -> None:
    """One load balancer stands before exactly these instances."""
    where = {"availability_zone": "us-east-1b", "instance_type": "m5.large"}
    broken = scenario(fault(FaultKind.ZONE, 0.5, **where), requests_per_minute=400)
    (cause,) = confirmed(investigate(broken))
    assert holds(names_of(cause), where)


def test_a_stale_version_on_the_guilty_instance_is_not_blamed(investigate: Investigate) -> None:
    """One instance is broken, all of its type in its zone; it is one of the two that still run the version before."""
    where = {"availability_zone": "us-east-1a", "instance_type": "c5.xlarge"}
    (cause,) = confirmed(investigate(scenario(fault(FaultKind.ZONE, 0.5, **where), requests_per_minute=400, seed=1)))
    assert cause.subject == {"instance_id": "i-us-east-07"}


def test_a_cause_does_not_show_again_where_it_is_not_recorded(investigate: Investigate) -> None:
    """A fifth of the rows lack the shard: without it, its partition goes on failing there."""
    gappy = scenario(BROKEN_SHARD, quirks=Quirks(null_share=0.2, null_columns=("shard_id",)), requests_per_minute=400)
    judgement = investigate(gappy)
    (cause,) = confirmed(judgement)
    assert holds(cause.subject, SHARD)
    for other in judgement.causes[1:]:
        assert "its requests do not record the shard of the cause above" in other.shortfalls[-1]


def test_at_most_three_causes(investigate: Investigate) -> None:
    shards = [{"shard_id": f"shard-{number:02d}"} for number in (1, 5, 9, 13)]
    judgement = investigate(scenario(*(fault(FaultKind.PARTITION, 0.4, **shard) for shard in shards), seed=8))
    assert len(judgement.causes) == 3
    (left,) = [one for one in shards if not any(holds(cause.subject, one) for cause in judgement.causes)]
    assert rejected_as(judgement, left) == "lower_ranked"


def test_a_bad_version_in_all_regions_is_not_blamed_on_another_region(investigate: Investigate) -> None:
    canary = Rollout(version=NEW, ramp_minutes=2, share=0.1)
    broken = scenario(
        fault(FaultKind.VERSION, 0.4, service_version=NEW), rollout=canary, requests_per_minute=400, seed=1
    )
    (cause,) = confirmed(investigate(broken))
    assert cause.subject == {"service_version": NEW}


def test_one_set_of_requests_with_two_names_is_one_cause_that_says_both(investigate: Investigate) -> None:
    """Only /search reaches the search component: nothing in the data can tell the two apart."""
    (cause,) = confirmed(investigate(scenario(fault(FaultKind.ERROR, 0.4, service_component="search"))))
    assert names_of(cause) == {"service_component": "search", "endpoint_path": "/search"}
    (cause,) = confirmed(investigate(scenario(fault(FaultKind.ENDPOINT, 0.4, endpoint_path="/login"))))
    assert names_of(cause) == {"service_component": "identity", "endpoint_path": "/login"}


def test_a_workflow_that_fails_behind_answers_of_200(investigate: Investigate) -> None:
    silent = Fault(kind=FaultKind.WORKFLOW, where=AUTHORIZATION, effect=FaultEffect.WORKFLOW_FAILURE, probability=0.4)
    (cause,) = confirmed(investigate(scenario(silent)))
    assert cause.subject == AUTHORIZATION
    assert (cause.tier, cause.label) == (Tier.DEFINITIVE, "CRITICAL_SCENARIO_FAILING")


def test_a_workflow_that_fails_with_5xx_at_its_endpoint(investigate: Investigate) -> None:
    """Other requests to the endpoint are well: the step of the workflow is what is broken."""
    broken = scenario(fault(FaultKind.WORKFLOW, 0.6, **AUTHORIZATION), requests_per_minute=400)
    assert holds(confirmed(investigate(broken))[0].subject, AUTHORIZATION)


@pytest.mark.parametrize(
    ("name", "step", "probability"),
    [
        ("checkout_flow", "place_order", 0.6),
        ("checkout_flow", "shipping_address", 0.3),  # a second attempt saves most of its runs
        ("product_search", "query", 0.6),
        ("email_notification", "send", 0.6),
    ],
)
def test_an_endpoint_that_fails_in_one_workflow_only_is_that_workflows_step(
    investigate: Investigate, name: str, step: str, probability: float
) -> None:
    where = {"scenario_name": name, "workflow_step": step}
    broken = scenario(fault(FaultKind.WORKFLOW, probability, **where), requests_per_minute=300, seed=11)
    (cause,) = confirmed(investigate(broken))
    assert holds(cause.subject, where)


def test_an_endpoint_that_fails_for_all_is_not_a_workflows_step(investigate: Investigate) -> None:
    (cause,) = confirmed(investigate(scenario(fault(FaultKind.ENDPOINT, 0.6, endpoint_path="/checkout"))))
    assert holds(names_of(cause), {"endpoint_path": "/checkout"}) and "scenario_name" not in names_of(cause)


@pytest.mark.parametrize(
    ("name", "step"), [("account_login", "load_profile"), ("shipping_calculation", "quote")], ids=["last", "only"]
)
def test_the_last_or_only_step_of_a_workflow_is_named(investigate: Investigate, name: str, step: str) -> None:
    where = {"scenario_name": name, "workflow_step": step}
    (cause,) = confirmed(investigate(scenario(fault(FaultKind.WORKFLOW, 0.4, FaultEffect.WORKFLOW_FAILURE, **where))))
    assert cause.subject == where


def test_a_workflows_step_is_found_beside_a_bad_version(investigate: Investigate) -> None:
    """The version fails the workflow's other steps too: those runs are not the step's."""
    where = {"scenario_name": "account_login", "workflow_step": "load_profile"}
    version = fault(FaultKind.VERSION, 0.2, service_version=NEW)
    silent = fault(FaultKind.WORKFLOW, 0.4, FaultEffect.WORKFLOW_FAILURE, **where)
    rollout = Rollout(version=NEW, ramp_minutes=6, share=0.33)
    causes = confirmed(investigate(scenario(version, silent, rollout=rollout, requests_per_minute=300, seed=52)))
    assert sorted(causes, key=lambda cause: cause.step)[1].subject == where


def test_a_slow_burn_is_found(investigate: Investigate) -> None:
    burning = Fault(kind=FaultKind.ZONE, where={"availability_zone": "us-east-1a"}, probability=0.4, ramp_minutes=70)
    (cause,) = confirmed(investigate(scenario(burning)))
    assert holds(cause.subject, burning.where)


def test_sparse_traffic_is_enough(investigate: Investigate) -> None:
    sparse = scenario(Fault(kind=FaultKind.PARTITION, where=SHARD, probability=0.6), requests_per_minute=60)
    first = investigate(sparse).causes[0]
    assert holds(first.subject, SHARD)
    assert not confirmed(investigate(scenario(requests_per_minute=40)))


@pytest.mark.parametrize(("where", "seed"), [({"shard_id": "shard-05"}, 35), ({"partition_id": "partition-2"}, 36)])
def test_another_region_in_which_the_same_fails_is_not_blamed(
    investigate: Investigate, where: dict[str, str], seed: int
) -> None:
    """It is broken in every region; by chance, and with little traffic, most clearly in another one."""
    sparse = scenario(Fault(kind=FaultKind.PARTITION, where=where, probability=0.6), requests_per_minute=60, seed=seed)
    (cause,) = confirmed(investigate(sparse))
    assert holds(cause.subject, where)


def test_an_unknown_start_is_measured(investigate: Investigate) -> None:
    flaky = Flaky(traffic=0.02, failure=0.5)
    judgement = investigate(scenario(BROKEN_SHARD, flaky=flaky, requests_per_minute=400), known=False)
    (cause,) = confirmed(judgement)
    assert holds(cause.subject, SHARD)
    assert cause.onset.kind == "new"
    assert judgement.start.measured is not None and judgement.start.reported is None
    assert abs(judgement.start.measured - START) <= timedelta(minutes=2)
    assert rejected_as(judgement, {"service_component": flaky.component}) in ("unchanged", "no_onset")


def test_an_unknown_start_with_availability_as_promised_has_nothing_to_explain(investigate: Investigate) -> None:
    assert not confirmed(investigate(scenario(threshold=95.0), known=False))


def test_what_was_bad_all_through_the_window_is_told_with_its_figures_and_confirmed_as_nothing(
    investigate: Investigate,
) -> None:
    """The version was bad before the window began: nothing in it shows since when, and the start is doubted."""
    early = Rollout(version=NEW, start=START - timedelta(minutes=125), ramp_minutes=1, share=0.5)
    bad = fault(FaultKind.VERSION, 0.25, service_version=NEW).model_copy(
        update={"onset": START - timedelta(minutes=125)}
    )
    judgement = investigate(scenario(bad, rollout=early, bursts=0))
    assert not confirmed(judgement)
    assert judgement.start.doubted and "doubted" in " ".join(judgement.notes)
    (version,) = [one for one in judgement.rejected if holds(one.subject, {"service_version": NEW})]
    assert version.dismissal in ("unchanged", "no_start")
    assert version.contrast.rest is not None and version.reason

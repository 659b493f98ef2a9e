"""Each rule of actions, where it speaks and where it must not."""

from typing import Any

import pytest

from tests.samples import (
    dismissed,
    finding,
    judgement,
    onset,
    parameters,
    report,
    sla,
    suspect,
    verdict,
)
from tsg_agent.models import Action, Effect, Gate, Measure, Rate, Verdict, Visible


def proposed(*causes: Verdict, **changes: Any) -> list[Action]:
    special = changes.pop("special", ())
    return report(judgement(*causes), *special, **changes).actions


def kinds(*causes: Verdict, **changes: Any) -> list[str]:
    return [a.kind for a in proposed(*causes, **changes)]


VERSION = {"service_version": "3.15.0"}
FLAG = {"flag_name": "routing", "flag_value": "on"}


def regression(**changes: Any) -> Verdict:
    return verdict(2, "REGRESSION_DETECTED", VERSION, **({"detail": {"roll_back_to": "3.14.1"}} | changes))


def flag(value: str = "on", others: tuple[str, ...] = ("off",), **changes: Any) -> Verdict:
    subject = {"flag_name": "routing", "flag_value": value}
    detail = {"leave_value": value, "other_values": list(others)}
    return verdict(3, "HIGH_ERROR_RATE", subject, **({"detail": detail} | changes))


def test_a_confirmed_regression_is_rolled_back() -> None:
    [action] = proposed(regression())
    assert (action.kind, action.urgency, action.cause) == ("roll_back", "now", 1)
    assert action.statement == "Roll back version 3.15.0 to 3.14.1. [E2.1]"
    assert action.target == {"service_version": "3.15.0", "roll_back_to": "3.14.1"}


def test_no_rollback_without_a_healthier_version() -> None:
    [action] = proposed(regression(detail={}))
    assert (action.kind, action.urgency) == ("look", "look")
    assert "no version was measured healthier" in action.statement


def test_a_confirmed_cause_under_the_guides_thresholds_is_acted_on_and_says_so() -> None:
    """A canary of 300 requests, a flag at 5 %: the guide's limits make labels, not verdicts."""
    [canary] = proposed(regression().model_copy(update={"label": "NO_REGRESSION"}))
    assert canary.statement == (
        "Roll back version 3.15.0 to 3.14.1 "
        "(under the guide's threshold of 10 points on over 1,000 requests; the evidence confirms it). [E2.1]"
    )
    assert (canary.kind, canary.urgency) == ("roll_back", "now")
    [weak] = proposed(flag().model_copy(update={"label": "NORMAL"}))
    assert weak.statement == (
        "Set flag routing back from on to off "
        "(under the guide's threshold of 8 % errors on over 1,000 requests; the evidence confirms it). [E3.1]"
    )


def test_what_has_no_remedy_gets_a_look() -> None:
    [product] = proposed(verdict(8, "HEALTHY", {"product_id": "p-7"}))
    assert (product.kind, product.urgency) == ("look", "look")
    assert "the guide has no fixed remedy for it" in product.statement


def test_a_tier_under_the_guides_threshold_is_acted_on_too_and_it_says_so() -> None:
    [tier] = proposed(verdict(8, "HEALTHY", {"customer_tier": "FREE"}))
    assert (tier.kind, tier.urgency) == ("act_for_tier", "now")
    assert "under the guide's threshold for tiers; the evidence confirms it" in tier.statement


def test_what_the_guide_does_not_mend_has_an_owner_and_a_first_look() -> None:
    [component] = proposed(verdict(10, "SPIKE", {"service_component": "pay"}))
    assert (
        component.how == "the team of pay owns it; look first at its log since 14:05 UTC, and at what it changed then"
    )
    [behind] = proposed(verdict(10, "SPIKE", {"dependency_name": "card-processor"}))
    assert behind.how.startswith("whoever runs card-processor owns it")


def test_a_suspect_says_what_would_settle_it() -> None:
    [shard] = proposed(suspect(5, "X", {"shard_id": "s1"}))
    assert shard.how == "moving a part of its traffic elsewhere would settle it"
    [version] = proposed(suspect(2, "X", {"service_version": "2"}))
    assert version.how == "taking it back for a part of the traffic would settle it"
    [zone] = proposed(suspect(6, "X", {"availability_zone": "a"}))
    assert zone.how == shard.how
    [machine] = proposed(suspect(6, "X", {"instance_type": "m5"}))
    assert machine.how == ""


def test_an_action_says_what_it_would_bring_and_a_look_nothing() -> None:
    effect = Effect(
        measure=Measure.SERVER_ERRORS, now=Rate(failures=114, requests=1_000), then=Rate(failures=12, requests=1_000)
    )
    [back] = proposed(regression(effect=effect))
    assert back.effect == "expected: availability from 88.6 % to 98.8 % on the requests since the start"
    [limited] = proposed(regression(effect=effect.model_copy(update={"measure": Measure.RATE_LIMITED})))
    assert limited.effect == "expected: from 11.4 % to 1.2 % of requests were rate limited (429)"
    [nothing] = proposed(regression(effect=effect.model_copy(update={"then": effect.now})))
    assert nothing.effect == ""
    [look] = proposed(suspect(5, "X", {"shard_id": "s1"}, effect=effect))
    assert look.effect == ""


def test_a_version_that_is_slow_is_rolled_back_too() -> None:
    slow = regression(measure=Measure.SLOW).model_copy(update={"label": "PERFORMANCE_DEGRADATION"})
    assert kinds(slow) == ["roll_back"]


ANDROID = {"client_type": "android"}


@pytest.mark.parametrize(
    ("cause", "statement"),
    [
        (
            regression().model_copy(update={"subject": VERSION | ANDROID}),
            "Roll back version 3.15.0 to 3.14.1 for client type android. [E2.1]",
        ),
        (
            flag().model_copy(update={"subject": FLAG | ANDROID}),
            "Set flag routing back from on to off for client type android. [E3.1]",
        ),
        (
            verdict(6, "CRITICAL", {"availability_zone": "a"} | ANDROID),
            "Redirect traffic away from zone a for client type android. [E6.1]",
        ),
        (
            verdict(5, "HIGH_ERRORS", {"shard_id": "s1"} | ANDROID),
            "Drain shard s1 and move its traffic to healthy ones for client type android. [E5.1]",
        ),
        (
            verdict(10, "SPIKE", {"service_component": "pay"} | ANDROID),
            "Fix what fails in component pay for client type android. [E10.1]",
        ),
    ],
    ids=["version", "flag", "zone", "shard", "component"],
)
def test_an_action_is_for_exactly_what_fails(cause: Verdict, statement: str) -> None:
    """Where a zone fails for one client only, all the others' traffic stays."""
    [action] = proposed(cause)
    assert action.statement == statement
    assert cause.subject.items() <= action.target.items()


def test_of_two_places_traffic_goes_around_the_larger_one_and_only_for_the_smaller() -> None:
    both = verdict(5, "HIGH_ERRORS", {"shard_id": "s1", "availability_zone": "a"})
    [action] = proposed(both)
    assert action.kind == "redirect_traffic"
    assert "zone a for shard s1" in action.statement


def test_what_somebody_changed_goes_before_the_place_that_it_breaks() -> None:
    both = regression().model_copy(update={"subject": VERSION | {"availability_zone": "a"}})
    [action] = proposed(both)
    assert (action.kind, action.statement) == ("roll_back", "Roll back version 3.15.0 to 3.14.1 for zone a. [E2.1]")


@pytest.mark.parametrize(
    ("step", "label", "subject", "detail"),
    [
        (2, "REGRESSION_DETECTED", VERSION, {"roll_back_to": "3.14.1"}),
        (3, "HIGH_ERROR_RATE", FLAG, {"leave_value": "on", "other_values": ["off"]}),
        (4, "CRITICAL", {"region": "us-east"}, {}),
        (5, "HIGH_ERRORS", {"shard_id": "s-1"}, {}),
        (6, "RESOURCE_PRESSURE", {"availability_zone": "a"}, {}),
        (7, "HIGH_SERVER_ERRORS", {"endpoint_path": "/pay"}, {}),
        (8, "SLA_BREACH_PREMIUM", {"customer_tier": "PREMIUM"}, {}),
        (9, "CRITICAL_SCENARIO_FAILING", {"scenario_name": "pay"}, {"workflow_step": "auth", "uncompensated": 3}),
        (10, "SPIKE", {"service_component": "payments"}, {"exception_type": "Timeout"}),
    ],
)
def test_a_suspect_only_gets_a_look(step: int, label: str, subject: dict[str, str], detail: dict[str, Any]) -> None:
    found = proposed(suspect(step, label, subject, detail=detail))
    assert {a.kind for a in found} <= {"look", "close_gaps"}
    assert {a.urgency for a in found} == {"look"}
    confirmed = proposed(verdict(step, label, subject, detail=detail))
    assert confirmed[0].urgency == "now"
    assert confirmed[0].kind not in ("look", "close_gaps")


@pytest.mark.parametrize(
    ("value", "others", "statement", "set_to"),
    [
        ("on", ("off",), "Set flag routing back from on to off. [E3.1]", "off"),
        ("v2", ("v1", "control"), "Set flag routing back from v2 to control. [E3.1]", "control"),
        ("v2", ("v1",), "Set flag routing back from v2 to v1. [E3.1]", "v1"),
        ("c", ("a", "b"), "Set flag routing back from c to its value before (seen beside it: a and b). [E3.1]", None),
        ("on", (), "Disable flag routing: its value on fails. [E3.1]", None),
        (
            "off",
            ("on",),
            "Move flag routing off its value off: set it to on; do not disable it, that would choose off. [E3.1]",
            "on",
        ),
        (
            "control",
            ("a", "b"),
            "Move flag routing off its value control: choose another value (a and b); do not disable it, "
            "that would choose control. [E3.1]",
            None,
        ),
    ],
)
def test_a_flag_is_set_back_to_the_right_value(
    value: str, others: tuple[str, ...], statement: str, set_to: str | None
) -> None:
    [action] = proposed(flag(value, others))
    assert action.statement == statement
    assert action.target["set_to"] == set_to
    assert action.target["leave_value"] == value


def test_a_flag_that_is_slow_is_set_back_too() -> None:
    assert kinds(flag(measure=Measure.SLOW).model_copy(update={"label": "HIGH_LATENCY"})) == ["set_flag"]


@pytest.mark.parametrize("measure", [Measure.SLOW, Measure.RETRIES])
def test_what_is_slow_or_sent_again_says_where_to_look_and_not_what_to_change(measure: Measure) -> None:
    slow = verdict(10, "SPIKE", {"service_component": "payments"}, measure=measure)
    [action] = proposed(slow)
    assert (action.kind, action.urgency) == ("look", "look")
    assert "which says where to look and not what to change" in action.statement


@pytest.mark.parametrize("dimension", ["region", "datacenter", "availability_zone"])
def test_traffic_is_redirected_from_a_place(dimension: str) -> None:
    [action] = proposed(verdict(4 if dimension == "region" else 6, "CRITICAL", {dimension: "x-1"}))
    assert action.kind == "redirect_traffic"
    assert action.statement.startswith("Redirect traffic away from ")
    assert kinds(suspect(6, "CRITICAL", {dimension: "x-1"})) == ["look"]


def test_capacity_is_added_only_under_resource_pressure() -> None:
    zone = {"availability_zone": "a"}
    assert "scale" in kinds(verdict(6, "RESOURCE_PRESSURE", zone))
    assert "scale" not in kinds(verdict(6, "CRITICAL", zone))
    hidden = finding(6, {"availability_zone": "a", "zone_status": "CRITICAL", "also": ["RESOURCE_PRESSURE"]})
    assert "scale" in kinds(verdict(6, "CRITICAL", zone), special=[hidden])
    assert "scale" not in kinds(regression(), special=[hidden])
    assert "scale" in kinds(verdict(6, "CRITICAL", zone, detail={"labels": ["CRITICAL", "RESOURCE_PRESSURE"]}))


def test_pressure_elsewhere_is_looked_at_while_something_is_wrong() -> None:
    pressed = finding(6, {"zone_status": "RESOURCE_PRESSURE"}, label="RESOURCE_PRESSURE")
    assert [(a.kind, a.urgency) for a in proposed(regression(), special=[pressed])] == [
        ("roll_back", "now"),
        ("look", "look"),
    ]
    assert proposed(special=[pressed]) == []


BROKEN = (("pay", 12), ("ship", 3))


@pytest.mark.parametrize("dimension", ["partition_id", "shard_id", "load_balancer_id", "instance_id"])
def test_a_partition_or_shard_is_drained(dimension: str) -> None:
    [action] = proposed(verdict(5, "HIGH_ERRORS", {dimension: "7"}))
    assert (action.kind, action.urgency) == ("drain", "now")
    assert action.statement.endswith("7 and move its traffic to healthy ones. [E5.1]")


def test_a_tenant_is_shed_or_isolated() -> None:
    [action] = proposed(verdict(5, "HIGH_ERRORS", {"tenant_category": "big"}))
    assert action.statement.startswith("Shed or isolate tenant category big, so that it does not wear down the others")


def test_a_failing_workflow_is_mitigated_and_its_runs_repaired() -> None:
    detail = {"workflow_step": "authorize", "uncompensated": 210, "failed_runs": 398}
    cause = verdict(9, "CRITICAL_SCENARIO_FAILING", {"scenario_name": "pay"}, detail=detail)
    mitigate, repair = proposed(cause)
    assert mitigate.statement == "Mitigate workflow pay at step authorize: stop or bypass what fails there. [E9.1]"
    assert repair.kind == "repair_runs"
    assert repair.statement.startswith("Repair 210 runs of workflow pay that failed without compensation (of 398")
    narrowed = cause.model_copy(update={"subject": {"scenario_name": "pay", "workflow_step": "authorize"}})
    assert [a.statement for a in proposed(narrowed)] == [mitigate.statement, repair.statement]
    compensated = cause.model_copy(update={"detail": detail | {"uncompensated": 0}})
    assert kinds(compensated) == ["mitigate_workflow"]


def test_runs_of_several_workflows_are_one_proposal() -> None:
    rows = [{"scenario_name": name, "business_criticality": "LOW", "uncompensated_runs": n} for name, n in BROKEN]
    hit = [Visible(subject={"scenario_name": name}, step=9, label="HIGH_FAILURE_RATE") for name, _ in BROKEN]
    _, repair = proposed(regression(impact=hit), special=[finding(9, *rows)])
    assert repair.statement == (
        "Repair 15 runs of 2 workflows that failed without compensation: pay (12) and ship (3). [E9]"
    )
    assert repair.target["uncompensated"] == 15


def test_runs_that_a_cause_broke_are_repaired_besides() -> None:
    row = {"scenario_name": "pay", "business_criticality": "CRITICAL", "uncompensated_runs": 12}
    hit = Visible(subject={"scenario_name": "pay"}, step=9, label="CRITICAL_SCENARIO_FAILING")
    back, repair = proposed(regression(impact=[hit]), special=[finding(9, row)])
    assert (back.kind, repair.kind) == ("roll_back", "repair_runs")
    assert repair.statement == "Repair 12 runs of workflow pay that failed without compensation. [E9.1]"
    assert kinds(regression(impact=[hit]), special=[finding(9, row | {"uncompensated_runs": 0})]) == ["roll_back"]
    assert kinds(regression(impact=[hit]), special=[finding(9, row | {"scenario_name": "x"})]) == ["roll_back"]


def test_repairing_what_a_cause_broke_is_no_answer_to_the_cause() -> None:
    row = {"scenario_name": "pay", "business_criticality": "CRITICAL", "uncompensated_runs": 12}
    hit = Visible(subject={"scenario_name": "pay"}, step=9, label="CRITICAL_SCENARIO_FAILING")
    cause = verdict(8, "HEALTHY", {"product_id": "p1"}, impact=[hit])
    assert sorted(kinds(cause, special=[finding(9, row)])) == ["look", "repair_runs"]


def test_rate_limiting_is_relieved_where_429_dominates() -> None:
    for step, label, subject in (
        (4, "CRITICAL", {"region": "us-east"}),
        (5, "LOW_SUCCESS", {"shard_id": "s-1"}),
        (10, "SPIKE", {"service_component": "gateway"}),
    ):
        assert kinds(verdict(step, label, subject, measure=Measure.RATE_LIMITED)) == ["relieve_rate_limiting"]
        assert "relieve_rate_limiting" not in kinds(verdict(step, label, subject))


def test_a_breached_tier_is_acted_for_at_once() -> None:
    tier = {"customer_tier": "PREMIUM"}
    assert kinds(verdict(8, "SLA_BREACH_PREMIUM", tier)) == ["act_for_tier"]
    assert kinds(verdict(8, "HIGH_RETRY_RATE", tier, measure=Measure.RETRIES)) == ["look"]


def test_a_tier_that_a_cause_breaches_is_acted_for() -> None:
    hit = Visible(subject={"customer_tier": "PREMIUM"}, step=8, label="SLA_BREACH_PREMIUM", evidence=["E8.1"])
    assert kinds(regression(also_visible_in=[hit])) == ["roll_back", "act_for_tier"]
    only_slow = hit.model_copy(update={"label": "PERFORMANCE_DEGRADED"})
    assert kinds(regression(also_visible_in=[only_slow])) == ["roll_back"]


def test_an_error_is_fixed_in_its_component() -> None:
    detail = {"exception_type": "PoolExhausted", "message": "no connection\nfree"}
    subject = {"service_component": "payments", "dependency_name": "db"}
    [action] = proposed(verdict(10, "SPIKE", subject, detail=detail))
    assert action.kind == "fix_error"
    assert action.statement == (
        "Fix PoolExhausted in component payments, dependency db (most frequent message: “no connection free”). [E10.1]"
    )


def test_an_endpoint_is_fixed_starting_at_its_errors() -> None:
    errors = Visible(subject={"exception_type": "Timeout"}, step=10, label="SPIKE")
    cause = verdict(7, "HIGH_SERVER_ERRORS", {"endpoint_path": "/pay"}, also_visible_in=[errors])
    [action] = proposed(cause)
    assert action.statement == "Fix endpoint /pay; start at error Timeout. [E7.1]"
    assert kinds(verdict(7, "NORMAL", {"client_type": "ios"})) == ["fix_endpoint"]


def test_an_outage_without_a_part_to_blame_is_escalated() -> None:
    [action] = report(judgement(opened=True)).actions
    assert (action.kind, action.urgency) == ("escalate", "now")
    assert report(judgement(opened=False)).actions == []
    assert kinds(suspect(5, "HIGH_ERRORS", {"shard_id": "1"})) == ["look"]


def test_where_nothing_changed_at_the_start_the_start_is_asked_for() -> None:
    doubted = Gate(measure=Measure.SERVER_ERRORS, open=True, reason="over the limit", onset=onset("unknown"))
    for gates in ([doubted], []):
        made = report(judgement(gates=gates), sla=sla(after=900))
        assert [(a.kind, a.urgency) for a in made.actions] == [("name_start", "look")]
        assert "nothing changed at 14:05 UTC" in made.headline
        assert report(judgement(gates=gates), sla=sla(after=9)).headline.startswith("No incident visible")


def test_without_a_start_a_breach_or_failing_workflows_are_an_incident() -> None:
    failing = Gate(measure=Measure.WORKFLOW_FAILURES, open=True, reason="over the limit", onset=onset("unknown"))
    retried = failing.model_copy(update={"measure": Measure.RETRIES})
    unknown = parameters(incident_start=None)
    for gate, errors, expected in ((failing, 9, True), (retried, 9, False), (retried, 900, True)):
        made = report(judgement(gates=[gate]), parameters=unknown, sla=sla(before=0, after=errors))
        assert ("escalate" in [a.kind for a in made.actions]) is expected
        assert made.headline.startswith("No cause found" if expected else "No incident visible")


def test_what_was_dismissed_calls_for_nothing() -> None:
    gone = dismissed(2, "REGRESSION_DETECTED", VERSION, "no_contrast", "as the rest", detail={"roll_back_to": "3"})
    assert report(judgement(rejected=(gone,))).actions == []


def test_causes_are_answered_in_their_order_then_what_they_broke_then_looks() -> None:
    row = {"scenario_name": "pay", "business_criticality": "CRITICAL", "uncompensated_runs": 12}
    hit = Visible(subject={"scenario_name": "pay"}, step=9, label="CRITICAL_SCENARIO_FAILING")
    first = verdict(5, "HIGH_ERRORS", {"shard_id": "s"}, impact=[hit])
    found = proposed(suspect(4, "WARNING", {"region": "x"}), first, regression(), special=[finding(9, row)])
    assert [(a.kind, a.cause) for a in found] == [("drain", 1), ("roll_back", 2), ("repair_runs", 1), ("look", 3)]


def test_the_same_proposal_is_made_once() -> None:
    zone = {"availability_zone": "a"}
    assert kinds(verdict(6, "CRITICAL", zone), verdict(4, "CRITICAL", zone)) == ["redirect_traffic"]

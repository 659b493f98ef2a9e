"""Each rule on counts made by hand.

The name of a test says the rule; with the rule taken out of the code, that test fails (seen for each). Rules that need
telemetry to show are in test_generated.py and test_recordings.py, those of explaining away in test_explain.py:

| rule | test that fails without it |
|---|---|
| the guard before the start | evidence/test_grid.py: the_start_is_an_edge_and_the_guard_before_it_is_left_out |
| onset is needed | existing_trouble_is_rejected_as_unchanged |
| new or worse, unchanged, better | a_rise_is_new_or_worse…, what_failed_at_the_same_rate_before…, what_fell_is_better |
| 30 requests, 5 excess failures, half a point | a_side_with_fewer…, a_rise_needs_five…, a_rise_needs_half_a_point |
| overdispersion | bursts_before_the_incident_make_a_rise_less_certain |
| Benjamini-Hochberg over everything | benjamini_hochberg_counts_everything_that_was_measured |
| appeared: the service's before; elsewhere only suspected | a_version_without_a_before…, what_appeared_elsewhere… |
| doubted start | a_doubted_start_leaves…, a_doubted_start_is_unknown_to_what_acts… |
| contrast at the same time, bucket by bucket | no_overlap_in_time…, a_harmless_rollout_in_an_outage… |
| contrast is a difference in differences | contrast_takes_the_difference_before_off |
| contrast is needed, and material | a_full_outage_blames_nothing, contrast_must_be_material_too |
| nearly all of the traffic has no contrast | a_subject_with_nearly_all_of_the_traffic_has_no_contrast |
| flags against their other values | flags_are_compared_with_their_other_values |
| Step 10's own contrast | step_10_contrast_needs_a_z_of_2_33… |
| gates | a_closed_gate_leaves_suspects, the_gate_is_at_the_entry…, an_unknown_start_with_availability_as_promised… |
| suspects | four_failures_of_seven_hundred_are_a_suspect |
| the guide's threshold, also since the start | what_is_under_the_guides…, two_healthy_hours_do_not_dilute… |
| the measure | the_measure_is_what_most_of_the_failures_are |
| small samples are not definitive | a_small_sample_is_potential_at_most |
| potential without contrast is a symptom | a_potential_resolution_without_contrast_is_a_symptom |
| no start: what failed evenly is no cause | an_unknown_start_does_not_blame_what_failed_evenly_all_along |
| order: confidence, tier, change, ties | order_is_confidence_then_tier_then_change, nearly_equal_changes… |
| mirrors yield | the_entry_component_yields…, what_only_describes_errors_yields…, kinds_of_errors_say_what… |
| the entry is no cause of what it passes on | the_entry_is_no_cause_where_it_only_passes_on… |
| what breaks a workflow comes first | a_bad_version_that_breaks_payments_comes_first… |
| a workflow that follows is no cause | a_full_outage_blames_nothing |
| the step of a workflow | the_last_or_only_step…, a_workflows_step_is_found_beside_a_bad_version |
| a workflow goes before the place that fails in it alone | an_endpoint_that_fails_in_one_workflow_only… |
| another region has rivals too | another_region_in_which_the_same_fails_is_not_blamed |
| a confirmed cause stands without a clearer suspect | what_stands_out_only_with_a_clearer_suspects… |
| a second cause stands by Bonferroni | a_second_cause_must_be_beyond_chance… |
| causes that fail alike are told so | places_with_as_many_failures… |
| explaining away; what is left is judged again | a_shard_seen_in_four_dimensions…, what_is_left_is_judged_again |
| not where the cause is not recorded | a_cause_does_not_show_again_where_it_is_not_recorded |
| at most three causes | at_most_three_causes |
| rivals, each with the other held fixed | two_causes_of_which_one_region…, a_stale_version_on… |
| a rival needs half of the excess | a_rival_with_less_than_half_of_the_excess_does_not_take_over |
| a version goes before the place it breaks | a_bad_version_of_payments_alone… |
| one subject for the same requests; narrowed | one_set_of_requests_with_two_names…, zone_and_instance_type_together… |
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests import samples
from tests.samples import finding
from tests.verdicts.tables import LIMITS, ZONE, Sides, candidates, counts, grid, measurement, setting_of, table
from tsg_agent.evidence import Table
from tsg_agent.evidence.dimensions import FLAG, PRODUCT_DIMENSIONS, WORKFLOW, Dimension
from tsg_agent.models import Confidence, Measure, Onset, OnsetKind, Rate, Tier, Verdict
from tsg_agent.verdicts.candidates import candidates_of, screens_of
from tsg_agent.verdicts.details import detail_of, told_alike
from tsg_agent.verdicts.gates import gates_of
from tsg_agent.verdicts.order import ranked
from tsg_agent.verdicts.rules import Ruling, rule, verdict

HEALTHY: Sides = ((10, 10_000), (5, 5_000))
BROKEN: Sides = ((5, 5_000), (600, 2_500))
VERSION, COMPONENT = Dimension(("service_version",), 2), Dimension(("service_component",), 10)
ERROR = Dimension(("error_category",), 10, error_only=True)


def test_a_rise_is_new_or_worse_by_what_was_there_before() -> None:
    found = candidates(measurement(table({"a": BROKEN, "b": HEALTHY, "c": ((500, 5_000), (600, 2_500))})))
    assert [found[name].onset.kind for name in "abc"] == [OnsetKind.NEW, OnsetKind.UNCHANGED, OnsetKind.WORSE]


def test_what_fell_is_better() -> None:
    found = candidates(measurement(table({"a": ((600, 2_500), (5, 2_500)), "b": HEALTHY})))
    assert found["a"].onset.kind is OnsetKind.BETTER
    assert rule(found["a"], setting_of(measurement(table({"a": BROKEN})))).dismissal == "better"


def test_a_rise_needs_five_failures_more_than_expected() -> None:
    few = candidates(measurement(table({"a": ((0, 50_000), (4, 200)), "b": HEALTHY})))["a"]
    assert few.onset.p is not None and few.onset.p < 1e-6
    assert few.onset.kind is OnsetKind.UNKNOWN
    assert candidates(measurement(table({"a": ((0, 50_000), (6, 200)), "b": HEALTHY})))["a"].rising


def test_a_rise_needs_half_a_point() -> None:
    small: Sides = ((100, 100_000), (300, 60_000))
    one = candidates(measurement(table({"a": small, "b": HEALTHY})))["a"]
    assert one.onset.p is not None and one.onset.p < 1e-6
    assert not one.rising
    assert _dismissed_because(table({"a": small, "b": HEALTHY})).startswith("it rose by less than 0.5 points: 0.5 %")


def test_the_reason_says_what_a_rise_lacks() -> None:
    few, chance = ((0, 50_000), (4, 200)), ((50, 5_000), (42, 2_500))
    assert _dismissed_because(table({"a": few, "b": HEALTHY})).startswith("fewer than 5 failures more than before")
    assert _dismissed_because(table({"a": chance, "b": HEALTHY})).startswith("the change at the start may be chance")


@pytest.mark.parametrize(
    ("category", "elsewhere", "kept"),
    [("TIMEOUT", 9, {"message": "too late"}), ("TIMEOUT", 10, {}), (None, 9, {})],
)
def test_a_message_is_the_errors_only_where_its_kind_is_named_and_mostly_there(
    category: str | None, elsewhere: int, kept: dict[str, str]
) -> None:
    """The guide counts messages by category and exception: the commonest may be that of another component."""
    made = measurement(table({"a": BROKEN, "b": HEALTHY}, COMPONENT))
    kind = {"error_category": category, "exception_type": None, "most_common_message": "too late"}
    rows = [
        {"service_component": "b", "total_occurrences": elsewhere, **kind},
        {"service_component": "a", "total_occurrences": 10, **kind},
        {"service_component": "b", "total_occurrences": 99, **kind, "exception_type": "Other"},
    ]
    setting = replace(setting_of(made), findings={10: finding(10, *rows)})
    assert detail_of(candidates(made, setting)["a"], None, setting) == kept


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({}, True),
        ({"failures": 62}, False),
        ({"requests": 490}, False),
        ({"subject": {"dependency_name": "b"}}, False),
        ({"confidence": Confidence.SUSPECTED}, False),
    ],
)
def test_places_with_as_many_failures_in_as_many_requests_are_told_alike(other: dict[str, Any], told: bool) -> None:
    def place(failures: int = 63, requests: int = 484, **changes: Any) -> Verdict:
        seen = Onset(kind=OnsetKind.NEW, after=Rate(failures=failures, requests=requests))
        return samples.verdict(10, "URGENT", **({"subject": {"service_component": "b"}, "onset": seen} | changes))

    first = place(requests=482, subject={"service_component": "a"})
    one, two = told_alike([first, place(**other)])
    assert ("alike" in one.detail, "alike" in two.detail) == (told, told)
    assert not told or one.detail["alike"] == [{"service_component": "b"}]


def _dismissed_because(made: Table) -> str:
    setting = setting_of(measurement(made))
    one = candidates(measurement(made), setting)["a"]
    return verdict(one, Ruling(None, dismissal="no_onset"), setting, []).reason


def test_a_side_with_fewer_than_thirty_requests_is_too_few() -> None:
    made = measurement(table({"a": ((0, 29), (20, 29)), "b": HEALTHY}))
    one = candidates(made)["a"]
    assert (one.onset.kind, one.onset.z) == (OnsetKind.UNKNOWN, None)
    assert rule(one, setting_of(made)).dismissal == "too_few"


def test_bursts_before_the_incident_make_a_rise_less_certain() -> None:
    even = table({"a": ((80, 8_000), (80, 4_000)), "b": HEALTHY})
    bursts = table({"a": ((80, 8_000), (80, 4_000)), "b": HEALTHY}, burst=True)
    assert candidates(measurement(even))["a"].rising
    assert not candidates(measurement(bursts))["a"].rising


def test_what_failed_at_the_same_rate_before_is_rejected_with_its_figures() -> None:
    made = measurement(table({"a": ((9_000, 60_000), (6_000, 40_000)), "b": ((60, 60_000), (40, 40_000))}))
    setting = setting_of(made)
    one = candidates(made, setting)["a"]
    ruling = rule(one, setting)
    assert ruling.dismissal == "unchanged"
    reason = verdict(one, ruling, setting, []).reason
    assert "failing before, unchanged" in reason and "6,000 of 40,000" in reason and "9,000 of 60,000" in reason


def test_contrast_takes_the_difference_before_off() -> None:
    """It was always ten points worse than the rest, and rose by no more than chance makes of so few requests."""
    chance = {f"z{number}": HEALTHY for number in range(20)}
    made = measurement(table({"a": ((60, 600), (48, 300)), **chance}))
    assert not candidates(made)["a"].compared
    made = measurement(table({"a": ((1_000, 10_000), (900, 5_000)), "b": ((0, 100_000), (0, 50_000))}))
    assert candidates(made)["a"].compared


def test_a_subject_with_nearly_all_of_the_traffic_has_no_contrast() -> None:
    nearly = table({"a": ((0, 96_000), (4_800, 48_000)), "b": ((0, 4_000), (0, 2_000))})
    one = candidates(measurement(nearly))["a"]
    assert (one.contrast.method, one.compared) == ("none", False)
    assert rule(one, setting_of(measurement(nearly))).dismissal == "everything"
    less = table({"a": ((0, 94_000), (4_700, 47_000)), "b": ((0, 6_000), (0, 3_000))})
    assert candidates(measurement(less))["a"].compared


def test_contrast_must_be_material_too() -> None:
    """A full outage of a busy service: 44 % against 40 % is beyond chance, and still everything is down."""
    outage = measurement(table({"a": ((0, 50_000), (11_000, 25_000)), "b": ((0, 50_000), (10_000, 25_000))}))
    one = candidates(outage)["a"]
    assert one.contrast.p is not None and one.contrast.p < 1e-9
    assert not one.compared and rule(one, setting_of(outage)).confidence is None


def test_no_overlap_in_time_is_no_contrast() -> None:
    made = counts([((0, 0), (900, 3_000)), HEALTHY])
    late = slice(grid().after.start + 2, grid().count)  # the old version is gone ten minutes after the start
    made.requests[1, late] = 0
    made.failures[Measure.SERVER_ERRORS][1, late] = 0
    made.requests[0, : late.start] = 0
    made.failures[Measure.SERVER_ERRORS][0, : late.start] = 0
    both = Table(VERSION, [("new",), ("old",)], made, made.sum())
    one = candidates(measurement(both))["new"]
    assert (one.contrast.method, one.compared) == ("none", False)


def test_a_harmless_rollout_in_an_outage_is_compared_bucket_by_bucket() -> None:
    """Everything fails in the last half hour, when the new version has most of the traffic."""
    made = counts([((0, 0), (0, 5_000)), ((0, 20_000), (0, 5_000))])
    after = range(*grid().after.indices(grid().count))
    for place, bucket in enumerate(after):
        new = 50.0 + 100.0 * place
        for row, requests in enumerate((new, 1_000.0 - new)):
            made.requests[row, bucket] = requests
            made.failures[Measure.SERVER_ERRORS][row, bucket] = requests * (0.3 if place >= 5 else 0.0)
    both = Table(VERSION, [("2.0.0",), ("1.0.0",)], made, made.sum())
    one = candidates(measurement(both))["2.0.0"]
    assert one.onset.kind is OnsetKind.APPEARED and abs(one.contrast.z or 0) < 1


def test_a_version_without_a_before_is_measured_from_the_service() -> None:
    both = table({"2.0.0": ((0, 0), (600, 3_000)), "1.0.0": ((40, 20_000), (4, 2_000))}, VERSION)
    one = candidates(measurement(both))["2.0.0"]
    assert (one.onset.kind, one.label, one.tier) == (OnsetKind.APPEARED, "REGRESSION_DETECTED", Tier.POTENTIAL)
    assert one.onset.before is not None and one.onset.before.requests == 20_000
    assert rule(one, setting_of(measurement(both))).confidence is Confidence.CONFIRMED


def test_what_appeared_elsewhere_can_only_be_suspected() -> None:
    """A zone without a request before: nothing shows that it ever worked."""
    made = measurement(table({"a": ((0, 0), (600, 3_000)), "b": HEALTHY}))
    ruling = rule(candidates(made)["a"], setting_of(made))
    assert ruling.confidence is not Confidence.CONFIRMED


def test_what_appeared_is_not_given_the_services_before_as_its_own() -> None:
    made = measurement(table({"a": ((0, 0), (600, 3_000)), "b": HEALTHY}))
    setting = setting_of(made)
    one = candidates(made, setting)["a"]
    reason = verdict(one, Ruling(None, dismissal="lower_ranked"), setting, []).reason
    assert reason.endswith(
        "20 % of requests failed (5xx) (600 of 3,000), no requests before, when the service had 0.1 %"
    )


def test_a_potential_resolution_without_contrast_is_a_symptom() -> None:
    made = measurement(table({"2.0.0": ((0, 0), (600, 3_000)), "1.0.0": ((0, 20_000), (2, 2_000))}, VERSION))
    one = candidates(made)["2.0.0"]
    without = verdict(replace(one, compared=False), Ruling(Confidence.SUSPECTED), setting_of(made), [])
    assert (one.tier, without.tier) == (Tier.POTENTIAL, Tier.SYMPTOM)


def test_a_closed_gate_leaves_suspects() -> None:
    made = measurement(table({"a": BROKEN, "b": HEALTHY}))
    shut = setting_of(made, gate=False)
    ruling = rule(candidates(made, shut)["a"], shut)
    assert ruling.confidence is Confidence.SUSPECTED and "nothing to explain" in ruling.shortfalls[-1]


def test_the_gate_is_at_the_entry_and_asks_for_a_rise() -> None:
    made = measurement(table({"a": BROKEN, "b": HEALTHY}))
    assert gates_of(made, None, LIMITS, 99.9, doubted=False)[Measure.SERVER_ERRORS].open
    calm = replace(made, entry=counts([HEALTHY]))
    assert not gates_of(calm, None, LIMITS, 99.9, doubted=False)[Measure.SERVER_ERRORS].open
    unknown = replace(made, grid=grid(known=False))
    assert gates_of(unknown, None, LIMITS, 99.9, doubted=False)[Measure.SERVER_ERRORS].open
    assert not gates_of(unknown, None, LIMITS, 90.0, doubted=False)[Measure.SERVER_ERRORS].open


@pytest.mark.parametrize(
    ("sides", "confidence"),
    [
        (((0, 3_000), (4, 700)), Confidence.SUSPECTED),
        (((0, 3_000), (2, 700)), None),
        (((0, 90_000), (2, 100)), None),
    ],
)
def test_four_failures_of_seven_hundred_are_a_suspect(sides: Sides, confidence: Confidence | None) -> None:
    made = measurement(table({"a": sides, "b": HEALTHY}, COMPONENT))
    assert rule(candidates(made)["a"], setting_of(made)).confidence is confidence


def test_what_is_under_the_guides_threshold_is_a_suspect_at_most() -> None:
    made = measurement(table({"a": ((0, 10_000), (100, 5_000)), "b": HEALTHY}))
    one = candidates(made)["a"]
    assert one.rising and one.compared and not one.label
    ruling = rule(one, setting_of(made))
    assert ruling.confidence is Confidence.SUSPECTED and ruling.codes == {"below_threshold"}


def test_two_healthy_hours_do_not_dilute_the_label() -> None:
    """16 % of the time since the start, 3 % of the window: CRITICAL is what customers see."""
    one = candidates(measurement(table({"a": ((0, 20_000), (800, 5_000)), "b": HEALTHY})))["a"]
    assert one.label == "CRITICAL"


def test_the_measure_is_what_most_of_the_failures_are() -> None:
    limited = measurement(table({"a": BROKEN, "b": HEALTHY}, measure=Measure.RATE_LIMITED))
    assert candidates(limited)["a"].measure is Measure.RATE_LIMITED
    refused = measurement(table({"a": BROKEN, "b": HEALTHY}, measure=Measure.CLIENT_ERRORS))
    assert candidates(refused)["a"].measure is Measure.NOT_SUCCESSFUL
    assert candidates(measurement(table({"a": BROKEN, "b": HEALTHY})))["a"].measure is Measure.SERVER_ERRORS


def test_without_a_start_an_abnormal_label_and_contrast_decide() -> None:
    made = measurement(table({"a": ((500, 5_000), (250, 2_500)), "b": HEALTHY}), known=False)
    one = candidates(made)["a"]
    assert (one.onset.kind, one.onset.z, one.label) == (OnsetKind.UNKNOWN, None, "DEGRADED")
    assert rule(one, setting_of(made)).confidence is Confidence.CONFIRMED
    moved = setting_of(made, moved=True)
    assert rule(one, moved).dismissal == "even"
    risen = measurement(table({"a": BROKEN, "b": HEALTHY}), known=False)
    assert rule(candidates(risen)["a"], setting_of(risen, moved=True)).confidence is Confidence.CONFIRMED


def test_a_doubted_start_is_unknown_to_what_acts_and_known_to_symptoms() -> None:
    made = measurement(
        table({"2.0.0": ((20_000, 90_000), (8_900, 40_000)), "1.0.0": ((20, 30_000), (30, 40_000))}, VERSION),
        table({"a": ((6_000, 60_000), (4_000, 40_000)), "b": ((6_000, 60_000), (4_000, 40_000))}),
    )
    found = candidates(made, setting_of(made, doubted=True))
    assert (found["2.0.0"].onset.kind, found["a"].onset.kind) == (OnsetKind.UNKNOWN, OnsetKind.UNCHANGED)
    assert found["2.0.0"].contrast.method == "cochran_mantel_haenszel" and found["2.0.0"].compared


def test_benjamini_hochberg_counts_everything_that_was_measured() -> None:
    """A p of 0.004 among 300 that are chance is chance; alone it is not."""
    chance = {f"z{number}": HEALTHY for number in range(100)}
    one: Sides = ((10, 2_000), (16, 1_000))
    alone, among = candidates(measurement(table({"a": one}))), candidates(measurement(table({"a": one, **chance})))
    assert alone["a"].onset.p is not None and 1e-4 < alone["a"].onset.p < 0.01
    assert (alone["a"].rising, among["a"].rising) == (True, False)


def test_flags_are_compared_with_their_other_values() -> None:
    made = counts([((0, 5_000), (300, 2_500)), ((0, 5_000), (0, 2_500)), ((0, 5_000), (0, 2_500))])
    whole = counts([((0, 50_000), (0, 25_000))])
    flags = Table(FLAG, [("f", "on"), ("f", "off"), ("g", "on")], made, whole)
    rest = flags.rest
    assert rest.requests.sum(axis=1).round().tolist() == [7_500, 7_500, 67_500]
    assert rest.failures[Measure.SERVER_ERRORS].sum(axis=1)[1] == pytest.approx(300)


def test_step_10_contrast_needs_a_z_of_2_33_and_other_steps_the_false_discovery_rate() -> None:
    sides: dict[str, Sides] = {"a": ((3, 4_000), (15, 2_000)), "b": ((0, 40_000), (100, 20_000))}
    chance = {f"z{number}": HEALTHY for number in range(60)}
    lenient = candidates(measurement(table({**sides, **chance}, COMPONENT)))["a"]
    strict = candidates(measurement(table({**sides, **chance})))["a"]
    assert lenient.contrast.z is not None and 2.33 <= lenient.contrast.z < 3.2
    assert lenient.compared and not strict.compared


def test_the_tier_of_a_product_is_its_label() -> None:
    tiers = next(dimension for dimension in PRODUCT_DIMENSIONS if dimension.columns == ("customer_tier",))
    found = candidates(measurement(table({"PREMIUM": ((0, 5_000), (30, 2_500)), "FREE": HEALTHY}, tiers)))
    assert found["PREMIUM"].label == "SLA_BREACH_PREMIUM"


def test_a_small_sample_is_potential_at_most() -> None:
    """One of forty failed: the completion rate may still be 99 %."""
    row = {"scenario_name": "s", "business_criticality": "CRITICAL", "workflow_status": "CRITICAL_SCENARIO_FAILING"}
    for failures, runs, tier in ((1, 40, Tier.POTENTIAL), (20, 40, Tier.DEFINITIVE)):
        sides: dict[str, Sides] = {"s": ((0, 80), (failures, runs)), "t": ((0, 800), (0, 400))}
        workflows = table(sides, WORKFLOW, measure=Measure.WORKFLOW_FAILURES)
        made = measurement(table({"a": HEALTHY, "b": HEALTHY}))
        setting = replace(setting_of(made), findings={9: finding(9, row)})
        found = candidates_of(screens_of(made, workflows, LIMITS), setting)
        assert [one.tier for one in found if one.subject == {"scenario_name": "s"}] == [tier]


CONFIRMED, SUSPECTED = Ruling(Confidence.CONFIRMED), Ruling(Confidence.SUSPECTED)


def test_order_is_confidence_then_tier_then_change() -> None:
    made = measurement(table({"a": BROKEN, "b": HEALTHY, "c": ((5, 5_000), (500, 2_500))}))
    found = candidates(made)
    a, b, c = found["a"], found["b"], found["c"]
    order = ranked([(c, CONFIRMED), (b, CONFIRMED), (a, CONFIRMED)], LIMITS.verdict.tie, None)
    assert [one.subject["availability_zone"] for one, _ in order] == ["a", "c", "b"]
    order = ranked([(a, SUSPECTED), (b, CONFIRMED)], 0.1, None)
    assert [one.subject["availability_zone"] for one, _ in order] == ["b", "a"]
    order = ranked([(a, CONFIRMED), (replace(c, tier=Tier.POTENTIAL), CONFIRMED)], 0.1, None)
    assert [one.subject["availability_zone"] for one, _ in order] == ["c", "a"]


def test_nearly_equal_changes_are_told_apart_by_the_rate_then_by_name() -> None:
    found = candidates(measurement(table({"b": BROKEN, "a": BROKEN, "c": ((5, 4_000), (600, 2_000))})))

    def order(names: str, change: float) -> list[str]:
        first = replace(found[names[0]], onset=found[names[0]].onset.model_copy(update={"z": 20 + change}))
        second = replace(found[names[1]], onset=found[names[1]].onset.model_copy(update={"z": 20.0}))
        pool = [(first, CONFIRMED), (second, CONFIRMED)]
        return [one.subject["availability_zone"] for one, _ in ranked(pool, LIMITS.verdict.tie, None)]

    assert order("ac", 0.05) == ["c", "a"]
    assert order("ac", 0.2) == ["a", "c"]
    assert order("ba", 0.0) == ["a", "b"]


def test_the_entry_component_yields_to_one_with_half_of_its_excess() -> None:
    made = measurement(table({"entry": ((5, 50_000), (900, 2_500)), "deep": BROKEN, "c": HEALTHY}, COMPONENT))
    found = candidates(made)
    pool = [(found["entry"], CONFIRMED), (found["deep"], CONFIRMED)]
    names = [one.subject["service_component"] for one, _ in ranked(pool, 0.1, "entry")]
    assert names == ["deep", "entry"]
    assert [one.subject["service_component"] for one, _ in ranked(pool, 0.1, None)] == ["entry", "deep"]


def test_what_only_describes_errors_yields_to_a_place_with_half_of_its_excess() -> None:
    places = table({"a": BROKEN, "b": HEALTHY})
    kinds = counts([((5, 15_000), (700, 7_500)), ((5, 15_000), (0, 7_500))])
    errors = Table(ERROR, [("TIMEOUT",), ("OTHER",)], kinds, places.whole, error_only=True)
    found = candidates(measurement(places, errors))
    order = ranked([(found["TIMEOUT"], CONFIRMED), (found["a"], CONFIRMED)], 0.1, None)
    assert [next(iter(one.subject)) for one, _ in order] == ["availability_zone", "error_category"]


def test_the_spread_of_hand_made_counts_is_what_it_says() -> None:
    made = table({"a": BROKEN}, ZONE)
    assert made.counts.requests[:, grid().before].sum() == pytest.approx(5_000)
    assert np.isclose(made.counts.failures[Measure.SERVER_ERRORS][:, grid().after].sum(), 600)

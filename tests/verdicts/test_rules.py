"""The public record: each rule or design choice of docs/verdicts.md, and the tests that fail without it.

Tests of one rule each are on requests and series made by hand (test_onset, test_search, test_causes, test_confidence,
test_reopening, test_workflows, test_regions, test_dismissed, test_judge); rules that need a whole service are in
test_generated and test_recordings. A rule that two parts of the code hold
(what only failures carry, the shorter description) needs both taken out for its test to fail.
"""

import re
from pathlib import Path

RULES = {
    # When it began
    "the start is measured": "test_the_start_is_found_by_the_minute",
    "a reported start is a prior": "test_a_wrong_report_costs_little_of_what_the_series_says",
    "… that decides where the series does not": "test_where_the_series_says_little_the_report_decides",
    "… and is none where it is called exact": "test_an_exact_start_is_taken_at_its_word",
    "a span must be beyond chance among all spans": "test_a_quiet_series_shows_no_start",
    "a recovery ends the incident": "test_a_recovery_within_the_window_is_its_end",
    "… and must pay for being chosen": "test_an_end_must_pay_for_being_chosen",
    "bursts are allowed for": "test_bursts_make_a_change_less_certain",
    "… but a few bad buckets decide nothing": "test_a_few_bad_buckets_before_hide_no_start",
    "… and one bad minute hides no start": "test_a_bad_minute_that_outshines_the_incident_hides_no_start",
    "a ramp begins before its steepest part": "test_a_long_ramp_begins_before_its_steepest_part",
    "… which a drift does not": "test_a_drift_before_is_no_beginning",
    "a long window is looked at by the minute": "test_a_window_of_two_days_is_looked_at_by_the_minute_too",
    "a guard is left out": "test_the_time_before_ends_a_guard_before_the_earliest_start_and_keeps_half",
    "a cause's own series is sharper": "test_a_causes_own_series_is_sharper_than_the_services",
    "a window with too little before it opens earlier": (
        "test_a_late_report_opens_the_window_earlier_and_the_cause_is_confirmed"
    ),
    "a start that nothing bears out is doubted": "test_a_quiet_service_has_no_cause_and_the_start_is_doubted",
    # What is explained
    "each outcome is searched as itself": "test_each_outcome_is_searched_as_itself",
    "an unknown answer is in no other share": "test_what_never_says_how_it_was_answered_is_in_no_share",
    "what is slow is a symptom": "test_slowness_and_retries_of_the_requests_that_fail_are_symptoms",
    "a small part": "test_a_part_of_little_traffic_that_does_not_move_the_service_is_found_all_the_same",
    "what is faint is a suspect": "test_what_is_short_of_chance_by_little_is_a_suspect_and_by_much_is_nothing",
    # Descriptions
    "a description is up to three values": "test_one_description_is_found_exactly",
    "… each of which must pay": "test_of_very_many_values_chance_finds_none",
    "the shorter wins": "test_the_shorter_wins_where_the_longer_explains_hardly_more",
    "… unless the longer clearly does": "test_the_longer_wins_where_the_rest_of_the_shorter_is_well",
    "a value goes where the rest rises too": "test_a_value_goes_where_what_it_leaves_out_rises_too",
    "… and stays where that is clearly well": "test_a_value_whose_leaving_out_names_what_is_well_stays",
    "confounders are compared where both are recorded": (
        "test_failures_that_do_not_say_their_client_are_no_evidence_for_its_version"
    ),
    "… on all requests where those are the same": (
        "test_a_dependency_is_named_where_its_endpoint_hardly_fails_without_it"
    ),
    "of the same requests what is called goes first": (
        "test_of_exactly_the_same_requests_what_is_called_goes_before_who_calls_it"
    ),
    "rising with everything is nobody's own": "test_a_full_outage_is_no_parts_fault",
    "what always failed explains nothing": "test_chronic_trouble_alone_is_nothing",
    "what is new has the others' before": "test_a_version_that_is_new_has_the_before_of_the_others",
    "two causes may share a value": "test_two_causes_that_share_a_value_stay_two",
    "what is found is taken out": "test_two_descriptions_of_different_dimensions_are_both_found",
    "… and all is asked again for a later start": "test_a_later_cause_is_found_beside_the_first",
    "… and one found with it that began later has its own": "test_a_later_cause_has_a_start_of_its_own",
    "what lacks a dimension": "test_requests_that_do_not_record_a_causes_dimension_are_no_second_cause",
    "… are suspects at most": "test_requests_that_do_not_record_a_causes_dimension_cannot_be_confirmed_beside_it",
    "no flag is not an unknown flag": "test_a_request_that_asks_for_no_flag_is_not_unknown",
    "what only failures carry is no subject": "test_what_only_failures_carry_is_never_a_subject",
    "… nor is what healthy requests never carry": "test_a_name_that_only_failures_carry_describes_them_and_is_no_place",
    "… whatever outcome or part is asked": (
        "test_whether_a_name_describes_failures_is_told_by_all_requests_and_outcomes"
    ),
    "a dependency that only failures name": ("test_endpoints_whose_failures_name_one_dependency_are_that_dependencys"),
    "… and that they did not always name": "test_what_failures_always_named_says_nothing",
    "… is nobody's who asks, and no place's": "test_who_and_where_stays_the_cause",
    "one cause, two names": "test_the_blame_of_the_same_requests_is_one_description",
    "no more causes than asked for": "test_at_most_as_many_causes_as_asked_for",
    "a weight is as many rows": "test_a_weight_is_as_many_rows",
    # Calls
    "the entry is no candidate": "test_the_entry_is_no_candidate_and_its_series_is_the_services",
    "the failing callee": "test_with_a_map_of_calls_the_failing_callee_is_what_failed_and_its_callers_pass_on",
    "what is no component must rise more than the rest": (
        "test_a_version_of_most_inner_calls_that_fails_no_more_than_the_others_is_not_blamed"
    ),
    "… unless it never worked": "test_a_callee_that_never_worked_is_what_its_caller_does_wrong",
    "without a map what fails alike says so": "test_places_with_as_many_failures_in_as_many_requests_are_told_alike",
    # Confidence
    "the gate": "test_the_gate_asks_whether_the_service_itself_rose",
    "… is at the entry": "test_where_the_entry_shows_nothing_an_inner_component_is_a_suspect_at_most",
    "beyond chance among all that was looked at": "test_the_more_was_looked_at_the_more_is_needed",
    "half as high a rise again as the rest's": "test_a_rise_must_be_half_as_high_again_as_the_rests",
    "five failures": "test_four_failures_more_than_expected_are_too_few_for_anything",
    "half a point": "test_a_rise_of_less_than_half_a_point_is_small",
    "not the guide's limits": "test_the_guides_thresholds_and_its_minimum_of_requests_are_no_part_of_it",
    "a robust before": "test_one_bad_bucket_before_does_not_hide_a_rise",
    "no before, unless somebody changed it": "test_what_appeared_has_no_before_unless_somebody_changed_it",
    "what would confirm it is said": "test_what_chance_could_do_is_suspected_and_says_how_much_more_would_settle_it",
    # Order and what is told
    "what explains more comes first": "test_what_explains_more_comes_first_whatever_the_guide_calls_it",
    "what fails comes before what is slow": "test_what_fails_comes_before_what_is_slow",
    "suspects come last": "test_a_suspect_comes_last_and_says_what_it_is_short_of",
    "the blast radius is by size": "test_the_blast_radius_is_by_size",
    "a version to return to is healthier": "test_a_version_is_not_rolled_back_to_one_as_bad",
    # Workflows and regions
    "failing in a cause's requests is impact": "test_workflows_that_fail_in_a_causes_requests_are_its_impact",
    "otherwise a cause of its own": "test_a_workflow_that_breaks_beside_a_cause_is_a_cause_of_its_own",
    "… of which the largest is taken out of the others": (
        "test_of_two_workflows_that_break_the_smaller_one_is_no_rise_of_all"
    ),
    "following is no cause": "test_in_an_outage_a_workflow_that_only_follows_its_requests_is_no_cause",
    "a critical workflow needs no start": "test_a_critical_workflow_that_always_failed_is_found_without_a_start",
    "… nor does a small sample count as broken": "test_a_small_sample_may_still_be_complete",
    "a region is compared with the others": "test_what_fails_in_all_regions_alike_is_not_the_incidents_regions",
    "… without the causes in it": "test_a_zone_that_explains_it_leaves_nothing_to_the_region",
    # What must not matter
    "the order of rows": "test_the_order_of_rows_does_not_matter",
    "the number of rows": "test_doubling_all_rows_with_new_ids_changes_no_rate",
    "test traffic": "test_test_traffic_changes_nothing",
    "names": "test_names_mean_nothing",
}
"""Rule -> the test that fails without it; "…" goes on with the rule above."""


def test_every_rules_test_is_there() -> None:
    files = Path(__file__).parent.glob("test_*.py")
    defined = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)}
    assert set(RULES.values()) - defined == set()


def test_no_test_stands_for_two_rules() -> None:
    assert len(set(RULES.values())) == len(RULES)

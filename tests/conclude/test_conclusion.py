"""What the conclusion says of causes, of what was dismissed, of gaps, and when nothing is wrong."""

import json

import pytest

from tests.samples import (
    HOSTILE,
    SAMPLES,
    START,
    bad_version,
    contrast,
    dismissed,
    finding,
    findings,
    judgement,
    no_incident,
    only_gaps,
    only_suspects,
    onset,
    parameters,
    report,
    sla,
    suspect,
    verdict,
)
from tsg_agent.models import (
    Contrast,
    Measure,
    Onset,
    OnsetKind,
    OtherRegion,
    Rate,
    Report,
    Status,
    TrafficLoss,
    Verdict,
    Visible,
)
from tsg_agent.report.html import to_html
from tsg_agent.report.markdown import to_markdown
from tsg_agent.sla import unmeasured
from tsg_agent.wording import one_line

VERSION = {"service_version": "3.15.0"}


def test_a_cause_says_what_since_when_how_badly_and_against_what() -> None:
    [cause] = report(judgement(verdict(2, "REGRESSION_DETECTED", VERSION))).causes
    assert cause.statement == (
        "Version 3.15.0: 5.1 % of requests failed (5xx) after 14:05 UTC against 0.3 % before "
        "(1,204 of 23,600 against 70 of 23,300 requests). "
        "The rest had 0.4 % at the same time (94 of 23,500 requests) and rose 4.7 points less. [E2.1]"
    )


def test_what_shows_in_the_same_requests_under_more_names_is_told_once() -> None:
    called = {"dependency_name": "card-processor"}
    failed, fewer = Rate(failures=178, requests=520), Rate(failures=150, requests=400)
    shown = [
        Visible(subject={**called, "service_component": "payments"}, step=10, label="HIGH", after=failed),
        Visible(subject=called, step=10, label="HIGH", after=failed),
        Visible(subject={**called, "service_component": "cart"}, step=10, label="HIGH", after=fewer),
    ]
    [cause] = report(judgement(verdict(2, "REGRESSION_DETECTED", VERSION, also_visible_in=shown))).causes
    assert [one.subject for one in cause.also_visible_in] == [called, {**called, "service_component": "cart"}]


def test_a_cause_that_appeared_is_held_against_the_service_before() -> None:
    appeared = verdict(2, "REGRESSION_DETECTED", VERSION, onset=onset("appeared", (20, 50_000), (1_195, 11_600)))
    [cause] = report(judgement(appeared)).causes
    assert cause.statement.startswith(
        "Version 3.15.0 appeared with the incident: 10.3 % of requests failed (5xx) after 14:05 UTC "
        "(1,195 of 11,600 requests); before it the service had 0.04 % (20 of 50,000)."
    )


def test_an_unknown_start_is_said_and_no_before_is_claimed() -> None:
    unknown = Onset(kind=OnsetKind.UNKNOWN, reason="the start is not known")
    alone = Contrast(method="none", subject=Rate(failures=45, requests=100), reason="it has all of the traffic")
    cause = verdict(9, "CRITICAL_SCENARIO_FAILING", {"scenario_name": "pay"}, onset=unknown, contrast=alone)
    cause = cause.model_copy(update={"measure": Measure.WORKFLOW_FAILURES, "detail": {"workflow_step": "authorize"}})
    made = report(judgement(cause), parameters=parameters(incident_start=None))
    assert made.causes[0].statement == (
        "Workflow pay: 45 % of runs did not complete (45 of 100 runs); whether this began with the incident is "
        "unknown (the start is not known). Not compared with the rest: it has all of the traffic. "
        "Most failed runs stop at authorize. [E9.1]"
    )
    assert made.headline.startswith("Workflow pay is failing at authorize: 45 % of runs did not complete;")


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        (Measure.NOT_SUCCESSFUL, "of requests did not succeed (not 2xx)"),
        (Measure.RATE_LIMITED, "of requests were rate limited (429)"),
        (Measure.CLIENT_ERRORS, "of requests were refused (4xx)"),
        (Measure.SLOW, "of requests took over 5 s"),
        (Measure.RETRIES, "of requests were retries"),
        (Measure.WORKFLOW_FAILURES, "of runs did not complete"),
    ],
)
def test_each_cause_is_worded_in_its_own_measure(measure: Measure, words: str) -> None:
    made = report(judgement(verdict(5, "X", {"shard_id": "1"}, measure=measure)))
    assert f"5.1 % {words}" in made.causes[0].statement
    assert f"5.1 % {words}" in made.headline


def test_requests_that_stop_coming_are_said_beside_a_cause() -> None:
    lost = TrafficLoss(since=START, before=40.0, after=4.0)
    cause = verdict(5, "HIGH_ERRORS", {"shard_id": "1"})
    made = report(judgement(cause).model_copy(update={"traffic": lost}))
    assert f"; requests fell by 90 % at {START:%H:%M} UTC; availability is" in made.headline


def test_what_is_over_is_told_as_over() -> None:
    headline = SAMPLES["two_that_are_over"]().headline
    assert " was failing from 2026-03-10 14:05 UTC to 14:45 UTC (reported 13:05 UTC): " in headline
    assert "; availability was " in headline and " from 14:05 UTC to 14:45 UTC, " in headline


def test_a_difference_that_may_be_chance_is_called_so() -> None:
    weak = verdict(5, "HIGH_ERRORS", {"shard_id": "1"}, contrast=contrast(significant=False))
    assert "the difference may be chance" in report(judgement(weak)).causes[0].statement


def test_a_cause_names_the_workflow_that_it_breaks() -> None:
    assert (
        "It breaks workflow checkout (18.9 % of runs do not complete, 0.29 % before, "
        "0.39 % without its requests)." in bad_version().causes[0].statement
    )


def test_a_cause_says_where_its_failures_gather() -> None:
    detail = {"narrowed_to": {"region": "us-east"}, "exception_type": "Timeout"}
    [cause] = report(judgement(verdict(2, "REGRESSION_DETECTED", VERSION, detail=detail))).causes
    assert "Most of this is region us-east and error Timeout." in cause.statement


def test_a_cause_says_how_most_of_its_failures_were_answered() -> None:
    made = report(judgement(verdict(2, "REGRESSION_DETECTED", VERSION, detail={"status_code": 503})))
    assert "of requests failed (5xx, mostly 503)" in made.headline
    assert "of requests failed (5xx, mostly 503) after" in made.causes[0].statement


def test_a_cause_under_the_threshold_says_what_it_explains() -> None:
    judged = verdict(2, "NO_REGRESSION", {"service_version": "3.15.0"}, detail={"explains": {"shard_id": "s7"}})
    statement = report(judgement(judged)).causes[0].statement
    assert "By the guide's threshold it would pass, but shard s7 fails only where it does." in statement


def test_a_cause_that_cannot_be_told_from_another_says_so_and_so_does_the_headline() -> None:
    one = verdict(10, "URGENT", {"service_component": "a"}, detail={"alike": [{"service_component": "b"}]})
    made = report(judgement(one))
    assert "As many fail in component b: calls passed on from one to the next look so" in made.causes[0].statement
    assert made.headline.startswith("Component a, or component b (as many fail there), is failing since")


def test_a_workflow_at_its_failing_step_is_named_once() -> None:
    subject = {"scenario_name": "pay", "workflow_step": "charge"}
    cause = verdict(9, "CRITICAL_SCENARIO_FAILING", subject, measure=Measure.WORKFLOW_FAILURES)
    cause = cause.model_copy(update={"detail": {"workflow_step": "charge", "failed_runs": 9, "uncompensated": 1}})
    made = report(judgement(cause))
    assert made.headline.startswith("Workflow pay at step charge is failing since 2026-03-10 14:05 UTC:")
    assert made.causes[0].statement.count("charge") == 1
    assert "1 of 9 failed runs in the window has no compensation." in made.causes[0].statement


def test_suspects_come_last_and_are_worded_as_such() -> None:
    first = suspect(5, "HIGH_ERRORS", {"shard_id": "1"})
    made = report(judgement(first, verdict(2, "REGRESSION_DETECTED", VERSION)))
    assert [(c.rank, c.confidence.value) for c in made.causes] == [(1, "confirmed"), (2, "suspected")]
    assert "Suspected, not confirmed: only 4 failures more than expected" in made.causes[1].statement


def test_a_dismissal_gives_its_reason_and_its_evidence() -> None:
    gone = dismissed(3, "HIGH_ERROR_RATE", {"flag_name": "f", "flag_value": "on"}, "below_threshold", "5.1 % under 8 %")
    [rejected] = report(judgement(rejected=(gone,))).rejected
    assert rejected.reason == "below_threshold"
    assert rejected.statement == "Flag f = on: 5.1 % under 8 %. [E3.1]"


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.OK])
def test_a_check_that_did_not_end_ok_is_a_gap_and_never_nothing_abnormal(status: Status) -> None:
    made = report(judgement(), finding(5, status=status, reason="because of this"))
    [gap] = made.gaps
    assert (gap.step, gap.status) == (5, status.value)
    assert "Because of this" in gap.statement
    heading = next(h for h in made.summary if h.steps == [5])
    assert "othing abnormal" not in heading.statement
    assert "Because of this" in heading.statement


def test_a_check_that_never_ran_is_a_gap() -> None:
    made = report(judgement(), findings=[f for f in findings() if f.step != 9])
    assert [(g.step, g.status) for g in made.gaps] == [(9, "not_run")]
    assert "Not looked at" in made.summary[6].statement


def test_a_canary_is_a_gap_and_stands_under_its_heading() -> None:
    note = "Version 3.16.0 had 412 requests (canary: newer than every version compared)."
    made = report(judgement(), finding(2, notes=[note]))
    assert [(g.step, g.status, g.statement) for g in made.gaps] == [(2, "canary", f"{note} [E2]")]
    assert "3.16.0" in made.summary[0].statement


def test_an_unknown_start_and_a_service_without_requests_are_gaps() -> None:
    made = report(judgement(), parameters=parameters(incident_start=None), sla=sla(requests=0, after=0))
    assert [(g.step, g.status) for g in made.gaps] == [(None, "no_data"), (1, "unknown_start")]
    assert made.headline == (
        "Nothing could be judged: no request of shop.api was seen after 14:05 UTC (50,000 before)."
    )
    assert "no request of shop.api was seen" in made.communication.product_teams


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.NOT_APPLICABLE, "cannot be measured with this telemetry (the telemetry has no status_code)"),
        (Status.TIMEOUT, "measuring the availability of shop.api ran out of time (the telemetry has no status_code)"),
        (Status.ERROR, "measuring the availability of shop.api failed (the telemetry has no status_code)"),
    ],
)
def test_what_could_not_be_measured_is_not_called_unseen(status: Status, words: str) -> None:
    given = parameters(service_name="shop.api")
    state = unmeasured(given, status, "The telemetry has no status_code.")
    made = report(judgement(gates=[], unmade="why"), sla=state, parameters=given)
    for text in (made.headline, made.communication.incident_channel, made.communication.product_teams):
        assert words in text
        assert "was seen" not in text
    assert (made.gaps[0].step, made.gaps[0].status) == (None, status.value)
    assert words in made.gaps[0].statement
    assert made.sla.window is None
    for page in (to_markdown(made), to_html(made)):
        assert words in page
        assert "whole window</td>" not in page
        assert "| whole window" not in page


def test_without_verdicts_nothing_is_called_well_or_unchanged() -> None:
    for errors in (9, 900):
        made = report(judgement(gates=[], unmade="The query was cancelled."), sla=sla(after=errors))
        assert made.headline.startswith("No verdict could be made (The query was cancelled); availability is 9")


def test_a_window_that_the_telemetry_does_not_cover_is_what_to_check_first() -> None:
    far = sla(before=0, after=0, requests=0).model_copy(update={"outside": True, "reason": "it covers October"})
    made = report(judgement(), finding(2, status=Status.NO_DATA), sla=far)
    assert made.headline == "Nothing could be judged: it covers October."
    assert [a.kind for a in made.actions] == ["check_window"]
    assert "day-first or month-first" in made.actions[0].statement


def test_steps_that_were_not_checked_are_named_once_for_each_reason() -> None:
    missing = [finding(step, status=Status.NOT_APPLICABLE) for step in (3, 4, 5, 8)]
    made = report(judgement(), finding(7, status=Status.TIMEOUT), *missing)
    assert made.actions[-1].statement == (
        "Look by hand at what was not checked: Steps 3 to 5 and 8 (not applicable) and Step 7 (timeout)."
    )


def test_the_eight_headings_stand_in_the_guides_order() -> None:
    made = no_incident()
    assert [h.steps for h in made.summary] == [[2], [3], [4, 6], [5], [7], [8], [9], [10]]
    assert {h.statement for h in made.summary} == {"Nothing abnormal."}


def test_a_heading_of_two_steps_says_which_was_not_looked_at() -> None:
    made = report(judgement(), finding(6, status=Status.TIMEOUT, reason="60 s"))
    assert made.summary[2].statement == "Step 4: Nothing abnormal. Step 6: Not judged: ran out of time. 60 s. [E6]"


def test_a_label_of_the_guide_stands_under_its_heading_though_nothing_is_concluded_from_it() -> None:
    made = report(judgement(), finding(7, {"endpoint_status": "HIGH_LATENCY"}, label="HIGH_LATENCY"))
    assert made.summary[4].statement == "The guide's labels: HIGH_LATENCY in 1 row. [E7]"


def test_headlines() -> None:
    assert bad_version().headline == (
        "Version 3.15.0 is failing since 2026-03-10 14:05 UTC: 10.3 % of requests failed (5xx) against 0.075 % of the "
        "rest; availability is 94.9 % since 14:05 UTC, under the SLA threshold of 99.9 % (99.96 % before)."
    )
    assert no_incident().headline == (
        "No incident visible: availability is 99.96 % since 14:05 UTC, within the SLA threshold of 99.9 % "
        "(99.96 % before)."
    )
    assert only_gaps().headline.startswith("No cause found within this guide; availability is 98.3 % over the window")
    assert "not checked: Steps 3, 5, 6, 8 and 9" in only_gaps().headline
    assert only_suspects().headline.startswith("No cause confirmed, 2 suspects, first shard s-07; availability is")


def test_an_open_gate_or_a_breach_is_an_incident_though_no_cause_is_found() -> None:
    assert report(judgement(opened=True)).headline.startswith("No cause found within this guide")
    unchanged = report(judgement(), sla=sla(after=900)).headline
    assert unchanged.startswith(
        "No cause found within this guide: nothing changed at 14:05 UTC; availability is 96.2 %"
    )


def test_without_a_cause_the_gaps_are_what_to_look_at() -> None:
    assert [a.kind for a in only_gaps().actions] == ["escalate", "name_start", "close_gaps"]
    assert no_incident().actions == []


def test_infrastructure_is_written_to_only_if_needed() -> None:
    assert bad_version().communication.infrastructure is None
    zone = verdict(6, "CRITICAL", {"availability_zone": "a"})
    assert "Zone a" in str(report(judgement(zone)).communication.infrastructure)
    pressed = finding(6, {"zone_status": "RESOURCE_PRESSURE"}, label="RESOURCE_PRESSURE")
    assert "CPU or memory" in str(report(judgement(), pressed).communication.infrastructure)
    gateways = finding(6, {"zone_status": "INFRASTRUCTURE_ISSUES"}, label="INFRASTRUCTURE_ISSUES")
    assert report(judgement(), gateways).communication.infrastructure is not None
    explained = report(judgement(verdict(2, "REGRESSION_DETECTED", VERSION)), gateways)
    assert explained.communication.infrastructure is None


def test_product_teams_read_what_customers_meet_without_evidence_ids() -> None:
    text = bad_version().communication.product_teams
    assert "workflow checkout: 18.9 % of runs affected" in text
    assert "customer tier PREMIUM: 4.5 % of requests affected" in text
    assert "[E" not in text


def test_product_teams_read_what_customers_lose_beside_5xx() -> None:
    lost = sla(before=0, after=0).model_copy(update={"breached": True, "lost": "only 81 % of requests are answered"})
    text = report(judgement(verdict(2, "NO_REGRESSION", VERSION)), sla=lost).communication.product_teams
    assert "only 81 % of requests are answered" in text
    assert "0 % of requests fail" not in text


def test_hostile_text_stays_inside_its_sentence() -> None:
    made = SAMPLES["hostile"]()
    texts = [a.statement for a in made.actions] + [c.statement for c in made.causes] + [made.headline]
    texts += [h.statement for h in made.summary] + [g.statement for g in made.gaps]
    assert all("\n" not in t and "\x1b" not in t and "\u202e" not in t for t in texts)
    assert f"“{one_line(HOSTILE)[:79].rstrip()}…”" in made.headline


@pytest.mark.parametrize("name", SAMPLES)
def test_a_report_survives_json_and_is_the_same_each_time(name: str) -> None:
    made = SAMPLES[name]()
    assert Report.model_validate_json(made.model_dump_json()) == made == SAMPLES[name]()
    assert json.loads(made.model_dump_json())["created"] == "2026-03-10T15:05:00Z"
    assert made.parameters.incident_start in (START, None)


def chronic_report(why: str = "no_start") -> Report:
    """Nothing changed, the availability is under the threshold."""

    def looked(subject: dict[str, str], mine: Rate, rest: Rate) -> Verdict:
        beside = contrast().model_copy(update={"subject": mine, "rest": rest})
        return dismissed(7, "DEGRADED", subject, why, "nothing shows that it began then", contrast=beside)

    own = Rate(failures=201, requests=512)
    chunk = looked({"endpoint_path": "/chunk"}, own, Rate(failures=25, requests=8393))
    zone = looked({"availability_zone": "b"}, Rate(failures=12, requests=30), Rate(failures=214, requests=8875))
    quiet = judgement(rejected=(zone, chunk), opened=False)
    return report(quiet, parameters=parameters(incident_start=None), sla=sla(after=400))


def test_what_fails_all_along_is_told_where_nothing_changed() -> None:
    made = chronic_report()
    words = "most of what fails is at endpoint /chunk, all through the window: 39.3 % of its requests (201 of 512)"
    assert words in made.headline
    assert made.actions[0].statement.startswith("Look at endpoint /chunk: it fails all through the window")


def test_what_only_describes_failures_is_not_what_fails_all_along() -> None:
    assert "most of what fails" not in chronic_report("describes").headline


def test_another_region_that_fails_is_told_and_the_first_to_look_at() -> None:
    other = OtherRegion(
        region="us-west", since=START, before=Rate(failures=15, requests=1000), after=Rate(failures=72, requests=1000)
    )
    made = report(judgement(opened=False).model_copy(update={"elsewhere": other}))
    words = f"region us-west fails more since {START:%Y-%m-%d %H:%M} UTC: 7.2 % of requests failed (5xx), 1.5 % before"
    assert words in made.headline
    assert made.actions[0].target == {"region": "us-west"}
    assert "--region" in made.actions[0].statement

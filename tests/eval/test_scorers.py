"""Each score of an answer, by hand."""

from typing import Any

import pytest

from eval import scorers
from eval.answer import Answer
from eval.cases import Expected

SHARD = {"shard_id": "shard-07"}
VERSION = {"service_version": "3.15.0"}


def expected(**changes: Any) -> Expected:
    one = {"any_of": [SHARD], "steps": [5], "tier": "symptom", "actions": ["drain"]}
    return Expected.model_validate({"title": "t", "group": "g", "causes": [one], **changes})


def answer(*subjects: dict[str, str], confidence: str = "confirmed", **changes: Any) -> Answer:
    causes = [{"subject": s, "confidence": confidence, "tier": "symptom"} for s in subjects]
    return Answer.model_validate({"causes": causes, **changes})


def test_a_subject_that_says_more_is_found_and_one_that_says_less_is_not() -> None:
    assert scorers.cause_at(1)(expected(), answer({**SHARD, "tenant_category": "X"})) == 1.0
    both = expected(causes=[{"any_of": [{**SHARD, "tenant_category": "X"}]}])
    assert scorers.cause_at(1)(both, answer(SHARD)) == 0.0


def test_first_and_among_three() -> None:
    second = answer(VERSION, SHARD)
    assert scorers.cause_at(1)(expected(), second) == 0.0
    assert scorers.cause_at(3)(expected(), second) == 1.0
    assert scorers.cause_at(3)(expected(), answer(VERSION, VERSION, VERSION, SHARD)) == 0.0


def test_two_causes_need_both_among_three() -> None:
    two = expected(causes=[{"any_of": [SHARD]}, {"any_of": [VERSION]}])
    assert scorers.cause_at(1)(two, answer(VERSION)) == 1.0
    assert scorers.cause_at(3)(two, answer(VERSION)) == 0.0
    assert scorers.confirmed_share(two, answer(VERSION)) == 0.5


def test_without_a_true_cause_no_cause_is_scored() -> None:
    none = expected(causes=[])
    assert scorers.cause_at(1)(none, answer()) is None
    assert scorers.wrongful_blame(none, answer(SHARD)) == 1.0
    assert scorers.wrongful_blame(none, answer(SHARD, confidence="suspected")) == 0.0


def test_false_alarm_is_about_days_without_an_incident() -> None:
    quiet = expected(causes=[], incident=False)
    assert scorers.false_alarm(quiet, answer(SHARD)) == 1.0
    assert scorers.false_alarm(quiet, answer(SHARD, confidence="suspected")) == 0.0
    assert scorers.false_alarm(expected(), answer(VERSION)) is None
    assert scorers.wrongful_blame(quiet, answer(SHARD)) is None


def test_a_decoy() -> None:
    decoy = expected(innocent=[VERSION])
    assert scorers.innocent_blamed(decoy, answer(SHARD)) == 0.0
    assert scorers.innocent_blamed(decoy, answer(SHARD, VERSION)) == 1.0
    assert scorers.innocent_blamed(decoy, answer({**SHARD, **VERSION})) == 0.0


@pytest.mark.parametrize(
    ("actions", "right"),
    [
        ([{"kind": "drain", "target": SHARD}], 1.0),
        ([{"kind": "look", "target": SHARD}], 0.0),
        ([{"kind": "drain", "target": {"shard_id": "shard-08"}}], 0.0),
        ([{"kind": "drain", "target": SHARD}, {"kind": "roll_back", "target": VERSION}], 0.0),
        ([{"kind": "drain", "target": SHARD}, {"kind": "roll_back", "urgency": "look", "target": VERSION}], 1.0),
        ([{"kind": "drain", "target": SHARD}, {"kind": "repair_runs", "target": {"scenario_name": "a"}}], 1.0),
        ([], 0.0),
    ],
)
def test_actions(actions: list[dict[str, Any]], right: float) -> None:
    assert scorers.actions(expected(), answer(SHARD, actions=actions)) == right


PAIR = {"availability_zone": "a", "client_type": "x"}


def test_requests_are_taken_away_only_where_they_fail() -> None:
    pair = expected(causes=[{"any_of": [PAIR], "actions": ["redirect_traffic"]}])
    all_of_the_zone = {"kind": "redirect_traffic", "target": {"availability_zone": "a"}}
    just_those = {"kind": "redirect_traffic", "target": PAIR}
    assert scorers.actions(pair, answer(PAIR, actions=[just_those])) == 1.0
    assert scorers.actions(pair, answer(PAIR, actions=[all_of_the_zone])) == 0.0
    assert scorers.actions(pair, answer(PAIR, actions=[just_those, all_of_the_zone])) == 0.0


@pytest.mark.parametrize(
    ("actions", "right"),
    [
        ([{"kind": "drain", "target": SHARD}, {"kind": "look", "target": VERSION}], 1.0),
        ([{"kind": "look", "target": VERSION}, {"kind": "drain", "target": SHARD}], 0.0),
        ([{"kind": "drain", "urgency": "look", "target": SHARD}], 0.0),
        ([], 0.0),
    ],
)
def test_the_first_action(actions: list[dict[str, Any]], right: float) -> None:
    assert scorers.action_at_1(expected(), answer(SHARD, actions=actions)) == right
    only_a_look = expected(causes=[{"any_of": [SHARD], "actions": ["look"]}])
    assert scorers.action_at_1(only_a_look, answer(SHARD, actions=actions)) is None


def test_exact_descriptions() -> None:
    pair = expected(causes=[{"any_of": [PAIR]}])
    assert scorers.exact(pair, answer(PAIR)) == 1.0
    assert scorers.exact(pair, answer({"availability_zone": "a"})) == 0.0
    assert scorers.exact(pair, answer({**PAIR, "shard_id": "s"})) == 0.0
    assert scorers.exact(pair, answer(PAIR, VERSION)) == pytest.approx(2 / 3)
    narrower = expected(causes=[{"any_of": [SHARD], "exactly": [{**SHARD, "client_type": "x"}]}])
    assert scorers.exact(narrower, answer({**SHARD, "client_type": "x"})) == 1.0
    assert scorers.exact(narrower, answer(SHARD)) == 0.0
    assert scorers.cause_at(1)(narrower, answer(SHARD)) == 1.0
    assert scorers.exact(expected(causes=[]), answer(SHARD)) is None


@pytest.mark.parametrize(("minute", "two", "five"), [(59, 1.0, 1.0), (2, 1.0, 1.0), (4, 0.0, 1.0), (6, 0.0, 0.0)])
def test_the_measured_start(minute: int, two: float, five: float) -> None:
    began = expected(began="2026-03-10T14:00:00Z")
    measured = answer(SHARD, onset={"measured": f"2026-03-10T{13 if minute == 59 else 14}:{minute:02d}:00Z"})
    assert scorers.start_within(2)(began, measured) == two
    assert scorers.start_within(5)(began, measured) == five
    assert scorers.start_within(5)(began, answer(SHARD)) == 0.0
    assert scorers.start_within(5)(began, answer(SHARD, onset={"measured": None})) == 0.0
    assert scorers.start_within(5)(expected(), measured) is None


def test_what_the_prose_must_say_and_must_not() -> None:
    lost = expected(says=[r"requests.*fell"], never_says=[r"within the SLA"])
    assert scorers.said(lost, answer(prose="Requests of the service fell by 95 %.")) == 1.0
    assert scorers.said(lost, answer(prose="Nothing was found.")) == 0.0
    assert scorers.said(lost, answer(prose="Requests fell, and it is within the SLA.")) == 0.0
    assert scorers.said(expected(never_says=[r"within the SLA"]), answer(prose="Errors.")) == 1.0
    assert scorers.said(expected(), answer(prose="x")) is None


def test_parameters_are_exact_and_times_are_instants() -> None:
    wanted = expected(parameters={"region": "us-east", "incident_start": "2026-03-10T14:00:00Z", "threshold": 99.9})
    given = {"region": "us-east", "incident_start": "2026-03-10T15:00:00+01:00", "threshold": 99.9}
    assert scorers.parameters(wanted, answer(parameters=given)) == 1.0
    assert scorers.parameters(wanted, answer(parameters={**given, "incident_start": "2026-03-10T14:01:00Z"})) == 0.0
    assert scorers.parameters(wanted, answer(parameters={**given, "threshold": 99.95})) == 0.0
    unknown = expected(parameters={"incident_start": "unknown"})
    assert scorers.parameters(unknown, answer(parameters={"incident_start": None})) == 1.0
    assert scorers.parameters(unknown, answer(parameters=given)) == 0.0


def test_checks_labels_gaps_and_tier() -> None:
    ran = [{"step": step, "status": "ok", "label": "L"} for step in range(2, 11)]
    gap = expected(gaps=[{"step": 3, "status": "not_applicable"}])
    assert scorers.checks(expected(), answer(checks=ran)) == 1.0
    assert scorers.checks(gap, answer(checks=ran)) == pytest.approx(8 / 9)
    assert scorers.labels({2: "L", 3: "M"}, answer(checks=ran)) == 0.5
    assert scorers.labels({}, answer(checks=ran)) is None
    assert scorers.gaps(gap, answer()) == 0.0
    assert scorers.gaps(gap, answer(gaps=[{"step": 3, "status": "not_applicable"}])) == 1.0
    assert scorers.tier(expected(), answer(SHARD)) == 1.0
    assert scorers.tier(expected(), answer(VERSION)) == 0.0
    assert scorers.questions(expected(asked=["region"]), ["region"]) == 1.0
    assert scorers.questions(expected(), ["region"]) == 0.0


def test_each_suspicion_wants_the_right_word() -> None:
    asked = expected(suspected=[{"words": "DNS", "answer": "not in this telemetry"}, {"words": "pay", "answer": "no"}])
    right = [{"words": "dns", "answer": "not in this telemetry"}, {"words": "pay component", "answer": "no"}]
    assert scorers.suspicions(asked, answer(suspicions=right)) == 1.0
    assert scorers.suspicions(asked, answer(suspicions=[*right[:1], {"words": "pay", "answer": "yes"}])) == 0.5
    assert scorers.suspicions(asked, answer(suspicions=[])) == 0.0
    assert scorers.suspicions(asked, answer()) is None
    assert scorers.suspicions(expected(), answer(suspicions=right)) is None


@pytest.mark.parametrize(("rows", "columns", "fits"), [(22, 80, 1.0), (23, 10, 0.0), (5, 81, 0.0)])
def test_a_screen_has_22_rows_of_80_columns(rows: int, columns: int, fits: float) -> None:
    assert scorers.fits(answer(screen="\n".join(["x" * columns] * rows))) == fits
    assert scorers.fits(answer()) is None


def test_the_headline_wants_the_right_cause_and_nobody_else_blamed() -> None:
    assert scorers.nobody_blamed(expected(), answer(SHARD)) == 1.0
    assert scorers.nobody_blamed(expected(), answer(SHARD, VERSION)) == 0.0
    assert scorers.nobody_blamed(expected(), answer(VERSION)) == 0.0
    quiet = expected(causes=[], incident=False)
    assert scorers.nobody_blamed(quiet, answer()) == 1.0
    assert scorers.nobody_blamed(quiet, answer(SHARD)) == 0.0
    assert scorers.nobody_blamed(quiet, answer(SHARD, confidence="suspected")) == 1.0

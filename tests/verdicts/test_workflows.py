"""Workflows whose runs fail: what breaks them, or that they break by themselves. One run is one request here."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from tests.samples import finding
from tests.verdicts.made import LIMITS, START, Part, explained, made
from tsg_agent.evidence.requests import Requests
from tsg_agent.models import Confidence, Finding, OnsetKind, Tier
from tsg_agent.statistics import Bools
from tsg_agent.verdicts.onset import ChangePoint
from tsg_agent.verdicts.runs import Runs
from tsg_agent.verdicts.workflows import FailingWorkflow, WorkflowJudge

BEGIN = datetime(2026, 3, 10, 12, 5)
CRITICAL = finding(
    9,
    {"scenario_name": "pay", "business_criticality": "CRITICAL", "workflow_status": "CRITICAL_SCENARIO_FAILING"},
    {"scenario_name": "look", "business_criticality": "LOW", "workflow_status": "NO_CRITICAL_FAILURE"},
)


def world(pay: float = 0.01, look: float = 0.01, per_minute: float = 10, before: float = 0.01) -> list[Part]:
    """Runs of two workflows in two shards; those of `pay` and `look` fail with their request."""
    return [
        Part({"shard_id": shard, "scenario_name": name}, per_minute, before, share)
        for name, share in (("pay", pay), ("look", look))
        for shard in ("s1", "s2")
    ]


def apart(requests: Requests) -> tuple[Requests, np.ndarray]:
    """The requests without their workflow, and the workflow of each."""
    column = next(one for one in requests.columns if one.dimension.columns == ("scenario_name",))
    names = np.array([name for (name,) in column.values])[column.codes]
    return replace(requests, columns=[one for one in requests.columns if one is not column]), names


def frame(requests: Requests, names: np.ndarray, failed: Bools) -> pd.DataFrame:
    """A run for each request: WorkflowAnalysis.runs."""
    return pd.DataFrame({
        "scenario_name": names,
        "correlation_id": [f"r{place}" for place in range(len(requests))],
        "timestamp": np.datetime64(BEGIN, "us") + requests.second.astype("timedelta64[s]"),
        "failed": failed,
    })  # fmt: skip


def judged(
    parts: list[Part],
    *,
    silent: dict[str, float] | None = None,
    known: Finding | None = CRITICAL,
    reported: float | None = START,
) -> list[FailingWorkflow]:
    """`silent`: workflow -> the share of its runs that fail since the start although their requests succeed."""
    requests, names = apart(made(*parts, runs=True))
    failed = requests.kind >= 12
    late = requests.second >= 60 * START
    for name, share in (silent or {}).items():
        mine = np.flatnonzero((names == name) & late)
        failed[mine[(np.arange(len(mine)) * 0.618) % 1 < share]] = True
    one = explained(requests, reported=reported)
    runs = Runs.of(frame(requests, names, failed), BEGIN, requests)
    return WorkflowJudge(runs, reported, known, LIMITS).judged(one.found, list(one.moments.values()))


def by_name(found: list[FailingWorkflow]) -> dict[str, FailingWorkflow]:
    return {one.scenario: one for one in found}


def test_a_workflow_that_fails_behind_answers_of_200_is_a_cause_of_its_own() -> None:
    (one,) = judged(world(), silent={"pay": 0.3})
    assert (one.scenario, one.confidence, one.tier) == ("pay", Confidence.CONFIRMED, Tier.DEFINITIVE)
    assert one.moment is not None and abs(one.moment.start - START) <= 1
    assert one.onset.before is not None and one.onset.before.percent == pytest.approx(1, abs=0.3)
    assert one.onset.after is not None and one.onset.after.percent == pytest.approx(31, abs=2)
    assert one.broken_by == ()


def test_of_two_workflows_that_break_the_smaller_one_is_no_rise_of_all() -> None:
    """Beside the larger alone it would rise no more than the rest does."""
    smaller = [replace(part, per_minute=part.per_minute / 4) if part.values["scenario_name"] == "look" else part
               for part in world()]  # fmt: skip
    few = replace(OTHERS[0], per_minute=8)  # beside many others the larger would be no large part of the rest
    found = by_name(judged([*smaller, few], silent={"pay": 0.6, "look": 0.3}))
    assert {name: one.confidence for name, one in found.items()} == dict.fromkeys(("pay", "look"), Confidence.CONFIRMED)


@pytest.mark.parametrize("reported", [None, START - 30, START + 30])
def test_a_workflows_start_is_measured_too(reported: float | None) -> None:
    (one,) = judged(world(), silent={"pay": 0.2}, reported=reported)
    assert one.moment is not None and abs(one.moment.start - START) <= 1


def test_only_a_critical_workflow_is_definitive() -> None:
    (one,) = judged(world(), silent={"look": 0.3})
    assert (one.confidence, one.tier) == (Confidence.CONFIRMED, Tier.POTENTIAL)
    (unnamed,) = judged(world(), silent={"pay": 0.3}, known=None)
    assert unnamed.tier is Tier.POTENTIAL


def broken_shard(share: float = 0.4) -> list[Part]:
    return [replace(part, after=share) if part.values["shard_id"] == "s1" else part for part in world()]


OTHERS = [Part({"shard_id": "s2", "scenario_name": name}, 60, 0.01, 0.01) for name in ("help", "mail")]
"""Workflows that do not meet the shard."""


def test_workflows_that_fail_in_a_causes_requests_are_its_impact() -> None:
    found = by_name(judged([*broken_shard(), *OTHERS]))
    assert sorted(found) == ["look", "pay"]
    for one in found.values():
        assert one.confidence is None
        assert [cause.subject for cause in one.broken_by] == [{"shard_id": "s1"}]
        assert one.without is not None and one.without.percent < 2


def test_workflows_that_all_fail_alike_in_a_causes_requests_are_its_impact() -> None:
    found = by_name(judged(broken_shard()))
    assert sorted(found) == ["look", "pay"]
    assert [one.confidence for one in found.values()] == [None, None]


def test_a_workflow_that_breaks_beside_a_cause_is_a_cause_of_its_own() -> None:
    """The shard breaks both; the runs of `pay` in the other shard fail as well."""
    found = by_name(judged([*broken_shard(), *OTHERS], silent={"pay": 0.4}))
    assert found["pay"].confidence is Confidence.CONFIRMED
    assert found["look"].confidence is None


def test_runs_that_a_cause_broke_are_not_counted_for_the_workflows_step() -> None:
    found = by_name(judged([*broken_shard(), *OTHERS], silent={"pay": 0.4}))
    assert len(found["pay"].explained) > 500


def test_in_an_outage_a_workflow_that_only_follows_its_requests_is_no_cause() -> None:
    """All requests fail, those of payments more: no description explains it, and no workflow either."""
    found = judged(world(pay=0.7, look=0.3))
    assert [(one.scenario, one.confidence, one.broken_by) for one in found] == [("pay", None, ())]


def test_a_workflow_that_rises_with_all_others_is_not_apart() -> None:
    assert judged(world(), silent={"pay": 0.3, "look": 0.3}) == []


def test_quiet_workflows_are_nothing() -> None:
    assert judged(world()) == []


def test_a_critical_workflow_that_always_failed_is_found_without_a_start() -> None:
    (one,) = judged(
        [replace(part, before=0.1, after=0.1) if part.values["scenario_name"] == "pay" else part for part in world()]
    )
    assert (one.scenario, one.moment, one.confidence, one.tier) == ("pay", None, Confidence.CONFIRMED, Tier.DEFINITIVE)
    assert (one.onset.kind, one.onset.z) == (OnsetKind.UNKNOWN, None)
    assert one.contrast.rest is not None and one.contrast.significant
    assert one.gate.open


def test_what_always_failed_is_no_cause_of_an_incident_that_has_a_start() -> None:
    always = [
        replace(part, before=0.1, after=0.1) if part.values["scenario_name"] == "pay" else part for part in world()
    ]
    other = Part({"shard_id": "s3", "scenario_name": "help"}, 20, 0.01, 0.5)
    assert [one.scenario for one in judged([*always, other]) if one.confidence is not None] == []


def test_a_workflow_of_little_worth_that_always_failed_is_not_told() -> None:
    parts = [
        replace(part, before=0.1, after=0.1) if part.values["scenario_name"] == "look" else part for part in world()
    ]
    assert judged(parts) == []


@pytest.mark.parametrize(("share", "found"), [(0.05, 0), (0.5, 1)])
def test_a_small_sample_may_still_be_complete(share: float, found: int) -> None:
    """One of twenty failed: its completion rate may still be 99 % and more. Half of them is no chance."""
    requests, names = apart(made(Part({"shard_id": "s", "scenario_name": "look"}, 10), runs=True))
    names[:20] = "pay"
    failed = np.zeros(len(requests), bool)
    failed[: round(20 * share)] = True
    runs = Runs.of(frame(requests, names, failed), BEGIN, requests)
    assert len(WorkflowJudge(runs, None, CRITICAL, LIMITS).judged([], [])) == found


def test_a_run_without_a_workflows_name_counts_in_the_whole_only() -> None:
    requests, names = apart(made(*world(), runs=True))
    told = frame(requests, names, requests.kind >= 12)
    told.loc[told.index[:50], "scenario_name"] = None
    runs = Runs.of(told, BEGIN, requests)
    assert (runs.scenario < 0).sum() == 50
    assert runs.names == ["look", "pay"]


def test_a_workflows_start_is_the_requests_where_they_are_near() -> None:
    requests, names = apart(made(*world(), runs=True))
    failed = requests.kind >= 12
    failed |= (names == "pay") & (requests.second >= 60 * START) & (np.arange(len(names)) % 3 == 0)
    runs = Runs.of(frame(requests, names, failed), BEGIN, requests)
    near, far = (ChangePoint(START + by, START, START, None, 20.0, 1.0) for by in (3, 40))
    assert runs.moment(None, [near]) is near
    moment = runs.moment(None, [far])
    assert moment is not None and abs(moment.start - START) <= 1


def test_a_run_before_the_window_counts_at_its_begin() -> None:
    early = pd.DataFrame({
        "scenario_name": ["pay"], "correlation_id": ["x"], "failed": [True],
        "timestamp": [np.datetime64(BEGIN - timedelta(minutes=9), "us")],
    })  # fmt: skip
    runs = Runs.of(early, BEGIN.replace(tzinfo=UTC).replace(tzinfo=None), made(*world()))
    assert (runs.minute.tolist(), runs.place.tolist()) == ([0], [-1])

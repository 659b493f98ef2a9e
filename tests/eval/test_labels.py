"""The incidents are what their author's script writes, and each label can be recovered from the rows."""

from pathlib import Path

import pytest

from eval.author import files_of, true_faults
from eval.cache import telemetry_of
from eval.cases import INCIDENTS, Case
from eval.drafts import DRAFTS, SECOND_EDITION, Draft
from eval.rows import Rows, before_and_after, p_of_a_rise
from tsg_agent.simulator.scenario import FLAG_DIMENSIONS, Fault, FaultEffect

CERTAIN = 1e-4


def test_there_is_a_folder_for_each_draft_and_no_other(cases: dict[str, Case]) -> None:
    assert sorted(cases) == sorted(draft.id for draft in DRAFTS)


def test_every_kind_of_incident_is_there(cases: dict[str, Case]) -> None:
    groups = [case.expected.group for case in cases.values()]
    assert len(cases) >= 60
    for step in range(2, 11):
        assert groups.count(f"step {step}") >= 4
    assert groups.count("no incident") >= 10
    for group in ("two causes", "loud symptom", "decoy", "outage", "outside", "pre-existing", "recording", "report"):
        assert groups.count(group) >= 2
    for group in ("conjunction", "canary", "4xx", "429", "lost traffic", "unequal", "overlap", "spans", "told start"):
        assert groups.count(group) >= 3, group
    tags = {tag for case in cases.values() for tag in case.expected.tags}
    assert {"strong", "weak", "slow burn", "sparse", "missing", "late", "clock skew", "NULLs", "local times"} <= tags


@pytest.mark.parametrize("draft", DRAFTS, ids=lambda draft: draft.id)
def test_the_files_are_current(draft: Draft, cache: Path) -> None:
    """`python -m eval.author` writes them again."""
    for name, text in files_of(draft, cache).items():
        assert (INCIDENTS / draft.id / name).read_text(encoding="utf-8") == text


CAUSES = [(draft, number) for draft in DRAFTS for number in range(len(true_faults(draft)))]


def one_of(
    draft: Draft, number: int, cases: dict[str, Case], cache: Path
) -> tuple[Rows, Fault, dict[str, str], list[dict[str, str]]]:
    """The incident's rows; one of its faults and what it hits; what its other faults hit."""
    case = cases[draft.id]
    assert case.recipe
    faults = true_faults(draft)
    fault, subject = faults[number]
    others = [other for at, (_, other) in enumerate(faults) if at != number]
    return Rows(telemetry_of(case, cache), case.recipe.scenario), fault, subject, others


@pytest.mark.parametrize(("draft", "number"), CAUSES, ids=lambda value: value.id if isinstance(value, Draft) else value)
def test_a_label_can_be_recovered(draft: Draft, number: int, cases: dict[str, Case], cache: Path) -> None:
    """Given the true subject, its rows alone show the rise, whatever any agent finds."""
    rows, fault, subject, others = one_of(draft, number, cases, cache)
    table = before_and_after(rows, fault, subject, others)
    assert p_of_a_rise(*table) < CERTAIN, table


LONGER = [
    (draft, number, dropped)
    for draft, number in CAUSES
    for dropped in true_faults(draft)[number][1]
    if draft.exact and dropped not in FLAG_DIMENSIONS
]


@pytest.mark.parametrize(
    ("draft", "number", "dropped"), LONGER, ids=lambda value: value.id if isinstance(value, Draft) else value
)
def test_a_conjunction_is_told_from_what_says_less(
    draft: Draft, number: int, dropped: str, cases: dict[str, Case], cache: Path
) -> None:
    """What a shorter description means beside it fails less, beyond chance, and hardly rises."""
    rows, fault, subject, others = one_of(draft, number, cases, cache)
    own = before_and_after(rows, fault, subject, others)
    shorter = {name: value for name, value in subject.items() if name != dropped}
    rest = before_and_after(rows, fault, shorter, [*others, subject])
    assert rest[3] >= 40
    assert p_of_a_rise(*rest[2:], *own[2:]) < CERTAIN, (own, rest)
    assert rest[2] / rest[3] - rest[0] / rest[1] < 0.1 * (own[2] / own[3] - own[0] / own[1]), (own, rest)


@pytest.mark.parametrize("draft", [draft for draft in DRAFTS if not draft.incident], ids=lambda draft: draft.id)
def test_no_incident_is_none(draft: Draft) -> None:
    assert not true_faults(draft)


def test_a_fall_is_no_rise() -> None:
    assert p_of_a_rise(10, 100, 5, 100) == 1.0
    assert p_of_a_rise(0, 0, 5, 100) == 1.0
    assert p_of_a_rise(1, 100, 30, 100) < CERTAIN


def test_incidents_of_the_second_edition_are_at_random_times(cases: dict[str, Case]) -> None:
    second = [cases[draft.id] for draft in SECOND_EDITION]
    assert len(second) >= 30
    scenarios = [case.recipe.scenario for case in second if case.recipe]
    assert len({scenario.incident_start for scenario in scenarios}) > 0.9 * len(second)
    assert len({scenario.last - scenario.incident_start for scenario in scenarios}) > 0.6 * len(second)
    late = [case.recipe.report.start_error_minutes for case in second if case.recipe]
    assert sum(18 <= minutes <= 30 for minutes in late) >= 8
    assert sum(minutes == 0 for minutes in late) >= 8


LOSING = [draft for draft in DRAFTS if any(one.effect is FaultEffect.LOST for one in draft.faults)]


@pytest.mark.parametrize("draft", LOSING, ids=lambda draft: draft.id)
def test_lost_traffic_is_seen_in_the_rows(draft: Draft, cases: dict[str, Case], cache: Path) -> None:
    case = cases[draft.id]
    assert case.recipe
    scenario = case.recipe.scenario
    rows = Rows(telemetry_of(case, cache), scenario)
    [lost] = [one for one in scenario.faults if one.effect is FaultEffect.LOST]
    times = rows.log.loc[rows.matching(lost.where), "timestamp"]
    late = times >= scenario.incident_start
    minutes = (scenario.last - scenario.incident_start).total_seconds() / 60
    assert late.sum() / minutes < 0.1 * (~late).sum() / 120

"""The incidents are what their author's script writes, and each label can be recovered from the rows."""

from pathlib import Path

import pytest

from eval.author import files_of, true_faults
from eval.cache import telemetry_of
from eval.cases import INCIDENTS, Case
from eval.drafts import DRAFTS, Draft
from eval.rows import Rows, before_and_after, p_of_a_rise

CERTAIN = 1e-4


def test_there_is_a_folder_for_each_draft_and_no_other(cases: dict[str, Case]) -> None:
    assert sorted(cases) == sorted(draft.id for draft in DRAFTS)


def test_what_the_issue_asks_for_is_there(cases: dict[str, Case]) -> None:
    groups = [case.expected.group for case in cases.values()]
    assert len(cases) >= 60
    for step in range(2, 11):
        assert groups.count(f"step {step}") >= 4
    assert groups.count("no incident") >= 10
    for group in ("two causes", "loud symptom", "decoy", "outage", "outside", "pre-existing", "recording", "report"):
        assert groups.count(group) >= 2
    tags = {tag for case in cases.values() for tag in case.expected.tags}
    assert {"strong", "weak", "slow burn", "sparse", "missing", "late", "clock skew", "NULLs", "local times"} <= tags


@pytest.mark.parametrize("draft", DRAFTS, ids=lambda draft: draft.id)
def test_the_files_are_current(draft: Draft, cache: Path) -> None:
    """`python -m eval.author` writes them again."""
    for name, text in files_of(draft, cache).items():
        assert (INCIDENTS / draft.id / name).read_text(encoding="utf-8") == text


CAUSES = [(draft, number) for draft in DRAFTS for number in range(len(true_faults(draft)))]


@pytest.mark.parametrize(("draft", "number"), CAUSES, ids=lambda value: value.id if isinstance(value, Draft) else value)
def test_a_label_can_be_recovered(draft: Draft, number: int, cases: dict[str, Case], cache: Path) -> None:
    """Given the true subject, its rows alone show the rise, whatever any agent finds."""
    case = cases[draft.id]
    assert case.recipe
    rows = Rows(telemetry_of(case, cache), case.recipe.scenario)
    faults = true_faults(draft)
    fault, subject = faults[number]
    others = [other for at, (_, other) in enumerate(faults) if at != number]
    table = before_and_after(rows, fault, subject, others)
    assert p_of_a_rise(*table) < CERTAIN, table


@pytest.mark.parametrize("draft", [draft for draft in DRAFTS if not draft.incident], ids=lambda draft: draft.id)
def test_no_incident_is_none(draft: Draft) -> None:
    assert not true_faults(draft)


def test_a_fall_is_no_rise() -> None:
    assert p_of_a_rise(10, 100, 5, 100) == 1.0
    assert p_of_a_rise(0, 0, 5, 100) == 1.0
    assert p_of_a_rise(1, 100, 30, 100) < CERTAIN

"""What is taken out of an incident, and when a figure is near enough."""

import pytest

from eval.cases import ExpectedCause
from eval.drafts import DRAFTS
from eval.effects import Compared, without


def cause(**subject: str) -> ExpectedCause:
    return ExpectedCause(any_of=(subject,))


def test_only_the_faults_of_the_cause_go() -> None:
    draft = next(one for one in DRAFTS if one.id == "overlap-version-and-flag")
    scenario = draft.made(1)
    wheres = [dict(fault.where) for fault in scenario.faults]
    version = next(where for where in wheres if "service_version" in where)
    left = without(scenario, cause(**version))
    assert [dict(fault.where) for fault in left.faults] == [where for where in wheres if where != version]
    assert (left.rollout, left.seed) == (scenario.rollout, scenario.seed)


def test_a_fault_that_is_narrower_than_its_cause_goes_with_it() -> None:
    draft = next(one for one in DRAFTS if one.id == "version-one-component")
    assert without(draft.made(1), cause(service_version="3.15.0")).faults == ()


@pytest.mark.parametrize(
    ("now", "expected", "true", "right"),
    [(10.0, 1.9, 1.0, True), (10.0, 2.0, 1.0, False), (1.2, 0.75, 0.5, True), (1.2, 0.85, 0.5, False)],
)
def test_a_tenth_of_what_was_lost_or_three_tenths_of_a_point(
    now: float, expected: float, true: float, right: bool
) -> None:
    assert Compared("x", now, expected, true).right is right

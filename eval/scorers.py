"""The scores of one answer, each its own number. None = the incident does not ask for it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

from eval.answer import Answer, Blamed, Proposed
from eval.cases import Expected, ExpectedCause
from eval.grounding import grounded

STEPS = range(2, 11)
Score: TypeAlias = float | None
CHANGES = (
    "roll_back", "set_flag", "redirect_traffic", "scale", "drain", "mitigate_workflow", "relieve_rate_limiting",
    "fix_error", "fix_endpoint", "act_for_tier",
)  # fmt: skip
"""Actions that change something, on one subject; on a wrong one they do harm."""
PLACES = ("region", "datacenter", "availability_zone")


def parameters(expected: Expected, answer: Answer) -> Score:
    """1 if every labelled parameter is exactly right."""
    wanted = expected.parameters.model_dump(mode="json", exclude_none=True)
    if not wanted:
        return None
    return float(all(_same(value, answer.parameters.get(name)) for name, value in wanted.items()))


def questions(expected: Expected, asked: list[str]) -> Score:
    """1 if exactly what the text leaves open was asked for."""
    return float(set(expected.asked) == set(asked))


def checks(expected: Expected, answer: Answer) -> Score:
    """Share of Steps 2-10 that ran and ended as they had to: ok, or the expected gap."""
    gaps = {gap.step: gap.status for gap in expected.gaps}
    ended = {check.step: check.status for check in answer.checks}
    return sum(ended.get(step) == gaps.get(step, "ok") for step in STEPS) / len(STEPS)


def labels(truth: dict[int, str], answer: Answer) -> Score:
    """Share of the steps whose gravest label is the guide's; `truth` is worked out from the rows, not by an agent."""
    if not truth:
        return None
    given = {check.step: check.label for check in answer.checks}
    return sum(given.get(step, "") == label for step, label in truth.items()) / len(truth)


def cause_at(rank: int) -> Callable[[Expected, Answer], Score]:
    """1: a true cause is first. Above: all true causes are among the first `rank`."""

    def score(expected: Expected, answer: Answer) -> Score:
        if not expected.causes:
            return None
        top = answer.causes[:rank]
        found = [any(cause.holds(blamed.subject, blamed.step) for blamed in top) for cause in expected.causes]
        return float(any(found) if rank == 1 else all(found))

    return score


def exact(expected: Expected, answer: Answer) -> Score:
    """F1 of the named subjects, suspects too: a cause is named where one of them is its whole description, no more."""
    if not expected.causes:
        return None
    right = sum(any(cause.is_exactly(b.subject, b.step) for b in answer.causes) for cause in expected.causes)
    return 2 * right / (len(expected.causes) + len(answer.causes))


def start_within(minutes: float) -> Callable[[Expected, Answer], Score]:
    """1 if the start was measured, and is no further from the true one than so many minutes."""

    def score(expected: Expected, answer: Answer) -> Score:
        if expected.began is None:
            return None
        measured = answer.onset.measured if answer.onset else None
        return float(measured is not None and abs((measured - expected.began).total_seconds()) <= 60 * minutes)

    return score


def said(expected: Expected, answer: Answer) -> Score:
    """Share of what must be said that the prose says; 0 if it says what it must not."""
    if not expected.says and not expected.never_says:
        return None
    if any(re.search(pattern, answer.prose, re.IGNORECASE) for pattern in expected.never_says):
        return 0.0
    found = [bool(re.search(pattern, answer.prose, re.IGNORECASE)) for pattern in expected.says]
    return sum(found) / len(found) if found else 1.0


def confirmed_share(expected: Expected, answer: Answer) -> Score:
    """Share of the true causes that are confirmed, not only suspected."""
    if not expected.causes:
        return None
    sure = confirmed(answer)
    return sum(any(c.holds(b.subject, b.step) for b in sure) for c in expected.causes) / len(expected.causes)


def tier(expected: Expected, answer: Answer) -> Score:
    """1 if each true cause that has a labelled tier is given it."""
    wanted = [cause for cause in expected.causes if cause.tier]
    if not wanted:
        return None
    return float(all(_tier_of(cause, answer) == cause.tier for cause in wanted))


def _tier_of(cause: ExpectedCause, answer: Answer) -> str | None:
    return next((b.tier for b in answer.causes if cause.holds(b.subject, b.step)), None)


def false_alarm(expected: Expected, answer: Answer) -> Score:
    """1 if a cause is confirmed where nothing is wrong. Less is better."""
    return None if expected.incident else float(bool(confirmed(answer)))


def wrongful_blame(expected: Expected, answer: Answer) -> Score:
    """1 if anything is confirmed as a cause, in an incident, that is none of its true causes. Less is better."""
    if not expected.incident:
        return None  # that is a false alarm
    return float(any(not _true(expected, b) for b in confirmed(answer)))


def innocent_blamed(expected: Expected, answer: Answer) -> Score:
    """1 if a named decoy is confirmed as a cause. Less is better."""
    if not expected.innocent:
        return None
    guilty = [b for b in confirmed(answer) if not _true(expected, b)]
    return float(any(item.items() <= b.subject.items() for item in expected.innocent for b in guilty))


def actions(expected: Expected, answer: Answer) -> Score:
    """1 if each true cause gets a right action, and nothing else is to be changed."""
    harm = any(_harmful(expected, action) for action in answer.actions)
    wanted = [cause for cause in expected.causes if cause.actions]
    return float(not harm and all(any(_answers(cause, a) for a in answer.actions) for cause in wanted))


def action_at_1(expected: Expected, answer: Answer) -> Score:
    """1 if the first action is for now, and right for a true cause; None where no cause can be acted on at once."""
    wanted = [cause for cause in expected.causes if set(cause.actions) & set(CHANGES)]
    if not wanted:
        return None
    first = answer.actions[:1]
    return float(bool(first) and first[0].urgency == "now" and any(_answers(cause, first[0]) for cause in wanted))


MOVES = ("redirect_traffic", "drain")
"""Actions that take requests away from where they fail: no others than these, so they name the whole description."""


def _answers(cause: ExpectedCause, action: Proposed) -> bool:
    if action.kind not in cause.actions:
        return False
    target = {key: str(value) for key, value in action.target.items()}
    if action.kind in MOVES and cause.any_of:
        return any(one.items() <= target.items() for one in cause.any_of)
    return not cause.any_of or any(set(one.items()) & set(target.items()) for one in cause.any_of)


def _harmful(expected: Expected, action: Proposed) -> bool:
    """A change, now, of something that is no true cause. What a cause merely shows in may be acted on for its users."""
    if action.kind not in CHANGES or action.urgency != "now":
        return False
    if action.kind == "act_for_tier":
        return not expected.causes
    target = {key: str(value) for key, value in action.target.items()}
    return not any(
        _answers(cause.model_copy(update={"actions": (action.kind,)}), action) for cause in expected.causes
    ) and bool(target)


def gaps(expected: Expected, answer: Answer) -> Score:
    """Share of the expected gaps that are stated."""
    if not expected.gaps:
        return None
    stated = {(gap.step, gap.status) for gap in answer.gaps}
    return sum((gap.step, gap.status) in stated for gap in expected.gaps) / len(expected.gaps)


def suspicions(expected: Expected, answer: Answer) -> Score:
    """Share of what the text suspects that is answered with the right word."""
    if not expected.suspected or answer.suspicions is None:
        return None
    given = {one.words.casefold(): one.answer for one in answer.suspicions}
    right = [
        any(want.words.casefold() in words and said == want.answer for words, said in given.items())
        for want in expected.suspected
    ]
    return sum(right) / len(right)


ROWS, COLUMNS = 22, 80
"""What a screen of 24 rows shows above its prompt."""


def fits(answer: Answer) -> Score:
    """1 if the short conclusion is on one screen."""
    rows = answer.screen.splitlines()
    return None if not rows else float(len(rows) <= ROWS and max(map(len, rows)) <= COLUMNS)


def nobody_blamed(expected: Expected, answer: Answer) -> Score:
    """1 if the first cause is right and nobody is wrongly blamed; where nothing is wrong, if nothing is confirmed."""
    right = cause_at(1)(expected, answer) if expected.causes else 1.0
    return float(right == 1.0 and not any(not _true(expected, blamed) for blamed in confirmed(answer)))


def grounding(text: str, answer: Answer) -> Score:
    """Share of the prose's numbers that are in the evidence or in the incident's text."""
    if answer.evidence is None or not answer.prose:
        return None
    return grounded(answer.prose, answer.evidence, text).share


def confirmed(answer: Answer) -> list[Blamed]:
    """The causes that are stated without reserve."""
    return [blamed for blamed in answer.causes if blamed.confidence == "confirmed"]


def _true(expected: Expected, blamed: Blamed) -> bool:
    return any(cause.holds(blamed.subject, blamed.step) for cause in expected.causes)


def _same(wanted: Any, given: Any) -> bool:
    if wanted == "unknown":
        return given is None
    if isinstance(wanted, str) and _instant(wanted) is not None:
        return _instant(given) == _instant(wanted)
    return bool(wanted == given)


def _instant(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


SHARES = (
    "right_nobody_blamed", "parameters", "questions", "checks", "labels", "cause_at_1", "cause_at_3", "exact",
    "confirmed", "tier", "actions", "action_at_1", "gaps", "suspicions", "one_screen", "said", "start_within_2",
    "start_within_5", "grounded",
)  # fmt: skip
"""Scores of which more is better, 0 to 1."""
FAULTS = ("failed", "false_alarm", "wrongful_blame", "innocent_blamed")
"""Scores of which less is better, 0 or 1."""
COSTS = ("seconds", "model_calls", "tokens", "cost")
"""What it took."""


def score(expected: Expected, text: str, answer: Answer, asked: list[str], truth: dict[int, str]) -> dict[str, Score]:
    """Every score but the time."""
    return {
        "right_nobody_blamed": nobody_blamed(expected, answer),
        "parameters": parameters(expected, answer),
        "questions": questions(expected, asked),
        "checks": checks(expected, answer),
        "labels": labels(truth, answer),
        "cause_at_1": cause_at(1)(expected, answer),
        "cause_at_3": cause_at(3)(expected, answer),
        "exact": exact(expected, answer),
        "confirmed": confirmed_share(expected, answer),
        "tier": tier(expected, answer),
        "actions": actions(expected, answer),
        "action_at_1": action_at_1(expected, answer),
        "gaps": gaps(expected, answer),
        "suspicions": suspicions(expected, answer),
        "one_screen": fits(answer),
        "said": said(expected, answer),
        "start_within_2": start_within(2)(expected, answer),
        "start_within_5": start_within(5)(expected, answer),
        "grounded": grounding(text, answer),
        "failed": 0.0,
        "false_alarm": false_alarm(expected, answer),
        "wrongful_blame": wrongful_blame(expected, answer),
        "innocent_blamed": innocent_blamed(expected, answer),
        "model_calls": float(answer.spent.model_calls),
        "tokens": float(answer.spent.input_tokens + answer.spent.output_tokens),
        "cost": answer.spent.cost,
    }


def failed(scores: dict[str, Score]) -> dict[str, Score]:
    """The scores of no answer: 0 where more is better. What blames nobody and costs nothing earns nothing by it: faults
    and costs are of answers, and left out.
    """
    asked_for = {name for name, value in scores.items() if value is not None} | {"grounded"}
    return {name: 0.0 if name in SHARES and name in asked_for else None for name in scores} | {"failed": 1.0}


def passed(scores: dict[str, Score]) -> bool:
    """Solved: causes right, nobody wrongly blamed, parameters and actions right. The rest is quality."""
    right = all(scores[name] in (None, 1.0) for name in ("parameters", "cause_at_1", "cause_at_3", "actions"))
    return right and not any(scores[name] for name in FAULTS)

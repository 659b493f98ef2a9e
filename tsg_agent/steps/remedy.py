"""What to do about a cause: proposals to a person. Nothing is executed.

A step says which of its columns call for which remedy; a cause gets the first that fits its description, for exactly
what it describes.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, auto
from typing import Any

from tsg_agent.columns import Nature, of_nature
from tsg_agent.models import Action, Cause, Finding, Measure
from tsg_agent.settings import AllThresholds
from tsg_agent.wording import cited, clock, name, sentence, subject_name

NOW, LOOK = "now", "look"
SYMPTOMS = (Measure.SLOW, Measure.SLOWER, Measure.RETRIES)
"""Measures without a known fix (slow or repeated requests): somebody must look."""
TAKEN_BACK = "taking it back for a part of the traffic would settle it"
MOVED = "moving a part of its traffic elsewhere would settle it"


@dataclass(frozen=True)
class Situation:
    """What a remedy may look at beside the cause: findings by step, limits, harmless labels, the start."""

    findings: Mapping[int, Finding]
    thresholds: AllThresholds
    harmless: frozenset[str]
    start: datetime | None


class Order(IntEnum):
    """In which order remedies are tried: what somebody changed goes before the place that it breaks."""

    UNDO = auto()
    RELIEVE = auto()
    BYPASS = auto()
    SCALE = auto()
    REDIRECT = auto()
    DRAIN = auto()
    SERVE = auto()
    LOOK = auto()
    FIX = auto()
    FIX_WHERE = auto()


@dataclass(frozen=True)
class Remedy:
    """One kind of proposal. Steps that share it share its columns: a description may name several of them.

    `propose`: cause, situation and the columns that call for it -> an action, None where it does not fit.
    """

    order: Order
    propose: Callable[[Cause, Situation, tuple[str, ...]], Action | None]
    settles: str = ""
    """What would tell a suspect from a cause."""


def remedy(kind: str, order: Order, text: str, settles: str = "") -> Remedy:
    """A remedy that is a sentence: {part} is what is acted on, {rest} what it is limited to."""

    def propose(cause: Cause, _: Situation, columns: tuple[str, ...]) -> Action | None:
        part = named(cause, columns)
        said = text.replace("{rest}", only_for(cause, columns)).replace("{part}", subject_name(part))
        return action(kind, said, cause) if part else None

    return Remedy(order, propose, settles)


def named(cause: Cause, columns: Iterable[str]) -> dict[str, str]:
    """The values of a description that belong to the given columns."""
    wanted = set(columns)
    return {column: value for column, value in cause.subject.items() if column in wanted}


def only_for(cause: Cause, acted_on: tuple[str, ...]) -> str:
    """The rest of a description, to which an action is limited: " for client type android"."""
    rest = {column: value for column, value in cause.subject.items() if column not in acted_on}
    return f" for {subject_name(rest)}" if rest else ""


def action(kind: str, text: str, cause: Cause, urgency: str = NOW, **target: Any) -> Action:
    """A proposal about a cause's own subject."""
    statement = sentence(text) + cited(cause.evidence)
    target = {**cause.subject, **target}
    return Action(
        kind=kind, urgency=urgency, statement=statement, target=target, cause=cause.rank, evidence=cause.evidence
    )


def proposal(kind: str, text: str, cause: Cause, evidence: list[str], target: dict[str, Any]) -> Action:
    """An action about something else than the cause's own subject, with evidence of its own."""
    statement = sentence(text) + cited(evidence)
    return Action(kind=kind, urgency=NOW, statement=statement, target=target, cause=cause.rank, evidence=evidence)


def look(cause: Cause, why: str) -> Action:
    """Propose a look at a cause without a remedy; a suspect's own text says what it falls short of."""
    return action("look", f"look at {subject_name(cause.subject)} before acting; {why}", cause, LOOK)


def under(cause: Cause, situation: Situation, threshold: str) -> str:
    """Says that the guide's own rule does not name a cause that the evidence confirms."""
    below = cause.label in situation.harmless
    return f" (under the guide's threshold of {threshold}; the evidence confirms it)" if below else ""


OWNERS = {
    "service_component": "the team of {} owns it; look first at its log{since}, and at what it changed then",
    "dependency_name": "whoever runs {} owns it; look first whether its callers reach it{since}",
}


def owned(found: Action, cause: Cause, situation: Situation) -> Action:
    """Add who owns what the guide has no remedy for, and what to look at first."""
    shown = [cause.subject, *(one.subject for one in cause.also_visible_in)]
    since = f" since {clock(situation.start)}" if situation.start is not None else ""
    for column, words in OWNERS.items():
        value = next((one[column] for one in shown if column in one), None)
        if value is not None:
            return found.model_copy(update={"how": words.replace("{since}", since).replace("{}", name(value))})
    return found


def _drain(cause: Cause, _: Situation, columns: tuple[str, ...]) -> Action | None:
    part, rest = named(cause, columns), only_for(cause, columns)
    if part and set(part) <= set(of_nature(Nature.TENANT)):
        text = f"shed or isolate {subject_name(part)}{rest}, so that it does not wear down the others"
    else:
        text = f"drain {subject_name(part)} and move its traffic to healthy ones{rest}"
    return action("drain", text, cause) if part else None


REDIRECT = remedy("redirect_traffic", Order.REDIRECT, "redirect traffic away from {part}{rest}", MOVED)
DRAIN = Remedy(Order.DRAIN, _drain, MOVED)

"""What failing interfaces call: a dependency that only failures name cannot be searched as a place. Pure numpy."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tsg_agent.columns import SUBJECTS, Nature
from tsg_agent.evidence.measurement import COMPONENT
from tsg_agent.evidence.requests import DimensionCodes
from tsg_agent.models import Subject
from tsg_agent.verdicts.causes import FAILING, Explained, Explainer, Found, describing
from tsg_agent.verdicts.members import AFTER_FAILED, BEFORE_FAILED

NAMED = 0.9
"""Share of a cause's failures beyond the usual ones that name the dependency."""
TOGETHER = 5
"""Minutes between the starts of what fails with one dependency."""


def with_dependencies(explained: Explained, explainer: Explainer) -> Explained:
    """Interfaces whose new failures name one dependency, which most failures before did not name, as that one cause.

    An endpoint says what was asked for, the dependency is nearer to where it breaks (columns.DEPTH). Places, versions
    and clients stay: others call the same dependency and are well. Where requests are directed (Requests) what failures
    named before says nothing, and where nothing is found all requests are asked.
    """
    found = explained.found
    if not found and explainer.requests.directed:
        found = _everything(explained, explainer)
    for column in explainer.requests.columns:
        about = column.dimension
        if about.nature is not Nature.COMPONENT or about.columns == (COMPONENT,):
            continue
        asked = [one for one in found if _is_interface(one)]
        named = [(one, code) for one in asked if (code := _dependency_of(one, column, explainer)) is not None]
        for code in dict.fromkeys(code for _, code in named):
            first = next(one for one, other in named if other == code)
            alike = [one for one, other in named if other == code and _goes_with(one, first)]
            others = [one for one in found if one not in alike]
            found = [_merged(alike, others, column.subject(code), explainer), *others]
    return replace(explained, found=[one for one in found if one.subject])


def _everything(explained: Explained, explainer: Explainer) -> list[Found]:
    """All requests as one description, by the first outcome that changed."""
    nobody = np.zeros(len(explainer.requests), bool)
    return [
        Found({}, measure, explained.moments[measure], ~nobody, nobody, 0.0, search)
        for measure, search in explained.searches.items()
        if measure in FAILING
    ][:1]


def _is_interface(one: Found) -> bool:
    """Whether a description names only what was asked for, not who asked."""
    columns = [SUBJECTS[name] for name in one.subject]
    return all(column.nature is Nature.INTERFACE and not column.people for column in columns)


def _goes_with(one: Found, first: Found) -> bool:
    return one.measure is first.measure and abs(one.moment.start - first.moment.start) <= TOGETHER


def _dependency_of(one: Found, column: DimensionCodes, explainer: Explainer) -> int | None:
    """The dependency that a cause's failures name since its start, beyond those expected from the time before."""
    requests, state = explainer.requests, explainer.state(one.measure, one.moment)
    ok0, failed0, ok1, failed1 = (requests.of_values(column, one.rows & (state == place)).sum() for place in range(4))
    more = failed1 - (ok1 + failed1) * failed0 / max(ok0 + failed0, 1.0)
    since = requests.of_values(column, one.rows & (state == AFTER_FAILED))[1:]
    unnamed, *before = requests.of_values(column, state == BEFORE_FAILED)
    code = int(since.argmax())
    if not since[code] or since[code] < NAMED * more:
        return None
    if requests.directed:
        return code
    if before[code] > (unnamed + sum(before)) / 2:
        return None
    edge = one.moment.before(explainer.guard)
    by_failures = column not in explainer.columns or describing(requests, column, np.array([code]), edge)[0]
    return code if by_failures else None


def _merged(alike: Sequence[Found], others: Sequence[Found], subject: Subject, explainer: Explainer) -> Found:
    """One cause of the requests of several."""
    nothing = np.zeros(len(explainer.requests), bool)
    return replace(
        alike[0],
        subject=subject,
        rows=np.logical_or.reduce([one.rows for one in alike]),
        others=np.logical_or.reduce([nothing, *(one.rows for one in others)]),
        worth=sum(one.worth for one in alike),
        same=[],
        merged=tuple(one.key for one in alike),
    )

"""Requests made by hand, for rules that need exact counts: failures are spread evenly, nothing is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from tests.samples import parameters
from tsg_agent.evidence.requests import (
    CLIENT_ERROR,
    RATE_LIMITED,
    SERVER_ERROR,
    SUCCESS,
    UNKNOWN,
    DimensionCodes,
    Requests,
)
from tsg_agent.models import Judgement, Parameters
from tsg_agent.settings import AllThresholds
from tsg_agent.statistics import Floats
from tsg_agent.steps.dimension import Dimension
from tsg_agent.tools import GUIDE
from tsg_agent.verdicts import Evidence, judge
from tsg_agent.verdicts.causes import Explained, Explainer

__all__ = [
    "CLIENT_ERROR",
    "RATE_LIMITED",
    "SERVER_ERROR",
    "UNKNOWN",
    "Part",
    "explained",
    "explainer",
    "judged",
    "made",
]
MINUTES, START = 175, 120
"""Of the window, and of the incident's start in it: those of `samples.parameters`."""
GOLDEN = 0.618
"""Of the rows between two parts' phases: parts that are alike do not fail in the same minute."""
LIMITS = AllThresholds()
FLAGS = "flag "


@dataclass(frozen=True)
class Part:
    """Requests that agree in all they say. A flag's value is said as {"flag NAME": value}.

    `before`, `after`: the share that fails. `answer`: what it is answered instead of 200. `slow`, `retried`: it is not
    the answer that is wrong.
    """

    values: Mapping[str, str]
    per_minute: float
    before: float = 0.0
    after: float = 0.0
    start: int = START
    end: int = MINUTES
    answer: int = SERVER_ERROR
    slow: bool = False
    retried: bool = False
    since: int = 0
    until: int = MINUTES
    """The minutes of its first request, and after its last."""


def spread(amount: Floats, phase: float = 0.5) -> Floats:
    """Whole numbers that add up to the amounts, evenly. `phase`, 0 to 1: which minutes have the odd ones."""
    total = np.floor(np.concatenate([[0.0], amount.cumsum()]) + phase + 1e-9)
    return np.diff(total)


def dimension_of(name: str) -> Dimension:
    found = GUIDE.dimension("flag_name" if name.startswith(FLAGS) else name)
    assert found is not None, name
    return found


def made(*parts: Part, minutes: int = MINUTES, runs: bool = False) -> Requests:
    """`runs`: each request is a run of its own, named r0, r1, …"""
    second, kind, part_of = [], [], []
    for place, part in enumerate(parts):
        asked = spread(
            np.where(
                (np.arange(minutes) >= part.since) & (np.arange(minutes) < part.until), float(part.per_minute), 0.0
            )
        )
        inside = (np.arange(minutes) >= part.start) & (np.arange(minutes) < part.end)
        failed = np.minimum(spread(asked * np.where(inside, part.after, part.before), (place * GOLDEN) % 1), asked)
        bad = 4 * (SUCCESS if part.slow or part.retried else part.answer) + 2 * part.slow + part.retried
        for minute in range(minutes):
            n, k = int(asked[minute]), int(failed[minute])
            second += [60 * minute + (60 * i) // n for i in range(n)]
            kind += [bad] * k + [4 * SUCCESS] * (n - k)
            part_of += [place] * n
    chosen = np.array(part_of, int)
    names = list(dict.fromkeys(name for part in parts for name in part.values))
    columns = []
    for name in names:
        said = [part.values.get(name) for part in parts]
        values = sorted({value for value in said if value is not None})
        codes = np.array([-1 if value is None else values.index(value) for value in said], np.int16)[chosen]
        flag = name.removeprefix(FLAGS)
        shown = [(flag, value) if name.startswith(FLAGS) else (value,) for value in values]
        columns.append(DimensionCodes(dimension_of(name), shown, codes))
    one = Requests(np.array(second, np.int32), np.array(kind, np.int8), np.full(len(kind), 50.0), None, columns)
    if not runs:
        return one
    return replace(one, run=np.arange(len(one)), runs=pa.array([f"r{place}" for place in range(len(one))]))


def explainer(
    requests: Requests, *, service: str = "shop", reported: float | None = START, **changes: Any
) -> Explainer:
    return Explainer(requests, service, reported, limits=LIMITS.verdict, **changes)


def explained(requests: Requests, **changes: Any) -> Explained:
    return explainer(requests, **changes).explain()


def evidence(requests: Requests, **changes: Any) -> Evidence:
    given: Parameters = parameters(
        **{name: changes.pop(name) for name in list(changes) if name in Parameters.model_fields}
    )
    usual: dict[str, Any] = {
        "regions": None, "calls": frozenset(), "steps": None, "runs": None, "findings": [], "limits": LIMITS,
        "guide": GUIDE,
    }  # fmt: skip
    return Evidence(requests=requests, parameters=given, **(usual | changes))


def judged(requests: Requests, **changes: Any) -> Judgement:
    return judge(evidence(requests, **changes)).judgement

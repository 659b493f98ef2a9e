"""Small multiples: one panel per dimension with the failing share before and since the start.

A panel holds the dimension's measured values: causes, their blast radius, dismissed subjects. Drawn by charts.html.j2.
"""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from statistics import mode
from typing import TypeAlias

from tsg_agent.models import Confidence, Measure, Onset, OnsetKind, Point, Rate, Report, Series, Subject
from tsg_agent.wording import column_words, count, measure_words, name, percent, rate_or_share, sentence, subject_name

SHOWN, LONGEST = 6, 26
"""Most values per panel, and longest name in characters."""
ROW, LEAST = 38, 0.4
"""A row's height, pixels; a bar's least width, percent."""
Key: TypeAlias = tuple[tuple[str, ...], Measure]


@dataclass(frozen=True)
class PanelBar:
    """A share as percent of the picture's width. `kind`: before, since or cause."""

    kind: str
    width: float


@dataclass(frozen=True)
class PanelRow:
    """One value: name, figures, bars, and y position in pixels."""

    name: str
    figures: str
    bars: list[PanelBar]
    y: int


@dataclass(frozen=True)
class Panel:
    """One dimension; `note`: what is not drawn."""

    title: str
    summary: str
    rows: list[PanelRow]
    note: str

    @property
    def height(self) -> int:
        """Height in pixels."""
        return ROW * len(self.rows)


@dataclass(frozen=True)
class _Value:
    subject: Subject
    before: Rate | None
    after: Rate
    cause: bool


@dataclass(frozen=True)
class Panels:
    """The panels; shares are percent of requests unless a panel's title says otherwise."""

    measure: str
    each: list[Panel]


def panels(report: Report) -> Panels | None:
    """A panel per dimension with at least two measured values, those with a cause first; None if there is none."""
    groups: dict[Key, dict[str, _Value]] = {}
    for measure, value in _values(report):
        if value.after.requests:
            key = (tuple(sorted(value.subject)), measure)
            groups.setdefault(key, {}).setdefault(repr(sorted(value.subject.items())), value)
    found = [(key, list(held.values())) for key, held in groups.items() if len(held) > 1]
    found.sort(key=lambda one: (not any(value.cause for value in one[1]), -max(v.after.percent for v in one[1])))
    if not found:
        return None
    usual = mode(measure for (_, measure), _ in found)
    return Panels(measure_words(usual), [_panel(key, values, usual) for key, values in found])


def _values(report: Report) -> list[tuple[Measure, _Value]]:
    """The measured values, the most exact figures first, unique per subject."""
    found: list[tuple[Measure, _Value]] = []

    def add(of: Measure, subject: Subject, before: Rate | None, after: Rate | None, *, cause: bool = False) -> None:
        if subject and after is not None:
            found.append((of, _Value(subject, before, after, cause)))

    for cause in report.causes:
        confirmed = cause.confidence is Confidence.CONFIRMED
        since = cause.onset.after or cause.contrast.subject
        add(cause.measure, cause.subject, _own_before(cause.onset), since, cause=confirmed)
    for cause in report.causes:
        for one in [*cause.impact, *cause.also_visible_in]:
            runs = "scenario_name" in one.subject
            add(Measure.WORKFLOW_FAILURES if runs else cause.measure, one.subject, one.before, one.after)
    for gone in report.rejected:
        add(gone.measure, gone.subject, _own_before(gone.onset), gone.onset.after or gone.contrast.subject)
    for group in [*report.reach.tiers, *report.reach.regions] if report.reach else []:
        add(Measure.SERVER_ERRORS, group.subject, group.before, group.after)
    for series in report.series:
        add(series.measure, series.subject, *_of_series(report, series))
    return found


def _own_before(onset: Onset) -> Rate | None:
    """The rate before the start; None for subjects that are new, whose verdict holds the service's rate."""
    return None if onset.kind is OnsetKind.APPEARED else onset.before


def _of_series(report: Report, series: Series) -> tuple[Rate | None, Rate | None]:
    """Rates before and since the start, from buckets that lie entirely on one side."""
    points, begun = sorted(series.points, key=lambda point: point.time), report.began
    if begun is None or len(points) < 2:
        return None, None
    width = min((b.time - a.time for a, b in pairwise(points) if b.time > a.time), default=timedelta())
    sides = (
        [point for point in points if point.time + width <= begun],
        [point for point in points if point.time >= begun],
    )
    before, after = map(_summed, sides)
    return before, after


def _summed(points: list[Point]) -> Rate | None:
    asked = sum(point.requests for point in points)
    return Rate(failures=sum(point.failures for point in points), requests=asked) if asked else None


def _panel(key: Key, values: list[_Value], usual: Measure) -> Panel:
    columns, measure = key
    values.sort(key=lambda value: (not value.cause, -value.after.percent))
    shown, left = values[:SHOWN], values[SHOWN:]
    highest = max(rate.percent for v in shown for rate in (v.before, v.after) if rate is not None) or 1
    rows = []
    for place, value in enumerate(shown):
        drawn = [("cause" if value.cause else "since", value.after)]
        if value.before is not None:
            drawn.append(("before", value.before))
        bars = [PanelBar(kind, max(LEAST, 100 * rate.percent / highest)) for kind, rate in drawn]
        rows.append(PanelRow(_cut(_named(value.subject)), _figures(value), bars, ROW * place))
    note = f"{count(len(left))} more, at most {percent(left[0].after.percent)}" if left else ""
    return Panel(
        title=_title(columns) + ("" if measure is usual else f", percent {measure_words(measure)}"),
        summary=sentence("; ".join(f"{_named(value.subject)} {_figures(value)}" for value in shown)),
        rows=rows,
        note=note,
    )


def _title(columns: tuple[str, ...]) -> str:
    return " and ".join(column_words(column) for column in columns if column != "flag_value")


def _named(subject: Subject) -> str:
    """A value's name without its dimension, which is the panel's title."""
    if set(subject) == {"flag_name", "flag_value"}:
        return f"{name(subject['flag_name'])} = {name(subject['flag_value'])}"
    return name(next(iter(subject.values()))) if len(subject) == 1 else subject_name(subject)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"


def _figures(value: _Value) -> str:
    since = rate_or_share(value.after)
    return since if value.before is None else f"{rate_or_share(value.before)} → {since}"

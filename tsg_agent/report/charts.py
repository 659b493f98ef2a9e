"""Charts as geometry, which charts.html.j2 renders as inline SVG. x positions are percent, y positions pixels.

No chart library: shares over time and bars are all we draw, and this costs no extra dependency, follows the page's
colours in light and dark, and keeps its letters readable at any width. Measured: Altair 6.3 and vl-convert 1.9 take
100 MB and 4.8 s to the first picture (1.8 s of it to import), where our page takes 0.6 s, imports included. A picture
as a file (picture.py) needs 3 MB and 50 ms beside it.
"""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from tsg_agent.models import Cause, Confidence, Measure, Point, Report, Series, Subject
from tsg_agent.wording import clock, measure_words, percent, rate_words, subject_name

TOP, PLOT = 26, 170
"""Top and height of the plot, pixels."""
LEAST_SPAN = 1.0
"""A quiet day is drawn flat: at least this many points from bottom to top."""
TIME_STEPS = (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880)
VALUE_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 25, 50)
WIDEST, HALF = 100, 50
"""The longest bar, percent of the width; in bars above HALF the figure is inside, else behind."""


@dataclass(frozen=True)
class Tick:
    """A tick of an axis: x in percent, or y in pixels."""

    at: float
    label: str


@dataclass(frozen=True)
class ChartLine:
    """A step line over time: each step's begin and end (x, percent), and its y in percent from the top."""

    name: str
    kind: str
    steps: list[tuple[float, float, float]]

    def path(self, width: float, height: float) -> str:
        """An SVG path in a box of that size, with gaps for buckets without requests."""
        parts: list[str] = []
        until: float | None = None
        for begins, ends, down in self.steps:
            y = down * height / 100
            parts.append(f"V{y:.1f}" if until == begins else f"M{begins * width / 100:.1f} {y:.1f}")
            parts.append(f"H{ends * width / 100:.1f}")
            until = ends
        return "".join(parts)


@dataclass(frozen=True)
class TimeChart:
    """Lines over the window, with the incident's start and, if any, the threshold."""

    title: str
    summary: str
    lines: list[ChartLine]
    across: list[Tick]
    down: list[Tick]
    start: Tick | None
    threshold: Tick | None
    top: int = TOP
    plot: int = PLOT
    height: int = TOP + PLOT + 24


@dataclass(frozen=True)
class Bar:
    """One bar: width in percent, its figure, and its label."""

    kind: str
    width: float
    text: str

    @property
    def inside(self) -> bool:
        """True if its figure fits inside."""
        return self.width > HALF


@dataclass(frozen=True)
class BarGroup:
    """Bars under one name."""

    name: str
    bars: list[Bar]
    y: int = 0


@dataclass(frozen=True)
class BarChart:
    """Groups of bars, one below the other."""

    title: str
    summary: str
    groups: list[BarGroup]
    legend: dict[str, str] = field(default_factory=dict)
    height: int = 0


def availability_chart(report: Report) -> TimeChart | None:
    """The service's availability per bucket, with the incident's start and the SLA threshold."""
    series = _series(report, {}, Measure.SERVER_ERRORS)
    if series is None:
        return None
    shares = [100 - s for s in _shares(series.points) if s is not None]
    low = min([*shares, report.sla.threshold])
    span = _nice(max((100 - low) * 1.1, LEAST_SPAN))
    floor = max(0.0, 100 - span)
    start = report.began
    return TimeChart(
        title="Availability over time",
        summary=f"Share of requests not answered 5xx, lowest {percent(min(shares))}"
        + (f"; the incident starts at {clock(start)}" if start else ""),
        lines=[ChartLine("the service", "service", _steps(report, series.points, floor, 100, from_top=True))],
        across=_times(report),
        down=_values(floor, 100),
        start=_start(report),
        threshold=Tick(_y(report.sla.threshold, floor, 100), f"SLA {percent(report.sla.threshold)}"),
    )


def cause_chart(report: Report, cause: Cause) -> TimeChart | None:
    """A cause's failing share over time beside the service's, in the cause's own measure."""
    own = _nearest(report, cause)
    if own is None:
        return None
    service = _series(report, {}, cause.measure)
    drawn = [(subject_name(own.subject), "cause", own)]
    if service is not None:
        drawn.append(("the service", "service", service))
    highest = max((s for *_, series in drawn for s in _shares(series.points) if s is not None), default=0)
    top = min(100.0, _nice(max(highest * 1.1, LEAST_SPAN)))
    return TimeChart(
        title=f"{subject_name(own.subject)} over time",
        summary=f"Percent {measure_words(cause.measure)}, highest {percent(highest)}",
        lines=[
            ChartLine(name, kind, _steps(report, s.points, 0, top, from_top=False)) for name, kind, s in reversed(drawn)
        ],
        across=_times(report),
        down=_values(0, top),
        start=_start(report),
        threshold=None,
    )


def causes_chart(causes: list[Cause]) -> BarChart | None:
    """Failing share before and after, and the rest's, of the first causes."""
    found: list[tuple[str, list[tuple[str, float, str]]]] = []
    for cause in causes:
        rates = {"before": cause.onset.before, "after": cause.onset.after or cause.contrast.subject}
        rates["rest"] = cause.contrast.rest
        bars = [(k, r.percent, f"{percent(r.percent)} ({rate_words(r)})") for k, r in rates.items() if r is not None]
        if bars:
            unconfirmed = " (suspected)" if cause.confidence is Confidence.SUSPECTED else ""
            found.append((f"{cause.rank}. {subject_name(cause.subject)}{unconfirmed}", bars))
    kinds = {kind for _, bars in found for kind, *_ in bars}
    words = {"before": "before the start", "after": "after it", "rest": "the rest, after it"}
    legend = {kind: text for kind, text in words.items() if kind in kinds}
    return _bars("Failing share before and after", found, legend) if found else None


def _bars(title: str, found: list[tuple[str, list[tuple[str, float, str]]]], legend: dict[str, str]) -> BarChart:
    highest = max((value for _, bars in found for _, value, _ in bars), default=0) or 1
    groups, y = [], 4
    for name, bars in found:
        drawn = [Bar(kind, max(0.4, WIDEST * value / highest), text) for kind, value, text in bars]
        groups.append(BarGroup(name, drawn, y))
        y += 20 + 18 * len(drawn) + 8
    texts = [f"{name}: " + ", ".join(f"{kind} {text}" for kind, _, text in bars) for name, bars in found]
    return BarChart(title, "; ".join(texts), groups, legend, y)


def _nearest(report: Report, cause: Cause) -> Series | None:
    """The cause's series, else that of the largest subset of its subject (a workflow, for one of its steps)."""
    parts = [s.subject for s in report.series if s.subject and s.subject.items() <= cause.subject.items()]
    found = [s for part in sorted(parts, key=len, reverse=True) if (s := _series(report, part, cause.measure))]
    return found[0] if found else None


def _series(report: Report, subject: Subject, measure: Measure) -> Series | None:
    """The subject's points, if there are enough of them to draw."""
    if report.parameters.end_time <= report.parameters.start_time:
        return None
    found = next((s for s in report.series if s.subject == subject and s.measure is measure), None)
    return found if found is not None and sum(p.requests > 0 for p in found.points) >= 2 else None


def _shares(points: list[Point]) -> list[float | None]:
    return [100 * p.failures / p.requests if p.requests else None for p in points]


def _x(report: Report, time: datetime) -> float:
    """Percent across the window."""
    p = report.parameters
    return 100 * min(1.0, max(0.0, (time - p.start_time) / (p.end_time - p.start_time)))


def _y(value: float, low: float, high: float) -> float:
    """Pixels down."""
    return TOP + PLOT * (1 - (value - low) / (high - low))


def _steps(
    report: Report, points: list[Point], low: float, high: float, *, from_top: bool
) -> list[tuple[float, float, float]]:
    """(begin, end, y) of each bucket with requests; steps, so that a change is drawn where its bucket begins."""
    points = sorted(points, key=lambda p: p.time)
    gaps = [b.time - a.time for a, b in pairwise(points) if b.time > a.time]
    width = min(gaps, default=timedelta(minutes=5))
    return [
        (
            _x(report, point.time),
            _x(report, point.time + width),
            100 * (1 - ((100 - share if from_top else share) - low) / (high - low)),
        )
        for point, share in zip(points, _shares(points), strict=True)
        if share is not None
    ]


def _nice(span: float) -> float:
    """An axis length of two to five round steps that covers `span`."""
    step = _step(span)
    return math.ceil(round(span / step, 6)) * step


def _step(span: float) -> float:
    return next((s for s in VALUE_STEPS if span / s <= 4), VALUE_STEPS[-1])


def _values(low: float, high: float) -> list[Tick]:
    step = _step(high - low)
    count = round((high - low) / step)
    values = [high - i * step for i in range(count + 1)]
    return [Tick(_y(v, low, high), f"{round(v, 4):g} %") for v in values if v >= low - 1e-9]


def _times(report: Report) -> list[Tick]:
    p = report.parameters
    minutes = (p.end_time - p.start_time) / timedelta(minutes=1)
    step = next((s for s in TIME_STEPS if minutes / s <= 6), TIME_STEPS[-1])
    day = p.start_time.replace(hour=0, minute=0, second=0, microsecond=0)
    first = math.ceil((p.start_time - day) / timedelta(minutes=step))
    times = [day + timedelta(minutes=step * (first + i)) for i in range(64)]
    return [Tick(_x(report, t), f"{t:%H:%M}") for t in times if t <= p.end_time]


def _start(report: Report) -> Tick | None:
    p = report.parameters
    if report.began is None or not p.start_time <= report.began <= p.end_time:
        return None
    return Tick(_x(report, report.began), f"start {clock(report.began)}")

"""The evidence for the prose check: rows of named figures, each with its unit and its side."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from tsg_agent.llm.figures import clocks_of
from tsg_agent.models import (
    Action,
    Availability,
    Cause,
    Finding,
    MeasuredRow,
    Parameters,
    Rate,
    Rejected,
    Report,
    Sla,
    Status,
)
from tsg_agent.models import Visible as Seen

REJECTED = 12
"""Number of dismissed subjects that prose may mention: as many as the report lists."""
CONTEXT = ("region", "service_name", "environment")
_UNITS = (
    ("percentage points", "points"),
    ("points per hour", "points"),
    ("points", "points"),
    ("percent", "percent"),
    ("ms", "ms"),
    ("hours", "hours"),
    ("minutes", "minutes"),
    ("ratio", "ratio"),
)
_STATUS_CODE = re.compile(r"\b[1-5]\d\d\b|\b[1-5]xx\b")
_WORD = re.compile(r"[^\s,;()\[\]{}“”\"`]+")
_QUOTED = re.compile(r"[“\"`][^”\"`]*[”\"`]")


@dataclass(frozen=True)
class Fact:
    """One figure. `side` is before, after, rest, or empty; a figure of one side never supports another.

    The unit "any" is for figures of unknown unit and side: results of queries, and printed output of code.
    """

    value: float
    unit: str = ""
    side: str = ""
    previous: bool = False
    """True if the figure belongs to the subject in the row's previous_… column, not to the row's own."""


@dataclass
class CitableRow:
    """One citable row: its names, figures and times."""

    id: str
    names: dict[str, set[str]] = field(default_factory=dict)
    """Column -> values, in lower case."""
    facts: list[Fact] = field(default_factory=list)
    times: set[datetime] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    """HTTP status codes of its columns."""
    said: set[str] = field(default_factory=set)
    """Other words of the row, in lower case: of its title, its columns' names, a check's reason."""
    clocks: set[str] = field(default_factory=set)
    """Times as the row writes them."""
    given: dict[str, set[str]] = field(default_factory=dict)
    """Column -> arguments of its check or query: may be mentioned unless the row has another value."""
    step: int | None = None
    healthy: bool | None = None
    """True if the guide's rule found nothing in it; None if the row is not about that."""
    confirmed: bool | None = None
    action: str = ""
    words: str = ""
    """The row in words, for a reader."""

    @cached_property
    def every_name(self) -> set[str]:
        """All names in it."""
        return {value for values in self.names.values() for value in values}

    def name(self, key: str, value: object) -> None:
        """Add a name."""
        text = str(value).strip().lower()
        if text:
            self.names.setdefault(key, set()).add(text)

    def say(self, *texts: str) -> None:
        """Add words; not those quoted from a log."""
        for text in texts:
            self.said |= {word.lower().strip("'*.:!?") for word in _WORD.findall(_QUOTED.sub(" ", text))}

    @property
    def previous(self) -> set[str]:
        """The names that the row compares its own subject with."""
        return {v for key, values in self.names.items() if key.startswith("previous_") for v in values}

    def rate(self, rate: Rate | None, side: str) -> None:
        """Add a rate: its share and both counts."""
        if rate is not None:
            self.facts += [Fact(rate.percent, "percent", side)]
            self.facts += [Fact(float(rate.failures), "", side), Fact(float(rate.requests), "", side)]

    def compare(self) -> None:
        """Add figures derived from two sides: the difference in points, and the ratio."""
        shares = {fact.side: fact.value for fact in self.facts if fact.unit == "percent" and fact.side}
        if "after" in shares:
            for side in [side for side in ("before", "rest") if side in shares]:
                self.facts.append(Fact(abs(shares["after"] - shares[side]), "points"))
                if shares[side]:
                    self.facts.append(Fact(shares["after"] / shares[side], "ratio"))

    def as_read(self) -> str:
        """A summary of the row as the check reads it."""
        sides = {"rest": "the rest", "": ""}
        figures = []
        for fact in self.facts:
            unit = fact.unit.replace("ratio", "times").replace("any", "")
            side = f"of {', '.join(sorted(self.previous))}" if fact.previous else sides.get(fact.side, fact.side)
            figures.append(" ".join(part for part in (f"{fact.value:.6g}", unit, side and f"({side})") if part))
        parts = [("figures", figures[:14]), ("names", sorted(self.every_name)[:10]), ("times", self._times())]
        told = "; ".join(f"{label} {', '.join(values)}" for label, values in parts if values)
        return f"{self.id}: {told or 'no figure and no name'}"

    def _times(self) -> list[str]:
        return sorted(f"{time:%Y-%m-%d %H:%M:%S}" for time in self.times)[:4]

    def share(self, side: str) -> float | None:
        """Its percentage on a side."""
        return next((f.value for f in self.facts if f.side == side and f.unit == "percent"), None)


class CitableEvidence:
    """All citable rows, and the incident's own names and times, which any sentence may use."""

    def __init__(
        self,
        rows: Iterable[CitableRow],
        parameters: Parameters | None = None,
        *,
        asked: Iterable[str] = (),
        clocks: Iterable[str] = (),
    ) -> None:
        """`asked`, `clocks`: the words and times of the question."""
        self.asked, self.clocks = frozenset(asked), frozenset(clocks)
        self.rows: dict[str, CitableRow] = {row.id: row for row in rows}
        self.context: dict[str, str] = {}
        self.times: set[datetime] = set()
        if parameters is not None:
            self.context = {key: getattr(parameters, key).lower() for key in CONTEXT}
            moments = (parameters.start_time, parameters.end_time, parameters.incident_start)
            self.times = {moment for moment in moments if moment is not None}

    @cached_property
    def vocabulary(self) -> set[str]:
        """The names of all rows: one that a sentence uses must be in a row it cites."""
        return set().union(*(row.every_name for row in self.rows.values()), self.context.values())


def evidence_of(report: Report) -> CitableEvidence:
    """All citable rows of a report: E3, E3.2, M.1, C1, C1.2 (blast radius of a cause), R1, A1, SLA."""
    rows = [*rows_of(report.findings), *(_measured(item) for item in report.measured)]
    for i, rejected in enumerate(report.rejected[:REJECTED], 1):
        rows.append(_judged(f"R{i}", rejected))
    for cause in report.causes:
        rows.append(_cause(cause))
        seen = [*cause.impact, *cause.also_visible_in]
        rows += [_visible(f"C{cause.rank}.{i}", item) for i, item in enumerate(seen, 1)]
    rows += [action_row(f"A{i}", action) for i, action in enumerate(report.actions, 1)]
    rows.append(_sla(report.sla))
    evidence = CitableEvidence(rows, report.parameters)
    begun = report.onset
    moments = (begun.measured, begun.earliest, begun.latest, begun.ended, begun.reported)
    evidence.times |= {moment for moment in moments if moment is not None}
    return evidence


def rows_of(findings: Iterable[Finding]) -> list[CitableRow]:
    """Each finding as a whole, and its rows."""
    found: list[CitableRow] = []
    for finding in findings:
        found.append(_finding(finding))
        found += [row_of(f"{finding.id}.{i}", row, finding) for i, row in enumerate(finding.rows, 1)]
    return found


def row_of(identity: str, values: Mapping[str, Any], finding: Finding | None = None) -> CitableRow:
    """A row of a finding, or of a query if `finding` is None."""
    columns = finding.columns if finding else {}
    row = CitableRow(identity, step=finding.step if finding else None)
    for key, value in values.items():
        unit = unit_of(columns.get(key, ""), key)
        if finding is None:
            unit = "any"  # a query's column may have no unit
        if finding is None and isinstance(value, str):
            row.clocks |= clocks_of(value)  # a time that the query formatted as text
        _add(row, key, value, unit)
        row.said.add(key.lower())
        row.codes |= set(_STATUS_CODE.findall(columns.get(key, "")))
    row.words = ", ".join(f"{key} = {_short(value)}" for key, value in values.items() if value not in (None, "", []))
    if finding is not None and finding.harmless:
        row.healthy = any(str(value) in finding.harmless for value in values.values())
    return row


def unit_of(description: str, key: str = "") -> str:
    """The unit at the end of a column's description, else by its name."""
    for words, unit in _UNITS:
        if re.search(rf"\b{words}(?=$|[ ,;])", description.rpartition(", ")[2]) and ", " in description:
            return unit
    for suffix, unit in (("_pct", "percent"), ("_percent", "percent"), ("_rate", "percent"), ("_ms", "ms")):
        if key.endswith(suffix):
            return unit
    return ""


def _add(row: CitableRow, key: str, value: Any, unit: str) -> None:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float | Decimal):  # DuckDB's sum of integers is a Decimal
        row.facts.append(Fact(float(value), unit, previous=key.startswith("prev_")))
    elif isinstance(value, datetime):
        row.times.add(value)
    elif isinstance(value, list | tuple | set):
        for item in value:
            _add(row, key, item, unit)
    elif isinstance(value, Mapping):
        for inner, item in value.items():
            _add(row, str(inner), item, unit)
    else:
        row.name(key, value)


def _finding(finding: Finding) -> CitableRow:
    row = CitableRow(finding.id, step=finding.step)
    for label, rows in finding.labels.items():
        row.name("label", label)
        row.facts.append(Fact(float(rows)))
    row.name("label", finding.label)
    row.name("tool", finding.tool)
    row.facts += [Fact(float(finding.row_count)), Fact(float(finding.groups))]
    row.healthy = (finding.status is Status.OK and finding.label in finding.harmless) if finding.harmless else None
    row.say(finding.title, finding.reason, finding.status.value, *finding.columns)
    row.words = f"{finding.title}: {finding.label or finding.status.value}; {finding.row_count} rows"
    row.words += f"; {finding.reason}" if finding.reason else ""
    return row


def _measured(measured: MeasuredRow) -> CitableRow:
    row = CitableRow(measured.id)
    for key, value in measured.subject.items():
        row.name(key, value)
    row.rate(measured.window, "")
    row.rate(measured.before, "before")
    row.rate(measured.after, "after")
    row.compare()
    row.codes |= {"5xx", "4xx", "2xx", "429"}
    row.words = f"{_subject(measured.subject)}: {measured.measure.value}, window {_rate(measured.window)}"
    row.words += f", before {_rate(measured.before)}, after {_rate(measured.after)}" if measured.after else ""
    return row


def _cause(cause: Cause) -> CitableRow:
    row = _judged(f"C{cause.rank}", cause)
    row.confirmed = cause.confidence.value == "confirmed"
    row.facts.append(Fact(float(cause.rank)))
    for key, value in cause.detail.items():
        _add(row, key, value, unit_of("", key))
    row.words = f"{cause.confidence.value}: {cause.statement}"
    row.say(cause.confidence.value, *cause.detail)
    return row


def _judged(identity: str, judged: Cause | Rejected) -> CitableRow:
    row = CitableRow(identity, step=judged.step)
    for key, value in [*judged.subject.items(), ("label", judged.label)]:
        row.name(key, value)
    row.rate(judged.onset.before, "before")
    row.rate(judged.onset.after or judged.contrast.subject, "after")
    row.rate(judged.contrast.rest, "rest")
    row.compare()
    if judged.contrast.difference is not None:
        row.facts.append(Fact(abs(judged.contrast.difference), "points"))
    row.codes |= {"5xx", "4xx", "2xx", "429"}
    row.words = f"dismissed: {judged.statement}"
    return row


def _visible(identity: str, seen: Seen) -> CitableRow:
    row = CitableRow(identity, step=seen.step)
    for key, value in [*seen.subject.items(), ("label", seen.label)]:
        row.name(key, value)
    row.rate(seen.before, "before")
    row.rate(seen.after, "after")
    row.rate(seen.without, "rest")
    row.compare()
    row.codes |= {"5xx", "4xx", "2xx", "429"}
    row.words = f"{_subject(seen.subject)}: {seen.label}" + (f", after {_rate(seen.after)}" if seen.after else "")
    return row


def action_row(identity: str, action: Action) -> CitableRow:
    """The row of a proposed action, which its own text supports."""
    row = CitableRow(identity, action=action.statement.lower())
    row.say(action.urgency, action.statement)
    for key, value in action.target.items():
        _add(row, key, value, "")
    if action.cause is not None:
        row.facts.append(Fact(float(action.cause)))
    row.words = f"{action.urgency}: {action.statement}"
    return row


def _sla(sla: Sla) -> CitableRow:
    row = CitableRow("SLA", confirmed=None)
    row.facts.append(Fact(sla.threshold, "percent"))
    for side, span in (("", sla.window), ("before", sla.before), ("after", sla.after)):
        if span is not None:
            row.facts += _availability(span, side)
    row.codes |= {"5xx", "2xx"}
    state = {True: "breached", False: "met", None: "unknown"}[sla.breached]
    row.words = f"threshold {sla.threshold:g} % {state}"
    row.words += f" ({sla.status.value}: {sla.reason})" if sla.breached is None else ""
    row.words += f"; window {_span(sla.window)}" if sla.window else ""
    row.words += f"; before {_span(sla.before)}" if sla.before else ""
    row.words += f"; after {_span(sla.after)}" if sla.after else ""
    return row


def _availability(span: Availability, side: str) -> list[Fact]:
    shares = [value for value in (span.availability, span.success_rate) if value is not None]
    counts = (span.requests, span.server_errors, span.successes)
    return [Fact(value, "percent", side) for value in shares] + [Fact(float(count), "", side) for count in counts]


def _span(span: Availability) -> str:
    return (
        "unknown"
        if span.availability is None
        else f"{span.availability:.3f} % ({span.server_errors} 5xx of {span.requests} requests)"
    )


def _rate(rate: Rate | None) -> str:
    return "unknown" if rate is None else f"{rate.percent:.3f} % ({rate.failures} of {rate.requests})"


def _subject(subject: Mapping[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in subject.items()) or "the service"


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float | Decimal) else str(value)[:120]

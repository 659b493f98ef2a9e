"""One of a guide's steps, and everything that is said of it outside of its query."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from pydantic import BaseModel

from tsg_agent.models import Action, Cause, Finding, Measure, StepKind, Subject
from tsg_agent.steps.dimension import Dimension
from tsg_agent.steps.remedy import Remedy
from tsg_agent.steps.rule import Rates, Rule


class Sums(Protocol):
    """What was measured of many values over a span: arrays with one entry per value."""

    @property
    def requests(self) -> Any:
        """How many requests."""

    @property
    def first(self) -> Sequence[int]:
        """When each value was first seen; any unit, of the window's whole."""

    def percent(self, measure: Measure) -> Any:
        """The share of them that a measure counts."""

    def percentile(self, share: float) -> Any:
        """A percentile of the latency, as far as the limit of slowness tells: infinite over it, else 0."""

    @property
    def mean_latency(self) -> Any:
        """Milliseconds."""


def requests(sums: Sums) -> Any:
    """The number of requests."""
    return sums.requests


def percent_of(measure: Measure) -> Callable[[Sums], Any]:
    """The share that a measure counts."""
    return lambda sums: sums.percent(measure)


def answered(sums: Sums) -> Any:
    """The share answered 2xx."""
    return 100.0 - sums.percent(Measure.NOT_SUCCESSFUL)


def mean_latency(sums: Sums) -> Any:
    """The mean latency, ms."""
    return sums.mean_latency


class Step:
    """What a step says of itself; subclasses of tools.Plugin set it. Whoever speaks of a step asks the step."""

    step: ClassVar[int]
    """Its number in the guide."""
    title: ClassVar[str]
    question: ClassVar[str]
    """One sentence; with the class's docstring it is what a model reads of the tool."""
    heading: ClassVar[str]
    """The heading of the conclusion that it stands under; several steps may share one."""
    kind: ClassVar[StepKind] = StepKind.SYMPTOM
    """What it means that something is abnormal: a change can be undone, and what it is about may be new."""
    dimensions: ClassVar[tuple[str | tuple[str, ...], ...]] = ()
    """Columns that a cause may be named by, the first said first; a flag is named by two together."""
    remedies: ClassVar[Mapping[Remedy, tuple[str, ...]]] = {}
    """What to do about a cause that names one of some columns; without any it is looked at."""
    resolves: ClassVar[Mapping[str, str]] = {}
    """Label -> the kind of action that the guide as written takes on it, whatever else is known."""
    unit: ClassVar[str] = "request"
    """What its rates count."""
    customers: ClassVar[bool] = False
    """Whether the step is about something that customers meet."""
    row: ClassVar[type[BaseModel]]
    rule: ClassVar[Rule]
    label_column: ClassVar[str]
    """The column that holds the guide's label."""
    nothing: ClassVar[str] = ""
    """The label where there is nothing to label; the rule's last where that cannot be."""
    rates: ClassVar[Mapping[str, Callable[[Sums], Any]]] = {}
    """Column that the rule compares -> how to work it out for a single value, where rows are combinations of values."""
    minimum_requests: ClassVar[float] = 0
    """A value with at most this many requests gets no label, where the rule's thresholds set no minimum."""
    labels_rows: ClassVar[bool] = False
    """Whether a value takes the label of its gravest row, because the rows say more than the value's rates."""

    @property
    def takes(self) -> tuple[str, ...]:
        """The guide's parameters that it is asked with."""
        return ()

    @property
    def about(self) -> tuple[Dimension, ...]:
        """What a cause may be named by."""
        change = self.kind is StepKind.CHANGE
        columns = [(one,) if isinstance(one, str) else one for one in self.dimensions]
        return tuple(Dimension(names, self.step, change) for names in columns)

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label of the rule, gravest first, the healthy one last."""
        return (*self.rule.labels, *([self.nothing] if self.nothing else []))

    @property
    def healthy(self) -> str:
        """The label that means nothing is wrong."""
        return self.labels[-1]

    @property
    def harmless(self) -> frozenset[str]:
        """Labels that need no action: the healthy one, and those that any normal day has."""
        return frozenset({self.rule.otherwise, self.healthy})

    def rates_of(self, columns: tuple[str, ...], values: Sequence[tuple[str, ...]], sums: Sums, _: Any) -> Rates | None:
        """What the rule compares, of each value of a dimension; None where the rates of a value say nothing.

        The last argument is the rule's thresholds.
        """
        known = {name: of(sums) for name, of in self.rates.items()}
        named = {name: np.array([value[n] for value in values], object) for n, name in enumerate(columns)}
        return Rates({**named, **known}, self.row.model_fields) if known else None

    def asked(self, sums: Sums, limits: Any) -> Any:
        """True for the values that the rule labels: those with more traffic than the guide's minimum."""
        return sums.requests > getattr(limits, "minimum_requests", self.minimum_requests)

    def label_about(self, finding: Finding, subject: Subject) -> str:
        """The gravest label among a finding's rows about a subject; "" without any."""
        found = {str(row.get(self.label_column) or "") for _, row in rows_about(finding, subject)}
        return next((label for label in self.labels if label in found), "")

    def detail(self, finding: Finding | None, subject: Subject, exception: str | None) -> dict[str, Any]:
        """What its rows add to a cause among the requests. `exception`: the one that most of its failures name."""
        return {}

    def of_scenario(self, finding: Finding | None, scenario: str) -> dict[str, Any]:
        """What its rows say of a workflow that is a cause."""
        return {}

    def repairs(self, cause: Cause, finding: Finding | None) -> list[Action]:
        """What a confirmed cause broke, and is to be put right beside it."""
        return []

    def looks(self, causes: list[Cause], finding: Finding) -> list[Action]:
        """What else is worth a look while something is wrong."""
        return []

    def alarms(self, finding: Finding, causes: list[Cause]) -> list[str]:
        """What the infrastructure team must know, whatever the causes are."""
        return []


def rows_about(finding: Finding, subject: Subject) -> list[tuple[str, dict[str, Any]]]:
    """The finding's rows that are about a subject, as far as they tell: (evidence id, row)."""
    told = [(column, value) for column, value in subject.items() if finding.rows and column in finding.rows[0]]
    return [
        (f"{finding.id}.{number}", row)
        for number, row in enumerate(finding.rows, 1)
        if told and all(row[column] == value for column, value in told)
    ]

"""The typed query: what rules or a model fill from a question, and what is compiled to SQL."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from tsg_agent.ask.measures import FACTOR, SECONDS, AskedMeasure, MeasureSource, measure_of
from tsg_agent.columns import SUBJECTS
from tsg_agent.errors import ParameterError
from tsg_agent.models import Model
from tsg_agent.telemetry.catalog import CATALOG, WORKFLOWS, Kind
from tsg_agent.wording import DIMENSIONS, listed, name

MOST_ROWS = 1_000
BEFORE, AFTER, OTHERS = "before", "after", "others"
Sign = Literal[">=", ">", "<=", "<", "="]
MIRRORED: dict[Sign, Sign] = {">=": "<=", ">": "<", "<=": ">=", "<": ">", "=": "="}
_ONE = ("service_name", "environment")
RUN_COLUMNS = tuple(name for name, column in SUBJECTS.items() if column.table == WORKFLOWS.name)
"""Columns of workflow runs."""


@cache
def columns() -> frozenset[str]:
    """Columns that can be grouped and filtered by."""
    kinds = {Kind.TEXT, Kind.INTEGER, Kind.BOOLEAN}
    names = (name for table in CATALOG.values() for name, kind in table.columns.items() if kind in kinds)
    return frozenset(names) - {"is_test_traffic"}


def compact(schema: dict[str, Any]) -> None:
    """Shorten a JSON schema in place: without titles, defaults, formats and null."""
    for word in ("additionalProperties", "description", "title"):
        schema.pop(word, None)
    for key, one in schema.get("properties", {}).items():
        either = [kind for kind in one.pop("anyOf", []) if kind.get("type") != "null"]
        one.update(*either)
        for word in ("default", "title", "format", "exclusiveMinimum"):
            one.pop(word, None)
        schema["properties"][key] = one


class Filter(Model):
    """Rows with these values of a column, or `without` them. Without values: rows where the column is not NULL."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=compact)

    column: str
    values: tuple[str, ...] = ()
    without: bool = False


class Bound(Model):
    """Groups whose measure meets the bound (HAVING)."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=compact)

    measure: str
    sign: Sign
    value: float


class TypedQuery(Model):
    """An aggregate query: measures, grouping, filters, window, order. Open fields come from the scope."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=compact)

    measures: tuple[str, ...] = Field(
        description="requests, failures (5xx), failure_rate, availability, client_errors, rate_limited, answered_503, "
        "slower_than_500_ms, users_with_failures, p95_latency_ms, avg_cpu_utilization, share_of_failures, "
        "failures_per_user, requests_per_minute, completion_rate, failed_runs, …; "
        "conditions have a share: rate_limited_rate"
    )
    by: tuple[str, ...] = Field((), description="columns")
    filters: tuple[Filter, ...] = ()
    conditions: tuple[str, ...] = Field((), description="of only failures, slow, …; or: not failures")
    start_time: AwareDatetime | None = None
    end_time: AwareDatetime | None = None
    bucket_seconds: int | None = Field(None, gt=0)
    split_at: AwareDatetime | None = Field(None, description="compare before with after")
    until: SkipJsonSchema[AwareDatetime | None] = None
    """End of the window before, if the one after (from `split_at`) does not follow at once."""
    baseline: str = Field(
        "", description="gives factor: first measure / baseline's. before, others (than the filter), a value, a measure"
    )
    bounds: tuple[Bound, ...] = ()
    order_by: str = Field("", description="a measure")
    ascending: bool | None = None
    limit: int | None = Field(None, gt=0)
    skip: SkipJsonSchema[int] = Field(0, ge=0)
    """Rows to skip (OFFSET)."""

    @field_validator("measures")
    @classmethod
    def _are_measures(cls, measures: tuple[str, ...]) -> tuple[str, ...]:
        if not measures:
            raise ValueError("name at least one measure, such as requests")
        return tuple(dict.fromkeys(measures))

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        named = [*self.by, *(one.column for one in self.filters)]
        if unknown := [one for one in named if one not in columns()]:
            raise ValueError(f"no column {', '.join(unknown)}; there are {', '.join(sorted(columns()))}")
        said = (*self.measures, *(one.measure for one in self.bounds), self.order_by or self.measures[0])
        try:
            for one in (*said, *(one.removeprefix("not ") for one in self.conditions)):
                measure_of(one)
        except ParameterError as error:
            raise ValueError(str(error)) from None
        if fixed := [one for one in self.by if one in _ONE]:
            raise ValueError(f"one {thing(fixed[0])} is looked at at a time: name it")
        sources = {measure_of(one).source for one in self.all_measures}
        if len(sources) > 1:
            raise ValueError(f"{' and '.join(sorted(sources))} cannot be measured in one query: ask for one at a time")
        runs = sources == {MeasureSource.RUNS}
        if wrong := [one for one in named if (one in RUN_COLUMNS) != runs and (one, runs) != ("region", True)]:
            whose = "workflow runs are" if runs else "requests are"
            raise ValueError(f"{whose} not told apart by {', '.join(dict.fromkeys(wrong))}")
        if any(f"not {one}" in self.conditions for one in self.conditions):
            raise ValueError("requests that are and are not so are none: ask for one at a time")
        certain = [one for one in self.measures if _certain(measure_of(one), self.conditions)]
        if certain:
            raise ValueError(f"{_condition_words(self.conditions[0])}, the {measure_of(certain[0]).words} is certain")
        alone = (self.bucket_seconds or self.split_at) and not self.by
        if alone and any(measure_of(one).kind == "of_all" for one in self.all_measures):
            raise ValueError("of each stretch of time, a share of all is said by groups: name what it is by")
        empty = [one for one in self.measures if _disjoint(measure_of(one).condition, self.conditions)]
        if empty:
            raise ValueError(f"{_condition_words(self.conditions[0])}, none are {measure_of(empty[0]).words}")
        if self.until and sources != {MeasureSource.REQUESTS}:
            raise ValueError("only requests can be compared over two spans of time")
        if self.conditions and sources != {MeasureSource.REQUESTS}:
            raise ValueError(f"only requests can be {', '.join(self.conditions)}")
        self._has_baseline()
        return self

    def _has_baseline(self) -> None:
        """Raises ValueError for a factor without what it is the factor of."""
        factors = FACTOR in (self.order_by, *self.measures, *(one.measure for one in self.bounds))
        if self.baseline in self.measures[1:] or (self.baseline == BEFORE and self.split_at):
            pass
        elif factors or self.baseline:
            column = self.by[0] if len(self.by) == 1 and self.baseline not in ("", BEFORE) else ""
            named = [value for one in self.filters if one.column == column for value in one.values if not one.without]
            if not column or (self.baseline == OTHERS and (not named or OTHERS in named)):
                raise ValueError("a factor needs what it is compared with: before, other groups, or a second measure")
        if FACTOR in self.measures or (self.baseline and measure_of(self.measures[0]).kind == "time"):
            raise ValueError("a factor is of another measure, and of none that is a time")

    @property
    def source(self) -> MeasureSource:
        """The rows that the measures aggregate."""
        return measure_of(self.measures[0]).source

    @property
    def all_measures(self) -> tuple[str, ...]:
        """All measures: shown, in bounds, ordered by."""
        more = (*(one.measure for one in self.bounds), self.order_by)
        return tuple(dict.fromkeys(one for one in (*self.measures, *more) if one not in ("", FACTOR)))

    @property
    def ordered_by(self) -> str:
        """The measure that rows are ordered by."""
        return self.order_by or self.measures[0]

    @property
    def in_time(self) -> bool:
        """Whether rows are in the order of time: a series or before and after, unless another order is set."""
        return not self.order_by and bool(self.bucket_seconds or (self.split_at and not self.by))

    @property
    def is_ascending(self) -> bool:
        """Whether the order is ascending. By default the worst come first."""
        measure = measure_of(self.ordered_by)
        if measure.kind == "time":  # what was first comes first
            return measure.function == "first"
        return measure.good_is_high if self.ascending is None else self.ascending

    @property
    def apart(self) -> str:
        """The column whose other values are one group, the baseline; empty for any other baseline."""
        return self.by[0] if self.baseline == OTHERS else ""

    @property
    def compared_groups(self) -> bool:
        """Whether each of several groups has a factor of its own, so that bounds on it choose among them."""
        among = [value for one in self.filters if one.column in self.by for value in one.values]
        return bool(self.by or self.bucket_seconds) and self.baseline not in (OTHERS, *among)

    @property
    def regions(self) -> str:
        """The regions in words; empty for the scope's region."""
        named = [one for one in self.filters if one.column == "region"]
        if not named:
            return "all regions" if "region" in self.by else ""
        values = listed([name(value) for one in named for value in one.values], 4)
        return f"every region but {values}" if named[0].without else values

    def described(self) -> str:
        """The query as a question; the rules read it as the same query again."""
        said = [listed([measure_of(one).words for one in self.measures], 5)]
        said += [_condition_words(one) for one in self.conditions]
        said += [_filter_words(one) for one in self.filters]
        said += ["compared with the others"] if self.apart else []
        if self.by and not self.apart:
            said.append("by " + listed([thing(one) for one in self.by], 5))
        if self.bucket_seconds:
            said.append(f"per {_span(self.bucket_seconds)}")
        said += [_bound_words(one) for one in self.bounds]
        if self.split_at and self.until and self.start_time and self.end_time:
            first, second = (self.start_time, self.until), (self.split_at, self.end_time)
            said += [" vs ".join(f"between {_time(low)} and {_time(high)}" for low, high in (first, second))]
        elif self.split_at:
            said.append(f"before and after {_time(self.split_at)}")
        elif self.start_time and self.end_time:
            said.append(f"between {_time(self.start_time)} and {_time(self.end_time)}")
        bounded = any(one.measure == FACTOR for one in self.bounds)
        said += [", how many times more"] if self.baseline and not bounded else []
        return " ".join(said).replace(" ,", ",")


def _certain(measure: AskedMeasure, conditions: tuple[str, ...]) -> bool:
    """Whether a share is 100 % for any data: of only 503s, all failed."""
    failed = any(one == "failures" or one.startswith("answered_5") for one in conditions)
    return measure.kind == "share" and (measure.condition in conditions or (failed and measure.condition == "failures"))


_CLASSES = {"failures": "5", "client_errors": "4", "redirects": "3", "successes": "2", "rate_limited": "4"}


def _disjoint(condition: str, conditions: tuple[str, ...]) -> bool:
    """Whether a condition excludes the others: a request has one status code."""
    own, *others = (
        _CLASSES.get(one, one[9:] if one.startswith("answered_") else "") for one in (condition, *conditions)
    )
    return any(not own.startswith(other) and not other.startswith(own) for other in others)


def thing(column: str) -> str:
    """A column's noun: endpoint_path -> endpoint."""
    more = {"user_id": "user", "session_id": "session", "workflow_step": "workflow step"}
    more |= {"service_name": "service"}
    words = {**DIMENSIONS, **more, "flag_value": "flag value", "exception_type": "exception"}
    return words.get(column) or column.replace("_", " ")


def _condition_words(condition: str) -> str:
    negated = condition.startswith("not ")
    return f"{'without' if negated else 'of only'} {measure_of(condition.removeprefix('not ')).words}"


def _filter_words(one: Filter) -> str:
    if not one.values:
        return f"{'without' if one.without else 'with'} a {thing(one.column)}"
    values = listed([name(value) for value in one.values], 20)
    return f"{'without' if one.without else 'of'} {thing(one.column)} {values}"


def _bound_words(one: Bound) -> str:
    sign = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than", "=": "exactly"}[one.sign]
    measure = measure_of(one.measure)
    if one.measure == FACTOR:
        return f"{sign} {one.value:g} times as high"
    unit = f" {measure.unit}" if measure.is_share or measure.unit == "ms" else ""
    if measure.kind in ("count", "distinct"):
        return f"with {sign} {one.value:g} {measure_of(one.measure).words}"
    return f"with {measure_of(one.measure).words} {sign} {one.value:g}{unit}"


def _span(seconds: int) -> str:
    unit, size = next((unit, size) for unit, size in reversed(SECONDS.items()) if seconds % size == 0)
    return unit if seconds == size else f"{seconds // size} {unit}s"


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"


_BUCKETS = (60, 300, 600, 900, 1800, 3600, 21_600, 86_400)
_POINTS = 24


def fitting(window: timedelta) -> int:
    """The bucket size for a series over a window, in seconds."""
    return next((size for size in _BUCKETS if window.total_seconds() / size <= _POINTS), _BUCKETS[-1])

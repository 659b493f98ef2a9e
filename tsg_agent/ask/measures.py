"""What a question can measure. A measure is named like its column: `failures`, `failure_rate`, `p95_latency_ms`.

`failures` is 5xx always; what else a request can be counted as has a name of its own.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from tsg_agent.errors import ParameterError
from tsg_agent.telemetry.catalog import LOGS, METRICS, Kind


class MeasureSource(StrEnum):
    """What is measured."""

    REQUESTS = "requests"
    INSTANCES = "instances"
    RUNS = "runs"


@dataclass(frozen=True)
class Condition:
    """What a request can be: its predicate, the name of its share, and the words for "12 of 345 requests …"."""

    sql: str
    rate: str
    words: str


CONDITIONS = {
    "failures": Condition("status_code >= 500", "failure_rate", "failed (5xx)"),
    "client_errors": Condition("status_code BETWEEN 400 AND 499", "client_error_rate", "were refused (4xx)"),
    "rate_limited": Condition("status_code = 429", "rate_limited_rate", "were rate limited (429)"),
    "successes": Condition("status_code BETWEEN 200 AND 299", "success_rate", "were answered 2xx"),
    "redirects": Condition("status_code BETWEEN 300 AND 399", "redirect_rate", "were redirected (3xx)"),
    "timeouts": Condition("status_code = 504 OR exception_type ILIKE '%timeout%'", "timeout_rate", "timed out"),
    "slow": Condition("latency_ms > $version_slow_ms", "slow_rate", "took over {slow:g} s"),
    "retries": Condition("is_retry", "retry_rate", "were retries"),
    "cache_hits": Condition("cache_hit", "cache_hit_rate", "were answered from the cache"),
    "dependency_failures": Condition("has_dependency_failure", "dependency_failure_rate", "had a failed dependency"),
    "cascading": Condition("is_cascading_failure", "cascading_rate", "were cascading failures"),
}
_RATES = {one.rate: name for name, one in CONDITIONS.items()}
_DISTINCT = {"users": "user_id", "sessions": "session_id"}
_RUNS = ("runs", "failed_runs", "completion_rate", "failed_run_rate")
_FUNCTION = re.compile(r"(?P<function>avg|max|min|sum|p[0-9]{1,2}(?:_[0-9]{1,2})?)_(?P<column>\w+)")
_CODE = re.compile(r"answered_(?P<code>[1-5][0-9]{2})(?P<rate>_rate)?")
_SLOWER = re.compile(r"(?P<side>slower|faster)_than_(?P<ms>[0-9]{1,9})_ms(?P<rate>_rate)?")
_COUNTED = re.compile(r"(?P<what>users|sessions|distinct_\w+?)(?:_with_(?P<condition>\w+))?")
_TIME = re.compile(r"(?P<end>first|last)_(?P<condition>\w+)")
NUMBERS = tuple(name for table in (LOGS, METRICS) for name, kind in table.columns.items() if kind is Kind.NUMBER)


@dataclass(frozen=True)
class AskedMeasure:
    """One measure: `kind` says how it is made, the others of what."""

    name: str
    kind: str
    """count, share, availability, of_all, distinct, distinct_share, statistic, time or run."""
    source: MeasureSource = MeasureSource.REQUESTS
    condition: str = ""
    column: str = ""
    function: str = ""
    needs: tuple[str, ...] = ()
    """Columns without which it says nothing."""

    @property
    def is_share(self) -> bool:
        """Whether it is a percentage."""
        return self.kind in ("share", "availability", "of_all", "distinct_share") or self.name in (
            "completion_rate",
            "failed_run_rate",
        )

    @property
    def good_is_high(self) -> bool:
        """Whether more of it is better: then the lowest come first."""
        return self.kind == "availability" or self.name in ("success_rate", "completion_rate", "cache_hit_rate")


def condition_of(name: str) -> Condition:
    """A condition by its name, `answered_503` and `slower_than_500_ms` among them. Raises ParameterError."""
    if name in CONDITIONS:
        return CONDITIONS[name]
    if match := _CODE.fullmatch(name):
        return Condition(f"status_code = {match['code']}", f"{name}_rate", f"were answered {match['code']}")
    if match := _SLOWER.fullmatch(name):
        sign, word = (">", "over") if match["side"] == "slower" else ("<", "under")
        return Condition(f"latency_ms {sign} {match['ms']}", f"{name}_rate", f"took {word} {int(match['ms']):,} ms")
    raise ParameterError(f"There is no condition {name!r}.", fix=f"There are {', '.join(CONDITIONS)}, answered_503, …")


@cache
def measure_of(name: str) -> AskedMeasure:  # noqa: PLR0911 - one return for each kind
    """A measure by its name. Raises ParameterError for one that is none."""
    if name == "requests":
        return AskedMeasure(name, "count")
    if name in _RUNS:
        return AskedMeasure(name, "run", MeasureSource.RUNS)
    if name == "availability":
        return AskedMeasure(name, "availability", condition="failures", needs=("status_code",))
    if name.startswith("share_of_") and _COUNTED.fullmatch(name[9:]) and "_with_" in name:
        return replace(measure_of(name[9:]), name=name, kind="distinct_share")
    if name.startswith("share_of_") and (name[9:] == "requests" or _is_condition(name[9:])):
        return _with(AskedMeasure(name, "of_all"), "" if name[9:] == "requests" else name[9:])
    if name in CONDITIONS or (_is_condition(name) and not name.endswith("_rate")):
        return _with(AskedMeasure(name, "count"), name)
    if name in _RATES or (name.endswith("_rate") and _is_condition(name.removesuffix("_rate"))):
        return _with(AskedMeasure(name, "share"), _RATES.get(name) or name.removesuffix("_rate"))
    if match := _COUNTED.fullmatch(name):
        column, held = _DISTINCT.get(match["what"]) or match["what"][9:], match["condition"] or ""
        if column in LOGS.columns and (not held or _is_condition(held)):
            distinct = _with(AskedMeasure(name, "distinct", column=column), held)
            return replace(distinct, needs=(*distinct.needs, column))
    if (match := _FUNCTION.fullmatch(name)) and match["column"] in NUMBERS:
        column = match["column"]
        source = MeasureSource.INSTANCES if column in METRICS.columns else MeasureSource.REQUESTS
        return AskedMeasure(name, "statistic", source, column=column, function=match["function"], needs=(column,))
    if (match := _TIME.fullmatch(name)) and (match["condition"] == "requests" or _is_condition(match["condition"])):
        kind = AskedMeasure(name, "time", function=match["end"])
        return _with(kind, "" if match["condition"] == "requests" else match["condition"])
    raise ParameterError(
        f"There is no measure {name!r}.", fix="Name one as: requests, failures, p95_latency_ms, users."
    )


def share_of(name: str) -> str:
    """The measure by which sides of different length are compared: a count's share."""
    measure = measure_of(name)
    return condition_of(measure.condition).rate if measure.kind == "count" and measure.condition else name


def _is_condition(name: str) -> bool:
    return name in CONDITIONS or bool(_CODE.fullmatch(name) or _SLOWER.fullmatch(name))


def _with(measure: AskedMeasure, condition: str) -> AskedMeasure:
    if not condition:
        return measure
    sql = condition_of(condition).sql
    column = next(name for name in LOGS.columns if re.search(rf"\b{name}\b", sql))
    return replace(measure, condition=condition, needs=(*measure.needs, column))


def counted(condition: str = "") -> str:
    """How many requests (of a condition): the one place that says what a row counts."""
    return f"coalesce(sum(weight){f' FILTER (WHERE {condition})' if condition else ''}, 0)"


def sql_of(measure: AskedMeasure) -> str:  # noqa: PLR0911 - one return for each kind
    """The aggregate of a measure."""
    held = condition_of(measure.condition).sql if measure.condition else ""
    if measure.kind == "count":
        return f"CAST(round({counted(held)}) AS BIGINT)"
    if measure.kind == "share":
        known = counted(f"{measure.needs[0]} IS NOT NULL") if measure.needs[0] == "cache_hit" else counted()
        return f"100.0 * {counted(held)} / nullif({known}, 0)"
    if measure.kind == "availability":
        return f"100.0 - 100.0 * {counted(held)} / nullif({counted()}, 0)"
    if measure.kind == "of_all":
        return f"100.0 * {counted(held)} / nullif(any_value(all_{measure.condition or 'requests'}), 0)"
    if measure.kind == "distinct":
        return f"count(DISTINCT {measure.column})" + (f" FILTER (WHERE {held})" if held else "")
    if measure.kind == "distinct_share":
        every = f"count(DISTINCT {measure.column})"
        return f"100.0 * {every} FILTER (WHERE {held}) / nullif({every}, 0)"
    if measure.kind == "time":
        called = "min" if measure.function == "first" else "max"
        return f"{called}(timestamp)" + (f" FILTER (WHERE {held})" if held else "")
    if measure.kind == "run":
        return _RUN_SQL[measure.name]
    if measure.function[0] == "p":
        return f"quantile_cont({measure.column}, {_share_of(measure.function)})"
    return f"{measure.function}({measure.column})"


_RUN_SQL = {
    "runs": "count(*)",
    "failed_runs": "count(*) FILTER (WHERE failed)",
    "completion_rate": "100.0 - 100.0 * count(*) FILTER (WHERE failed) / nullif(count(*), 0)",
    "failed_run_rate": "100.0 * count(*) FILTER (WHERE failed) / nullif(count(*), 0)",
}


def _share_of(function: str) -> float:
    """p95 -> 0.95, p99_9 -> 0.999."""
    return round(float(function[1:].replace("_", ".")) / 100, 6)


def measure_words(name: str) -> str:  # noqa: PLR0911 - one return for each kind
    """A measure as a question says it, and as it is read again: "error rate", "p95 latency", "users with failures"."""
    measure = measure_of(name)
    said = {
        "failures": "failures", "failure_rate": "error rate", "client_errors": "client errors", "slow": "slow requests",
        "rate_limited": "rate limited requests", "successes": "successful requests", "cache_hits": "cache hits",
        "dependency_failures": "dependency failures", "cascading": "cascading failures", "retries": "retries",
        "completion_rate": "completion rate", "failed_runs": "failed workflow runs", "runs": "workflow runs",
        "redirects": "redirects", "failed_run_rate": "share of failed workflow runs",
    }  # fmt: skip
    if name in said:
        return said[name]
    if measure.kind == "share":
        return f"share of {_plain(measure.condition, said)}"
    if measure.kind == "of_all":
        return f"share of all {_plain(measure.condition, said) if measure.condition else 'requests'}"
    if measure.kind == "distinct_share":
        return f"share of {measure_words(name.removeprefix('share_of_'))}"
    if measure.kind == "time":
        return f"time of the {measure.function} {_plain(measure.condition, said) if measure.condition else 'request'}"
    if measure.kind == "distinct":
        what = next((word for word, column in _DISTINCT.items() if column == measure.column), "")
        what = what or f"distinct {measure.column.replace('_', ' ')}"
        return f"{what} with {_plain(measure.condition, said)}" if measure.condition else what
    if measure.kind == "statistic":
        column = measure.column.removesuffix("_ms").removesuffix("_bytes").replace("_", " ")
        function = {"avg": "average", "max": "maximum", "min": "minimum"}.get(measure.function, measure.function)
        return f"{function.replace('_', '.')} {column}"
    return _plain(name, said)


def _plain(condition: str, said: dict[str, str]) -> str:
    if match := _CODE.fullmatch(condition):
        return f"{match['code']}s"
    if match := _SLOWER.fullmatch(condition):
        return f"requests {match['side']} than {match['ms']} ms"
    return said.get(condition) or condition.replace("_", " ")

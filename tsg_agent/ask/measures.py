"""What a question can measure. A measure is named like its column: `failures`, `failure_rate`, `p95_latency_ms`.

`failures` is 5xx always; what else a request can be counted as has a name of its own.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from tsg_agent.errors import ParameterError
from tsg_agent.telemetry.catalog import LOGS, METRICS, Kind


class MeasureSource(StrEnum):
    """The rows that a measure aggregates."""

    REQUESTS = "requests"
    INSTANCES = "instances"
    RUNS = "runs"


@dataclass(frozen=True)
class Condition:
    """A condition on requests: predicate, name of its rate, words for "12 of 345 requests …", and noun."""

    sql: str
    rate: str
    words: str
    noun: str


CONDITIONS = {
    name: Condition(sql, rate, words, noun)
    for name, sql, rate, words, noun in (
        ("failures", "status_code >= 500", "failure_rate", "failed (5xx)", "failures"),
        ("client_errors", "status_code BETWEEN 400 AND 499", "client_error_rate", "were refused (4xx)",
         "client errors"),
        ("rate_limited", "status_code = 429", "rate_limited_rate", "were rate limited (429)", "rate limited requests"),
        ("successes", "status_code BETWEEN 200 AND 299", "success_rate", "were answered 2xx", "successful requests"),
        ("redirects", "status_code BETWEEN 300 AND 399", "redirect_rate", "were redirected (3xx)", "redirects"),
        ("timeouts", "status_code = 504 OR exception_type ILIKE '%timeout%'", "timeout_rate", "timed out", "timeouts"),
        ("slow", "latency_ms > $version_slow_ms", "slow_rate", "took over {slow:g} s", "slow requests"),
        ("retries", "is_retry", "retry_rate", "were retries", "retries"),
        ("cache_hits", "cache_hit", "cache_hit_rate", "were answered from the cache", "cache hits"),
        ("dependency_failures", "has_dependency_failure", "dependency_failure_rate", "had a failed dependency",
         "dependency failures"),
        ("cascading", "is_cascading_failure", "cascading_rate", "were cascading failures", "cascading failures"),
    )
}  # fmt: skip
_RATES = {one.rate: f"{name}_rate" for name, one in CONDITIONS.items()}
_CODE = re.compile(r"answered_(?P<code>[1-5][0-9]{2})")
_SLOWER = re.compile(r"(?P<side>slower|faster)_than_(?P<ms>[0-9]{1,9})_ms")
NUMBERS = tuple(name for table in (LOGS, METRICS) for name, kind in table.columns.items() if kind is Kind.NUMBER)

_OF = rf"(?P<condition>{'|'.join(CONDITIONS)}|answered_[1-5][0-9]{{2}}|(?:slower|faster)_than_[0-9]{{1,9}}_ms)"
_COLUMNS = {"users": "user_id", "sessions": "session_id"}
ONE = {column: name.removesuffix("s") for name, column in _COLUMNS.items()}
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
FACTOR = "factor"
"""A measure in a query with a baseline: its first measure, divided by the baseline's."""
_PEOPLE = rf"(?:(?P<people>{'|'.join(_COLUMNS)})|distinct_(?P<counted>{'|'.join(LOGS.columns)}))"
_NUMBER = rf"(?P<column>{'|'.join(NUMBERS)})"
_EACH = f"(?P<one>{'|'.join((*ONE.values(), *LOGS.columns))})"
_FAILED = "count(*) FILTER (WHERE failed)"
_KINDS = (
    # kind, its measures' names, the aggregate, and how a question says it
    ("count", "requests", "CAST(round({all}) AS BIGINT)", "requests"),
    ("count", _OF, "CAST(round({held}) AS BIGINT)", "{noun}"),
    ("share", "(?P<condition>failures)_rate", "100.0 * {held} / nullif({all}, 0)", "error rate"),
    ("share", "(?P<condition>cache_hits)_rate", "100.0 * {held} / nullif({known}, 0)", "share of {noun}"),
    ("share", f"{_OF}_rate", "100.0 * {held} / nullif({all}, 0)", "share of {noun}"),
    ("availability", "availability", "100.0 - 100.0 * {held} / nullif({all}, 0)", "availability"),
    ("of_all", f"share_of_(?:requests|{_OF})", "100.0 * {held} / nullif({whole}, 0)", "share of all {noun}"),
    ("distinct", f"{_PEOPLE}(?:_with_{_OF})?", "{distinct}{filter}", "{people}{with}"),
    ("distinct", f"{_PEOPLE}_without_{_OF}", "{distinct} - {distinct}{filter}", "{people} without {noun}"),
    ("distinct_share", f"share_of_{_PEOPLE}_with_{_OF}", "100.0 * {distinct}{filter} / nullif({distinct}, 0)",
     "share of {people}{with}"),
    ("per", rf"(?!requests_per_aff)(?:requests|{_OF})_per_(?P<affected>affected_)?{_EACH}",
     "1.0 * {held} / nullif({distinct}{affected}, 0)", "{noun} per {each} on average"),
    ("per", rf"(?:requests|{_OF})_per_(?P<unit>{'|'.join(SECONDS)})", "{length}.0 * {held} / {seconds}",
     "{noun} per {unit} on average"),
    (FACTOR, FACTOR, "", FACTOR),
    ("statistic", f"(?P<function>p[0-9]{{1,2}}(?:_[0-9]{{1,2}})?)_{_NUMBER}", "quantile_cont({column}, {quantile})",
     "{function} {number}"),
    ("statistic", f"(?P<function>avg|max|min|sum)_{_NUMBER}", "{function}({column})", "{statistic} {number}"),
    ("time", f"(?P<function>first)_(?:requests|{_OF})", "min(timestamp){filter}", "time of the first {one}"),
    ("time", f"(?P<function>last)_(?:requests|{_OF})", "max(timestamp){filter}", "time of the last {one}"),
    ("run", "runs", "count(*)", "workflow runs"),
    ("run", "failed_runs", _FAILED, "failed workflow runs"),
    ("run", "completion_rate", f"100.0 - 100.0 * {_FAILED} / nullif(count(*), 0)", "completion rate"),
    ("run", "failed_run_rate", f"100.0 * {_FAILED} / nullif(count(*), 0)", "share of failed workflow runs"),
)  # fmt: skip
"""`{all}`: number of requests, `{held}`: of those that meet the condition, `{whole}`: the latter over all groups,
`{seconds}`: the length of the window."""


@dataclass(frozen=True)
class AskedMeasure:
    """A measure, as its name says it."""

    name: str
    kind: str
    """count, share, availability, of_all, distinct, distinct_share, per, factor, statistic, time or run."""
    source: MeasureSource
    condition: str
    column: str
    function: str
    needs: tuple[str, ...]
    """Columns that must be present and not empty."""
    sql: str
    """Its aggregate; `{whole}` and `{seconds}` depend on the query."""
    words: str
    """Its words, which are read as this measure again: "error rate", "p95 latency", "users with failures"."""

    @property
    def is_share(self) -> bool:
        """Whether it is a percentage."""
        return self.kind in ("share", "availability", "of_all", "distinct_share") or self.name in (
            "completion_rate",
            "failed_run_rate",
        )

    @property
    def unit(self) -> str:
        """The unit of its values: %, ms, bytes, or empty for a number."""
        ended = {"_ms": "ms", "_bytes": "bytes", "_utilization": "%"} if self.kind == "statistic" else {}
        return "%" if self.is_share else next((unit for end, unit in ended.items() if self.column.endswith(end)), "")

    @property
    def parts(self) -> tuple[str, ...]:
        """The counts that an average rests on: of requests, and of what they are divided among."""
        if self.kind != "per":
            return ()
        counted, _, each = self.name.partition("_per_")
        whose = f"_with_{counted}" * each.startswith("affected_")
        return counted, *([f"distinct_{self.column}{whose}"] if self.column else [])

    @property
    def good_is_high(self) -> bool:
        """Whether higher is better; then a ranking shows the lowest first."""
        return self.kind == "availability" or self.name in ("success_rate", "completion_rate", "cache_hit_rate")


def condition_of(name: str) -> Condition:
    """A condition by its name, such as `slow`, `answered_503`, `slower_than_500_ms`. Raises ParameterError."""
    if name in CONDITIONS:
        return CONDITIONS[name]
    if match := _CODE.fullmatch(name):
        code = match["code"]
        return Condition(f"status_code = {code}", f"{name}_rate", f"were answered {code}", f"{code}s")
    if match := _SLOWER.fullmatch(name):
        side, ms = match["side"], match["ms"]
        sign, word = (">", "over") if side == "slower" else ("<", "under")
        noun = f"requests {side} than {ms} ms"
        return Condition(f"latency_ms {sign} {ms}", f"{name}_rate", f"took {word} {int(ms):,} ms", noun)
    raise ParameterError(f"There is no condition {name!r}.", fix=f"There are {', '.join(CONDITIONS)}, answered_503, …")


@cache
def measure_of(name: str) -> AskedMeasure:
    """A measure by its name. Raises ParameterError for one that is none."""
    for kind, names, sql, words in _KINDS:
        if match := re.fullmatch(names, _RATES.get(name, name)):
            return _measure(name, kind, {key: value or "" for key, value in match.groupdict().items()}, sql, words)
    raise ParameterError(
        f"There is no measure {name!r}.", fix="Name one as: requests, failures, p95_latency_ms, users."
    )


def _measure(name: str, kind: str, said: dict[str, str], sql: str, words: str) -> AskedMeasure:
    """A measure from the parts of its name, `said`."""
    condition = "failures" if kind == "availability" else said.get("condition", "")
    function = said.get("function", "avg" * (kind == "per"))
    people, each = said.get("people", ""), said.get("one", "")
    column = said.get("column") or _COLUMNS.get(people) or said.get("counted") or _COLUMNS.get(f"{each}s", each)
    of = condition_of(condition) if condition else Condition("", "", "", "requests")
    needs = [one for one in LOGS.columns if re.search(rf"\b{one}\b", of.sql)][:1] + [column] * bool(column)
    parts = {
        "all": counted(),
        "held": counted(of.sql),
        "known": counted(f"{condition and needs[0]} IS NOT NULL"),
        "whole": "{whole}",
        "seconds": "{seconds}",
        "unit": said.get("unit", ""),
        "length": SECONDS.get(said.get("unit", "")),
        "each": said.get("affected", "").replace("_", " ")
        + (ONE.get(column) or column.removesuffix("_id").replace("_", " ")),
        "affected": f" FILTER (WHERE {of.sql})" * bool(said.get("affected")),
        "filter": f" FILTER (WHERE {of.sql})" if condition else "",
        "distinct": f"count(DISTINCT {column})",
        "column": column,
        "quantile": round(float(function[1:].replace("_", ".")) / 100, 6) if function[:1] == "p" else "",
        "noun": of.noun,
        "one": of.noun if condition else "request",
        "people": next(
            (one for one, counts in _COLUMNS.items() if counts == column), f"distinct {column.replace('_', ' ')}"
        ),
        "with": f" with {of.noun}" if condition else "",
        "number": column.removesuffix("_ms").removesuffix("_bytes").replace("_", " "),
        "statistic": {"avg": "average", "max": "maximum", "min": "minimum"}.get(function, function),
    }
    source = MeasureSource.RUNS if kind == "run" else MeasureSource.REQUESTS
    source = MeasureSource.INSTANCES if kind == "statistic" and column in METRICS.columns else source
    made = (sql.format(**parts, function=function), words.format(**parts, function=function.replace("_", ".")))
    return AskedMeasure(name, kind, source, condition, column, function, tuple(needs), *made)


def share_of(name: str) -> str:
    """A count's rate; any other measure itself."""
    measure = measure_of(name)
    return condition_of(measure.condition).rate if measure.kind == "count" and measure.condition else name


def pace_of(name: str) -> str:
    """What is compared for a count over windows of different length: its share, or the requests per minute."""
    return "requests_per_minute" if name == "requests" else share_of(name)


def counted(condition: str = "") -> str:
    """The SQL for the number of requests that meet a condition. Sampled rows count by their weight."""
    return f"coalesce(sum(weight){f' FILTER (WHERE {condition})' if condition else ''}, 0)"

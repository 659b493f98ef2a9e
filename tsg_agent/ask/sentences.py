"""A query's rows in sentences, each with the id of its row."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tsg_agent.ask.compiling import BASELINE, PERIOD, TIME, CompiledQuery, Value, of_measure
from tsg_agent.ask.measures import FACTOR, AskedMeasure, MeasureSource, measure_of
from tsg_agent.ask.typed import BEFORE, OTHERS, TypedQuery, condition_words, thing
from tsg_agent.llm.cited_rows import row_of
from tsg_agent.settings import Settings
from tsg_agent.wording import DIMENSIONS, count, listed, name, number, percent, sentence, some, subject_name

SHOWN = 10
TOP = 5
"""Rows shown for "the worst endpoints", without a number."""
SERIES = 24
MINIMUM = 20
"""Minimal requests of a group for a ranking by share: of 2 requests, one failure is 50 %."""
_BARS = "▁▂▃▄▅▆▇█"
_UNITS = {"_ms": " ms", "_bytes": " bytes", "_utilization": " %"}
_FUNCTIONS = {"avg": "average", "max": "maximum", "min": "minimum"}


@dataclass
class CitedSentences:
    """Sentences, and the rows that they cite (id -> row in words)."""

    text: str
    evidence: dict[str, str] = field(default_factory=dict)


def told(identity: str, query: TypedQuery, found: CompiledQuery, settings: Settings, *, ranked: bool) -> CitedSentences:
    """The rows as one sentence, a ranking, or a series with a sparkline."""
    head = sentence(query.described()).removesuffix(".")
    if not found.rows:
        none = "there is none in this window" if query.bounds or query.by else "no request in this window and region"
        return CitedSentences(f"{head}: {none} [{identity}].", {identity: f"0 rows: {query.described()}"})
    series = bool(query.bucket_seconds)
    limit = query.limit or (SERIES if series else TOP if ranked else SHOWN)
    shown = found.rows[:limit]
    lines, evidence = [], {}
    grouped = len(found.rows) > 1 or bool(query.by or series)
    for place, row in enumerate(shown, 1):
        key = f"{identity}.{place}"
        bullet = f"{query.skip + place}. " if query.by and not series and not query.split_at else ""
        lines.append(f"{bullet}{_subject(row, query)}: {_figures(row, query, found, settings)} [{key}]")
        evidence[key] = row_of(key, dict(row)).words
    if grouped:
        ordered = (
            f"Ordered by {measure_of(query.ordered_by).words}, {'lowest' if query.is_ascending else 'highest'} first"
        )
        lines.insert(0, f"{head}:" if query.in_time else f"{head}. {ordered}:")
    lines += [f"{name}{_spark(values)}" for name, values in _series(query, found.rows)] if series else []
    lines += _beneath(query, found, len(shown))
    return CitedSentences("\n".join(lines), evidence)


def _beneath(query: TypedQuery, found: CompiledQuery, shown: int) -> list[str]:
    """Remarks below the rows: what was left out, and where requests were counted."""
    more = len(found.rows) - shown
    said = [f"(and {count(more)} more)" if more else ""]
    if query.limit and shown < query.limit:
        said.append(f"(there are only {shown})")
    if query.compared_groups and any(one.measure == FACTOR for one in query.bounds):
        said.append("(where it was 0, no factor can be said)")
    if query.until and not query.by and len(found.rows) == 2 and not (query.bucket_seconds or query.baseline):
        one, two = (of_measure(row, query.measures[0]) or 0 for row in found.rows)
        said.append(f"(a difference of {number(round(abs(one - two), 2))})")
    if found.more:
        said.append(f"(more than {count(len(found.rows))} rows: the first were read)")
    if found.left_out:
        said.append(
            f"({some(found.left_out, 'group')} of fewer than {MINIMUM} requests left out: "
            "a share of so few says little)"
        )
    if found.without:
        said.append(f"({some(found.without, 'request')} without a {listed([thing(one) for one in query.by])} left out)")
    if found.entry:
        said.append(f"(counted at {found.entry}, where customers' requests arrive; inner calls are not counted twice)")
    return [one for one in said if one]


def _subject(row: dict[str, Value], query: TypedQuery) -> str:
    """The subject of a row: its group, time bucket and period, else the query's filter."""
    named = {column: str(row[column]) for column in query.by if row.get(column) is not None}
    known = {column: value for column, value in named.items() if column in DIMENSIONS}
    parts = [subject_name(known)] if known else []
    parts += [f"{thing(column)} {name(value)}" for column, value in named.items() if column not in known]
    parts = ["the others"] if query.apart and row[query.apart] == OTHERS else parts
    if TIME in row:
        parts.append(str(row[TIME])[:16].replace("T", " "))
    if PERIOD in row:
        parts.append(str(row[PERIOD]))
    if not parts:
        single = [one for one in query.filters if len(one.values) == 1 and not one.without]
        whole = single == list(query.filters) and single
        parts = [subject_name({one.column: one.values[0] for one in single})] if whole else [_all(query)]
    text = ", ".join(parts)
    return text[0].upper() + text[1:]


def _all(query: TypedQuery) -> str:
    what = "workflow runs" if query.source is MeasureSource.RUNS else query.source.value
    return f"{'These' if query.filters or query.conditions else 'All'} {what}"


def _figures(row: dict[str, Value], query: TypedQuery, found: CompiledQuery, settings: Settings) -> str:
    said = [_figure(row, measure_of(name), found, settings) for name in query.all_measures]
    return "; ".join(dict.fromkeys([*said, *_factor(row, query)]))


def _factor(row: dict[str, Value], query: TypedQuery) -> list[str]:
    """How a row compares with the baseline: "6.2 times as before (12.4 % against 2 %, 10.4 more)"."""
    measure = measure_of(query.measures[0])
    own, base, factor = (of_measure(row, one) for one in (measure, BASELINE, FACTOR))
    if own is None or base is None:
        return []
    what = {BEFORE: "before", OTHERS: "the others"}.get(query.baseline) or (
        f"the {measure_of(query.baseline).words}" if query.baseline in query.measures else name(query.baseline)
    )
    digits = count if measure.kind in ("count", "distinct") else lambda value: number(round(value, 2))
    one, other = (percent(value) if measure.is_share else digits(value) for value in (own, base))
    apart = f"{digits(abs(own - base))}{' points' * measure.is_share} {'more' if own > base else 'less'}"
    times = f"{number(round(factor, 1 if factor >= 10 else 2))} times" if factor is not None else "no factor of"
    much = "many" if digits is count else "high"
    return [f"{times}{f' as {much} as' * (factor is not None)} {what} ({one} against {other}, {apart})"]


def _figure(row: dict[str, Value], measure: AskedMeasure, found: CompiledQuery, settings: Settings) -> str:
    value = of_measure(row, measure)
    requests = some(int(of_measure(row, "requests") or 0), "request")
    slow = settings.thresholds.version.slow_ms
    words = condition_words(measure.condition, slow) if measure.condition else ""
    if measure.kind == "time":
        return f"{measure.function} at {row[measure.name]}" if row[measure.name] else "never"
    if measure.kind == "run":
        runs, failed = (int(of_measure(row, name) or 0) for name in ("runs", "failed_runs"))
        completed = f", {percent(value)} completed" if measure.name == "completion_rate" and value is not None else ""
        return (
            some(runs, "run") if measure.name == "runs" else f"{count(failed)} of {some(runs, 'run')} failed{completed}"
        )
    if value is None:
        return f"no {measure.words} is known of {requests}"
    return _of_column(row, measure, value, words) or _counted(row, measure, found, requests, words)


def _of_column(row: dict[str, Value], measure: AskedMeasure, value: float, words: str) -> str:
    """A statistic, an average or a number of distinct values in words; empty for any other measure."""
    if measure.kind == "per":
        parts = [f"{count(of_measure(row, part) or 0)} {measure_of(part).words}" for part in measure.parts]
        return f"{number(round(value, 2))} {measure.words} ({listed(parts, 2)})"
    if measure.kind == "statistic":
        unit = next((unit for ending, unit in _UNITS.items() if measure.column.endswith(ending)), "")
        column = measure.column.removesuffix("_ms").removesuffix("_bytes").replace("_", " ")
        function = _FUNCTIONS.get(measure.function, measure.function.replace("_", "."))
        of = f", of {some(int(of_measure(row, 'requests') or 0), 'request')}" if "requests" in row else ""
        return f"{column} {function} {number(round(value, 1))}{unit}{of}"
    if measure.kind in ("distinct", "distinct_share"):
        what = measure_of(measure.name.removeprefix("share_of_").partition("_with_")[0]).words
        number_of = f"{count(value)} {what}" if measure.kind == "distinct" else f"{percent(value)} of {what}"
        return f"{number_of}{f' had requests that {words}' if words else ''}"
    return ""


def _counted(row: dict[str, Value], measure: AskedMeasure, found: CompiledQuery, requests: str, words: str) -> str:
    """How many requests meet the measure's condition, and their share. `requests`: all of them, in words."""
    if measure.name == "requests":
        return requests
    value = of_measure(row, measure)
    counted = int(of_measure(row, measure.condition or "requests") or 0)
    if found.failures_only:
        return f"{some(counted, 'request')} {words}"
    if measure.kind == "of_all":
        every = "of all that did" if measure.condition else "of all"
        return f"{some(counted, 'request')}{f' {words}' if words else ''}, {percent(value)} {every}"
    if measure.kind == "availability":
        return f"availability {percent(value)} ({count(counted)} of {requests} {words})"
    whole = of_measure(row, "requests")
    share = value if measure.kind == "share" else 100.0 * counted / whole if whole else None
    return f"{count(counted)} of {requests} {words}{f', {percent(share)}' if share is not None else ''}"


def _series(query: TypedQuery, rows: Sequence[dict[str, Value]]) -> list[tuple[str, list[float | None]]]:
    """The first measure's values in the order of time, for each of the first groups."""
    keys = [column for column in (*query.by, PERIOD) if column in rows[0]]
    groups: dict[tuple[Value, ...], list[tuple[str, float | None]]] = {}
    for row in rows:
        group = tuple(row[key] for key in keys)
        groups.setdefault(group, []).append((str(row[TIME]), of_measure(row, query.measures[0])))
    named = [(", ".join(map(str, group)), [value for _, value in sorted(pairs)]) for group, pairs in groups.items()]
    return [(f"{name}: " if name else "", values) for name, values in named[:TOP]]


def _spark(values: Sequence[float | None]) -> str:
    """A sparkline with the series' lowest and highest value."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    bars = [" " if value is None else _BARS[round((value - low) / span * (len(_BARS) - 1))] for value in values]
    return f"{''.join(bars)} ({number(round(low, 2))} to {number(round(high, 2))})"

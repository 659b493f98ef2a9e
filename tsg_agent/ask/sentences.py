"""A query's rows in sentences, each with the id of its row."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tsg_agent.ask.compiling import BASELINE, PERIOD, TIME, CompiledQuery, Value, of_measure
from tsg_agent.ask.measures import FACTOR, AskedMeasure, MeasureSource, condition_of, measure_of
from tsg_agent.ask.typed import BEFORE, OTHERS, TypedQuery, thing
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
_TOLD = {
    "requests": "{requests}",
    "count": "{counted} of {requests} {did}{share}",
    "share": "{counted} of {requests} {did}{share}",
    "only": "{some} {did}",
    "availability": "availability {value} ({counted} of {requests} {did})",
    "of_all": "{some} {did}, {value} of all{that}",
    "distinct": "{value} {people}{had}",
    "distinct_share": "{value} of {people}{had}",
    "per": "{value} {words} ({parts})",
    "statistic": "{words} {value}{of}",
    "runs": "{runs}",
    "completion_rate": "{failed} of {runs} failed{completed}",
    "run": "{failed} of {runs} failed",
}
"""How a row tells a measure, by its name or its kind. "only": only failed requests have such a value."""


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
        said = [_figure(row, measure_of(name), found, settings) for name in query.all_measures]
        figures = "; ".join(dict.fromkeys([*said, *_factor(row, query)]))
        lines.append(f"{bullet}{_subject(row, query)}: {figures} [{key}]")
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
        what = "workflow runs" if query.source is MeasureSource.RUNS else query.source.value
        every = f"{'These' if query.filters or query.conditions else 'All'} {what}"
        parts = [subject_name({one.column: one.values[0] for one in single})] if whole else [every]
    text = ", ".join(parts)
    return text[0].upper() + text[1:]


def _factor(row: dict[str, Value], query: TypedQuery) -> list[str]:
    """How a row compares with the baseline: "6.2 times as before (12.4 % against 2 %, 10.4 more)"."""
    measure = measure_of(query.measures[0])
    own, base, factor = (of_measure(row, one) for one in (measure, BASELINE, FACTOR))
    if own is None or base is None:
        return []
    what = {BEFORE: "before", OTHERS: "the others"}.get(query.baseline) or (
        f"the {measure_of(query.baseline).words}" if query.baseline in query.measures else name(query.baseline)
    )
    one, other, apart = (_valued(measure, value) for value in (own, base, abs(own - base)))
    apart = f"{apart.replace('%', 'points')} {'more' if own > base else 'less'}"
    times = f"{number(round(factor, 1 if factor >= 10 else 2))} times" if factor is not None else "no factor of"
    much = "many" if measure.kind in ("count", "distinct") else "high"
    return [f"{times}{f' as {much} as' * (factor is not None)} {what} ({one} against {other}, {apart})"]


def _figure(row: dict[str, Value], measure: AskedMeasure, found: CompiledQuery, settings: Settings) -> str:
    """A measure of a row in words, with the counts that it rests on."""
    value, whole = of_measure(row, measure), of_measure(row, "requests")
    requests, counted = some(int(whole or 0), "request"), int(of_measure(row, measure.condition or "requests") or 0)
    slow = settings.thresholds.version.slow_ms / 1000
    did = condition_of(measure.condition).words.format(slow=slow) if measure.condition else ""
    if measure.kind == "time":
        return f"{measure.function} at {row[measure.name]}" if row[measure.name] else "never"
    if value is None and measure.kind != "run":
        return f"no {measure.words} is known of {requests}"
    kind = "only" if found.failures_only and did else measure.name if measure.name in _TOLD else measure.kind
    share = value if measure.kind == "share" else 100.0 * counted / whole if whole else None
    runs, failed = (int(of_measure(row, name) or 0) for name in ("runs", "failed_runs"))
    return (
        _TOLD[kind]
        .format(
            value=_valued(measure, value or 0.0),
            requests=requests,
            did=did,
            counted=count(counted),
            some=some(counted, "request"),
            share=f", {percent(share)}" if share is not None else "",
            had=f" had requests that {did}" if did and "_without_" not in measure.name else "",
            that=" that did" if did else "",
            people=measure.words.removeprefix("share of ").partition(" with ")[0],
            words=measure.words,
            parts=listed(
                [f"{count(of_measure(row, part) or 0)} {measure_of(part).words}" for part in measure.parts], 2
            ),
            of=f", of {requests}" if whole is not None else "",
            runs=some(runs, "run"),
            failed=count(failed),
            completed=f", {percent(value)} completed" if value is not None else "",
        )
        .replace(" ,", ",")
    )


def _valued(measure: AskedMeasure, value: float) -> str:
    """A measure's value with its unit."""
    if measure.is_share:
        return percent(value)
    if measure.kind in ("count", "distinct"):
        return count(value)
    return f"{number(round(value, 1 if measure.unit else 2))} {measure.unit}".rstrip()


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

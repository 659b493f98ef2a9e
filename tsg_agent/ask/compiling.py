"""A typed query as SQL, built by sqlglot with bound parameters, and its rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import duckdb
from sqlglot import exp

from tsg_agent.ask.measures import FACTOR, AskedMeasure, MeasureSource, condition_of, counted, measure_of
from tsg_agent.ask.typed import AFTER, BEFORE, MOST_ROWS, OTHERS, Filter, TypedQuery
from tsg_agent.ask.vocabulary import table_of
from tsg_agent.errors import ParameterError
from tsg_agent.evidence.measurement import entry_of
from tsg_agent.models import Parameters
from tsg_agent.settings import Settings
from tsg_agent.telemetry.catalog import LOGS, METRICS, WORKFLOWS
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools import AnyGuide
from tsg_agent.tools.rows import WindowArgs, naive_utc
from tsg_agent.tools.service_requests import with_service_requests

PERIOD, TIME, BASELINE = "period", "time", "baseline"
COMPONENT = "service_component"
TELLS_THE_ANSWER = ("status_code", "error_code", "error_category", "exception_type", "exception_message")
"""Columns that say how a request was answered. Grouped by one, groups with a count of 0 are left out."""
RUNS_BEGIN = timedelta(hours=1)
"""How far before the window rows are read: a run is counted at the time at which it began."""
Value = str | int | float | None


@dataclass(frozen=True)
class CompiledQuery:
    """A query's rows. Columns: the grouping, `time` and `period` if asked for, `requests`, the measures."""

    rows: list[dict[str, Value]] = field(default_factory=list)
    sql: str = ""
    lacking: tuple[str, ...] = ()
    """Tables and columns that the query needs and the telemetry lacks."""
    failures_only: bool = False
    """Whether only failed requests have a value in the grouping's columns, so that every failure rate is 100 %."""
    entry: str | None = None
    """The component at which the service's requests arrive, if requests were counted there."""
    without: int = 0
    """Number of requests with NULL in a grouping column."""
    more: bool = False
    left_out: int = 0
    """Number of groups with too few requests to be ranked by a share."""


def lacking(query: TypedQuery, engine: Engine) -> tuple[str, ...]:
    """Tables and columns that a query needs and the telemetry does not have."""
    first = {MeasureSource.REQUESTS: LOGS, MeasureSource.INSTANCES: METRICS, MeasureSource.RUNS: WORKFLOWS}[
        query.source
    ].name
    needed = [(table_of(column), column) for column in (*query.by, *(one.column for one in query.filters))]
    needed += [(first, column) for name in query.all_measures for column in measure_of(name).needs]
    needed += [(LOGS.name, column) for one in query.conditions for column in measure_of(one.removeprefix("not ")).needs]
    absent = [] if first in engine.tables else [first]
    for table, column in needed:
        source = engine.tables.get(table)
        if source is None:
            absent.append(table)
        elif column not in source.present or column in source.empty:
            absent.append(f"{table}.{column}")
    return tuple(dict.fromkeys(absent))


def counted_rows(
    engine: Engine,
    query: TypedQuery,
    scope: Parameters,
    settings: Settings,
    guide: AnyGuide,
    *,
    minimum: int = 0,
) -> CompiledQuery:
    """Run a query. The scope's window and region hold where the query names none.

    `guide`: its check of workflow runs decides which runs failed. `minimum`: requests that a group needs to be ranked
    by a share.
    Raises TelemetryError, and ParameterError for runs where no check reads them.
    """
    absent = lacking(query, engine)
    if absent:
        return CompiledQuery(lacking=absent)
    if query.source is MeasureSource.RUNS:
        return _of_runs(engine, query, scope, settings, guide)
    entry = _entry(engine, query, scope, settings)
    sql, bound = compiled(query, entry)
    bound |= _scope_bound(query, scope) | {"version_slow_ms": settings.thresholds.version.slow_ms}
    rows = engine.run(sql, bound, timeout=settings.query_timeout).to_pylist()
    return _counted(rows, query, sql, entry, minimum)


def _scope_bound(query: TypedQuery, scope: Parameters) -> dict[str, object]:
    start, end = query.start_time or scope.start_time, query.end_time or scope.end_time
    split = query.split_at or start
    return {
        "start_time": naive_utc(start),
        "end_time": naive_utc(end),
        "seconds": (end - split).total_seconds(),
        "seconds_before": ((query.until or split) - start).total_seconds(),
        "service_name": scope.service_name,
        "environment": scope.environment,
        "region": scope.region,
        "split_at": naive_utc(query.split_at) if query.split_at else None,
        "until": naive_utc(query.until) if query.until else None,
    }


def compiled(query: TypedQuery, entry: str | None = None) -> tuple[str, dict[str, object]]:
    """The query's SQL, and its bound values; those of the scope come from _scope_bound."""
    bound: dict[str, object] = {}
    asked = _asked(query, entry, bound)
    everywhere = "region" in query.by or any(one.column == "region" for one in query.filters)
    whole = exp.select("*").from_("service_requests")
    ctes = {"everything": whole if everywhere else whole.where("region = $region", dialect="duckdb"), "asked": asked}
    if query.source is MeasureSource.INSTANCES:
        ctes["samples"] = _samples(query)
    select = _aggregated(query, "samples" if query.source is MeasureSource.INSTANCES else "asked", bound)
    for name, cte in ctes.items():
        select = select.with_(name, as_=cte, dialect="duckdb")
    return with_service_requests(select.sql(dialect="duckdb", pretty=True), once=True), bound


def _asked(query: TypedQuery, entry: str | None, bound: dict[str, object]) -> exp.Select:
    """The filtered requests, joined with the grouping columns of other tables."""
    select = exp.select("everything.*").from_("everything")
    held: dict[str, list[str]] = {}
    for number, one in enumerate(query.filters):
        predicate = _filtered(one, number, bound)
        if one.column != query.apart or one.without:
            held.setdefault(table_of(one.column), []).append(predicate)
    select = select.where(*held.pop(LOGS.name, []), dialect="duckdb")
    for table in sorted({*held, *map(table_of, query.by)} - {LOGS.name}):
        columns = [column for column in query.by if table_of(column) == table]
        if columns:
            rows = exp.select("request_id", *columns).distinct().from_(table)
            rows = rows.where(*held.get(table, []), dialect="duckdb")
            select = select.select(*(f"{table}.{column}" for column in columns))
            select = select.join(rows.subquery(table), using="request_id")
            continue
        for one, predicate in zip((o for o in query.filters if table_of(o.column) == table), held[table], strict=True):
            select = select.where(_carried(table, one, predicate, held[table]), dialect="duckdb")
    for condition in query.conditions:
        name = condition.removeprefix("not ")
        holds = "TRUE" if name == condition else "NOT TRUE"
        select = select.where(f"({condition_of(name).sql}) IS {holds}", dialect="duckdb")
    if query.until is not None:
        select = select.where("timestamp <= $until OR timestamp >= $split_at", dialect="duckdb")
    if entry is not None:
        bound["entry"] = entry
        select = select.where(f"{COMPONENT} = $entry", dialect="duckdb")
    return select


def _carried(table: str, one: Filter, predicate: str, together: list[str]) -> str:
    """Predicate: the request has one row in `table` that meets all of `together`, or none that is excluded."""
    if one.without:
        return f"request_id NOT IN (SELECT request_id FROM {table} WHERE NOT ({predicate}))"  # noqa: S608 - the catalogue's names
    wanted = " AND ".join(together)
    return f"request_id IN (SELECT request_id FROM {table} WHERE {wanted})"  # noqa: S608 - the catalogue's names


def _filtered(one: Filter, number: int, bound: dict[str, object]) -> str:
    """A filter as a predicate. A NULL is not among the excluded values, so such rows stay."""
    if not one.values:
        return f"{one.column} IS {'' if one.without else 'NOT '}NULL"
    values = {f"f{number}_{place}": value for place, value in enumerate(one.values)}
    bound |= values
    either = f"CAST({one.column} AS VARCHAR) IN ({', '.join(f'${name}' for name in values)})"
    return f"({either}) IS NOT TRUE" if one.without else either


def _samples(query: TypedQuery) -> exp.Select:
    """The metric samples of the instances that served the filtered requests, with the grouping columns."""
    more = [one for one in dict.fromkeys(query.by) if one != "instance_id"]
    served = exp.select("instance_id", *more).distinct().from_("asked").subquery("served")
    select = exp.select(f"{METRICS.name}.*", *(f"served.{one}" for one in more)).from_(METRICS.name)
    return select.join(served, using="instance_id").where(
        f"{METRICS.name}.timestamp BETWEEN $start_time AND $end_time", dialect="duckdb"
    )


def _aggregated(query: TypedQuery, source: str, bound: dict[str, object]) -> exp.Select:
    """The aggregate query: one row for each group, time bucket and period."""
    keys = {name: _key(name, query) for name in query.by} | _times(query)
    measured = {name: _sql(name, query) for name in _shown(query)}
    select = exp.select().from_(source)
    columns = (f"{sql} AS {name}" if sql != name else name for name, sql in (*keys.items(), *measured.items()))
    select = select.select(*columns, dialect="duckdb").group_by(*keys.values(), dialect="duckdb")
    for number, one in enumerate(query.bounds):
        bound[f"bound_{number}"] = one.value
        if keys and one.measure != FACTOR:
            select = select.having(f"{_sql(one.measure, query)} {one.sign} $bound_{number}", dialect="duckdb")
    select = _with_factor(select, query, bound) if query.baseline else select
    order = [f"{name} {'ASC' if query.is_ascending else 'DESC'} NULLS LAST" for name in [query.ordered_by]]
    ties = [name for name in keys if name not in (TIME, PERIOD)]
    if query.in_time:
        order = [TIME] if query.bucket_seconds else [f"{PERIOD} DESC"]
    select = select.order_by(
        *order, *ties, *([TIME] if query.bucket_seconds and query.order_by else []), dialect="duckdb"
    )
    return select.limit(MOST_ROWS + 1)


def _with_factor(rows: exp.Select, query: TypedQuery, bound: dict[str, object]) -> exp.Select:
    """The rows with their baseline's value of the first measure, and the factor between them."""
    own, bound["baseline"] = query.measures[0], query.baseline
    if query.baseline in query.measures:
        theirs, is_baseline = query.baseline, "FALSE"
    else:
        key = PERIOD if query.baseline == BEFORE else f"CAST({query.by[0]} AS VARCHAR)"
        is_baseline = f"{key} = $baseline"
        groups = [*([*query.by] if query.baseline == BEFORE else []), *([TIME] if query.bucket_seconds else [])]
        within = f"PARTITION BY {', '.join(groups)}" if groups else ""
        theirs = f"max(CASE WHEN {is_baseline} THEN {own} END) OVER ({within})"
    select = exp.select("*", dialect="duckdb").from_(rows.subquery("grouped"))
    select = select.select(f"CASE WHEN NOT ({is_baseline}) THEN {theirs} END AS {BASELINE}", dialect="duckdb")
    factor = f"1.0 * {own} / nullif({BASELINE}, 0)"
    compared = exp.select("*").from_(select.subquery("compared")).select(f"{factor} AS {FACTOR}", dialect="duckdb")
    for number, one in enumerate(query.bounds if query.compared_groups else ()):
        if one.measure == FACTOR:
            own_bound = f"{own} {one.sign} $bound_{number} * {BASELINE}"
            compared = compared.where(
                own_bound if one.value == 1 else f"{own_bound} AND {BASELINE} > 0", dialect="duckdb"
            )
    return compared


def _key(column: str, query: TypedQuery) -> str:
    """The SQL of a grouping column; if it is compared with the others, these are one group."""
    if column != query.apart:
        return column
    values = next(i for i, one in enumerate(query.filters) if one.column == column and not one.without)
    own = ", ".join(f"$f{values}_{place}" for place in range(len(query.filters[values].values)))
    text = f"CAST({column} AS VARCHAR)"
    return f"CASE WHEN {text} IN ({own}) THEN {text} WHEN {text} IS NOT NULL THEN '{OTHERS}' END"


def _times(query: TypedQuery) -> dict[str, str]:
    """The grouping by time: output column -> SQL, for time buckets and for before and after."""
    bucket = f"time_bucket(INTERVAL '{query.bucket_seconds} seconds', timestamp)"
    side = f"CASE WHEN timestamp < $split_at THEN '{BEFORE}' ELSE '{AFTER}' END"
    return ({TIME: bucket} if query.bucket_seconds else {}) | ({PERIOD: side} if query.split_at else {})


def _sql(name: str, query: TypedQuery) -> str:
    """A measure's aggregate. A share of all is relative to the same bucket or period, else to all requests."""
    measure = measure_of(name)
    counts = counted(condition_of(measure.condition).sql if measure.condition else "")
    times = ", ".join(_times(query).values())
    of_all = f"(SELECT {counts} FROM {'asked' if query.by else 'everything'})"  # noqa: S608 - our own text
    seconds = str(query.bucket_seconds or "$seconds")
    if query.split_at and not query.bucket_seconds:
        seconds = "CASE WHEN min(timestamp) < $split_at THEN $seconds_before ELSE $seconds END"
    return measure.sql.replace("{seconds}", seconds).replace(
        "{whole}", f"sum({counts}) OVER (PARTITION BY {times})" if times else of_all
    )


def _shown(query: TypedQuery) -> tuple[str, ...]:
    """The measures of a row. Counts come first, so that every share stands beside its total."""
    measures = [measure_of(name) for name in query.all_measures]
    if query.source is not MeasureSource.REQUESTS:
        runs = ("runs", "failed_runs") if query.source is MeasureSource.RUNS else ()
        return tuple(dict.fromkeys((*runs, *query.all_measures)))
    counts = [one.condition for one in measures if one.condition and one.kind in ("share", "availability", "of_all")]
    rates = [condition_of(one.condition).rate for one in measures if one.condition and one.kind in ("count", "of_all")]
    own = ["failures"] if not any(one.kind == "time" for one in measures) else []
    parts = [part for one in measures for part in one.parts]
    return tuple(dict.fromkeys(("requests", *own, *counts, *parts, *query.all_measures, *rates)))


def _entry(engine: Engine, query: TypedQuery, scope: Parameters, settings: Settings) -> str | None:
    """The component at which totals are counted: the service's entry, where several components log."""
    logs = engine.tables[LOGS.name]
    if query.by or query.filters or query.source is not MeasureSource.REQUESTS or COMPONENT not in logs.present:
        return None
    select = exp.select(COMPONENT, "count(*) FILTER (WHERE status_code < 400) AS answered").from_("service_requests")
    select = select.where(f"region = $region AND {COMPONENT} IS NOT NULL", dialect="duckdb").group_by(COMPONENT)
    sql = with_service_requests(select.sql(dialect="duckdb"))
    rows = engine.run(sql, _scope_bound(query, scope), timeout=settings.query_timeout).to_pylist()
    names = [str(row[COMPONENT]) for row in rows]
    place = entry_of(names, scope.service_name) if any(row["answered"] for row in rows) else None
    return names[place] if place is not None else None


def _of_runs(
    engine: Engine, query: TypedQuery, scope: Parameters, settings: Settings, guide: AnyGuide
) -> CompiledQuery:
    """Workflow runs, as the guide's check of runs judges them; unfinished runs are not counted."""
    check = next((one for one in guide.steps if one.unit == "run"), None)
    if check is None:
        raise ParameterError("No check of this guide reads workflow runs.")
    if "region" in query.by:
        raise ParameterError("Workflow runs are counted in one region at a time.", fix="Name a region.")
    start, end = query.start_time or scope.start_time, query.end_time or scope.end_time
    window = {"region": scope.region, "environment": scope.environment}
    args = WindowArgs(start_time=start - RUNS_BEGIN, end_time=end, **window)
    ran = check.run_with_table(engine, args, settings)
    if ran.kept is None:
        return CompiledQuery([], ran.finding.sql)
    bound: dict[str, object] = {}
    asked = exp.select("*").from_("runs").where("timestamp >= $start_time", dialect="duckdb")
    for number, one in enumerate(query.filters):
        if one.column != "region":
            asked = asked.where(_filtered(one, number, bound), dialect="duckdb")
    select = _aggregated(query, "asked", bound).with_("asked", as_=asked, dialect="duckdb")
    sql = select.sql(dialect="duckdb", pretty=True)
    bound |= {"start_time": naive_utc(start), "split_at": naive_utc(query.split_at) if query.split_at else None}
    used = {name: value for name, value in bound.items() if f"${name}" in sql}
    with duckdb.connect(config={"enable_external_access": "false", "threads": "1"}) as connection:
        connection.register("runs", ran.kept)
        rows = connection.sql(sql, params=used).to_arrow_table().to_pylist()
    return _counted(rows, query, f"{ran.finding.sql}\n{sql}", None, 0)


def _counted(rows: list[dict[str, Any]], query: TypedQuery, sql: str, entry: str | None, minimum: int) -> CompiledQuery:
    """The rows to show: without groups of NULL, of nothing counted, or of too few requests."""
    more = len(rows) > MOST_ROWS
    plain = [{name: _plain(value) for name, value in row.items()} for row in rows[:MOST_ROWS]]
    none = [row for row in plain if any(row[column] is None for column in query.by)]
    kept = [row for row in plain if row not in none]
    tells = [column for column in query.by if column in TELLS_THE_ANSWER]
    first = measure_of(query.measures[0])
    if tells and first.kind in ("count", "share", "of_all") and first.condition:
        kept = [row for row in kept if row[first.condition]]
    failures_only = bool(kept) and query.source is MeasureSource.REQUESTS and _only_failures(kept, query)
    without = sum(int(row["requests"] or 0) for row in none if "requests" in row)
    large = [row for row in kept if (of_measure(row, "requests") or minimum) >= minimum]
    by_share = measure_of(query.ordered_by).kind in ("share", "availability", "statistic") and not failures_only
    left_out = len(kept) - len(large) if by_share and large else 0
    kept = [row for row in (large if left_out else kept) if row.get("requests", 1) or not query.by]
    kept = _filled(kept, query)[query.skip :][: query.limit]
    return CompiledQuery(kept, sql, (), failures_only, entry, without, more, left_out)


def _filled(rows: list[dict[str, Value]], query: TypedQuery) -> list[dict[str, Value]]:
    """A series with a row for every bucket between its first and its last; counts of missing ones are 0."""
    if not rows or not query.bucket_seconds or query.by or query.split_at or query.order_by or query.bounds:
        return rows
    held = {str(row[TIME]): row for row in rows}
    none: dict[str, Value] = {name: 0 if isinstance(value, int) else None for name, value in rows[0].items()}
    time, last = (datetime.fromisoformat(str(row[TIME])) for row in (rows[0], rows[-1]))
    filled: list[dict[str, Value]] = []
    while time <= last and len(filled) < MOST_ROWS:
        key = str(_plain(time.replace(tzinfo=None)))
        filled.append(held.get(key) or {**none, TIME: key})
        time += timedelta(seconds=query.bucket_seconds)
    return filled


def _only_failures(rows: list[dict[str, Value]], query: TypedQuery) -> bool:
    told = [*query.by, *(one.column for one in query.filters if not one.without)]
    carried = [column for column in told if column in TELLS_THE_ANSWER and column != "status_code"]
    shares = [name for name in query.measures if measure_of(name).is_share and measure_of(name).kind != "of_all"]
    return bool(carried and shares) and all(row["requests"] == row.get("failures") for row in rows)


def _plain(value: Any) -> Value:
    if isinstance(value, datetime):
        return f"{value.replace(tzinfo=None).isoformat(timespec='milliseconds' if value.microsecond else 'seconds')}Z"
    if isinstance(value, float):
        return round(value, 4)
    return value if isinstance(value, str | int) or value is None else str(value)


def of_measure(row: Mapping[str, Value], measure: AskedMeasure | str) -> float | None:
    """A measure's value in a row; None where it is NULL or missing."""
    value = row.get(measure if isinstance(measure, str) else measure.name)
    return float(value) if isinstance(value, int | float) else None

"""Counted for a question: requests, failures, latency and users, of all requests or by one of their columns."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tsg_agent.ask.dimensions import By
from tsg_agent.evidence.measurement import entry_of
from tsg_agent.models import Measure, Parameters
from tsg_agent.settings import Settings
from tsg_agent.telemetry.catalog import FLAGS, LOGS, PRODUCTS
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools.requests import is_weighted, with_service_requests
from tsg_agent.tools.rows import naive_utc

GROUPS = 5_000
"""Groups that are ranked; the busiest."""
MINIMUM = 20
"""Requests of which a share is ranked: of 2, one failure is half."""
COMPONENT = "service_component"


class Metric(StrEnum):
    """What of the requests is asked for."""

    FAILURES = "failures"
    AVAILABILITY = "availability"
    LATENCY = "latency"
    REQUESTS = "requests"
    USERS = "users"


FAILED = {
    Measure.SERVER_ERRORS: "status_code >= 500",
    Measure.RATE_LIMITED: "status_code = 429",
    Measure.CLIENT_ERRORS: "status_code BETWEEN 400 AND 499",
    Measure.SLOW: "latency_ms > $version_slow_ms",
}
LATENCIES = {"p50": "quantile_cont(latency_ms, 0.5)", "p95": "quantile_cont(latency_ms, 0.95)"} | {
    "p99": "quantile_cont(latency_ms, 0.99)",
    "average": "avg(latency_ms)",
    "maximum": "max(latency_ms)",
}
COUNTS = (
    "requests",
    "failures",
    "failure_rate",
    "successes",
    *(f"{name}_ms" for name in LATENCIES),
    "users",
    "users_failed",
)
"""Columns of a row that are figures; the others are names."""


@dataclass(frozen=True)
class Wanted:
    """What is to be counted."""

    measure: Measure = Measure.SERVER_ERRORS
    code: int | None = None
    """A status code that is asked for: it counts as the failure."""
    by: By | None = None
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Only requests with one of these values: column -> values."""


@dataclass(frozen=True)
class Counted:
    """What was counted. `lacking`: columns that the telemetry does not have, and that were needed."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    sql: str = ""
    lacking: tuple[str, ...] = ()
    failures_only: bool = False
    """Only failed requests carry the column: a share of its own requests would be 100 % of anything."""
    entry: str | None = None
    """The component whose requests are all of the service's."""


def columns_of(engine: Engine, by: By) -> tuple[str, ...]:
    """The columns of a thing that the telemetry has; nothing where it lacks the one with the names."""
    source = engine.tables.get(by.table)
    if source is None or by.column not in source.present:
        return ()
    return tuple(column for column in by.columns if column in source.present)


def counted(engine: Engine, wanted: Wanted, parameters: Parameters, settings: Settings) -> Counted:
    """One row for each group, or one for all requests. Raises TelemetryError."""
    logs = engine.tables.get(LOGS.name)
    if logs is None:
        return Counted(lacking=(LOGS.name,))
    columns = columns_of(engine, wanted.by) if wanted.by else ()
    if wanted.by and not columns:
        return Counted(lacking=(f"{wanted.by.table}.{wanted.by.column}",))
    total = not columns and not wanted.names and COMPONENT in logs.present
    sql, bound = _query(wanted, columns, total=total, weighted=is_weighted(engine))
    bound |= {
        "start_time": naive_utc(parameters.start_time),
        "end_time": naive_utc(parameters.end_time),
        "service_name": parameters.service_name,
        "environment": parameters.environment,
        "region": parameters.region,
        "version_slow_ms": settings.thresholds.version.slow_ms,
    }
    rows = engine.run(sql, bound, timeout=settings.query_timeout).to_pylist()
    lacking = tuple(name for name in ("latency_ms", "user_id", "status_code") if name not in logs.present)
    if total:
        return _entry(rows, parameters.service_name, sql, lacking)
    named = [*columns] or list(wanted.names)
    carried = bool(named) and any(row["requests"] for row in rows) and not any(row.pop("answered") for row in rows)
    for row in rows:
        row.pop("answered", None)
    return Counted([row for row in rows if row["requests"]], sql, lacking, carried)


def _query(wanted: Wanted, columns: tuple[str, ...], *, total: bool, weighted: bool) -> tuple[str, dict[str, object]]:
    failed = "status_code = $code" if wanted.code is not None else FAILED[wanted.measure]
    bound: dict[str, object] = {} if wanted.code is None else {"code": wanted.code}
    tables = {by_table for by_table in (FLAGS.name, PRODUCTS.name) if _needed(by_table, wanted, columns)}
    joins = "".join(
        f"\nJOIN (SELECT DISTINCT request_id, {', '.join(_needed(name, wanted, columns))} FROM {name}) AS {name}\n"  # noqa: S608 - the catalogue's names
        f"    USING (request_id)"
        for name in sorted(tables)
    )
    held = [] if "region" in (*columns, *wanted.names) else ["region = $region"]
    for column, values in wanted.names.items():
        places = []
        for number, value in enumerate(values):
            bound[f"{column}_{number}"] = value
            places.append(f"${column}_{number}")
        held.append(f"{column} IN ({', '.join(places)})")
    held += [f"{column} IS NOT NULL" for column in columns[-1:]]
    where = f"\nWHERE {' AND '.join(held)}" if held else ""
    names = ", ".join(columns) or (COMPONENT if total else "")
    group = f"\nGROUP BY GROUPING SETS ((), ({COMPONENT}))" if total else f"\nGROUP BY {names}" if names else ""
    counts = [
        *([f"grouping({COMPONENT}) AS whole"] if total else []),
        *([names] if names else []),
        "CAST(count(*) AS BIGINT) AS requests",
        "CAST(count(*) FILTER (failed) AS BIGINT) AS failures",
        "100.0 * count(*) FILTER (failed) / nullif(count(*), 0) AS failure_rate",
        "CAST(count(*) FILTER (status_code BETWEEN 200 AND 299) AS BIGINT) AS successes",
        *(f"{function} AS {name}_ms" for name, function in LATENCIES.items()),
        "count(DISTINCT user_id) AS users",
        "count(DISTINCT user_id) FILTER (failed) AS users_failed",
        "count(*) FILTER (status_code < 400) AS answered",
    ]
    source = f"(SELECT *, ({failed}) IS TRUE AS failed FROM service_requests) AS counted_requests"  # noqa: S608 - the catalogue's names
    order = f"ORDER BY requests DESC{f', {names}' if names else ''} LIMIT {GROUPS}"
    # our own text and the catalogue's names; values are bound
    sql = f"SELECT {', '.join(counts)}\nFROM {source}{joins}{where}{group}\n{order}"
    return with_service_requests(sql, weighted=weighted, once=True), bound


def _needed(table: str, wanted: Wanted, columns: tuple[str, ...]) -> list[str]:
    """The columns of a table beside the requests that a query reads."""
    held = {FLAGS.name: FLAGS, PRODUCTS.name: PRODUCTS}[table].columns
    return [name for name in dict.fromkeys((*columns, *wanted.names)) if name in held]


def _entry(rows: list[dict[str, Any]], service: str, sql: str, lacking: tuple[str, ...]) -> Counted:
    """All requests as customers see them: at the component named like the service, where others have rows too."""
    whole = next((row for row in rows if row.pop("whole")), None)
    parts = [row for row in rows if row is not whole and row[COMPONENT] is not None]
    answered = any(row["answered"] for row in parts)
    place = entry_of([row[COMPONENT] for row in parts], service) if answered else None
    chosen = parts[place] if place is not None else whole
    if chosen is None:
        return Counted([], sql, lacking)
    entry = chosen[COMPONENT] if place is not None else None
    kept = {name: value for name, value in chosen.items() if name not in ("answered", "whole", COMPONENT)}
    return Counted([kept] if kept["requests"] else [], sql, lacking, entry=entry)

"""Which values of a column failed most: one query over the requests that every check looks at."""

from typing import Any

from tsg_agent.models import Measure, Parameters
from tsg_agent.settings import Settings
from tsg_agent.telemetry.catalog import LOGS
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools.plugin import with_service_requests
from tsg_agent.tools.rows import naive_utc
from tsg_agent.wording import count, percent, subject_name

SHOWN = 5
_FAILED = {
    Measure.SERVER_ERRORS: ("status_code >= 500", "failed (5xx)"),
    Measure.RATE_LIMITED: ("status_code = 429", "were rate limited (429)"),
    Measure.CLIENT_ERRORS: ("status_code BETWEEN 400 AND 499", "were refused (4xx)"),
    Measure.SLOW: ("latency_ms > $version_slow_ms", "were slow"),
}


def ranked(
    engine: Engine, columns: tuple[str, ...], measure: Measure, parameters: Parameters, settings: Settings
) -> list[dict[str, Any]]:
    """The values with the most failures first: the columns, requests, failures, failure_rate. Raises TelemetryError."""
    source = engine.tables.get(LOGS.name)
    held = [name for name in columns if source is not None and name in source.present]
    if not held:
        return []
    names = ", ".join(held)  # the catalogue's own names
    failed, _ = _FAILED[measure]
    everywhere = "region" in held
    sql = with_service_requests(
        f"WITH failing AS (SELECT *, ({failed}) IS TRUE AS failed FROM service_requests"  # noqa: S608 - our own text
        f"{'' if everywhere else ' WHERE region = $region'})\n"
        f"SELECT {names}, count(*) AS requests, count(*) FILTER (failed) AS failures,\n"
        f"    100.0 * count(*) FILTER (failed) / count(*) AS failure_rate\n"
        f"FROM failing WHERE {held[0]} IS NOT NULL GROUP BY {names}\n"
        f"ORDER BY failures DESC, failure_rate DESC, {names} LIMIT {SHOWN}"
    )
    bound = {
        "start_time": naive_utc(parameters.start_time),
        "end_time": naive_utc(parameters.end_time),
        "service_name": parameters.service_name,
        "environment": parameters.environment,
        "region": parameters.region,
        "version_slow_ms": settings.thresholds.version.slow_ms,
    }
    return engine.run(sql, bound, timeout=settings.query_timeout).to_pylist()  # type: ignore[no-any-return]


def ranking_words(rows: list[dict[str, Any]], measure: Measure, prefix: str) -> str:
    """The ranking in sentences, each with its row."""
    _, words = _FAILED[measure]
    told = []
    for i, row in enumerate(rows, 1):
        figures = ("requests", "failures", "failure_rate")
        subject = {key: str(value) for key, value in row.items() if key not in figures and value is not None}
        counts = f"{count(row['failures'])} of {count(row['requests'])} requests"
        told.append(f"{i}. {subject_name(subject)}: {counts} {words}, {percent(row['failure_rate'])} [{prefix}.{i}]")
    return "\n".join(told)

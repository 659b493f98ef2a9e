"""What every query counts: the requests of one service, copies of a row, and rows that stand for several requests."""

import re
from importlib.resources import files

from tsg_agent.telemetry.catalog import LOGS, WEIGHT
from tsg_agent.telemetry.engine import Engine

COPY = ("request_id", "timestamp", "status_code", "service_component")
"""A row delivered twice is one: the same request at the same time, answered alike by the same component."""
_INNER = r"(?:[^()]|\([^()]*\))*"
_COUNT = re.compile(rf"\bcount\((?:DISTINCT (?:\w+\.)?request_id|\*)\)( FILTER \({_INNER}\))?")
_MEAN = re.compile(
    r"\bavg\(([^()]*\b(?:latency_ms|backend_latency_ms|connection_time_ms|has_dependency_failure)\b[^()]*)\)"
)


def is_weighted(engine: Engine) -> bool:
    """Whether the source says how many requests a row stands for."""
    logs = engine.tables.get(LOGS.name)
    return logs is not None and WEIGHT in logs.present


def each_once(sql: str) -> str:
    """What ends a SELECT of requests so that copies of a row count once, for a query that reads what `sql` names.

    Of copies that differ the first counts, in the order of all that is read: the same one on every engine.
    """
    named = set(re.findall(r"\w+", sql))
    read = [name for name in LOGS.columns if name in named and name not in COPY]
    order = f" ORDER BY {', '.join(read)}" if read else ""
    return f"QUALIFY row_number() OVER (PARTITION BY {', '.join(COPY)}{order}) = 1"


def with_service_requests(sql: str, *, weighted: bool = False, once: bool = False) -> str:
    """The query with the meaning of `service_requests` before it: the requests that every check looks at.

    `once`: copies of a row count once. The guide's own queries count request_ids, which comes to the same; where a row
    stands for several requests (`weighted`), its counts and means are the weighted ones, and copies count once too.
    Percentiles stay those of the rows.
    """
    if "service_requests" not in sql:
        return sql
    if weighted:
        sql = _MEAN.sub(r"(sum(weight * (\1)) / sum(weight) FILTER ((\1) IS NOT NULL))", sql)
        sql = _COUNT.sub(r"coalesce(sum(weight)\1, 0)", sql)
    comment = re.match(r"(?:--[^\n]*\n)*", sql)
    head = comment.group(0) if comment else ""
    body = sql[len(head) :].lstrip()
    shared = files("tsg_agent.tools").joinpath("requests.sql").read_text("utf-8").rstrip()
    if weighted or once:
        shared = f"{shared}\n{each_once(sql)}"
    rest = f",\n{body[5:]}" if body.startswith("WITH ") else f"\n{body}"
    return f"{head}WITH service_requests AS (\n{shared}\n){rest}"

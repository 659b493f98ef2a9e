"""Selects the server engine for a URL. Each needs an extra, which is imported on use."""

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tsg_agent.errors import TelemetryError

if TYPE_CHECKING:
    from tsg_agent.telemetry.remote import Remote

SERVERS = {
    "postgresql": ("postgres", "PostgreSQL", "psycopg", "postgres"),
    "postgres": ("postgres", "PostgreSQL", "psycopg", "postgres"),
    "clickhouse": ("clickhouse", "ClickHouse", "clickhouse_connect", "clickhouse"),
    "clickhouses": ("clickhouse", "ClickHouse", "clickhouse_connect", "clickhouse"),
    "chdb": ("clickhouse", "ClickHouse", "clickhouse_connect", "clickhouse"),
    "sc": ("spark", "Spark", "pyspark", "spark"),
}
"""Scheme -> module, class, required package, and the extra that installs it."""
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://")


def scheme_of(telemetry: str) -> str:
    """The scheme of a URL; "" for a path."""
    match = _SCHEME.match(telemetry)
    return match[1] if match else ""


def open_server(url: str, mapping: str | Path | None = None) -> "Remote":
    """The engine at a URL. Raises TelemetryError."""
    scheme = scheme_of(url)
    if scheme not in SERVERS:
        known = ", ".join(f"{name}://" for name in ("duckdb", *SERVERS))
        raise TelemetryError(f"No engine is known by {scheme}://.", fix=f"There are {known}, and paths.")
    module, name, package, extra = SERVERS[scheme]
    try:
        made = getattr(import_module(f"tsg_agent.telemetry.{module}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {package, "psycopg_pool", "grpc"}:
            raise
        raise TelemetryError(
            f"{scheme}:// needs the package {error.name}, which is not installed.",
            fix=f"pip install 'tsg-agent[{extra}]'",
        ) from error
    engine: Remote = made(url, mapping=mapping)
    return engine

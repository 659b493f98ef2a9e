"""The embedded engine as a server: what is asked of servers runs where no server is."""

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from tsg_agent.telemetry.catalog import SourceTable
from tsg_agent.telemetry.duckdb import DuckDB


class AtServer:
    """An engine that asks as if its tables were at a server, and makes no copies of its own for it."""

    def __init__(self, engine: DuckDB) -> None:
        self._engine = engine
        self.asked: list[str] = []

    @property
    def tables(self) -> dict[str, SourceTable]:
        return {name: replace(table, at_server=True) for name, table in self._engine.tables.items()}

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> pa.Table:
        self.asked.append(sql)
        return self._engine.run(
            sql.replace("FROM service_requests", "FROM  service_requests"), parameters, timeout=timeout
        )

    def close(self) -> None:
        self._engine.close()

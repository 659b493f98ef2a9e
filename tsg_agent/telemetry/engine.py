"""The interface of a query engine. Canonical SQL is DuckDB's dialect."""

import logging
from collections.abc import Collection, Mapping
from typing import Protocol, runtime_checkable

import pyarrow as pa

from tsg_agent.telemetry.catalog import SourceTable

QUERIES = logging.getLogger("tsg_agent.queries")
"""Logs every query before it runs, at level INFO: its text, and its parameters as the record's `parameters`."""


class Engine(Protocol):
    """Runs read-only queries over the guide's tables. Safe to call from several threads at once."""

    @property
    def tables(self) -> dict[str, SourceTable]:
        """The source's tables by the guide's names; missing ones are left out."""
        ...

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> pa.Table:
        """Rows of one SELECT with bound `$name` parameters.

        `timeout` is in seconds; after it the query is cancelled in the engine. Parameters that the SQL does not name
        are ignored. Times in the result are naive UTC. Text columns of a large result may be dictionary-encoded.

        Raises QueryTimeout, TransientTelemetryError (worth a retry) or QueryError.
        """
        ...

    def close(self) -> None:
        """Release the source."""
        ...


@runtime_checkable
class Cancellable(Protocol):
    """An engine whose running queries can be cancelled from another thread."""

    def cancel(self, threads: Collection[int]) -> None:
        """Cancel the queries that these threads (by `threading.get_ident()`) wait for; they raise QueryTimeout."""
        ...


@runtime_checkable
class Caching(Protocol):
    """An engine that keeps copies of a window's requests for later queries."""

    def release(self) -> None:
        """Drop the copies if memory is scarce: the investigation has its evidence. A later query makes them anew."""
        ...


@runtime_checkable
class Distrusting(Protocol):
    """An engine that runs untrusted queries in a process that can be killed."""

    def run_apart(self, sql: str, *, timeout: float, most: int) -> pa.Table:
        """Rows of one SELECT without parameters, QueryError above `most` bytes. Else raises what Engine.run raises."""
        ...

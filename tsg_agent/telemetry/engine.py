"""What the checks ask of a data engine. Canonical SQL is DuckDB's."""

import logging
from collections.abc import Collection, Mapping
from typing import Protocol, runtime_checkable

import pyarrow as pa

from tsg_agent.telemetry.catalog import SourceTable

QUERIES = logging.getLogger("tsg_agent.queries")
"""Hears of every query before it runs, at level INFO: its text, and its parameters as the record's `parameters`."""


class Engine(Protocol):
    """Runs read-only queries over the guide's tables. Safe to call from several threads at once."""

    @property
    def tables(self) -> dict[str, SourceTable]:
        """What the source holds, by the guide's table names; a table it lacks is not in it."""
        ...

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> pa.Table:
        """Rows of one SELECT with bound `$name` parameters.

        `timeout` is in seconds; a query over it is cancelled in the engine, not left running.
        Parameters that the SQL does not name are ignored. Times in the result are naive UTC. Texts of a result of very
        many rows may be dictionary-encoded.

        Raises QueryTimeout, TransientTelemetryError (worth a retry) or QueryError.
        """
        ...

    def close(self) -> None:
        """Release the source."""
        ...


@runtime_checkable
class Cancellable(Protocol):
    """An engine whose running queries can be ended from outside."""

    def cancel(self, threads: Collection[int]) -> None:
        """Cancel the queries that these threads (by `threading.get_ident()`) wait for; they raise QueryTimeout."""
        ...


@runtime_checkable
class Distrusting(Protocol):
    """An engine that runs a query of a model's where it can be ended, whatever it does."""

    def run_apart(self, sql: str, *, timeout: float, most: int) -> pa.Table:
        """Rows of one SELECT without parameters, at most `most` bytes of them. Raises what Engine.run raises."""
        ...

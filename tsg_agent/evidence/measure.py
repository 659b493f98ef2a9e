"""Runs the measurement: a few grouped scans, side by side."""

from collections.abc import Collection, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measurement import Counts, Measurement
from tsg_agent.evidence.read import read_measurement, read_total
from tsg_agent.models import Parameters, Subject
from tsg_agent.settings import Settings
from tsg_agent.telemetry.catalog import CATALOG, LOGS, Needs, lacking
from tsg_agent.telemetry.engine import Engine
from tsg_agent.telemetry.parameters import parameters_in
from tsg_agent.tools.plugin import run_query
from tsg_agent.tools.requests import with_service_requests
from tsg_agent.tools.rows import REQUEST_COLUMNS, naive_utc

NEEDS = (Needs("api_gateway_logs", (*REQUEST_COLUMNS, "status_code")),)
JOINED = {"flags": "feature_flags", "products": "product_metadata"}
"""Query -> the table it joins to the requests."""
Within = Mapping[str, str | None]
"""Dimension -> value; None = not known."""
MOST_IDS = 2_000_000
"""correlation_ids that are fetched without asking which of them a workflow has: that takes longer than fetching."""
SubjectKey = tuple[tuple[str, str], ...]
"""A subject as sorted items."""
KEYS = {"feature_flags": "request_id", "product_metadata": "request_id", "workflow_tracking": "correlation_id"}
"""Table -> the column that ties it to requests."""


@dataclass(frozen=True)
class Measurer:
    """Measures one investigation's window, whole or only a subject's requests."""

    engine: Engine
    parameters: Parameters
    settings: Settings
    executor: Executor
    _kept: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was measured already: explaining away asks for the same part more than once."""
    _begun: dict[object, dict[str, Future[pa.Table]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What is being measured."""

    @property
    def grid(self) -> Grid:
        """The window's buckets."""
        limits, given = self.settings.thresholds.verdict, self.parameters
        start = naive_utc(given.incident_start) if given.incident_start else None
        window = naive_utc(given.start_time), naive_utc(given.end_time)
        return Grid.over(window, start, limits.bucket_minutes, limits.guard_minutes)

    @property
    def lacking(self) -> tuple[str, ...]:
        """What the telemetry lacks for any measurement."""
        return lacking(NEEDS, self.engine.tables)

    def measure(
        self, within: Within | None = None, without: Collection[SubjectKey] = (), *, everywhere: bool = False
    ) -> Measurement:
        """Count the window's requests, or only those of a subject, leaving out those of others.

        A value of None asks for the requests of which the dimension is not known. Raises what Engine.run raises.
        """
        asked = _key("everywhere" if everywhere else "here", within or {}, without)
        if asked not in self._kept:
            begun = self._begun.pop(asked, None) or self._begin(within, without, everywhere=everywhere)
            self._kept[asked] = self.read(_results(begun))
        kept: Measurement = self._kept[asked]
        return kept

    def expect(self, within: Within, without: Collection[SubjectKey] = ()) -> None:
        """Begin to measure what `measure` will be asked for, while something else is found out first."""
        asked = _key("here", within, without)
        if asked not in self._kept and asked not in self._begun:
            self._begun[asked] = self._begin(within, without, everywhere=False)

    def fetch(
        self, within: Within | None = None, without: Collection[SubjectKey] = (), *, everywhere: bool = False
    ) -> dict[str, pa.Table]:
        """The rows that `measure` reads: one table per query, run side by side.

        `everywhere`: a subject's part is counted in the other regions too; a version is bad in all of them.
        """
        return _results(self._begin(within, without, everywhere=everywhere))

    def _begin(
        self, within: Within | None, without: Collection[SubjectKey], *, everywhere: bool
    ) -> dict[str, Future[pa.Table]]:
        names = ["dimensions", *(name for name, table in JOINED.items() if table in self.engine.tables)]
        names += ["regions"] if everywhere or not (within or without) else []
        return {name: self.executor.submit(self._run, name, within or {}, without) for name in names}

    def read(self, results: dict[str, pa.Table]) -> Measurement:
        """The measurement of fetched rows."""
        return read_measurement(results, self.grid, self.parameters.service_name, self.parameters.region)

    def total(self, within: Within, without: Collection[SubjectKey] = ()) -> Counts:
        """The requests of a subject as one group, without telling them apart: `measure(…).total`, and quicker."""
        asked = _key("total", within, without)
        if asked not in self._kept:
            begun = self._begun.pop(asked, None)
            rows = begun["total"].result() if begun else self._run("total", within, without)
            self._kept[asked] = read_total(rows, self.grid)
        kept: Counts = self._kept[asked]
        return kept

    def expect_total(self, within: Within, without: Collection[SubjectKey] = ()) -> None:
        """Begin what `total` will be asked for."""
        asked = _key("total", within, without)
        if asked not in self._kept and asked not in self._begun:
            self._begun[asked] = {"total": self.executor.submit(self._run, "total", within, without)}

    def runs_of(self, subject: Subject, *, failed_only: bool = False) -> pa.Array:
        """correlation_ids of a subject's requests, those of workflow runs among them; none without workflow data.

        `failed_only`: only requests answered 5xx count. Raises what Engine.run raises.
        """
        if "workflow_tracking" not in self.engine.tables:
            return pa.array([], pa.string())
        # A subject's are asked for in both ways, all requests' only in one, and most of them did not fail.
        apart = failed_only and not subject
        asked = ("runs", tuple(sorted(subject.items())), apart)
        if asked not in self._kept:
            self._kept[asked] = self._runs(subject, failed_only=apart)
        found: pa.Table = self._kept[asked]
        if failed_only:
            found = found.filter(found["failed"])
        return found["correlation_id"].combine_chunks()

    def _runs(self, subject: Subject, *, failed_only: bool) -> pa.Table:
        any_request = {"whose": "correlation_id IS NOT NULL", "limit": f"LIMIT {MOST_IDS + 1}"}
        found = self._run("runs", subject, (), failed_only=failed_only, parts=any_request)
        if found.num_rows <= MOST_IDS:
            return found
        workflows = {"whose": "correlation_id IN (SELECT correlation_id FROM workflow_tracking)", "limit": ""}
        return self._run("runs", subject, (), failed_only=failed_only, parts=workflows)

    def _run(
        self,
        name: str,
        within: Within,
        without: Collection[SubjectKey],
        *,
        failed_only: bool = False,
        parts: Mapping[str, str] = MappingProxyType({}),
    ) -> pa.Table:
        """Rows of one query; `parts`: what else its text leaves open."""
        predicate, values = subject_predicate(within, without)
        scope = "region IS DISTINCT FROM $region" if name == "regions" else "region = $region"
        requests = _text("requests").replace("{where}", scope + predicate)
        text = _text(name)
        for part, filled in {"requests": f"\n{requests}\n", **parts}.items():
            text = text.replace(f"{{{part}}}", filled)
        sql = with_service_requests(text.rstrip())
        bound = {**self._bound(values), "failed_only": failed_only}
        parameters = {key: bound[key] for key in parameters_in(sql)}
        return run_query(self.engine, sql, parameters, self.settings.query_timeout)

    def _bound(self, values: Mapping[str, str]) -> dict[str, object]:
        given = self.parameters
        return {
            "start_time": naive_utc(given.start_time),
            "end_time": naive_utc(given.end_time),
            "region": given.region,
            "environment": given.environment,
            "service_name": given.service_name,
            "origin": self.grid.origin,
            "verdict_bucket_minutes": self.settings.thresholds.verdict.bucket_minutes,
            "version_slow_ms": self.settings.thresholds.version.slow_ms,
            **values,
        }


def _key(what: str, within: Within, without: Collection[SubjectKey]) -> object:
    """What is measured of a part is kept by this."""
    return what, tuple(sorted(within.items(), key=str)), tuple(without)


def _results(begun: Mapping[str, Future[pa.Table]]) -> dict[str, pa.Table]:
    return {name: future.result() for name, future in begun.items()}


def subject_predicate(within: Within, without: Collection[SubjectKey] = ()) -> tuple[str, dict[str, str]]:
    """SQL that keeps a subject's requests but not those of others, and its bound parameters.

    Its text depends on the dimensions only, never on their values.
    """
    values: dict[str, str] = {}
    parts = _conditions(within, "within", values)
    for number, key in enumerate(without):
        held = " AND ".join(_conditions(dict(key), f"without_{number}", values))
        parts.append(f"coalesce(NOT ({held}), true)")
    return "".join(f"\n    AND {part}" for part in parts), values


def _conditions(subject: Within, prefix: str, values: dict[str, str]) -> list[str]:
    values |= {f"{prefix}_{column}": value for column, value in subject.items() if value is not None}
    parts = [_condition(column, value, prefix) for column, value in subject.items() if column in LOGS.columns]
    for table, key in KEYS.items():
        held = {
            column: value
            for column, value in subject.items()
            if column not in LOGS.columns and column in CATALOG[table].columns
        }
        known = {column: value for column, value in held.items() if value is not None}
        if known:
            conditions = " AND ".join(_condition(column, value, prefix) for column, value in known.items())
            parts.append(f"{key} IN (SELECT {key} FROM {table} WHERE {conditions})")  # noqa: S608 - our own names
        for column in held.keys() - known.keys():
            has = f"{key} IN (SELECT {key} FROM {table} WHERE {column} IS NOT NULL)"  # noqa: S608 - our own names
            parts.append(f"coalesce(NOT ({has}), true)")
    return parts


def _condition(column: str, value: str | None, prefix: str) -> str:
    return f"{column} IS NULL" if value is None else f"{column} = ${prefix}_{column}"


def _text(name: str) -> str:
    return files("tsg_agent.evidence").joinpath(f"{name}.sql").read_text("utf-8").strip()

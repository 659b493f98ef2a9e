"""Fetches what verdicts are made from: the window's requests, what is known of each, the other regions' counts."""

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from importlib.resources import files

import pyarrow as pa

from tsg_agent.evidence.requests import MINUTE, held_by
from tsg_agent.models import Parameters
from tsg_agent.settings import Settings
from tsg_agent.steps.dimension import Dimension
from tsg_agent.telemetry.bound_names import parameters_in
from tsg_agent.telemetry.catalog import LOGS, PRODUCTS, Needs, lacking
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools.plugin import run_query
from tsg_agent.tools.rows import REQUEST_COLUMNS, naive_utc
from tsg_agent.tools.service_requests import each_once, with_service_requests

NEEDS = (Needs(LOGS.name, (*REQUEST_COLUMNS, "status_code")),)
JOINED = {"flags": "feature_flags", "products": "product_metadata", "runs": "workflow_tracking"}
"""Query -> the table whose rows it ties to the requests."""

SPANS = ("span_id", "parent_span_id")
CALLS = "calls"
"""The service map, where a source has one."""


@dataclass(frozen=True)
class Measurer:
    """Fetches one investigation's requests."""

    engine: Engine
    parameters: Parameters
    settings: Settings
    executor: Executor
    dimensions: Sequence[Dimension]

    @property
    def lacking(self) -> tuple[str, ...]:
        """What the telemetry lacks for any measurement."""
        return lacking(NEEDS, self.engine.tables)

    def fetch(self) -> dict[str, pa.Table]:
        """One table per query: rows, regions, and those of JOINED that the source has. Raises what Engine.run raises.

        The requests come last: an engine that numbers them has numbered them by then in the same way for all.
        """
        tied = self.engine.tables[LOGS.name].present
        held = [
            name
            for name, table in JOINED.items()
            if table in self.engine.tables and (name != "runs" or "correlation_id" in tied)
        ]
        sold = [dimension.columns[0] for dimension in held_by(self.dimensions, PRODUCTS)]
        begun: dict[str, Future[pa.Table]] = {
            name: self.executor.submit(self._run, name, sold) for name in [*held, "regions"]
        }
        results = {name: future.result() for name, future in begun.items()}
        if CALLS in self.engine.tables:
            results["calls"] = run_query(self.engine, _text("calls"), {}, self.settings.query_timeout)
        columns = [dimension.columns[0] for dimension in held_by(self.dimensions, LOGS)]
        if any(results[name].num_rows for name in held):
            columns.append("request_id")
        source = self.engine.tables[LOGS.name]
        present = source.present
        columns += [name for name in ("weight", "user_id") if name in present - source.empty]
        if set(SPANS) <= present:
            columns.append(_text("passed_on") + " AS passed_on")
        results["rows"] = self._run("rows", columns)
        return results

    def _run(self, name: str, columns: list[str] | None = None) -> pa.Table:
        regions = name == "regions"
        scope = "region IS DISTINCT FROM $region" if regions else "region = $region"
        requests = _text("requests").replace("{where}", scope)
        text = _text(name).replace("{requests}", f"\n{requests}\n").replace("{columns}", ", ".join(columns or ()))
        text = text.replace("{once}", each_once(text))
        sql = with_service_requests(text.rstrip())
        given = self.parameters
        bound: dict[str, object] = {
            "start_time": naive_utc(given.start_time),
            "end_time": naive_utc(given.end_time),
            "region": given.region,
            "environment": given.environment,
            "service_name": given.service_name,
            "origin": naive_utc(given.start_time),
            "bucket_seconds": MINUTE if regions else 1,
            "version_slow_ms": self.settings.thresholds.version.slow_ms,
        }
        parameters = {key: bound[key] for key in parameters_in(sql)}
        return run_query(self.engine, sql, parameters, self.settings.query_timeout)


def calls_of(table: pa.Table | None) -> frozenset[tuple[str, str]]:
    """Caller and callee of each call of a service map."""
    if table is None:
        return frozenset()
    pairs = zip(table["caller"].to_pylist(), table["callee"].to_pylist(), strict=True)
    return frozenset((caller, callee) for caller, callee in pairs if caller and callee)


def _text(name: str) -> str:
    return files("tsg_agent.evidence").joinpath(f"{name}.sql").read_text("utf-8").strip()

"""Fetches the input of verdicts: the window's requests with their dimensions, and the other regions' counts."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files

import pyarrow as pa
import pyarrow.compute as pc

from tsg_agent.evidence.combined import CODED, Coding, Held, flags_of, listed
from tsg_agent.evidence.measurement import COMPONENT, entry_of
from tsg_agent.evidence.requests import MINUTE, SUCCESS, held_by, usual_until
from tsg_agent.models import Parameters
from tsg_agent.settings import Settings
from tsg_agent.steps.dimension import Dimension
from tsg_agent.telemetry.bound_names import parameters_in
from tsg_agent.telemetry.catalog import LOGS, PRODUCTS, CatalogTable, Needs, lacking
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools.plugin import run_query
from tsg_agent.tools.rows import REQUEST_COLUMNS, naive_utc
from tsg_agent.tools.service_requests import each_once, with_service_requests

NEEDS = (Needs(LOGS.name, (*REQUEST_COLUMNS, "status_code")),)
JOINED = {"flags": "feature_flags", "products": "product_metadata", "runs": "workflow_tracking"}
"""Query -> the table that it joins to the requests."""

SCOPE, OTHERS = "region = $region", "region IS DISTINCT FROM $region"
SPANS = ("span_id", "parent_span_id")
CALLS = "calls"
"""The service map's table."""


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
        """Missing tables and columns without which nothing can be measured."""
        return lacking(NEEDS, self.engine.tables)

    def fetch(self) -> dict[str, pa.Table]:
        """One table per query: rows, regions, calls if there are; the input of read_requests. Raises what Engine.run
        raises.

        From a server the requests come as combinations, unless its flags have too many values to be encoded.
        """
        regions = self.executor.submit(self._run, "regions", {}, OTHERS, bucket=MINUTE)
        results = (self._combined() if self.engine.tables[LOGS.name].at_server else None) or self._rows()
        results["regions"] = regions.result()
        if CALLS in self.engine.tables:
            results["calls"] = run_query(self.engine, _text("calls"), {}, self.settings.query_timeout)
        return results

    def _rows(self) -> dict[str, pa.Table]:
        """One row per request, and per flag, product and run of it.

        The requests are fetched last: an engine that replaces ids by numbers then uses the same ones for all tables.
        """
        held = [name for name in JOINED if self._ties(name)]
        sold = {"columns": ", ".join(one.columns[0] for one in held_by(self.dimensions, PRODUCTS))}
        begun: dict[str, Future[pa.Table]] = {name: self.executor.submit(self._run, name, sold) for name in held}
        results = {name: future.result() for name, future in begun.items()}
        columns = [dimension.columns[0] for dimension in held_by(self.dimensions, LOGS)]
        if any(results[name].num_rows for name in held):
            columns.append("request_id")
        columns += [name for name in ("weight", "user_id") if self._has(name)]
        if passed_on := self._passed_on():
            columns.append(f"{passed_on} AS passed_on")
        if self.engine.tables[LOGS.name].directed:
            columns.append("true AS directed")
        results["rows"] = self._run("rows", {"columns": ", ".join(columns)})
        return results

    def _combined(self) -> dict[str, pa.Table] | None:
        """The combinations of requests, and their users' time spans; None if the flags have too many values."""
        source = "service_requests\n    WHERE region = $region"
        tied = {name: self._ties(name) for name in JOINED}
        begun = {LOGS.name: self.executor.submit(self._values, source, self._columns(LOGS))}
        if tied["products"]:
            begun[PRODUCTS.name] = self.executor.submit(self._values, PRODUCTS.name, self._columns(PRODUCTS))
        flags = flags_of(self._run("flag_values", {}, bound={"limit": CODED + 1})) if tied["flags"] else {}
        held = {name: future.result() for name, future in begun.items()}
        if flags is None:
            return None
        components, named = held[LOGS.name].get(COMPONENT) or [], self._has("user_id")
        of_users = self._users(components) if named else {}
        coding = Coding(
            Held(held[LOGS.name], flags, held.get(PRODUCTS.name, {}), tied["runs"], named, self._passed_on())
        )
        bound = {"usual_until": self._usual_until, **coding.bound}
        rows = coding.read(self._run("combined", coding.parts(), bucket=self._width, bound=bound), self._width)
        if named and pc.any(pc.less(rows["kind"], 4 * SUCCESS)).as_py():
            of_users |= {f"all_{name}": future for name, future in self._users(components, known=0).items()}
        return {**{name: self._seconds(future.result()) for name, future in of_users.items()}, "rows": rows}

    def _users(self, components: list[str], known: int = 4 * SUCCESS) -> dict[str, Future[pa.Table]]:
        """The time spans of all users, and of those at the entry component, if there is one.

        `known`: the least kind of request; 0 for those with an unknown status too.
        """
        row = entry_of(components, self.parameters.service_name)
        scopes: dict[str, tuple[str, dict[str, object]]] = {"users": (SCOPE, {})}
        if row is not None:
            scopes["entry_users"] = (f"{SCOPE} AND {COMPONENT} = $entry", {"entry": components[row]})
        parts = {"known": str(known)}
        return {
            name: self.executor.submit(self._run, "users", parts, where, bucket=self._width, bound=bound)
            for name, (where, bound) in scopes.items()
        }

    def _values(self, source: str, columns: list[str]) -> dict[str, list[str] | None]:
        """Column -> its values; None for a high cardinality."""
        if not columns:
            return {}
        sets = ", ".join(f"({name})" for name in columns)
        parts = {"columns": ", ".join(columns), "sets": sets, "table": source}
        return listed(self._run("values", parts, bound={"limit": CODED + 2}), columns)

    def _columns(self, table: CatalogTable) -> list[str]:
        """The dimensions of a table that the source has."""
        has = self.engine.tables[table.name].present if table.name in self.engine.tables else frozenset()
        return [one.columns[0] for one in held_by(self.dimensions, table) if one.columns[0] in has]

    def _has(self, column: str) -> bool:
        logs = self.engine.tables[LOGS.name]
        return column in logs.present - logs.empty

    def _ties(self, name: str) -> bool:
        """True if the source has one of the tables JOINED, with its join key."""
        tied = name != "runs" or "correlation_id" in self.engine.tables[LOGS.name].present
        return tied and JOINED[name] in self.engine.tables

    def _passed_on(self) -> str:
        return _text("passed_on") if set(SPANS) <= self.engine.tables[LOGS.name].present else ""

    @property
    def _width(self) -> int:
        """Seconds per bucket of combinations: divides a minute, and every time at which verdicts split the window.

        Verdicts split at a reported start, and at full minutes where the telemetry ends.
        """
        given = self.parameters
        cuts = [round((given.incident_start - given.start_time).total_seconds())] if given.incident_start else []
        return 1 if given.start_time.microsecond else math.gcd(MINUTE, given.start_time.second, *cuts)

    @property
    def _usual_until(self) -> datetime:
        seconds = math.ceil(usual_until(self.parameters) * MINUTE)
        return naive_utc(self.parameters.start_time) + timedelta(seconds=seconds)

    def _seconds(self, users: pa.Table) -> pa.Table:
        """Convert bucket numbers to seconds."""
        for name in ("bucket", "following"):
            seconds = pc.multiply(users[name].cast(pa.int64()), self._width)
            users = users.set_column(users.column_names.index(name), name, seconds)
        return users

    def _run(
        self,
        name: str,
        parts: Mapping[str, str],
        where: str = SCOPE,
        *,
        bucket: int = 1,
        bound: Mapping[str, object] | None = None,
    ) -> pa.Table:
        """Run a query file of this folder, with its placeholders filled in."""
        text = _text(name).replace("{requests}", f"\n{_text('requests').replace('{where}', where)}\n")
        for part, sql in parts.items():
            text = text.replace(f"{{{part}}}", sql)
        text = text.replace("{once}", each_once(text))
        sql = with_service_requests(text.rstrip())
        given = self.parameters
        told: dict[str, object] = {
            "start_time": naive_utc(given.start_time),
            "end_time": naive_utc(given.end_time),
            "region": given.region,
            "environment": given.environment,
            "service_name": given.service_name,
            "origin": naive_utc(given.start_time),
            "bucket_seconds": bucket,
            "version_slow_ms": self.settings.thresholds.version.slow_ms,
            **(bound or {}),
        }
        parameters = {key: told[key] for key in parameters_in(sql)}
        return run_query(self.engine, sql, parameters, self.settings.query_timeout)


def calls_of(table: pa.Table | None) -> frozenset[tuple[str, str]]:
    """The (caller, callee) pairs of a service map."""
    if table is None:
        return frozenset()
    pairs = zip(table["caller"].to_pylist(), table["callee"].to_pylist(), strict=True)
    return frozenset((caller, callee) for caller, callee in pairs if caller and callee)


def _text(name: str) -> str:
    return files("tsg_agent.evidence").joinpath(f"{name}.sql").read_text("utf-8").strip()

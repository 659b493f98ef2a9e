"""What a source holds: tables, time, known values, and which checks can run over it."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Protocol

from pydantic import AwareDatetime, Field

from tsg_agent.errors import TelemetryError
from tsg_agent.models import Known, Model
from tsg_agent.telemetry.catalog import CATALOG, LOGS, WEIGHT, WORKFLOWS, Needs, lacking, read_as_null
from tsg_agent.telemetry.engine import Engine

LIMIT = 1000
"""Distinct values of a column that are listed; the busiest."""
DATED = "FILTER (WHERE timestamp BETWEEN '0001-01-01'::TIMESTAMP AND '9999-12-31'::TIMESTAMP)"
"""Excludes infinite times, and those outside of Python's calendar."""
REGION, ENVIRONMENT, SERVICE, WHOLE = 3, 5, 6, 7
"""`of` in values.sql."""


class TableProfile(Model):
    """One of the guide's tables in the source: rows, time range, notes."""

    name: str
    location: str
    rows: int
    columns: tuple[str, ...] = Field(description="the guide's columns that the source has")
    missing: tuple[str, ...] = Field(description="the guide's columns that it lacks; they read as NULL")
    first: AwareDatetime | None = None
    last: AwareDatetime | None = None
    problem: str = Field("", description="why nothing of it can be read")


class Readiness(Model):
    """Whether a check can run over the source, and why not."""

    tool: str
    step: int
    title: str
    ready: bool
    missing: tuple[str, ...] = Field(description="required tables and columns that the source lacks")
    read_as_null: tuple[str, ...] = Field(description="optional tables and columns that it lacks")


class Profile(Model):
    """What `tsg-agent doctor` reports about a source."""

    tables: tuple[TableProfile, ...]
    absent: tuple[str, ...] = Field(description="tables that the source lacks")
    known: Known
    checks: tuple[Readiness, ...] = ()


class Check(Protocol):
    """The part of a check that readiness needs; tools.PLUGINS implement it."""

    @property
    def name(self) -> str:
        """The tool's name."""
        ...

    @property
    def step(self) -> int:
        """The guide's step."""
        ...

    @property
    def title(self) -> str:
        """Its title."""
        ...

    @property
    def needs(self) -> tuple[Needs, ...]:
        """The columns it reads."""
        ...


def profile(engine: Engine, timeout: float, checks: Iterable[Check] = ()) -> Profile:
    """Row counts, known values and time ranges of a source. `timeout`: seconds per query.

    With tools.PLUGINS as `checks` it also says which of them can run. Raises what Engine.run raises.
    """
    values = {name: _values(engine, name, timeout) for name in (LOGS.name, WORKFLOWS.name) if name in engine.tables}
    tables = []
    for name in CATALOG:
        if name not in engine.tables:
            continue
        source = engine.tables[name]
        rows, first, last = values[name].whole() if name in values else _whole(engine, name, timeout)
        held = tuple(column for column in CATALOG[name].columns if column in source.present)
        tables.append(
            TableProfile(
                name=name,
                location=source.location,
                rows=rows,
                columns=held,
                missing=source.missing,
                first=first,
                last=last,
                problem=source.problem,
            )
        )
    return Profile(
        tables=tuple(tables),
        absent=tuple(name for name in CATALOG if name not in engine.tables),
        known=_known(values),
        checks=tuple(readiness(engine, checks, {table.name for table in tables if not table.rows})),
    )


def known_values(engine: Engine, timeout: float, table: str = LOGS.name) -> Known:
    """Regions, services and environments of the requests, or of the workflows if the source has no requests.

    `table`: read this table instead. Raises TelemetryError if it has no rows, and what Engine.run raises.
    """
    name = table if table in engine.tables else WORKFLOWS.name
    values = {name: _values(engine, name, timeout)} if name in engine.tables else {}
    if table == LOGS.name and values and not values[name].whole()[0]:
        raise TelemetryError(
            f"{name} ({engine.tables[name].location}) has no rows.",
            fix="Give telemetry that covers the incident; `tsg-agent doctor --telemetry` shows what is there.",
        )
    return _known(values)


def readiness(engine: Engine, checks: Iterable[Check], blank: Collection[str] = ()) -> list[Readiness]:
    """Which checks can run over the source, in their order. `blank`: tables that are known to be empty."""
    result = []
    for check in checks:
        missing = lacking(check.needs, engine.tables)
        needed = [need.table for need in check.needs if need.required]
        missing += tuple(
            f"{name} (it has no rows)" for name in needed if name in blank and not engine.tables[name].problem
        )
        result.append(
            Readiness(
                tool=check.name,
                step=check.step,
                title=check.title,
                ready=not missing,
                missing=missing,
                read_as_null=read_as_null(check.needs, engine.tables),
            )
        )
    return result


class _Values:
    """The rows of values.sql."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows

    def of(self, column: int) -> tuple[str, ...]:
        return tuple(row["value"] for row in self._rows if row["of"] == column and row["value"] is not None)

    def whole(self) -> tuple[int, datetime | None, datetime | None]:
        row = next(row for row in self._rows if row["of"] == WHOLE)
        return row["rows"], _utc(row["first"]), _utc(row["last"])


def _values(engine: Engine, table: str, timeout: float) -> _Values:
    text = files("tsg_agent.telemetry").joinpath("values.sql").read_text("utf-8")
    service = "service_name" if "service_name" in CATALOG[table].columns else "scenario_name"
    requests = f"coalesce(sum({WEIGHT}) FILTER ({WEIGHT} > 0), 0)" if WEIGHT in CATALOG[table].columns else "count(*)"
    sql = text.replace("{table}", table).replace("{service}", service).replace("{requests}", requests)
    return _Values(engine.run(sql, {"limit": LIMIT}, timeout=timeout).to_pylist())


def _known(values: dict[str, _Values]) -> Known:
    name = LOGS.name if LOGS.name in values else WORKFLOWS.name
    if name not in values:
        return Known()
    held = values[name]
    _, first, last = held.whole()
    return Known(
        regions=held.of(REGION),
        services=held.of(SERVICE) if name == LOGS.name else (),
        environments=held.of(ENVIRONMENT),
        first=first,
        last=last,
    )


def _whole(engine: Engine, table: str, timeout: float) -> tuple[int, datetime | None, datetime | None]:
    span = f"min(timestamp) {DATED}, max(timestamp) {DATED}" if "timestamp" in CATALOG[table].columns else "NULL, NULL"
    sql = f"SELECT count(*), {span} FROM {table}"  # noqa: S608 - the catalogue's names
    rows, first, last = (column[0].as_py() for column in engine.run(sql, {}, timeout=timeout).columns)
    return rows, _utc(first), _utc(last)


def _utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.replace(tzinfo=UTC)

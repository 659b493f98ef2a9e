"""A plugin: binds its query, runs it, types and labels the rows, and ends in a Finding whatever happens."""

import inspect
import time
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

import pyarrow as pa
from pydantic import ValidationError

from tsg_agent.errors import QueryTimeout, TelemetryError, TransientTelemetryError
from tsg_agent.models import Finding, Parameters, Status
from tsg_agent.settings import AllThresholds, Settings
from tsg_agent.steps.step import Step
from tsg_agent.telemetry.bound_names import parameters_in
from tsg_agent.telemetry.catalog import LOGS, Needs, lacking, read_as_null
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools.rows import Row, ScopeArgs, WindowArgs
from tsg_agent.tools.service_requests import is_weighted, with_service_requests

if TYPE_CHECKING:
    import pandas as pd

R = TypeVar("R", bound=Row)
RETRIES = 2
RETRY_WAIT_S = 0.2


@dataclass(frozen=True)
class Assessment(Generic[R]):
    """The guide's rule applied to all measured groups."""

    rows: list[R]
    """The rows the guide shows, in its order."""
    enough: int
    """Groups over the guide's minimum traffic."""
    truncated: bool = False
    notes: list[str] = field(default_factory=list)
    shortage: str = ""
    """Set when the check cannot say anything although rows are there (one version only)."""
    groups: int | None = None
    """Groups measured, where that is not the number of the query's rows."""
    kept: pa.Table | None = None
    """What was worked out on the way and is read again when the verdicts are made."""


class CheckRun(NamedTuple):
    """What running a check gave: the query's whole result too, and what its rule kept of it."""

    finding: Finding
    table: pa.Table | None = None
    kept: pa.Table | None = None


def load_sql(name: str, *, weighted: bool = False, package: str = "tsg_agent.tools") -> str:
    """The text of a check's query, ready to run; `weighted`: over a source whose rows stand for several requests."""
    text = files(package).joinpath(f"{name}.sql").read_text("utf-8")
    return with_service_requests(text, weighted=weighted)


def sql_parameters(sql: str, args: WindowArgs, settings: Settings) -> dict[str, object]:
    """The parameters that the SQL names: arguments, limits, and thresholds as `<group>_<name>`."""
    values = limits(settings) | args.bound()
    return {name: values[name] for name in parameters_in(sql)}


def limits(settings: Settings) -> dict[str, object]:
    """What queries are limited by: the thresholds as `<group>_<name>`, and how many groups are measured."""
    values: dict[str, object] = {"maximum_groups": settings.maximum_groups}
    for group, thresholds in settings.thresholds:
        values |= {f"{group}_{name}": value for name, value in thresholds}
    return values


class Plugin(Step, ABC, Generic[R]):
    """One of the guide's nine checks. Subclasses say what it asks, needs and shows, and hold the guide's rule.

    A subclass's docstring is what a model reads; `{labels}` in it stands for what they mean, `{group.name}` for a
    threshold.
    """

    number: ClassVar[int]
    noun: ClassVar[str]
    """What it checks, in a word of a tool's name: check_versions."""
    needs: ClassVar[tuple[Needs, ...]]
    row: ClassVar[type[Row]]
    args: ClassVar[type[WindowArgs]] = ScopeArgs
    requests_column: ClassVar[str] = ""
    """The column that counts a group's requests, where the query counts `redirects` beside it."""
    keeps: ClassVar[str] = ""
    """The name under which the query's rows are kept for the analysis of runs and the code interpreter."""
    told: ClassVar[str] = ""
    """The column whose way of being read from the source its finding explains, if that was not plain."""

    @property
    def name(self) -> str:
        """The tool's name."""
        return f"plugin_{self.number}_tool"

    @property
    def key(self) -> str:
        """The name of the plugin's files."""
        return self._module.rpartition(".")[2]

    @property
    def takes(self) -> tuple[str, ...]:
        """See Step."""
        return tuple(self.args.model_fields)

    @property
    def _module(self) -> str:
        """The module of the class that declares the number; a subclass of it uses the same query."""
        return next(one.__module__ for one in type(self).__mro__ if "number" in vars(one))

    def query(self, *, weighted: bool = False) -> str:
        """Its query's text. See load_sql."""
        return load_sql(self.key, weighted=weighted, package=self._module.rpartition(".")[0])

    def description(self, thresholds: AllThresholds) -> str:
        """What a model reads of the tool: the class's docstring, with the thresholds in force, and the question."""
        text = inspect.cleandoc(type(self).__doc__ or "").format(labels=self.rule.words(thresholds), **dict(thresholds))
        return f"{text}\n\nAnswers: {self.question}"

    @abstractmethod
    def assess(self, groups: list[dict[str, Any]], thresholds: AllThresholds, args: WindowArgs) -> Assessment[R]:
        """Label, filter, rank and cut the measured groups as the guide does. Pure."""

    def run(self, engine: Engine, args: WindowArgs, settings: Settings) -> Finding:
        """Measure and label. Never raises for what the telemetry or its engine may do: that is a status."""
        return self.run_with_table(engine, args, settings).finding

    def run_with_table(self, engine: Engine, args: WindowArgs, settings: Settings) -> CheckRun:
        """The finding, and the tables that later steps read."""
        began = time.perf_counter()
        absent = lacking(self.needs, engine.tables)
        if absent:
            reason = f"The telemetry has no {', '.join(absent)}."
            return CheckRun(self._ended(Status.NOT_APPLICABLE, reason, began))
        queried: dict[str, Any] = {}
        try:
            sql, parameters = self.query_of(engine, args, settings)
            queried = {"sql": sql, "sql_parameters": {name: _plain(value) for name, value in parameters.items()}}
            table = run_query(engine, sql, parameters, settings.query_timeout)
            groups = self.groups(table)
            redirects = self._redirects(groups, settings.thresholds.verdict.redirects)
            assessment = self.assess(groups, settings.thresholds, args)
        except QueryTimeout as error:
            return CheckRun(self._ended(Status.TIMEOUT, str(error), began, **queried))
        except (TelemetryError, ValidationError, pa.ArrowException) as error:
            return CheckRun(self._ended(Status.ERROR, str(error), began, **queried))
        finding = self._finding(assessment, len(groups), settings, began)
        read = engine.tables[LOGS.name].readings if self.told and LOGS.name in engine.tables else ()
        told = [note for note in read if note.startswith(self.told)]
        finding = finding.model_copy(update={"notes": [*finding.notes, *redirects, *told]})
        nulls = list(read_as_null(self.needs, engine.tables))
        return CheckRun(finding.model_copy(update={**queried, "missing_columns": nulls}), table, assessment.kept)

    def query_of(self, engine: Engine, args: WindowArgs, settings: Settings) -> tuple[str, dict[str, object]]:
        """Its query and the bound parameters. Raises what Engine.run raises, if it looks into the source first."""
        sql = self.query(weighted=is_weighted(engine))
        return sql, sql_parameters(sql, args, settings)

    @property
    def keeps_runs(self) -> str:
        """The name under which what it worked out of those rows is kept."""
        return f"{self.keeps}_runs"

    def frame(self, table: pa.Table, *, looked_at: bool = False) -> "pd.DataFrame":
        """Its query's rows as code reads them; `looked_at`: in the guide's order, with texts for codes."""
        frame: pd.DataFrame = table.to_pandas()
        return frame

    def scoped(self, parameters: Parameters) -> WindowArgs:
        """Its arguments in an investigation."""
        return self.args(**{name: getattr(parameters, name) for name in self.args.model_fields})

    def failed(self, reason: str) -> Finding:
        """A finding for a check that could not even be asked."""
        return self._ended(Status.ERROR, reason, time.perf_counter())

    def groups(self, table: pa.Table) -> list[dict[str, Any]]:
        """The query's rows for the rule."""
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows

    def _redirects(self, groups: list[dict[str, Any]], limit: float) -> list[str]:
        """Takes the redirects out of the groups; a note where they are so many that they matter."""
        if not self.requests_column or not groups:
            return []
        redirects = sum(group.pop("redirects") or 0 for group in groups)
        requests = sum(group[self.requests_column] for group in groups)
        if redirects * 100.0 <= requests * limit:
            return []
        share = 100.0 * redirects / requests
        return [f"{share:.1f} % of the requests were redirects (3xx), which the guide counts as not successful."]

    def _finding(self, assessment: Assessment[R], groups: int, settings: Settings, began: float) -> Finding:
        status, reason = Status.OK, ""
        if not groups:
            status, reason = Status.NO_DATA, "No row matched the window, region, service and environment."
        elif assessment.shortage:
            status, reason = Status.INSUFFICIENT_DATA, assessment.shortage
        elif not assessment.enough:
            status, reason = Status.INSUFFICIENT_DATA, f"All {groups} groups are under the guide's minimum traffic."
        counts = Counter(str(getattr(row, self.label_column)) for row in assessment.rows)
        gravest = next((label for label in self.labels if counts[label]), self.healthy)
        cut = groups >= settings.maximum_groups
        notes = [*assessment.notes]
        if cut:
            notes.append(f"Only the {groups} busiest groups were measured (TSG_MAXIMUM_GROUPS).")
        return self._ended(status, reason, began).model_copy(
            update={
                "label": gravest if status is Status.OK else "",
                "labels": {label: counts[label] for label in self.labels if counts[label]},
                "rows": [row.shown() for row in assessment.rows],
                "row_count": len(assessment.rows),
                "groups": groups if assessment.groups is None else assessment.groups,
                "truncated": assessment.truncated or cut,
                "notes": notes,
            }
        )

    def _ended(self, status: Status, reason: str, began: float, **known: Any) -> Finding:
        return Finding(
            id=f"E{self.step}",
            step=self.step,
            plugin=self.number,
            tool=self.name,
            title=self.title,
            question=self.question,
            status=status,
            reason=reason,
            harmless=sorted(self.harmless),
            columns=self.row.described(),
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
            **known,
        )


def run_query(engine: Engine, sql: str, parameters: dict[str, object], timeout: float) -> pa.Table:
    """Run a query, again for transient errors only. Raises what Engine.run raises."""
    for attempt in range(RETRIES + 1):
        try:
            return engine.run(sql, parameters, timeout=timeout)
        except TransientTelemetryError:
            if attempt == RETRIES:
                raise
            time.sleep(RETRY_WAIT_S * 2**attempt)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _plain(value: object) -> object:
    """A parameter as JSON has it."""
    return value if isinstance(value, bool | int | float | str | list | tuple) or value is None else str(value)

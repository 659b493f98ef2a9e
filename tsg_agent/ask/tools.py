"""The agent's tools: the nine checks, the whole guide, a look at the telemetry, one query, and code over results."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import pandas as pd
from langchain_core.tools import StructuredTool, ToolException
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model

from tsg_agent.ask.citable import CitableRows, gap_rows
from tsg_agent.ask.compiling import counted_rows
from tsg_agent.ask.query import run_checked
from tsg_agent.ask.scope import scope_words
from tsg_agent.ask.typed import TypedQuery, compact
from tsg_agent.errors import ParameterError, QuestionError, TsgError
from tsg_agent.extract import Given
from tsg_agent.llm.analysis import UNISOLATED
from tsg_agent.llm.cited_rows import evidence_of
from tsg_agent.llm.untrusted import fenced
from tsg_agent.models import Parameters, Report
from tsg_agent.settings import Settings
from tsg_agent.telemetry.catalog import CATALOG
from tsg_agent.telemetry.engine import Engine
from tsg_agent.telemetry.profile import profile
from tsg_agent.tools import GUIDE, AnyGuide
from tsg_agent.tools.code_interpreter import CodeArgs, CodeInterpreter, MappingStore
from tsg_agent.tools.in_words import in_words, plain
from tsg_agent.tools.langchain import KnownCache, unknown_values
from tsg_agent.tools.plugin import Plugin
from tsg_agent.tools.rows import ScopeArgs
from tsg_agent.wording import moment

CODE = "code_interpreter_tool"
SHOWN_ROWS = 20
ROW_CHARACTERS = 300
GUIDE_CHARACTERS = 7_000
WHOLE = "Runs the whole troubleshooting guide and concludes: causes, what was dismissed, actions. For any why."
ABOUT = "Lists the tables, their columns and times, and which checks can run."
MEASURE = "Counts or measures what a question asks for; share and count come together. For any figure."
QUERY = (
    "Runs one read-only SELECT (DuckDB, times UTC), for what nothing else answers. At most 100 rows, kept as q1, q2, …"
)
COMPUTE = "Runs Python with pandas over frames of earlier results ({}); assign `result`."
CHECK = (
    "Runs one check of the guide and gives its rows and labels. Of flags: each value; of regions: datacenters; of "
    "partitions: shards, tenants; of zones: instance types, CPU, memory; of endpoints: methods, API versions, clients; "
    "of products: tiers, subscriptions; of workflows: runs and steps; of errors: components, dependencies."
)
ARGUMENTS = "The arguments are region, start_time, end_time, service_name, environment; times are ISO 8601, UTC."
Investigate = Callable[[Given], Report]


class Elsewhere(BaseModel):
    """Where a check looks, if not at the question's scope; its service and environment may be given, too."""

    model_config = ConfigDict(extra="allow", json_schema_extra=compact)

    region: str = ""
    start_time: str = ""
    end_time: str = ""


def _check_args(subjects: tuple[str, ...]) -> type[BaseModel]:
    """Arguments of check, for a guide whose checks look at some subjects."""

    def checked(what: str) -> str:
        if what not in subjects:
            raise ValueError(f"there is no check of {what[:60]!r}; there are {', '.join(subjects)}")
        return what

    what = Annotated[str, AfterValidator(checked), Field(json_schema_extra={"enum": list(subjects)})]
    return create_model("CheckArgs", __base__=Elsewhere, what=(what, ...))


class GuideArgs(Elsewhere):
    """Arguments of run_guide: what is left out is taken from the incident or the question."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=compact)

    service_name: str = ""
    environment: str = ""
    incident_start: str = ""


class QueryArgs(BaseModel):
    """Arguments of query_telemetry."""

    model_config = ConfigDict(extra="forbid")

    sql: str


class NoArgs(BaseModel):
    """None."""

    model_config = ConfigDict(extra="forbid")


@dataclass
class ToolBench:
    """What the tools work with. `scope`: what they look at where they are not told; None where nothing settles it."""

    engine: Engine
    settings: Settings
    investigate: Investigate
    scope: Parameters | None = None
    guide: AnyGuide = GUIDE
    ledger: CitableRows = field(default_factory=CitableRows)
    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    known: KnownCache = field(init=False)

    def __post_init__(self) -> None:
        self.known = KnownCache(self.engine, self.settings.query_timeout)

    @property
    def notes(self) -> list[str]:
        """What an answer must say about how its evidence was made."""
        unsafe = self.settings.sandbox.unsafe_no_isolation and CODE in self.ledger.tools
        return [UNISOLATED] if unsafe else []


def agent_tools(bench: ToolBench) -> "list[StructuredTool]":
    """All tools that a model is told of. Each result says its scope first, and its rows get ids in the ledger."""
    plugins = {plugin.noun: plugin for plugin in bench.guide.steps}
    return [
        _tool("check", CHECK, _check_args(tuple(plugins)), lambda what, **given: _check(bench, plugins[what], given)),
        _tool("run_guide", WHOLE, GuideArgs, lambda **given: _run_guide(bench, given)),
        _tool("measure", MEASURE, TypedQuery, lambda **given: _measure(bench, given)),
        _tool("query_telemetry", QUERY, QueryArgs, lambda sql: _query(bench, sql)),
        _tool("describe_telemetry", ABOUT, NoArgs, lambda: _describe(bench)),
        _code(bench),
    ]


def agent_aliases(bench: ToolBench) -> "list[StructuredTool]":
    """The checks one by one, by what they look at and by the names of the guide's steps."""
    named = [(name, plugin) for plugin in bench.guide.steps for name in (f"check_{plugin.noun}", plugin.name)]
    return [
        _tool(name, plugin.question, Elsewhere, lambda plugin=plugin, **given: _check(bench, plugin, given))
        for name, plugin in named
    ]


def tool_lines(guide: AnyGuide = GUIDE) -> list[str]:
    """A line for each tool, for people."""
    told = {f"check {plugin.noun}": f"{plugin.question} ({plugin.name})" for plugin in guide.steps}
    more = {
        "run_guide": WHOLE,
        "measure": MEASURE,
        "query_telemetry": QUERY,
        "describe_telemetry": ABOUT,
        CODE: _compute(guide),
    }
    return [f"{name}: {text}" for name, text in (told | more).items()]


def _compute(guide: AnyGuide) -> str:
    return COMPUTE.format(", ".join(("q1", "e7", *(plugin.keeps for plugin in guide.steps if plugin.keeps))))


def _tool(name: str, description: str, args: type[BaseModel], call: Callable[..., str]) -> StructuredTool:
    def guarded(**given: Any) -> str:
        try:
            return call(**given)
        except TsgError as error:
            raise ToolException(f"Error: {error}") from error

    class Short(StructuredTool):
        """A tool whose schema says only what a caller needs: langchain's own copy repeats each default."""

        @property
        def tool_call_schema(self) -> dict[str, Any]:
            schema = args.model_json_schema()
            compact(schema)
            return schema

    return Short.from_function(
        func=guarded,
        name=name,
        description=description,
        args_schema=args,
        handle_tool_error=True,
        handle_validation_error=True,
    )


def _check(bench: ToolBench, plugin: Plugin[Any], given: dict[str, Any]) -> str:
    """A check's rows. Its finding goes into the ledger, its rows into a frame for code."""
    scope = bench.scope.model_dump() if bench.scope else {}
    said = {name: value for name, value in given.items() if value and name in ScopeArgs.model_fields}
    if extra := set(given) - set(ScopeArgs.model_fields):
        raise ParameterError(f"{plain(', '.join(sorted(extra)))} is no argument.", fix=ARGUMENTS)
    try:
        args = plugin.args.model_validate(
            {name: value for name, value in (scope | said).items() if name in plugin.args.model_fields}
        )
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ParameterError(plain(wrong, 300), fix=ARGUMENTS) from None
    if problem := unknown_values(args, bench.known.of(plugin.args)):
        raise ParameterError(problem)
    ran = plugin.run_with_table(bench.engine, args, bench.settings)
    named = bench.ledger.finding(ran.finding)
    bench.frames[named.id.lower()] = pd.DataFrame(named.rows)
    if plugin.keeps and ran.table is not None:
        bench.frames[plugin.keeps] = plugin.frame(ran.table, looked_at=True)
    text = in_words(named).replace("are in the artifact", f"are kept as {named.id.lower()}, for code")
    place = f"{args.service_name} in {args.region}" if isinstance(args, ScopeArgs) else f"workflows of {args.region}"
    where = f"Scope: {place} ({args.environment}), {moment(args.start_time)} to {moment(args.end_time)}."
    return fenced(f"{where}\n{text}", 6500)


def _measure(bench: ToolBench, given: dict[str, Any]) -> str:
    """A typed query's rows. A region that it names alone is the scope's."""
    query = TypedQuery.model_validate(given)
    if bench.scope is None:
        raise ParameterError("Region, service and time are not settled.", fix="Use query_telemetry, with a WHERE.")
    start, end = query.start_time or bench.scope.start_time, query.end_time or bench.scope.end_time
    scope = bench.scope.model_copy(update={"start_time": start, "end_time": end})
    regions = [one for one in query.filters if one.column == "region"]
    if len(regions) == 1 and len(regions[0].values) == 1 and not regions[0].without and "region" not in query.by:
        scope = scope.model_copy(update={"region": regions[0].values[0]})
        query = query.model_copy(update={"filters": tuple(one for one in query.filters if one not in regions)})
    found = counted_rows(bench.engine, query, scope, bench.settings, bench.guide)
    if found.lacking:
        raise ParameterError(f"The telemetry has no {', '.join(found.lacking)}.")
    fixed = {one.column: one.values[0] for one in query.filters if len(one.values) == 1 and not one.without}
    rows = [{**fixed, **row} for row in found.rows]
    where = f"Scope: {scope_words(scope, query.regions)} {query.described()}."
    return _rows_told(bench, rows, found.sql, where, "measure")


def _run_guide(bench: ToolBench, given: dict[str, Any]) -> str:
    try:
        report = bench.investigate(Given.model_validate({key: value for key, value in given.items() if value}))
    except QuestionError as error:
        return f"Error: {error} Give the parameters."
    bench.ledger.investigated(report, "run_guide")
    return fenced(f"Scope: {scope_words(report.parameters)}\n{guide_text(report)}", 8000)


def guide_text(report: Report) -> str:
    """An investigation for the model: causes first, then what to do, and what was not checked. Nothing is cut off."""
    rows = list(evidence_of(report).rows.values())
    shown = [row for row in rows if re.fullmatch(r"C\d+", row.id)][:6]
    shown += [row for row in rows if row.id == "SLA"]
    shown += [row for row in rows if row.id[0] == "A"][:6] + gap_rows(report)[:10]
    seen = [row for row in rows if re.fullmatch(r"C\d+\.\d+", row.id)]
    shown += seen[:5] + [row for row in rows if row.id[0] == "R"][:4]
    lines, length = [report.headline], len(report.headline)
    for row in shown:
        line = f"[{row.id}] {_whole(row.words)}"
        length += len(line) + 1
        if length > GUIDE_CHARACTERS:
            lines.append("(more rows are in the report)")
            break
        lines.append(line)
    return "\n".join(lines)


def _whole(text: str, limit: int = 700) -> str:
    """A text's first sentences, as many as fit; the first in any case, up to a word's end."""
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    ended = [match.end() for match in re.finditer(r"[.!?](?=\s)", text[:limit])]
    return text[: ended[-1]] if ended else f"{text[:limit].rsplit(' ', 1)[0]} …"


def _describe(bench: ToolBench) -> str:
    held = profile(bench.engine, bench.settings.query_timeout, bench.guide.steps)
    lines = []
    for table in held.tables:
        typed = (f"{column} {CATALOG[table.name].columns[column].sql_type}" for column in table.columns)
        lines.append(f"{table.name}: {table.rows} rows, {table.first} to {table.last}; columns {', '.join(typed)}")
    lines += [f"{check.tool} cannot run: no {', '.join(check.missing)}" for check in held.checks if not check.ready]
    lines.append(f"Missing tables: {', '.join(held.absent) or 'none'}")
    text = "\n".join(lines)
    return f"[{bench.ledger.text('describe_telemetry', text)}]\n{fenced(text, 5000)}"


def _query(bench: ToolBench, sql: str) -> str:
    rows, more = run_checked(bench.engine, sql, bench.settings.query_timeout)
    cut = " There are more rows: ask for fewer." if more else ""
    return _rows_told(bench, rows, sql, f"Scope: the query's own WHERE, nothing else.{cut}", "query_telemetry")


def _rows_told(bench: ToolBench, rows: list[dict[str, Any]], sql: str, scope: str, tool: str) -> str:
    identity = bench.ledger.query(rows, sql, tool)
    bench.frames[identity.lower()] = pd.DataFrame(rows)
    lines = [
        f"[{identity}.{i}] " + ", ".join(f"{key} = {value}" for key, value in row.items())[:ROW_CHARACTERS]
        for i, row in enumerate(rows[:SHOWN_ROWS], 1)
    ]
    tail = f"({min(len(rows), SHOWN_ROWS)} of {len(rows)} rows shown; all {len(rows)} kept as {identity.lower()})"
    return fenced("\n".join([scope, *lines, tail]), 6000)


def _code(bench: ToolBench) -> StructuredTool:
    """The code interpreter; its sandbox starts with the first call."""
    held: list[CodeInterpreter] = []

    def call(code: str, frames: list[str]) -> str:
        if not held:
            unsafe = bench.settings.sandbox.unsafe_no_isolation
            held.append(CodeInterpreter(MappingStore(bench.frames), unsafe_no_isolation=unsafe))
        result = held[0].run(code, frames)
        text = held[0].content(result, [name for name in frames if name in bench.frames])
        return f"[{bench.ledger.text(CODE, text)}]\n{fenced(text, 6000)}"

    return _tool(CODE, _compute(bench.guide), CodeArgs, call)

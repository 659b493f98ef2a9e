"""The agent's tools: the nine checks, the whole guide, a look at the telemetry, one query, and code over results."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from tsg_agent.ask.ledger import Ledger, gap_rows
from tsg_agent.ask.query import run_checked
from tsg_agent.errors import QuestionError, TsgError
from tsg_agent.extract import Given
from tsg_agent.llm.analysis import UNISOLATED
from tsg_agent.llm.rows import evidence_of
from tsg_agent.llm.untrusted import fenced
from tsg_agent.models import Finding, Report
from tsg_agent.settings import Settings
from tsg_agent.telemetry.catalog import CATALOG
from tsg_agent.telemetry.engine import Engine
from tsg_agent.telemetry.profile import profile
from tsg_agent.tools import PLUGINS, get_tools
from tsg_agent.tools.text import in_words

if TYPE_CHECKING:
    from langchain_core.tools import StructuredTool

CODE = "code_interpreter_tool"
SHOWN_ROWS = 20
ROW_CHARACTERS = 300
GUIDE_CHARACTERS = 7_000
GUIDE = "Runs the whole troubleshooting guide and concludes: causes, what was dismissed, actions. For any why."
ABOUT = "Lists the tables, their columns and times, and which checks can run."
QUERY = (
    "Runs one read-only SELECT over the tables api_gateway_logs, feature_flags, infrastructure_metrics, "
    "product_metadata and workflow_tracking, for what no check answers. "
    "describe_telemetry tells their columns and types. Leave out test traffic "
    "(is_test_traffic IS NOT TRUE). The first 20 rows are shown and can be cited; at most 100 are kept as a frame, q1, "
    "q2, …, for code."
)
Investigate = Callable[[Given], Report]


class GuideArgs(BaseModel):
    """Arguments of run_guide: what is left out is taken from the incident or the question."""

    model_config = ConfigDict(extra="forbid")

    region: str | None = None
    service_name: str | None = None
    environment: str | None = None
    start_time: str | None = Field(None, description="ISO 8601, UTC")
    end_time: str | None = Field(None, description="ISO 8601, UTC")
    incident_start: str | None = Field(None, description="when the incident began, if known; ISO 8601, UTC")


class QueryArgs(BaseModel):
    """Arguments of query_telemetry."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(description="one SELECT in DuckDB's SQL over the guide's tables; times are UTC; aggregate")


class NoArgs(BaseModel):
    """None."""

    model_config = ConfigDict(extra="forbid")


@dataclass
class Bench:
    """What the tools work with."""

    engine: Engine
    settings: Settings
    investigate: Investigate
    ledger: Ledger = field(default_factory=Ledger)
    frames: dict[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """What an answer must say about how its evidence was made."""
        unsafe = self.settings.sandbox.unsafe_no_isolation and CODE in self.ledger.tools
        return [UNISOLATED] if unsafe else []


def agent_tools(bench: Bench) -> "list[StructuredTool]":
    """All tools. Each result's rows get ids in the ledger."""
    checks = [_check(tool, bench) for tool in get_tools(bench.engine, bench.settings, checks_only=True)]
    return [
        *checks,
        _tool("run_guide", GUIDE, GuideArgs, lambda **given: _run_guide(bench, given)),
        _tool("describe_telemetry", ABOUT, NoArgs, lambda: _describe(bench)),
        _tool("query_telemetry", QUERY, QueryArgs, lambda sql: _query(bench, sql)),
        _code(bench),
    ]


def tool_lines() -> list[str]:
    """Each tool in a line, for a person."""
    from tsg_agent.tools.code_interpreter import DESCRIPTION, NAME  # noqa: PLC0415 - importing langchain takes a second

    more = {"run_guide": GUIDE, "describe_telemetry": ABOUT, "query_telemetry": QUERY, NAME: DESCRIPTION}
    told = {plugin.name: plugin.question for plugin in PLUGINS}
    told |= {name: re.split(r"(?<=\.)\s", text)[0] for name, text in more.items()}
    return [f"{name}: {text}" for name, text in told.items()]


def _tool(name: str, description: str, args: type[BaseModel], call: Callable[..., str]) -> "StructuredTool":
    from langchain_core.tools import StructuredTool, ToolException  # noqa: PLC0415 - importing it takes a second

    def guarded(**given: Any) -> str:
        try:
            return call(**given)
        except TsgError as error:
            raise ToolException(f"Error: {error}") from error

    return StructuredTool.from_function(
        func=guarded,
        name=name,
        description=description,
        args_schema=args,
        handle_tool_error=True,
        handle_validation_error=True,
    )


def _check(base: "StructuredTool", bench: Bench) -> "StructuredTool":
    """A check whose finding goes into the ledger, under an id that nothing else has."""
    from langchain_core.tools import StructuredTool  # noqa: PLC0415 - importing it takes a second

    check = cast("Callable[..., tuple[str, Any]]", base.func)  # get_tools makes tools of functions

    def call(**given: Any) -> tuple[str, Any]:
        _, finding = check(**given)
        named = bench.ledger.finding(Finding.model_validate(finding))
        return fenced(in_words(named), 6500), named.model_dump(mode="json")

    return StructuredTool.from_function(
        func=call,
        name=base.name,
        description=base.description,
        args_schema=base.args_schema,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=base.handle_validation_error,
    )


def _run_guide(bench: Bench, given: dict[str, Any]) -> str:
    try:
        report = bench.investigate(Given.model_validate({key: value for key, value in given.items() if value}))
    except QuestionError as error:
        return f"Error: {error} Give the parameters."
    bench.ledger.report_made(report)
    return fenced(guide_text(report), 8000)


def guide_text(report: Report) -> str:
    """An investigation for the model: causes first, then what to do, and what was not checked. Nothing is cut off."""
    rows = list(evidence_of(report).rows.values())
    shown = [row for row in rows if re.fullmatch(r"C\d+", row.id)][:6]
    shown += [row for row in rows if row.id == "SLA"]
    shown += [row for row in rows if row.id[0] == "A"][:8] + gap_rows(report)[:10]
    seen = [row for row in rows if re.fullmatch(r"C\d+\.\d+", row.id)]
    shown += seen[:8] + [row for row in rows if row.id[0] == "R"][:6]
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


def _describe(bench: Bench) -> str:
    held = profile(bench.engine, bench.settings.query_timeout, PLUGINS)
    lines = [
        f"{table.name}: {table.rows} rows, {table.first} to {table.last}; columns {_typed(table.name, table.columns)}"
        for table in held.tables
    ]
    lines += [f"{check.tool} cannot run: no {', '.join(check.missing)}" for check in held.checks if not check.ready]
    lines.append(f"Missing tables: {', '.join(held.absent) or 'none'}")
    text = "\n".join(lines)
    return f"[{bench.ledger.text('describe_telemetry', text)}]\n{fenced(text, 5000)}"


def _typed(table: str, columns: Iterable[str]) -> str:
    """Columns with the types that a query sees."""
    kinds = CATALOG[table].columns
    return ", ".join(f"{column} {kinds[column].sql_type}" for column in columns)


def _query(bench: Bench, sql: str) -> str:
    rows, more = run_checked(bench.engine, sql, bench.settings.query_timeout)
    identity = bench.ledger.query(rows, sql)
    bench.frames[identity.lower()] = pd.DataFrame(rows)
    lines = [
        f"[{identity}.{i}] " + ", ".join(f"{key} = {value}" for key, value in row.items())[:ROW_CHARACTERS]
        for i, row in enumerate(rows[:SHOWN_ROWS], 1)
    ]
    cut = ", and there are more: ask for fewer" if more else ""
    tail = f"({min(len(rows), SHOWN_ROWS)} of {len(rows)} rows shown{cut}; all {len(rows)} kept as {identity.lower()})"
    return fenced("\n".join([*lines, tail]), 6000)


def _code(bench: Bench) -> "StructuredTool":
    """The code interpreter; its sandbox starts with the first call."""
    from tsg_agent.tools.code_interpreter import (  # noqa: PLC0415 - importing it takes a second
        DESCRIPTION,
        CodeArgs,
        CodeInterpreter,
        MappingStore,
    )

    held: list[CodeInterpreter] = []

    def call(code: str, frames: list[str]) -> str:
        if not held:
            unsafe = bench.settings.sandbox.unsafe_no_isolation
            held.append(CodeInterpreter(MappingStore(bench.frames), unsafe_no_isolation=unsafe))
        result = held[0].run(code, frames)
        text = held[0].content(result, [name for name in frames if name in bench.frames])
        return f"[{bench.ledger.text(CODE, text)}]\n{fenced(text, 6000)}"

    return _tool(CODE, DESCRIPTION, CodeArgs, call)

"""A guide's queries as typed LangChain tools: arguments are the guide's parameters, rows carry its labels."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from tsg_agent.extract import Moment
from tsg_agent.guides.guide import WrittenGuide
from tsg_agent.guides.investigate import ready_queries
from tsg_agent.guides.lint.inspection import Inspection
from tsg_agent.guides.parsed import parameters_of
from tsg_agent.guides.run import Ready, run_ready
from tsg_agent.models import Parameter
from tsg_agent.settings import Settings
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools.in_words import in_words
from tsg_agent.tools.rows import naive_utc

if TYPE_CHECKING:
    from langchain_core.tools import StructuredTool

TYPES: Mapping[str, Any] = {
    "text": str, "number": float, "integer": int, "boolean": bool, "timestamp": Moment,
}  # fmt: skip


def guide_tools(guide: WrittenGuide, engine: Engine, settings: Settings | None = None) -> "list[StructuredTool]":
    """A tool per query that may run, `plugin_<n>_tool`, over an open engine.

    Each gives a short text for the model and the whole Finding as artifact, as tsg_agent.tools.get_tools does.
    """
    about = Inspection(guide)
    ready = ready_queries(guide, about, engine)
    parameters = {one.name: one for one in guide.parameters}
    return [_tool(one, parameters, engine, settings or Settings()) for one in ready.values()]


def args_of(ready: Ready, parameters: Mapping[str, Parameter]) -> type[BaseModel]:
    """The arguments of a query: one typed field for each parameter that it names."""
    fields: dict[str, Any] = {}
    for name in parameters_of(ready.repaired.parsed.tree):
        known = parameters.get(name, Parameter(name=name, kind="timestamp"))
        fields[name] = (TYPES[known.kind], Field(description=known.description or name.replace("_", " ")))
    return create_model(f"Plugin{ready.query.number}Args", __config__=ConfigDict(extra="forbid"), **fields)


def _tool(ready: Ready, parameters: Mapping[str, Parameter], engine: Engine, settings: Settings) -> "StructuredTool":
    from langchain_core.tools import StructuredTool  # noqa: PLC0415 - importing it takes a second

    def call(**given: Any) -> tuple[str, dict[str, Any]]:
        values = {name: naive_utc(one) if isinstance(one, datetime) else one for name, one in given.items()}
        finding = run_ready(ready, engine, values, settings).finding
        return in_words(finding), finding.model_dump(mode="json")

    labels = [label for column in ready.facts.shown_labels.values() for label in column.labels]
    said = f" Labels: {', '.join(labels)}." if labels else ""
    return StructuredTool.from_function(
        func=call,
        name=f"plugin_{ready.query.number}_tool",
        description=f"{ready.step.title}. {ready.step.prose.split(chr(10))[0]}{said}"[:1000],
        args_schema=args_of(ready, parameters),
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=True,
    )

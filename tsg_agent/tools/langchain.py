"""The checks as LangChain tools. langchain_core is imported only when they are made."""

import difflib
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from tsg_agent.errors import TsgError
from tsg_agent.models import Known
from tsg_agent.settings import Settings
from tsg_agent.telemetry.catalog import LOGS, WORKFLOWS
from tsg_agent.telemetry.engine import Engine
from tsg_agent.telemetry.profile import LIMIT, known_values
from tsg_agent.tools.in_words import in_words, plain
from tsg_agent.tools.plugin import Plugin
from tsg_agent.tools.rows import ScopeArgs, WindowArgs
from tsg_agent.tracing import span

if TYPE_CHECKING:
    from langchain_core.tools import StructuredTool

NAMED = 20
"""Known values that a message lists."""


class KnownCache:
    """The telemetry's regions, services and environments, read once per table."""

    def __init__(self, engine: Engine, timeout: float) -> None:
        self._engine, self._timeout = engine, timeout
        self._held: dict[str, Known] = {}
        self._lock = threading.Lock()

    def of(self, args: type[WindowArgs]) -> Known:
        """Of the requests, or of the workflows for the check that takes no service. Raises what Engine.run raises."""
        table = LOGS.name if issubclass(args, ScopeArgs) else WORKFLOWS.name
        with self._lock:
            if table not in self._held:
                self._held[table] = known_values(self._engine, self._timeout, table)
            return self._held[table]


def unknown_values(args: WindowArgs, known: Known) -> str:
    """Which arguments the telemetry does not know, with those that it does; "" where it knows all."""
    problems = []
    for name, values in (
        ("region", known.regions),
        ("environment", known.environments),
        ("service_name", known.services),
    ):
        given = getattr(args, name, None)
        # A list that was cut, or is empty, proves nothing.
        if given is None or not values or given in values or len(values) >= LIMIT:
            continue
        near = difflib.get_close_matches(given[:200], values, n=3, cutoff=0.6)
        hint = f" Did you mean {_listed(near)}?" if near else ""
        more = f" and {len(values) - NAMED} more" if len(values) > NAMED else ""
        problems.append(f"The telemetry has no {name} {plain(given)!r}.{hint} It has: {_listed(values[:NAMED])}{more}.")
    return " ".join(problems)


def langchain_tools(plugins: Iterable[Plugin[Any]], telemetry: Engine, settings: Settings) -> "list[StructuredTool]":
    """A tool per check. See tsg_agent.tools.get_tools."""
    known = KnownCache(telemetry, settings.query_timeout)
    return [_tool(plugin, telemetry, settings, known) for plugin in plugins]


def _tool(plugin: Plugin[Any], telemetry: Engine, settings: Settings, known: KnownCache) -> "StructuredTool":
    from langchain_core.tools import StructuredTool, ToolException  # noqa: PLC0415 - importing it takes a second

    def call(**given: Any) -> tuple[str, dict[str, Any]]:
        with span(f"tool {plugin.name}"):
            return checked(plugin.args(**given))

    def checked(args: Any) -> tuple[str, dict[str, Any]]:
        try:
            problem = unknown_values(args, known.of(plugin.args))
        except TsgError as error:
            raise ToolException(f"Error: {error}") from error
        if problem:
            raise ToolException(f"Error: {problem}")
        finding = plugin.run(telemetry, args, settings)
        return in_words(finding), finding.model_dump(mode="json")

    return StructuredTool.from_function(
        func=call,
        name=plugin.name,
        description=plugin.description(settings.thresholds),
        args_schema=plugin.args,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=explainer(plugin.args),
    )


def explainer(args: type[BaseModel]) -> Callable[[Any], str]:
    """Turns a validation error into a message that a model can act on."""

    def explain(error: Any) -> str:
        fields = ", ".join(args.model_fields)
        if not isinstance(error, ValidationError):
            return f"Error: the arguments are {fields}."
        problems = []
        for problem in error.errors(include_url=False, include_input=False):
            place = ".".join(map(str, problem["loc"]))
            problems.append(f"{plain(place)}: {plain(problem['msg'], 300)}" if place else plain(problem["msg"], 300))
        return f"Error: {'; '.join(problems[:10])}. The arguments are {fields}; times are ISO 8601, UTC."

    return explain


def _listed(values: Iterable[str]) -> str:
    return ", ".join(plain(value) for value in values)

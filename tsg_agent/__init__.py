"""Follows a troubleshooting guide for a distributed system's low availability, over real telemetry.

The public names, each loaded when it is first used: the command line must not wait for what it does not need.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from tsg_agent.ask import Answer, Conversation
    from tsg_agent.errors import (
        GraphError,
        ParameterError,
        QuestionError,
        RecordError,
        SettingsError,
        TelemetryError,
        TsgError,
        WorkerError,
    )
    from tsg_agent.events import Event
    from tsg_agent.extract import Given
    from tsg_agent.graph import GraphContext, build_graph, compile_graph
    from tsg_agent.investigation import (
        Source,
        Watch,
        ainvestigate,
        first_state,
        graph_context,
        investigate,
        open_telemetry,
        resume,
    )
    from tsg_agent.models import Finding, Parameters, Question, Report
    from tsg_agent.recording import record, replay
    from tsg_agent.report.html import to_html
    from tsg_agent.report.markdown import to_markdown
    from tsg_agent.report.screen import to_screen
    from tsg_agent.service import Service, SyncService
    from tsg_agent.settings import Settings
    from tsg_agent.store import Request
    from tsg_agent.tools import GUIDE, PLUGINS, get_tools

__all__ = [
    "GUIDE",
    "PLUGINS",
    "Answer",
    "Conversation",
    "Event",
    "Finding",
    "Given",
    "GraphContext",
    "GraphError",
    "ParameterError",
    "Parameters",
    "Question",
    "QuestionError",
    "RecordError",
    "Report",
    "Request",
    "Service",
    "Settings",
    "SettingsError",
    "Source",
    "SyncService",
    "TelemetryError",
    "TsgError",
    "Watch",
    "WorkerError",
    "ainvestigate",
    "build_graph",
    "compile_graph",
    "first_state",
    "get_tools",
    "graph_context",
    "investigate",
    "open_telemetry",
    "record",
    "replay",
    "resume",
    "to_html",
    "to_markdown",
    "to_screen",
]
_HOMES = {
    "errors": (
        "GraphError",
        "ParameterError",
        "QuestionError",
        "RecordError",
        "SettingsError",
        "TelemetryError",
        "TsgError",
        "WorkerError",
    ),
    "events": ("Event",),
    "extract": ("Given",),
    "ask": ("Answer", "Conversation"),
    "graph": ("GraphContext", "build_graph", "compile_graph"),
    "investigation": (
        "Source",
        "Watch",
        "ainvestigate",
        "first_state",
        "graph_context",
        "investigate",
        "open_telemetry",
        "resume",
    ),
    "models": ("Finding", "Parameters", "Question", "Report"),
    "recording": ("record", "replay"),
    "report.html": ("to_html",),
    "report.markdown": ("to_markdown",),
    "report.screen": ("to_screen",),
    "service": ("Service", "SyncService"),
    "settings": ("Settings",),
    "store": ("Request",),
    "tools": ("GUIDE", "PLUGINS", "get_tools"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)

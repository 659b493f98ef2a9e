"""Runs one investigation from request to report: data source, queue, thread pools, event log, callbacks."""

from tsg_agent.investigation.entry import ainvestigate, first_state, graph_context, investigate, resume
from tsg_agent.investigation.pool import THREADS
from tsg_agent.investigation.sources import Source, open_for, open_telemetry
from tsg_agent.investigation.watch import Ask, Watch

__all__ = [
    "THREADS",
    "Ask",
    "Source",
    "Watch",
    "ainvestigate",
    "first_state",
    "graph_context",
    "investigate",
    "open_for",
    "open_telemetry",
    "resume",
]

"""The one door for every surface: start, answer, cancel and read investigations."""

from tsg_agent.service.blocking import SyncService
from tsg_agent.service.door import Service, Standing
from tsg_agent.service.entry import ainvestigate, first_state, graph_context, investigate, resume
from tsg_agent.service.pool import THREADS
from tsg_agent.service.sources import Source, open_telemetry
from tsg_agent.service.watch import Ask, Watch

__all__ = [
    "THREADS",
    "Ask",
    "Service",
    "Source",
    "Standing",
    "SyncService",
    "Watch",
    "ainvestigate",
    "first_state",
    "graph_context",
    "investigate",
    "open_telemetry",
    "resume",
]

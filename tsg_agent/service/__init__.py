"""The one door for every surface: start, answer, cancel and read investigations."""

from tsg_agent.service.blocking import SyncService
from tsg_agent.service.door import Service, Standing

__all__ = ["Service", "Standing", "SyncService"]

"""Where the rows come from: the guide's tables, a source's mapping onto them, and the engine that reads them."""

from tsg_agent.telemetry.catalog import CATALOG, Kind, Needs, SourceTable
from tsg_agent.telemetry.engine import Engine

__all__ = ["CATALOG", "Engine", "Kind", "Needs", "SourceTable"]

"""The telemetry layer: the guide's tables, the mapping of a source onto them, and the query engines."""

from tsg_agent.telemetry.catalog import CATALOG, Kind, Needs, SourceTable
from tsg_agent.telemetry.engine import Engine

__all__ = ["CATALOG", "Engine", "Kind", "Needs", "SourceTable"]

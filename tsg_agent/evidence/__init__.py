"""The input of verdicts: the window's requests, and their counts by dimension, value and bucket."""

from tsg_agent.evidence.grid import Grid, check_length
from tsg_agent.evidence.measure import Measurer, calls_of
from tsg_agent.evidence.measurement import Counts, DimensionCounts, Measurement, measured
from tsg_agent.evidence.reading import read_requests
from tsg_agent.evidence.requests import Requests

__all__ = [
    "Counts",
    "DimensionCounts",
    "Grid",
    "Measurement",
    "Measurer",
    "Requests",
    "calls_of",
    "check_length",
    "measured",
    "read_requests",
]

"""The measurement that verdicts are made from: failures per dimension value and 5-minute bucket."""

from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measure import Measurer
from tsg_agent.evidence.measurement import Counts, Measurement, Table

__all__ = ["Counts", "Grid", "Measurement", "Measurer", "Table"]

"""How evidence becomes a cause: onset, contrast, confidence, explaining away. Pure."""

from tsg_agent.verdicts.judge import Evidence, Judged, judge

__all__ = ["Evidence", "Judged", "judge"]

"""Any troubleshooting guide in Markdown: read, shown, linted, repaired where that is certain, and run."""

from tsg_agent.guides.guide import Guide, Step
from tsg_agent.guides.reader import parse_guide, read_guide

__all__ = ["Guide", "Step", "parse_guide", "read_guide"]

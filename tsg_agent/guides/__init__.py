"""Any troubleshooting guide in Markdown: read, shown, linted, repaired where that is certain, and run."""

from tsg_agent.guides.guide import WrittenGuide, WrittenStep
from tsg_agent.guides.reader import parse_guide, read_guide

__all__ = ["WrittenGuide", "WrittenStep", "parse_guide", "read_guide"]

"""Marks text from incidents and telemetry as data in a prompt."""

import re

from tsg_agent.wording import lines

_DELIMITER = re.compile(r"<(?=\s*/?\s*data\b)", re.IGNORECASE)
_ROLE = re.compile(r"<\|[^>\n]{0,40}\|>|\[/?INST\]", re.IGNORECASE)


def fenced(text: object, limit: int = 4_000) -> str:
    """A text between delimiters that it cannot close, without control characters and chat markup, truncated."""
    clean = _ROLE.sub(" ", lines(shortened(str(text), limit * 4)))
    clean = _DELIMITER.sub("(", clean)
    return f"<data>\n{shortened(clean, limit)}\n</data>"


def shortened(text: str, limit: int) -> str:
    """The beginning and the end of a long text: reports state their parameters at either end."""
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f"{text[: limit - tail]}\n… {len(text) - limit} characters left out …\n{text[-tail:]}"

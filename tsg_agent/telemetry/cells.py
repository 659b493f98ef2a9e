"""Lines of a log whose cells stand between blanks, some in quotes or brackets, as proxies write them."""

import re
from collections import Counter

_CELL = r'\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d\S*|\[[^\]]*\]|"(?:[^"\\]|\\.)*"|\S+'
"""A date and its time are one cell, and so is what is in quotes or brackets."""
LEAST, MOST = 4, 40
"""Cells of a line."""
ALIKE = 0.9
"""Share of the lines that have their cells in the same forms."""


def pattern(lines: list[str]) -> str:
    """The regular expression of lines of alike cells, each a group c1, c2, …; empty where they are not alike."""
    parted = [re.findall(_CELL, line) for line in lines if line.strip() and not line.startswith("#")]
    if not parted:
        return ""
    (number, alike), *_ = Counter(map(len, parted)).most_common(1)
    if alike < ALIKE * len(parted) or not LEAST <= number <= MOST:
        return ""
    columns = zip(*(cells for cells in parted if len(cells) == number), strict=True)
    groups = [_group(f"c{place}", set(held)) for place, held in enumerate(columns, 1)]
    return r"^\s*" + r"\s+".join(groups) + r"\s*$"


def _group(name: str, held: set[str]) -> str:
    """A cell's group, within the marks that all of its kind have."""
    if all(one.startswith("[") and one.endswith("]") for one in held):
        return rf"\[(?P<{name}>[^\]]*)\]"
    if all(one.startswith('"') and one.endswith('"') for one in held):
        return rf'"(?P<{name}>(?:[^"\\]|\\.)*)"'
    return f"(?P<{name}>{_CELL})"

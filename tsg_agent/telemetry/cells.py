"""Access-log lines: fields separated by spaces, some in quotes or brackets, as proxies write them."""

import re
from collections import Counter

_CELL = r'\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d\S*|\[[^\]]*\]|"(?:[^"\\]|\\.)*"|\S+'
"""One field: a date with its time, a text in quotes or brackets, or a word."""
LEAST, MOST = 4, 40
"""Allowed number of fields of a line."""
ALIKE = 0.9
"""Share of the lines that must have the same number of fields."""


def pattern(lines: list[str]) -> str:
    """A regular expression with a group per field (c1, c2, …); "" if the lines differ in their number of fields."""
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
    """One field's named group, inside the brackets or quotes that all of its values have."""
    if all(one.startswith("[") and one.endswith("]") for one in held):
        return rf"\[(?P<{name}>[^\]]*)\]"
    if all(one.startswith('"') and one.endswith('"') for one in held):
        return rf'"(?P<{name}>(?:[^"\\]|\\.)*)"'
    return f"(?P<{name}>{_CELL})"

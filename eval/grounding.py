"""Checks that every number of a text is in its evidence."""

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

NUMBER = re.compile(r"(?<![\w.#:/-])[-+]?\d[\d,]*(?:\.\d+)?(?![\w/:]|[.-]\w)")
CITED = re.compile(r"\[[A-Z]\d*(?:\.\d+)?\]|\bSteps? \d+(?:(?:, \d+)*(?: and |-)\d+)?")
MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?|\b\d\d:\d\d(?::\d\d)?\b"
)
MORE = re.compile(r"\band (\d[\d,]*) more\b")
COUNTED = 20
"""Whole numbers up to this may be a count of what is listed, where some list is that long."""


@dataclass(frozen=True)
class Grounding:
    """The numbers of a text, and those without a source."""

    numbers: int
    missing: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of numbers with a source; 1 without numbers."""
        return 1.0 - len(self.missing) / self.numbers if self.numbers else 1.0


def grounded(prose: str, evidence: Any, incident: str = "") -> Grounding:
    """Look up each number of the prose.

    A number is grounded if some value of the evidence (or its share of 100, or the share, the difference or the ratio
    of two counts or rates that stand together there) reads like it at the number of decimals it is written with.
    Times, citations and digits inside names are not numbers.
    """
    names = sorted({name for name in _texts(evidence) if any(c.isdigit() for c in name)}, key=len, reverse=True)
    bare = CITED.sub(" ", prose)
    for name in names:
        if name in bare and not NUMBER.fullmatch(name):
            bare = re.sub(rf"(?<![\w.]){re.escape(name)}(?!\w)", " ", bare)
    bare = MOMENT.sub(" ", bare)
    lengths = {len(node) for node in _nodes(evidence) if isinstance(node, list)}
    bare = MORE.sub(lambda match: " " if _left_over(match, lengths) else match.group(), bare)
    found = [match.group().replace(",", "") for match in NUMBER.finditer(bare)]
    pool = _pool(evidence) | {float(match.group().replace(",", "")) for match in NUMBER.finditer(incident)}
    ordered = sorted(pool)
    missing = tuple(text for text in found if not _in(text, ordered))
    return Grounding(len(found), missing)


def _left_over(match: re.Match[str], lengths: set[int]) -> bool:
    """True for "…, c and 36 more" if with up to `COUNTED` named items it is the length of some list."""
    more = int(match[1].replace(",", ""))
    return any(more < length <= more + COUNTED for length in lengths)


def _in(text: str, ordered: list[float]) -> bool:
    """True if some value rounds to the number as written."""
    value = abs(float(text))
    unit = 10.0 ** -(len(text.partition(".")[2]))
    low = value - unit * 0.5000001
    at = bisect.bisect_left(ordered, low)
    return at < len(ordered) and ordered[at] <= value + unit * 0.5000001


def _pool(evidence: Any) -> set[float]:
    values: set[float] = set()
    for node in _nodes(evidence):
        if isinstance(node, dict):
            values |= _derived(node)
        elif isinstance(node, list):
            if len(node) <= COUNTED:
                values |= {float(n) for n in range(len(node) + 1)}
            else:
                values.add(float(len(node)))
        elif isinstance(node, int | float) and not isinstance(node, bool):
            values.add(abs(float(node)))
    return values | {abs(100.0 - value) for value in values if value <= 100.0}


def _derived(node: dict[str, Any]) -> set[float]:
    """Shares of sibling counts, and differences and ratios of sibling rates."""
    rates = {key: _rate(value) for key, value in [("", node), *node.items()] if _rate(value) is not None}
    shares = [rate for rate in rates.values() if rate is not None]
    derived = set(shares)
    for one in shares:
        for other in shares:
            derived.add(abs(one - other))
            if other:
                derived.add(one / other)
    return derived


def _rate(node: Any) -> float | None:
    if not isinstance(node, dict) or not node.get("requests") or "failures" not in node:
        return None
    return 100.0 * float(node["failures"]) / float(node["requests"])


def _nodes(evidence: Any) -> Iterator[Any]:
    yield evidence
    children = evidence.values() if isinstance(evidence, dict) else evidence if isinstance(evidence, list) else ()
    for child in children:
        yield from _nodes(child)


def _texts(evidence: Any) -> Iterator[str]:
    for node in _nodes(evidence):
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            yield from (key for key in node if isinstance(key, str))
